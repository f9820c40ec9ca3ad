"""What dpkg has installed, read from its database, and versions compared as dpkg does. No program is run."""
import os
import re
import string
from collections import namedtuple
from typing import Dict, List, Optional, Tuple

STATUS = "/var/lib/dpkg/status"
INSTALLED = ("installed", "triggers-pending", "triggers-awaited")  # the states of a package that is there

Package = namedtuple("Package", ["name", "arch", "version", "want", "state", "provides", "section"])
"""One package dpkg knows. want: install, hold, deinstall, purge; state: installed, config-files, half-installed, unpacked ..."""

_FIELD = re.compile(r"^(Package|Status|Architecture|Version|Provides|Section):[ \t]*(.*)$", re.MULTILINE)


class Database:
    """The packages by name; a name stands for one package an architecture."""

    def __init__(self, text):
        # type: (str) -> None
        self.packages = {}  # type: Dict[str, List[Package]]
        for stanza in text.split("\n\n"):
            fields = dict(_FIELD.findall(stanza))
            if "Package" not in fields:
                continue
            want, _flag, state = (fields.get("Status", "unknown ok not-installed").split() + ["", "", ""])[:3]
            provides = tuple(part.split("(")[0].split(":")[0].strip() for part in fields.get("Provides", "").split(",") if part.strip())
            package = Package(fields["Package"], fields.get("Architecture", ""), fields.get("Version", ""), want, state, provides,
                              fields.get("Section", ""))
            self.packages.setdefault(package.name, []).append(package)
        self.native = next((package.arch for package in self.packages.get("dpkg", ())), "")

    def known(self, name):
        # type: (str) -> List[Package]
        """The packages of `name` or `name:arch`; a bare name prefers the native architecture, as apt does."""
        name, _colon, arch = name.partition(":")
        found = self.packages.get(name, [])
        if not arch:
            own = [package for package in found if package.arch in (self.native, "all")]
            return own or found
        wanted = {"native": self.native}.get(arch, arch)
        return [package for package in found if arch == "any" or package.arch == wanted]

    def installed(self, name):
        # type: (str) -> Optional[Package]
        return next((package for package in self.known(name) if package.state in INSTALLED), None)

    def left(self, name, purge):
        # type: (str, bool) -> bool
        """Whether there is something to remove: any part of it, or with purge also its configuration."""
        return any(package.state != "not-installed" and (purge or package.state != "config-files") for package in self.known(name))

    def providers(self, name):
        # type: (str) -> List[str]
        """Names of the installed packages that provide a virtual package."""
        return [package.name for versions in self.packages.values() for package in versions
                if package.state == "installed" and name in package.provides]

    def names(self):
        # type: () -> List[str]
        return [name for name, versions in self.packages.items() if any(package.state != "not-installed" for package in versions)]


_cache = {}  # type: Dict[str, Tuple[Tuple[int, int, int], Database]]


def database(path=STATUS):
    # type: (str) -> Database
    """The database as it is now; parsed again only when the file was replaced. OSError where there is no dpkg."""
    now = os.stat(path)
    stamp = (now.st_mtime_ns, now.st_size, now.st_ino)
    if path not in _cache or _cache[path][0] != stamp:
        with open(path, encoding="utf-8", errors="replace") as stream:
            _cache[path] = (stamp, Database(stream.read()))
    return _cache[path][1]


_DIGITS = re.compile(r"(\D*)(\d*)")
_LETTERS = frozenset(string.ascii_letters)


def _weight(char):
    # type: (str) -> int
    """A character's place in Debian's order: ~ before the end, the end before letters, letters before the rest."""
    if char == "~":
        return -1
    return ord(char) if char in _LETTERS else ord(char) + 256


def _key(text):
    # type: (str) -> List[Tuple[List[int], int]]
    parts = []  # type: List[Tuple[List[int], int]]
    for word, number in _DIGITS.findall(text):
        if word or number:
            parts.append(([_weight(char) for char in word] + [0], int(number or 0)))
    return parts + [([0], 0)]


def _order(left, right):
    # type: (str, str) -> int
    one, two = _key(left), _key(right)
    size = max(len(one), len(two))
    one += [([0], 0)] * (size - len(one))
    two += [([0], 0)] * (size - len(two))
    return (one > two) - (one < two)


def compare(left, right):
    # type: (str, str) -> int
    """-1, 0 or 1: how two versions stand to each other, by Debian policy 5.6.12."""
    sides = []
    for text in (left, right):
        epoch, colon, rest = text.partition(":")
        epoch, rest = (epoch, rest) if colon else ("0", text)
        upstream, dash, revision = rest.rpartition("-")
        sides.append((int(epoch) if epoch.isdigit() else 0, upstream if dash else rest, revision if dash else "0"))
    one, two = sides
    if one[0] != two[0]:
        return 1 if one[0] > two[0] else -1
    return _order(one[1], two[1]) or _order(one[2], two[2])
