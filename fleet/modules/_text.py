"""What lineinfile, blockinfile and replace share: a text file read whole, a new text, and one change from the one to the other."""
import os
from typing import Any, Dict, Tuple

from fleet.runner import files
from fleet.runner.module import Change, Module
from fleet.runner.spec import Opt, Ret, file_options


def options(own):
    # type: (Dict[str, Opt]) -> Dict[str, Opt]
    """The options all three have, with a module's own."""
    return dict(own, **dict({
        "path": Opt("path", "The file.", required=True, aliases=["dest", "destfile", "name"]),
        "backup": Opt("bool", "Keep a copy of what was there.", default=False),
        "validate": Opt("str", "Command with %s for the new file, which must end with 0 before it is put in place."),
        "encoding": Opt("str", "The file's encoding.", default="utf-8"),
    }, **file_options()))


RETURNS = {"msg": Ret("str", "What was done."), "backup": Ret("path", "The copy of what was there.", "backup and changed")}


def read(m, create, missing="Path"):
    # type: (Module, bool, str) -> Tuple[str, str, bool]
    """The path with links resolved, its text, and whether it exists. missing: what the path is called when it does not."""
    path = os.path.realpath(os.path.expanduser(m.args.path))
    if os.path.isdir(path):
        m.fail("Path %s is a directory !" % m.args.path, rc=256)
    if not os.path.exists(path):
        if not create:
            m.fail("%s %s does not exist !" % (missing, m.args.path), rc=257)
        return path, "", False
    with files.regular(path) as stream:
        return path, stream.read().decode(m.args.encoding, "surrogateescape"), True


def finish(m, path, old, new, exists, said):
    # type: (Module, str, str, str, bool, str) -> Any
    """Yield the content's change, and the attributes'. said: the message when the text differs."""
    args = m.args
    result = {"msg": ""}
    if new != old or not exists:
        def write():
            # type: () -> Any
            os.makedirs(os.path.dirname(path), exist_ok=True)
            data = new.encode(args.encoding, "surrogateescape")
            return files.write(m, path, data, args.mode, args.owner, args.group, args.unsafe_writes, args.backup and exists, args.validate)

        done = yield Change("content", files.shown(old) if m.diff else None, files.shown(new) if m.diff else None, write, args.path)
        result["msg"] = said
        if done and done.get("backup_file"):
            result["backup"] = result["backup_file"] = done["backup_file"]
    before = []
    for change in files.attributes(m, path, True, None, args.mode, args.owner, args.group, args.attributes):
        before.append(change)
        yield change
    if before:
        result["msg"] = (result["msg"] + " and " if result["msg"] else "") + "ownership, perms or SE linux context changed"
    return result
