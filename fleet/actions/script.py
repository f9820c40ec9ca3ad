"""The controller's side of script: the file goes along with the request."""

from __future__ import annotations

import shlex
from typing import Any

from fleet.errors import ArgumentError
from fleet.modules.script import SPEC as SPEC


def run(call: Any) -> dict[str, Any]:
    text = call.args["_raw_params"]
    words = shlex.split(text) if text else []
    if not words:
        raise ArgumentError("one of the following is required: cmd, or the script as free text")
    source = call.find("files", words[0])
    if source.is_dir():
        raise ArgumentError(f"{source} is a directory, not a script")
    data = source.read_bytes()
    if not data.startswith(b"#!") and not call.args.executable:
        data = b"#!/bin/sh\n" + data
    return call.module("script", call.args, blob=data, last=True)  # type: ignore[no-any-return]
