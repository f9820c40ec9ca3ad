"""What the modules that edit text files share: a file read whole, a new text, and one change from the one to the other."""
import os
from typing import Any, Dict, Generator, Optional, Tuple

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
    path = files.real(os.path.expanduser(m.args.path), m.args.get("follow") is not False)
    if os.path.isdir(path):
        m.fail("Path %s is a directory !" % m.args.path, rc=256)
    if not os.path.exists(path):
        if not create:
            m.fail("%s %s does not exist !" % (missing, m.args.path), rc=257)
        return path, "", False
    with files.regular(path) as stream:
        return path, stream.read().decode(m.args.get("encoding") or "utf-8", "surrogateescape"), True


def finish(m, path, old, new, exists, said):
    # type: (Module, str, str, str, bool, str) -> Any
    """Yield the content's change, and the attributes'. said: the message when the text differs."""
    args = m.args
    result = {"msg": ""}
    if new != old or not exists:
        def write():
            # type: () -> Any
            os.makedirs(os.path.dirname(path), exist_ok=True)
            data = new.encode(args.get("encoding") or "utf-8", "surrogateescape")
            return files.write(m, path, data, args.mode, args.owner, args.group, args.unsafe_writes, args.backup and exists, args.get("validate"))

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


def content(path):
    # type: (str) -> Optional[str]
    """A system file's text; None when there is none."""
    try:
        return files.read_text(path)
    except FileNotFoundError:
        return None


def rewrite(m, path, old, new, mode=0o644, backup=False):
    # type: (Module, str, Optional[str], Optional[str], Any, bool) -> Generator[Change, Any, Dict[str, Any]]
    """The change of a system file from one text to another (None = no file), links followed. mode: of a new file. Returns backup_file if one was made."""
    if old == new:
        return {}
    place = os.path.realpath(path)

    def write():
        # type: () -> Dict[str, Any]
        if new is None:
            result = {"backup_file": files.save_backup(place)} if backup else {}
            os.unlink(place)
            return result
        return files.write(m, place, new, mode if old is None else None, backup=backup and old is not None)

    show = [files.shown(text) if m.diff and text is not None else None for text in (old, new)]
    return (yield Change("content", show[0], show[1], write, path)) or {}
