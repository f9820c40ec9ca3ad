"""Run a module in this process as its runner would, and hold it to what every module promises."""

from __future__ import annotations

import copy
import io
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from fleet import registry
from fleet.runner.module import Module, execute
from fleet.validate import validate


class Emitted(list[bytes]):
    """What a module streamed up, in chunks."""

    def content(self) -> bytes:
        return b"".join(self)


def run(name: str, args: Mapping[str, Any], check: bool = False, diff: bool = True, blob: bytes | None = None,
        emit: Callable[[bytes], None] | None = None) -> dict[str, Any]:
    """A module's result. Arguments are validated by its spec first (ArgumentError); a failure is a result with failed=True."""
    code = registry.module(name)
    assert code is not None, f"there is no module {name}"
    stream = io.BytesIO(blob) if blob is not None else None
    return execute(code, Module(validate(code.SPEC, args), check, diff, stream, emit))


def tree(root: Path) -> dict[str, Any]:
    """Everything under a directory: path -> (kind, mode, owner, group, content or target, mtime of files)."""
    found: dict[str, Any] = {}
    for folder, folders, files in os.walk(root):
        for path in [folder, *(os.path.join(folder, name) for name in folders + files)]:
            now = os.lstat(path)
            if os.path.islink(path):
                content: Any = os.readlink(path)
            elif os.path.isfile(path):
                content = (Path(path).read_bytes(), now.st_mtime_ns)
            else:
                content = None
            found[os.path.relpath(path, root)] = (oct(now.st_mode), now.st_uid, now.st_gid, content)
    return found


def apply(name: str, args: Mapping[str, Any], root: Path, changed: bool = True, again: bool = False, blob: bytes | None = None) -> dict[str, Any]:
    """Check, apply, apply again. Check must predict `changed` and touch nothing under root; the second apply must say `again`.

    Returns the result of the first apply.
    """
    before = tree(root)
    predicted = run(name, copy.deepcopy(dict(args)), check=True, blob=blob)
    assert not predicted.get("failed"), predicted
    assert tree(root) == before, "check changed something"
    result = run(name, copy.deepcopy(dict(args)), blob=blob)
    assert not result.get("failed"), result
    assert (predicted["changed"], result["changed"]) == (changed, changed), (predicted, result)
    if not changed:
        assert tree(root) == before, "said unchanged, changed something"
    second = run(name, copy.deepcopy(dict(args)), blob=blob)
    assert not second.get("failed"), second
    assert second["changed"] is again, second
    return result


def fails(name: str, args: Mapping[str, Any], words: str, root: Path | None = None, check: bool = False) -> dict[str, Any]:
    """The module fails, its message holds `words`, and nothing under root changed."""
    before = tree(root) if root else None
    result = run(name, args, check=check)
    assert result.get("failed"), result
    assert words in result["msg"], result["msg"]
    if root:
        assert tree(root) == before
    return result


# module, files before (name -> text, or None for a directory), options ({} stands for the directory), changed, files then
FilesCase = tuple[str, dict[str, Any], dict[str, Any], bool, dict[str, Any]]


def case_id(case: FilesCase) -> str:
    return f"{case[0]}-{'-'.join(str(value).replace('{}/', '')[:20] for value in case[2].values())}"


def build(root: Path, files: Mapping[str, Any]) -> None:
    for name, text in files.items():
        path = root / name
        if text is None:
            path.mkdir(parents=True)
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text.encode())


def files_case(root: Path, case: FilesCase) -> dict[str, Any]:
    """What is there before, the task, whether it changes, and what is there then."""
    module, before, options, changed, after = case
    build(root, before)
    filled = {key: value.replace("{}", str(root)) if isinstance(value, str) else value for key, value in options.items()}
    result = apply(module, filled, root, changed=changed)
    for name, text in after.items():
        path = root / name
        assert path.is_dir() if text is None else path.read_bytes().decode() == text, path.read_text() if path.is_file() else name
    if not after:
        assert not list(root.iterdir())
    return result
