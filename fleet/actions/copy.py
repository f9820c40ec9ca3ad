"""The controller's side of copy: content goes along with the request when it is small, and only when it differs when it is large."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path
from typing import Any

from fleet.errors import ArgumentError, Pos
from fleet.events import diff_parts
from fleet.modules.copy import SPEC as SPEC
from fleet.runner.files import digest

INLINE = 256 * 1024  # bytes sent with the first request


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
    known = call.module("stat", {"path": args["dest"], "get_mime": False, "get_attributes": False, "follow": True}, check=False)
    found = known.get("stat") or {}
    dest = args["dest"]
    if found.get("isdir"):
        dest = os.path.join(dest, source.name)
        found = call.module("stat", {"path": dest, "get_mime": False, "get_attributes": False, "follow": True}, check=False).get("stat") or {}
    if found.get("checksum") == call.blocking(digest, str(source)):
        return unchanged(call, given, dest, source, found["checksum"])
    return send(call, given, source)


def unchanged(call: Any, given: dict[str, Any], dest: str, source: Path, checksum: str) -> dict[str, Any]:
    """The content is there; only the attributes are left to look at."""
    result = call.module("file", {"path": dest, "state": "file", **{key: given[key] for key in ("mode", "owner", "group", "attributes") if given.get(key)}},
                         last=True)
    return {**result, "dest": dest, "src": str(source), "checksum": checksum}


def encrypted(call: Any, source: Path) -> bytes | None:
    with source.open("rb") as stream:
        if stream.read(15) != b"$ANSIBLE_VAULT;":
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
    known = call.module("_tree", {"path": dest, "files": [name for name, _ in files]}, check=False)
    if known.get("failed"):
        return known  # type: ignore[no-any-return]
    changed, results = False, []
    common = {key: args[key] for key in ("owner", "group") if args[key]}
    for name in folders:
        if name not in known["folders"] or args.directory_mode or common:
            results.append(call.module("file", {"path": os.path.join(dest, name), "state": "directory", "mode": args.directory_mode, **common}))
    for name, path in files:
        target = os.path.join(dest, name)
        same = known["files"].get(name) == call.blocking(digest, str(path))
        if same and not args.mode and not common:
            continue
        inner = {**args, "dest": target, "src": str(path), "content": None}
        results.append(file(call, path, inner) if not same else unchanged(call, {**inner, "mode": mode_of(path, args.mode)}, target, path, ""))
    for result in results:
        if result.get("failed"):
            return result  # type: ignore[no-any-return]
        changed = changed or bool(result.get("changed"))
    diffs = [part for result in results for part in diff_parts(result)]
    return {"changed": changed, "dest": dest, "src": str(source), **({"diff": diffs} if diffs else {})}


def mode_of(path: Path, mode: Any) -> Any:
    return f"{stat.S_IMODE(path.stat().st_mode):04o}" if mode == "preserve" else mode


def listed(source: Path, follow: bool) -> tuple[list[tuple[str, Path]], list[str]]:
    """(name, path) of the files under a directory, and its directories, relative, parents first."""
    files: list[tuple[str, Path]] = []
    folders: list[str] = []
    for folder, inner, names in os.walk(source, followlinks=follow):
        relative = os.path.relpath(folder, source)
        folders.append("" if relative == "." else relative)
        inner.sort()
        files += [(os.path.normpath(os.path.join(relative, name)), Path(folder, name)) for name in sorted(names)]
    return files, folders
