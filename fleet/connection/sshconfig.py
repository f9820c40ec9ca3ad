"""~/.ssh/config as paramiko reads it, with Include, which it does not."""

from __future__ import annotations

import glob
import io
import os
import re
import threading
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fleet.errors import ConnectionFailed

if TYPE_CHECKING:
    import paramiko

_EXEC = re.compile(r"^\s*match\s.*\bexec\b", re.IGNORECASE | re.MULTILINE)
_INCLUDE = re.compile(r"^\s*include\s+(.+?)\s*$", re.IGNORECASE)
_lock = threading.Lock()


def lookup(path: str | None, host: str) -> dict[str, Any]:
    """What the configuration says for a host, names in lower case. path: None = the user's own, "" = none."""
    if path == "":
        return {}
    with _lock:
        config = _config(path or os.path.expanduser("~/.ssh/config"), path is not None)
        return dict(config.lookup(host)) if config is not None else {}


@cache
def _config(path: str, must_exist: bool) -> paramiko.SSHConfig | None:
    if not os.path.exists(path):
        if must_exist:
            raise ConnectionFailed(f"there is no SSH configuration {path}")
        return None
    from fleet.connection import lean  # isort: skip
    import paramiko
    config = paramiko.SSHConfig()
    try:
        text = "\n".join(_lines(path, 0))
        if _EXEC.search(text):
            lean.with_match_exec()
        config.parse(io.StringIO(text))
    except Exception as error:
        raise ConnectionFailed(f"the SSH configuration {path} cannot be read: {error}") from None
    return config


def _lines(path: str, depth: int) -> list[str]:
    if depth > 16:
        raise ConnectionFailed(f"{path}: Include goes deeper than 16 files")
    found: list[str] = []
    for line in Path(path).read_text(errors="replace").splitlines():
        match = _INCLUDE.match(line)
        if not match:
            found.append(line)
            continue
        for pattern in match.group(1).split():
            full = os.path.join(os.path.expanduser("~/.ssh"), os.path.expanduser(pattern.strip('"')))
            for name in sorted(glob.glob(full)):
                found += _lines(name, depth + 1)
    return found
