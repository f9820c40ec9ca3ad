"""The controller's side of assemble: fragments of the controller go along with the request, as one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fleet.actions.copy import encrypted
from fleet.errors import ArgumentError
from fleet.modules.assemble import SPEC as SPEC
from fleet.modules.assemble import assembled, fragments
from fleet.runner.module import ModuleError


def run(call: Any) -> dict[str, Any]:
    args = call.args
    if args.remote_src:
        return call.module("assemble", args, last=True)  # type: ignore[no-any-return]
    source = call.find("files", args.src)

    def read(path: str) -> bytes:
        data = encrypted(call, Path(path)) if args.decrypt else None
        return Path(path).read_bytes() if data is None else data

    try:
        data = assembled(fragments(str(source), args.regexp, args.ignore_hidden), args.delimiter, read)
    except ModuleError as error:
        raise ArgumentError(f"assemble: {error.msg}") from None
    return call.module("assemble", {**args, "src": str(source)}, blob=data, last=True)  # type: ignore[no-any-return]
