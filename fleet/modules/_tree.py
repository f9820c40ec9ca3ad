"""What is under a directory: asked by copy of a directory, so that only what differs is sent (fleet.actions._tree)."""
import hashlib
import os
import stat
from typing import Any, Dict

from fleet.runner.module import Module
from fleet.runner.spec import Opt, Spec

SPEC = Spec("_tree", "Digests of the files under a directory", {
    "path": Opt("path", "The directory.", required=True),
    "files": Opt("raw", "Name relative to it -> the size it should have; a file of another size has no digest.", default={}),
})


def run(m):
    # type: (Module) -> Any
    base = os.path.expanduser(m.args.path)
    found = {}  # type: Dict[str, str]
    for name, size in m.args.files.items():
        digest = digest_of(os.path.join(base, name), size)
        if digest is not None:
            found[name] = digest
    return {"files": found}


def digest_of(path, size):
    # type: (str, int) -> Any
    """SHA-1 of a regular file of just this size, else None. With few calls a file: there may be many thousands."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        status = os.fstat(fd)
        if status.st_size != size or not stat.S_ISREG(status.st_mode):
            return None
        state = hashlib.sha1()
        left = size
        while left > 0:
            data = os.read(fd, min(left, 1024 * 1024))
            if not data:
                return None
            state.update(data)
            left -= len(data)
        return state.hexdigest()
    except OSError:
        return None
    finally:
        os.close(fd)
