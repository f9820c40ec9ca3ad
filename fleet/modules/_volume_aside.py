"""A volume's file put aside while a new one is tried in its place: beside it, so that putting it back is one renaming too."""
import os
from typing import Any

from fleet.runner import files
from fleet.runner.module import Change, Module
from fleet.runner.spec import Opt, Spec

SPEC = Spec("_volume_aside", "Put a volume's file aside, and back", {
    "path": Opt("path", "The volume.", required=True),
    "op": Opt("str", "aside: keep it as PATH.before; what has taken its place since goes. back: PATH.before is the volume again. drop: PATH.before goes.",
              default="look", choices=["look", "aside", "back", "drop"]),
})


def run(m):
    # type: (Module) -> Any
    path, before = m.args.path, m.args.path + ".before"
    kept = os.path.exists(before)
    if m.args.op == "aside" and (not kept or os.path.exists(path)):
        yield Change(path, None, before, lambda: os.unlink(path) if kept else move(path, before))
    elif m.args.op == "back" and kept:
        yield Change(before, None, path, lambda: move(before, path))
    elif m.args.op == "drop" and kept:
        yield Change(before, "present", "absent", lambda: os.unlink(before))
    return {"kept": os.path.exists(before)}


def move(one, other):
    # type: (str, str) -> None
    os.rename(one, other)
    files.sync_folder(os.path.dirname(other))
