"""A directory of the controller copied: one question finds what differs, and only that is sent, many files to a request."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from typing import Any

from fleet.modules._tree import digest_of

ASKED = 5_000  # files a question is about
SENT = 8 * 1024 * 1024  # bytes of content in one request
FILES = 2_000  # files in one request
FLYING = 4  # requests sent ahead of their answers

VAULT = b"$ANSIBLE_VAULT;"

Files = list[tuple[str, str, int]]  # (name, path, size)


def copy(call: Any, dest: str, files: Files, folders: list[str]) -> tuple[dict[str, Any], list[tuple[str, str]]]:
    """Make `dest` hold these files and directories. The result (`changed`, or the first that failed), and the files that are to be decrypted first."""
    args = call.args
    differing: set[str] = set()
    for start in range(0, len(files), ASKED):
        part = files[start:start + ASKED]
        question = call.send("_tree", {"path": dest, "files": {name: size for name, _, size in part}}, check=False)
        ours = call.blocking(_digests, part)  # while the target makes its own
        theirs = call.wait(question)
        if theirs.get("failed"):
            return theirs, []
        differing.update(name for name in ours if theirs["files"].get(name) != ours[name])
    common = {"path": dest, "directory_mode": args.directory_mode, "owner": args.owner, "group": args.group}
    every = bool(args.mode or args.owner or args.group)  # attributes are looked at, also where the content is right
    flying: list[Any] = [call.send("_put", {**common, "folders": folders})]
    changed, failed = False, None
    wanted = [entry for entry in files if every or entry[0] in differing]
    encrypted: list[tuple[str, str]] = []
    for listed, blob in _requests(wanted, differing, args.mode, encrypted if args.decrypt else None):
        flying.append(call.send("_put", {**common, "files": listed}, blob=blob))
        if len(flying) >= FLYING:
            changed, failed = _taken(call.wait(flying.pop(0)), changed, failed)
        if failed:
            break
    for promise in flying:
        changed, failed = _taken(call.wait(promise), changed, failed)
    return failed or {"changed": changed}, encrypted


def _taken(result: dict[str, Any], changed: bool, failed: dict[str, Any] | None) -> tuple[bool, dict[str, Any] | None]:
    return changed or bool(result.get("changed")), failed or (result if result.get("failed") else None)


def _digests(files: Files) -> dict[str, str]:
    return {name: digest_of(path, size) or "" for name, path, size in files}


def _requests(files: Files, differing: set[str], mode: Any, encrypted: list[tuple[str, str]] | None) -> Iterator[tuple[list[Any], bytes]]:
    """What each request names, and the contents that go along. Vault-encrypted files are put into `encrypted` instead."""
    listed: list[Any] = []
    blob = bytearray()
    for name, path, _ in files:
        wanted = f"{stat.S_IMODE(os.stat(path).st_mode):04o}" if mode == "preserve" else mode
        size = None
        if name in differing:
            with open(path, "rb") as stream:
                data = stream.read()
            if encrypted is not None and data.startswith(VAULT):
                encrypted.append((name, path))
                continue
            size = len(data)
            blob += data
        listed.append([name, size, wanted])
        if len(listed) >= FILES or len(blob) >= SENT:
            yield listed, bytes(blob)
            listed, blob = [], bytearray()
    if listed:
        yield listed, bytes(blob)
