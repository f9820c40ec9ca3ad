"""The program of a container: its words, its user, its environment and limits, as every back-end needs them."""
import os
import resource
import shlex
from typing import Any, Dict, List, Optional, Tuple

from fleet.runner.container import PATH, Container


def words(c):
    # type: (Container) -> List[str]
    """The program with its arguments; the init of a system container."""
    command = c.options.get("command") or []
    if c.options.get("boot"):
        return ["/sbin/init"]
    return shlex.split(command[0]) if len(command) == 1 else list(command)


def environment(c):
    # type: (Container) -> Dict[str, str]
    found = {"PATH": PATH, "HOME": "/root", "TERM": "dumb", "container": "fleet"}
    found.update({str(key): str(value) for key, value in (c.options.get("environment") or {}).items()})
    return found


def user(c):
    # type: (Container) -> Tuple[int, int]
    """The user and group its program runs as, looked up in the root's own files, of which no link is followed. Call it with the root open."""
    name, _, group = str(c.options.get("user") or "0").partition(":")
    name = "0" if name == "root" else name
    entry = None if name.isdigit() else _entry(c, "passwd", name)
    if entry is None and not name.isdigit():
        raise OSError(2, "there is no user '%s' in the container" % name)
    uid = int(entry[2]) if entry else int(name)
    if group:
        found = None if group.isdigit() else _entry(c, "group", group)
        if found is None and not group.isdigit():
            raise OSError(2, "there is no group '%s' in the container" % group)
        return uid, int(found[2]) if found else int(group)
    return uid, int(entry[3]) if entry else uid


def _entry(c, kind, name):
    # type: (Container, str, str) -> Optional[List[str]]
    fd = os.open(c.root, os.O_RDONLY | os.O_DIRECTORY)
    try:
        for part in ("etc", kind):
            inner = os.open(part, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | (os.O_DIRECTORY if part == "etc" else 0), dir_fd=fd)
            os.close(fd)
            fd = inner
        text = os.read(fd, 1 << 20).decode("utf-8", "replace")
    finally:
        os.close(fd)
    for line in text.splitlines():
        fields = line.split(":")
        if fields[0] == name and len(fields) > 3 and fields[2].isdigit():
            return fields
    return None


def ulimits(c):
    # type: (Container) -> List[Tuple[str, int, int]]
    """[(name, soft, hard)] of its `ulimits`: NAME: value or NAME: "soft:hard"."""
    found = []
    for name, value in sorted((c.options.get("ulimits") or {}).items()):
        soft, _, hard = str(value).partition(":")
        found.append((str(name).lower(), _number(soft), _number(hard or soft)))
    return found


def _number(text):
    # type: (str) -> int
    return -1 if text in ("unlimited", "infinity", "-1") else int(text)


def limits(c):
    # type: (Container) -> None
    for name, soft, hard in ulimits(c):
        resource.setrlimit(getattr(resource, "RLIMIT_" + name.upper()), (soft, hard))


def execute(c, owner):
    # type: (Container, Any) -> None
    """Replace this process by the program. Never returns."""
    given, variables = words(c), environment(c)
    try:
        os.chdir(c.options.get("workdir") or "/")
        os.setsid()
        if owner != (0, 0):
            os.setgroups([])
            os.setgid(owner[1])
            os.setuid(owner[0])
        for folder in variables["PATH"].split(":") if "/" not in given[0] else [""]:
            path = os.path.join(folder, given[0])
            if os.path.exists(path):
                os.execve(path, given, variables)
        raise OSError(2, "No such file or directory")
    except OSError as error:
        os.write(2, ("fleet: cannot run %s: %s\n" % (given[0], error.strerror)).encode("utf-8", "replace"))
    finally:
        os._exit(127)
