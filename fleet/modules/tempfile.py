"""A new temporary file or directory."""
import os
import tempfile
from typing import Any

from fleet.modules import _fs
from fleet.runner import files
from fleet.runner.module import Change, Module
from fleet.runner.spec import Opt, Ret, Spec

SPEC = Spec(
    "tempfile", "Make a temporary file or directory",
    {
        "state": Opt("str", "Which.", default="file", choices=["file", "directory"]),
        "path": Opt("path", "Where; the system's temporary directory by default."),
        "prefix": Opt("str", "Beginning of its name.", default="ansible."),
        "suffix": Opt("str", "End of its name.", default=""),
    },
    returns=dict({"path": Ret("path", "What was made.", "not check mode")}, **{name: Ret("str", "As of any file.", "not check mode") for name in (
        "mode", "owner", "group", "state")}),
    examples="- tempfile: {state: directory, suffix: build}\n  register: work\n",
)


def run(m):
    # type: (Module) -> Any
    args = m.args
    for name in ("prefix", "suffix"):
        if "/" in args[name]:
            m.fail("%s must be a valid file name component, not %r" % (name, args[name]))

    folder = None if args.path is None else _fs.expand(args.path)

    def make():
        # type: () -> str
        if args.state == "directory":
            return str(tempfile.mkdtemp(args.suffix, args.prefix, folder))
        fd, path = tempfile.mkstemp(args.suffix, args.prefix, folder)
        os.close(fd)
        return str(path)

    path = yield Change("temporary " + args.state, None, None, make)
    return dict(files.described(path), path=path) if path else {}
