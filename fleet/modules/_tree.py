"""What is under a directory: asked once by copy of a directory, so that only what differs is sent."""
import os
from typing import Any

from fleet.runner import files
from fleet.runner.module import Module
from fleet.runner.spec import Opt, Spec

SPEC = Spec("_tree", "Digests of the files under a directory", {
    "path": Opt("path", "The directory.", required=True),
    "files": Opt("list", "Names relative to it.", elements="str", default=[]),
})


def run(m):
    # type: (Module) -> Any
    base = os.path.expanduser(m.args.path)
    folders = []
    for folder, _, _ in os.walk(base):
        relative = os.path.relpath(folder, base)
        folders.append("" if relative == "." else relative)
    found = {}
    for name in m.args.files:
        digest = files.digest(os.path.join(base, name))
        if digest is not None:
            found[name] = digest
    return {"folders": folders, "files": found}
