"""Part of a directory written: its directories, and files whose contents come one behind the other (fleet.actions._tree)."""
import functools
import os
from typing import Any, Iterator

from fleet.runner import files
from fleet.runner.module import Change, Module
from fleet.runner.spec import Opt, Spec

SPEC = Spec("_put", "Write files and directories under a directory", {
    "path": Opt("path", "The directory.", required=True),
    "folders": Opt("list", "Directories relative to it, parents first.", elements="str", default=[]),
    "files": Opt("raw", "[name, size of its content or null where the content is right, mode or null].", default=[]),
    "directory_mode": Opt("raw", "Mode of directories."),
    "owner": Opt("str", "Owner of all."),
    "group": Opt("str", "Group of all."),
})


def run(m):
    # type: (Module) -> Iterator[Change]
    args = m.args
    base = os.path.expanduser(args.path)
    for name in args.folders:
        path = os.path.normpath(os.path.join(base, name))
        there = os.path.isdir(path)
        if not there:
            if os.path.lexists(path):
                m.fail("%s exists and is no directory" % path, path=path)
            yield Change("state", "absent", "directory", functools.partial(os.makedirs, path, exist_ok=True), path)
        if args.directory_mode or args.owner or args.group:
            yield from files.attributes(m, path, there or not m.check, None, args.directory_mode, args.owner, args.group)
    batch = files.Batch()
    try:
        for name, size, mode in args.files:
            path = os.path.join(base, name)
            if size is None:
                yield from files.attributes(m, path, True, None, mode, args.owner, args.group)
                continue
            if os.path.isdir(path) and not os.path.islink(path):
                m.fail("%s exists and is no file" % path, path=path)
            yield Change("content", None, None, functools.partial(batch.add, m, path, size, mode, args.owner, args.group), path)
        batch.commit()
    finally:
        batch.drop()
