"""The controller's side of fetch: the place is chosen from the request alone, and the file is renamed there when it is whole."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Generator
from pathlib import Path
from typing import Any

from fleet.errors import ArgumentError
from fleet.modules.fetch import SPEC as SPEC
from fleet.runner.files import digest
from fleet.runner.module import Change


def place(call: Any) -> Path:
    """Where the file goes, never outside of dest."""
    args = call.args
    dest: Path = Path(args.dest).expanduser()
    if not dest.is_absolute():
        dest = Path(call.basedir) / dest
    if args.flat:
        return dest / os.path.basename(args.src) if args.dest.endswith("/") or dest.is_dir() else dest
    inside = os.path.normpath("/" + args.src).lstrip("/")
    if "/" in call.host or call.host in ("", ".", ".."):
        raise ArgumentError(f"the host name {call.host!r} cannot be a directory's name")
    found: Path = dest / call.host / inside
    return found


def run(call: Any) -> Generator[Change, Any, dict[str, Any]]:
    dest = place(call)
    have = digest(str(dest)) if dest.is_file() else None
    common = {"dest": str(dest), "file": call.args.src}
    if call.check:
        known = call.module("stat", {"path": call.args.src, "follow": True, "get_mime": False, "get_attributes": False})["stat"]
        if known.get("exists") and known.get("checksum") != have:
            yield Change(f"{dest} (controller)", have, known.get("checksum"))
        return common
    base = dest.parent
    while not base.exists():
        base = base.parent
    fd, temporary = tempfile.mkstemp(prefix=".fleet-", dir=base)
    try:
        with os.fdopen(fd, "wb") as sink:
            answer = call.module("fetch", {"src": call.args.src, "dest": call.args.dest, "have": have}, sink=sink)
        if answer.get("failed"):
            return {**answer, **common}
        if answer.get("missing"):
            return {**common, "failed": call.args.fail_on_missing, "msg": answer["msg"] + ("" if call.args.fail_on_missing else ", not transferring, ignored")}
        remote = answer["remote_checksum"]
        if remote != have:
            arrived = digest(temporary)
            if call.args.validate_checksum and arrived != remote:
                return {**common, "failed": True, "msg": "checksum mismatch", "checksum": arrived, "remote_checksum": remote}

            def put() -> None:
                dest.parent.mkdir(parents=True, exist_ok=True)
                os.rename(temporary, dest)
            yield Change(f"{dest} (controller)", have, remote, put)
        return {**common, "checksum": remote, "remote_checksum": remote, "md5sum": digest(str(dest), "md5"), "remote_md5sum": None}
    finally:
        if os.path.exists(temporary):
            os.unlink(temporary)
