"""The controller's side of unarchive: the archive goes along with the request."""

from __future__ import annotations

from typing import Any

from fleet.modules.unarchive import SPEC as SPEC


def run(call: Any) -> dict[str, Any]:
    args = call.args
    if args.remote_src:
        return call.module("unarchive", args, last=True)  # type: ignore[no-any-return]
    if args.creates:
        known = call.module("stat", {"path": args.creates, "get_checksum": False, "get_mime": False, "get_attributes": False}, check=False)
        if known.get("stat", {}).get("exists"):
            return {"skipped": True, "msg": f"skipped, since {args.creates} exists", "dest": args.dest, "src": args.src}
    source = call.find("files", args.src)
    return call.module("unarchive", {**args, "src": str(source)}, blob=source, last=True)  # type: ignore[no-any-return]
