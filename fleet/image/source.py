"""Where a base comes from: fetched from the network by the host or the controller, or a file of the controller's sent to the host."""

from __future__ import annotations

import base64
import hashlib
import os
from pathlib import Path
from typing import Any

from fleet.connection.base import Endpoint
from fleet.errors import ArgumentError, TaskError
from fleet.image.recipe import FETCH_OPTIONS, Recipe

PIECE = 8 << 20  # bytes of an upload's requests


def cache() -> str:
    """The controller's own store of downloads."""
    return str(Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "fleet/images")


def ready(call: Any, recipe: Recipe, store: str) -> dict[str, Any] | None:
    """The recipe's base with what it names on the build host, brought there when it is not; None when check mode keeps it from being brought."""
    base = {key: value for key, value in recipe.base.items() if key not in (*FETCH_OPTIONS, "local")}
    kind = next((kind for kind in ("tar", "disk") if recipe.base.get(kind)), None)
    if kind is None:
        return base
    named = str(recipe.base[kind])
    if "://" in named:
        given = {key: recipe.base[key] for key in ("checksum", "signature", "unverified") if recipe.base.get(key)}
        if recipe.base.get("keyring"):
            given["keyring"] = base64.b64encode(keyring(recipe)).decode()
        by = recipe.base.get("fetch_by") or "host"
        if by not in ("host", "controller"):
            raise ArgumentError(f"fetch_by is host or controller, not '{by}'")
        if by == "host":
            found = must(call.module("_image_fetch", {"store": store, "url": named, **given}))
            return {**base, kind: found["path"]} if found["sha256"] else None
        found = must(call.elsewhere(Endpoint("localhost", "local"), "_image_fetch", {"store": cache(), "url": named, **given}, check=call.check))
        if not found["sha256"]:
            return None
        named = found["path"]
    elif recipe.base.get("local"):
        named = recipe.base["local"]
    else:
        return base
    path = send(call, Path(named), store)
    return {**base, kind: path} if path else None


def keyring(recipe: Recipe) -> bytes:
    path = Path(recipe.pos.file).parent / str(recipe.base["keyring"])
    try:
        return path.read_bytes()
    except OSError as error:
        raise ArgumentError(f"cannot read the keyring {path}: {error.strerror}") from None


def send(call: Any, path: Path, store: str) -> str | None:
    """A file of the controller's into the host's store; its path there. None when check mode keeps it from being sent."""
    if not path.is_file():
        raise ArgumentError(f"there is no file {path}")
    sha256 = call.blocking(digest, path)
    asked = {"store": store, "sha256": sha256, "size": path.stat().st_size}
    answer = must(call.module("_image_put", asked, check=False))
    if call.check and not answer["complete"]:
        return None
    with path.open("rb") as stream:
        while not answer["complete"]:
            stream.seek(answer["have"])
            answer = must(call.module("_image_put", {**asked, "offset": answer["have"]}, blob=stream.read(PIECE), check=False))
    return str(answer["path"])


def digest(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest() if hasattr(hashlib, "file_digest") else _digest(stream)


def _digest(stream: Any) -> str:
    state = hashlib.sha256()
    for chunk in iter(lambda: stream.read(1 << 20), b""):
        state.update(chunk)
    return state.hexdigest()


def must(answer: dict[str, Any]) -> dict[str, Any]:
    """A module's result, or its failure raised."""
    if answer.get("failed"):
        raise TaskError(str(answer.get("msg") or "it failed"), {key: answer[key] for key in ("stdout", "stderr", "rc") if key in answer})
    return answer
