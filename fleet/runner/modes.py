"""Owners and permissions: from what people write to the numbers the kernel takes, and back."""
import grp
import os
import pwd
import re
import stat
from typing import Any, Callable, Union

from fleet.runner.module import ModuleError


def uid_of(owner):
    # type: (Union[str, int]) -> int
    """The number of a user given by name or number. ModuleError when there is none of that name."""
    try:
        return pwd.getpwnam(str(owner)).pw_uid
    except KeyError:
        if str(owner).isdigit():
            return int(owner)
        raise ModuleError("chown failed: failed to look up user %s" % owner)


def gid_of(group):
    # type: (Union[str, int]) -> int
    """The number of a group given by name or number. ModuleError when there is none of that name."""
    try:
        return grp.getgrnam(str(group)).gr_gid
    except KeyError:
        if str(group).isdigit():
            return int(group)
        raise ModuleError("chgrp failed: failed to look up group %s" % group)


_SYMBOLIC = re.compile(r"^([ugoa]*)((?:[-+=](?:[rwxXst]*|[ugo]))+)$")
_PART = re.compile(r"([-+=])([ugo]|[rwxXst]*)")


def parse_mode(text, current, directory):
    # type: (Any, int, bool) -> int
    """The permission bits that `text` asks for. Octal ("0644", 0o644) or symbolic ("u=rw,g+r,o-x"), relative to `current`.

    Raises ModuleError for anything else. A bare int is taken as it is: YAML has read 0644 as octal already.
    """
    if isinstance(text, int):
        return text & 0o7777
    word = str(text).strip()
    if re.match(r"^(0o)?[0-7]{1,5}$", word):
        return int(word.replace("0o", ""), 8) & 0o7777
    mode = current & 0o7777
    for clause in word.split(","):
        match = _SYMBOLIC.match(clause.strip())
        if not match:
            raise ModuleError("bad symbolic permission for mode: %s" % text)
        who = match.group(1) or "a"
        umask = _umask() if not match.group(1) else 0
        for operator, letters in _PART.findall(match.group(2)):
            mode = _apply_symbolic(mode, who, operator, letters, directory, umask)
    return mode


_SHIFT = {"u": 6, "g": 3, "o": 0}


def _apply_symbolic(mode, who, operator, letters, directory, umask):
    # type: (int, str, str, str, bool, int) -> int
    users = "ugo" if "a" in who else who
    bits = special = 0
    for user in users:
        if letters in ("u", "g", "o"):
            own = (mode >> _SHIFT[letters]) & 7
        else:
            own = (4 if "r" in letters else 0) | (2 if "w" in letters else 0)
            if "x" in letters or ("X" in letters and (directory or mode & 0o111)):
                own |= 1
        bits |= own << _SHIFT[user]
    if "s" in letters:
        special |= (stat.S_ISUID if "u" in users else 0) | (stat.S_ISGID if "g" in users else 0)
    if "t" in letters:
        special |= stat.S_ISVTX
    bits = (bits & ~umask) | special
    if operator == "+":
        return mode | bits
    if operator == "-":
        return mode & ~bits
    mask = 0
    for user in users:
        mask |= 7 << _SHIFT[user]
    if "u" in users:
        mask |= stat.S_ISUID if not directory or "s" in letters else 0
    if "g" in users:
        mask |= stat.S_ISGID if not directory or "s" in letters else 0
    if "t" in letters or "a" in who:
        mask |= stat.S_ISVTX
    return (mode & ~mask) | bits


def _umask():
    # type: () -> int
    value = os.umask(0o022)
    os.umask(value)
    return value


def default_mode(directory=False):
    # type: (bool) -> int
    """The permissions a new file or directory gets when none are asked for: by the umask."""
    return (0o777 if directory else 0o666) & ~_umask()


def name_of(number, lookup):
    # type: (int, Callable[[int], Any]) -> str
    """The name of a user or group number; the number as text where it has none."""
    try:
        return str(lookup(number)[0])
    except KeyError:
        return str(number)
