"""The controller's side of copy: content goes along with the request when it is small, and only when it differs when it is large."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path
from typing import Any

from fleet.actions import _tree
from fleet.errors import ArgumentError, Pos
from fleet.events import diff_parts
from fleet.modules.copy import SPEC as SPEC
from fleet.runner.files import digest

INLINE = 256 * 1024  # bytes sent with the first request
_ONE_BY_ONE = ("backup", "validate", "checksum", "follow", "attributes", "seuser", "serole", "setype", "selevel", "unsafe_writes")


def run(call: Any) -> dict[str, Any]:
    args = call.args
    if args.content is None and args.src is None:
        raise ArgumentError("copy needs src or content")
    if args.content is not None:
        text = args.content if isinstance(args.content, str) else json.dumps(args.content)
        return send(call, {**args, "content": text, "src": None}, None)
    if args.remote_src:
        return call.module("copy", args, last=True)  # type: ignore[no-any-return]
    source = call.find("files", args.src)
    if source.is_dir():
        return tree(call, source)
    return file(call, source, args)


def send(call: Any, args: dict[str, Any], blob: Any) -> dict[str, Any]:
    return call.module("copy", args, blob=blob, last=True)  # type: ignore[no-any-return]


def file(call: Any, source: Path, args: dict[str, Any]) -> dict[str, Any]:
    """One file of the controller."""
    given = dict(args)
    if args["mode"] == "preserve":
        given["mode"] = f"{stat.S_IMODE(source.stat().st_mode):04o}"
    given["src"] = str(source)
    data = encrypted(call, source) if args["decrypt"] else None
    if data is not None or source.stat().st_size <= INLINE:
        return send(call, given, source.read_bytes() if data is None else data)
    dest, found = args["dest"], looked_at(call, args["dest"])
    if found.get("isdir"):
        dest = os.path.join(dest, source.name)
        found = looked_at(call, dest)
    if found.get("isreg") and found["size"] == source.stat().st_size:
        question = call.send("stat", {**_LOOK, "path": dest, "get_checksum": True}, check=False)
        ours = call.blocking(digest, str(source))  # while the target makes its own
        if (call.wait(question).get("stat") or {}).get("checksum") == ours:
            return unchanged(call, given, dest, source, ours)
    return send(call, given, source)


_LOOK = {"get_mime": False, "get_attributes": False, "get_checksum": False, "follow": True}


def looked_at(call: Any, path: str) -> dict[str, Any]:
    return call.module("stat", {**_LOOK, "path": path}, check=False).get("stat") or {}


def unchanged(call: Any, given: dict[str, Any], dest: str, source: Path, checksum: str) -> dict[str, Any]:
    """The content is there; only the attributes are left to look at."""
    result = call.module("file", {"path": dest, "state": "file", **{key: given[key] for key in ("mode", "owner", "group", "attributes") if given.get(key)}},
                         last=True)
    return {**result, "dest": dest, "src": str(source), "checksum": checksum}


def encrypted(call: Any, source: Path) -> bytes | None:
    with source.open("rb") as stream:
        if stream.read(len(_tree.VAULT)) != _tree.VAULT:
            return None
    if call.decrypt is None:
        raise ArgumentError(f"{source} is vault-encrypted and no vault password was given", hint="use --vault-password-file, or decrypt: false")
    text: str = call.decrypt(source.read_text(), Pos(str(source), 1, 1))
    return text.encode()


def tree(call: Any, source: Path) -> dict[str, Any]:
    """A directory: what is there already is found out in one request, then what differs is sent."""
    args = call.args
    dest = args.dest if args.src.endswith("/") else os.path.join(args.dest, source.name)
    files, folders = listed(source, args.local_follow)
    plain = not call.diff and not any(args[name] for name in _ONE_BY_ONE) and args.force
    many = [each for each in files if plain and each[2] <= INLINE]
    single = [(name, path) for name, path, size in files if not plain or size > INLINE]
    result, encrypted_ones = _tree.copy(call, dest, many, folders)
    parts, single = [result], [*single, *encrypted_ones]
    for name, path in single:
        if not result.get("failed"):
            result = file(call, Path(path), {**args, "dest": os.path.join(dest, name), "src": str(path), "content": None})
            parts.append(result)
    if result.get("failed"):
        return result
    diffs = [part for each in parts for part in diff_parts(each)]
    return {"changed": any(each.get("changed") for each in parts), "dest": dest, "src": str(source), **({"diff": diffs} if diffs else {})}


def listed(source: Path, follow: bool) -> tuple[_tree.Files, list[str]]:
    """The files under a directory, and its directories, relative, parents first. Links to directories are followed or left out."""
    files: _tree.Files = []
    folders: list[str] = []
    left = [(str(source), "")]
    while left:
        folder, relative = left.pop()
        folders.append(relative)
        with os.scandir(folder) as found:
            entries = sorted(found, key=lambda entry: entry.name)
        for entry in entries:
            name = f"{relative}/{entry.name}" if relative else entry.name
            if not entry.is_dir():
                files.append((name, entry.path, entry.stat().st_size))
            elif follow or not entry.is_symlink():
                left.append((entry.path, name))
    return files, folders
