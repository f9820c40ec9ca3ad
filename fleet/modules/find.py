"""Files and directories by what they are."""
import fnmatch
import io
import os
import re
import stat
import time
from typing import Any, Dict, Iterator, List, Optional, Tuple

from fleet.modules.stat import described
from fleet.runner import files
from fleet.runner.modes import parse_mode
from fleet.runner.module import Module
from fleet.runner.spec import Opt, Ret, Spec

SPEC = Spec(
    "find", "Find files by name, age, size or content",
    {
        "paths": Opt("list", "Directories to look in.", required=True, aliases=["name", "path"], elements="path"),
        "patterns": Opt("list", "Shell patterns of names, or regular expressions with use_regex.", default=[], aliases=["pattern"], elements="str"),
        "excludes": Opt("list", "Patterns of names to leave out.", aliases=["exclude"], elements="str"),
        "use_regex": Opt("bool", "patterns and excludes are regular expressions.", default=False),
        "contains": Opt("str", "Regular expression that a line of the file must match."),
        "read_whole_file": Opt("bool", "Search `contains` in the whole text.", default=False),
        "encoding": Opt("str", "The files' encoding, for contains; the target's own by default."),
        "file_type": Opt("str", "What to find.", default="file", choices=["any", "directory", "file", "link"]),
        "recurse": Opt("bool", "Look in directories below as well.", default=False),
        "depth": Opt("int", "How deep; 1 is the directory itself."),
        "hidden": Opt("bool", "Names that begin with a dot as well.", default=False),
        "follow": Opt("bool", "Follow links to directories.", default=False),
        "age": Opt("str", "Older than this (2d), or younger with a minus (-2d); s, m, h, d, w."),
        "age_stamp": Opt("str", "Which time counts.", default="mtime", choices=["atime", "ctime", "mtime"]),
        "size": Opt("str", "At least this size (10k), or at most with a minus."),
        "mode": Opt("raw", "Permissions they must have."),
        "exact_mode": Opt("bool", "Exactly those permissions, or all of them at least.", default=True),
        "get_checksum": Opt("bool", "Compute checksums.", default=False),
        "checksum_algorithm": Opt("str", "Of which kind.", default="sha1", choices=["md5", "sha1", "sha224", "sha256", "sha384", "sha512"],
                                  aliases=["checksum", "checksum_algo"]),
        "limit": Opt("int", "How many at most."),
    },
    returns={
        "files": Ret("list", "What was found, each as `stat` describes it.", elements="dict"), "matched": Ret("int", "How many."),
        "examined": Ret("int", "How many were looked at."), "skipped_paths": Ret("dict", "What could not be looked at, and why."),
    },
    examples="- find: {paths: /var/log, patterns: \"*.gz\", age: 4w}\n  register: old\n",
)
_AGES = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_SIZES = {"b": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40}
_TYPES = {"file": stat.S_ISREG, "directory": stat.S_ISDIR, "link": stat.S_ISLNK, "any": lambda mode: True}  # type: Dict[str, Any]


def run(m):
    # type: (Module) -> Any
    args = m.args
    age, size = amount(m, "age", _AGES), amount(m, "size", _SIZES)
    found = []  # type: List[Dict[str, Any]]
    skipped = {}  # type: Dict[str, str]
    examined = 0
    wanted = Wanted(m, age, size, skipped)
    for path in args.paths:
        base = os.path.expanduser(path)
        if not os.path.isdir(base):
            skipped[path] = "'%s' is not a directory" % base
            m.warn("Skipped '%s' path due to this access issue: %s\n" % (path, skipped[path]))
            continue
        wanted.base = path
        for each, too_deep in walk(m, base, skipped):
            examined += 1
            entry = None if too_deep else wanted.entry(each)
            if entry is not None:
                found.append(entry)
                if args.limit and len(found) >= args.limit:
                    break
        if args.limit and len(found) >= args.limit:
            break
    message = "All paths examined" if not skipped else "Not all paths examined, check warnings for details"
    return {"files": found, "matched": len(found), "examined": examined, "skipped_paths": skipped, "msg": message}


def amount(m, name, units):
    # type: (Module, str, Dict[str, int]) -> Optional[int]
    text = m.args[name]
    if text is None:
        return None
    match = re.match(r"^(-?\d+)([a-z]?)[a-z]*$", str(text).lower())
    if not match or (match.group(2) or next(iter(units))) not in units:
        m.fail("failed to process %s: %r" % (name, text))
    assert match is not None
    return int(match.group(1)) * units[match.group(2) or next(iter(units))]


def walk(m, base, skipped):
    # type: (Module, str, Dict[str, str]) -> Iterator[Tuple[str, bool]]
    """What is in a directory, and whether it is below the depth asked for: the first level beyond is looked at, and counted."""
    def trouble(error):
        # type: (OSError) -> None
        skipped[str(error.filename)] = str(error)

    for folder, folders, names in os.walk(base, followlinks=m.args.follow, onerror=trouble):
        depth = folder[len(base):].count(os.sep) + 1 if folder != base else 1
        for name in folders + names:
            if m.args.hidden or not name.startswith("."):
                yield os.path.join(folder, name), bool(m.args.depth and depth > m.args.depth)
        if not m.args.hidden:
            folders[:] = [name for name in folders if not name.startswith(".")]
        if not m.args.recurse or (m.args.depth and depth > m.args.depth):
            folders[:] = []


class Wanted:
    """The conditions, checked cheapest first."""

    def __init__(self, m, age, size, skipped):
        # type: (Module, Optional[int], Optional[int], Dict[str, str]) -> None
        self.module, self.args = m, m.args
        self.skipped = skipped
        self.base = ""
        self.age, self.size, self.now = age, size, time.time()
        self.content = re.compile(m.args.contains) if m.args.contains else None

    def named(self, name, patterns):
        # type: (str, Any) -> bool
        if self.args.use_regex:
            return any(re.match(pattern, name) for pattern in patterns)
        return any(fnmatch.fnmatch(name, pattern) for pattern in patterns)

    def entry(self, path):
        # type: (str) -> Optional[Dict[str, Any]]
        args = self.args
        name = os.path.basename(path)
        if (args.patterns and not self.named(name, args.patterns)) or (args.excludes and self.named(name, args.excludes)):
            return None
        try:
            now = os.lstat(path)
        except OSError:
            return None
        if not _TYPES[args.file_type](now.st_mode) or not self.fits(now):
            return None
        if self.content is not None and not (stat.S_ISREG(now.st_mode) and self.contains(path)):
            return None
        found = described(path, now)
        found.pop("exists", None)
        if args.get_checksum and stat.S_ISREG(now.st_mode):
            found["checksum"] = files.digest(path, args.checksum_algorithm)
        return found

    def fits(self, now):
        # type: (os.stat_result) -> bool
        args = self.args
        if self.age is not None:
            old = self.now - getattr(now, "st_" + args.age_stamp)
            if (self.age >= 0 and old < self.age) or (self.age < 0 and old > -self.age):
                return False
        if self.size is not None and ((self.size >= 0 and now.st_size < self.size) or (self.size < 0 and now.st_size > -self.size)):
            return False
        if args.mode is not None:
            mode, wanted = stat.S_IMODE(now.st_mode), parse_mode(args.mode, 0, stat.S_ISDIR(now.st_mode))
            return mode == wanted if args.exact_mode else bool(mode & wanted)
        return True

    def contains(self, path):
        # type: (str) -> bool
        assert self.content is not None
        encoding = self.args.encoding or "utf-8 (Python default)"
        try:
            with files.regular(path) as raw, io.TextIOWrapper(raw, encoding=encoding.split()[0]) as stream:
                if self.args.read_whole_file:
                    return self.content.search(stream.read()) is not None
                return any(self.content.match(line) for line in stream)
        except UnicodeDecodeError:
            return self.unread("Failed to decode the file '%s' with encoding: %s" % (path, encoding))
        except LookupError as error:
            return self.unread(str(error))
        except OSError as error:
            return self.unread("Failed to read the file '%s': %s" % (path, error))

    def unread(self, why):
        # type: (str) -> bool
        self.skipped[self.base] = why
        self.module.warn("Skipped '%s' path due to this access issue: %s\n" % (self.base, why))
        return False
