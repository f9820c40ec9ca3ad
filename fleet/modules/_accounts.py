"""The account files as they stand, and what user and group both need."""
import grp
import os
import pwd
from typing import Dict, Iterator, List, Optional, Set

from fleet.runner.module import Module


def _lines(path):
    # type: (str) -> Iterator[List[str]]
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as stream:
            for line in stream:
                if line.strip() and not line.startswith("#"):
                    yield line.rstrip("\n").split(":")
    except FileNotFoundError:
        return


def user(name, local):
    # type: (str, bool) -> Optional[pwd.struct_passwd]
    """The account of that name; local: only when /etc/passwd itself has it."""
    if local and not any(fields[0] == name for fields in _lines("/etc/passwd")):
        return None
    try:
        return pwd.getpwnam(name)
    except KeyError:
        return None


def group(name, local):
    # type: (str, bool) -> Optional[grp.struct_group]
    """The group of that name, or (when no group has this name) of that number."""
    try:
        found = grp.getgrnam(name)
    except KeyError:
        if not name.isdigit():
            return None
        try:
            found = grp.getgrgid(int(name))
        except KeyError:
            return None
    if local and not any(fields[0] == found.gr_name for fields in _lines("/etc/group")):
        return None
    return found


def groups_of(name, local):
    # type: (str, bool) -> Set[str]
    """The groups that list a user as a member; the user's own first group only where it does."""
    if local:
        return {fields[0] for fields in _lines("/etc/group") if len(fields) > 3 and name in fields[3].split(",")}
    return {entry.gr_name for entry in grp.getgrall() if name in entry.gr_mem}


def shadow(name):
    # type: (str) -> List[str]
    """The nine fields of a user's line in /etc/shadow; all empty when there is none or it cannot be read."""
    try:
        for fields in _lines("/etc/shadow"):
            if fields[0] == name:
                return (fields + [""] * 9)[:9]
    except PermissionError:
        pass
    return [""] * 9


def login_defs():
    # type: () -> Dict[str, str]
    try:
        with open("/etc/login.defs") as stream:
            words = [line.split() for line in stream if line.strip() and not line.startswith("#")]
    except OSError:
        return {}
    return {pair[0]: pair[1] for pair in words if len(pair) > 1}


def tool(m, name):
    # type: (Module, str) -> str
    """The path of one of the shadow tools. ModuleError where the target has none."""
    for folder in ("/usr/sbin", "/sbin", "/usr/bin", "/bin"):
        path = os.path.join(folder, name)
        if os.access(path, os.X_OK):
            return path
    m.fail("this target has no %s; accounts are managed with the shadow tools (Debian: package passwd)" % name)
    return ""


def check_name(m, name):
    # type: (Module, str) -> None
    """ModuleError for a name that would be an option, or break the account files."""
    if not name or name.startswith("-") or any(char in name for char in ":,\n/ \t"):
        m.fail("%r cannot be the name of a user or group" % name)
