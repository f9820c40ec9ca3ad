"""What the modules about files share: paths as a user writes them, kinds of paths, new directories, wanted attributes."""
import os
import stat
from typing import Any, Generator, List, Optional

from fleet.runner.files import attributes
from fleet.runner.modes import gid_of, parse_mode, uid_of
from fleet.runner.module import Change, Module

SELINUX = ("seuser", "serole", "setype", "selevel")


def expand(path):
    # type: (str) -> str
    """A path with ~ and $VARIABLES as the target knows them."""
    return os.path.expanduser(os.path.expandvars(path)) if "~" in path or "$" in path else path


def kind(m, path):
    # type: (Module, str) -> str
    """absent, link, directory, hard (a file with several names) or file. What may not be seen counts as absent, with a warning."""
    try:
        now = os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return "absent"
    except PermissionError:
        m.warn("Insufficient permissions to access %s. Treating as absent." % path)
        return "absent"
    if stat.S_ISLNK(now.st_mode):
        return "link"
    if stat.S_ISDIR(now.st_mode):
        return "directory"
    return "hard" if now.st_nlink > 1 else "file"


def wanted(m, path, follow=True, mode=None):
    # type: (Module, str, bool, Any) -> Generator[Change, Any, None]
    """The changes that bring a path to the attributes the task asks for. mode: instead of the task's own."""
    args = m.args
    mode = args.mode if mode is None else mode
    if mode is not None or args.owner is not None or args.group is not None or args.attributes:
        yield from attributes(m, path, follow, mode=mode, owner=args.owner, group=args.group, attrs=args.attributes)
    if any(args[part] is not None for part in SELINUX):
        yield from _selinux(m, path)


def _selinux(m, path):
    # type: (Module, str) -> Generator[Change, Any, None]
    if not os.path.isdir("/sys/fs/selinux"):
        return  # roles for several families say it for those that have SELinux
    try:
        before = os.getxattr(path, "security.selinux").decode().rstrip("\0")
    except OSError:
        if m.check:
            return
        raise
    parts = before.split(":", 3)
    for number, name in enumerate(SELINUX[:len(parts)]):
        if m.args[name] not in (None, "_default"):
            parts[number] = m.args[name]
    after = ":".join(parts)
    if after != before:
        yield Change("selinux", before, after, lambda: os.setxattr(path, "security.selinux", after.encode()), path)


def make_folder(path, mode=None, owner=None, group=None):
    # type: (str, Any, Any, Any) -> None
    """Create one directory with its final attributes, or leave nothing."""
    uid = -1 if owner is None else uid_of(owner)
    gid = -1 if group is None else gid_of(group)
    os.mkdir(path)
    try:
        if (uid, gid) != (-1, -1):
            os.chown(path, uid, gid)
        if mode is not None:
            os.chmod(path, parse_mode(mode, os.lstat(path).st_mode, True))
    except BaseException:
        os.rmdir(path)
        raise


def make_folders(m, path, mode=None, owner=None, group=None):
    # type: (Module, str, Any, Any, Any) -> Generator[Change, Any, List[str]]
    """The changes that create a directory and those above it that are missing, all with the same attributes; returns their paths."""
    missing = []
    here = path.rstrip("/") or "/"
    while here and not os.path.isdir(here):
        if os.path.lexists(here):
            m.fail("%s already exists as a %s" % (here, kind(m, here)), path=path)
        missing.append(here)
        here = os.path.dirname(here)
    for folder in reversed(missing):
        yield Change("state", "absent", "directory", lambda folder=folder: make_folder(folder, mode, owner, group), folder)  # type: ignore[misc]
    return missing


def temporary_name(path):
    # type: (str) -> str
    """A name beside a path that nothing has yet."""
    import tempfile
    return tempfile.mktemp(prefix=".fleet-", suffix=".tmp", dir=os.path.dirname(path) or ".")
