"""What a fresh interpreter on a target becomes: the root node, or a node of another user started through sudo or su."""
import errno
import fcntl
import json
import os
import sys
import time
from typing import Any

from fleet.runner import wire
from fleet.runner.node import Node


def run(settings):
    # type: (dict) -> None
    """settings: {"context": number, "run": id, "who": text, "lock": seconds to wait or None, "alive": seconds of silence after which the controller
    is taken for dead, or none}. Ends the process."""
    reads, writes = _descriptors()
    context = settings["context"]
    held = None
    try:
        if settings.get("lock") is not None:
            held = lock(settings)
    except Busy as busy:
        wire.send_all(writes, wire.frame(wire.CONTROL, context, 0, {"t": "lost", "c": context, "kind": "busy", "msg": str(busy)}))
        os._exit(0)
    hello = {"t": "hello", "c": context, "version": wire.VERSION, "pid": os.getpid(), "uid": os.getuid(), "python": "%d.%d.%d" % sys.version_info[:3],
             "source": not sys.fleet_importer.magic}  # type: ignore[attr-defined]
    wire.send_all(writes, wire.frame(wire.CONTROL, context, 0, hello))
    os.umask(0o022)
    try:
        Node(reads, writes, context, settings.get("alive")).loop()
    except (wire.WireError, BrokenPipeError):
        pass
    if held is not None:
        os.close(held)
    os._exit(0)


def _descriptors():
    # type: () -> Any
    """Take standard input and output for frames, and give the modules harmless ones, so that a stray print cannot break a frame."""
    reads, writes = os.dup(0), os.dup(1)
    null = os.open("/dev/null", os.O_RDWR)
    os.dup2(null, 0)
    os.dup2(2, 1)
    os.close(null)
    return reads, writes


class Busy(Exception):
    """Another run holds the target."""


def lock(settings):
    # type: (dict) -> Any
    """Take the target for this run; the kernel lets go when the last of its processes ends. Returns the descriptor, or None where it cannot be
    locked (no writable place) or this very run holds it already through another connection."""
    path = _lock_path()
    try:
        if os.getuid() == 0:
            os.makedirs("/run/fleet", mode=0o755, exist_ok=True)
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK, 0o600)
    except OSError:
        return None
    if os.fstat(fd).st_uid != os.getuid():  # planted by somebody else, who is not to stop us
        os.close(fd)
        return None
    end = time.monotonic() + settings["lock"]
    while True:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            break
        except OSError as error:
            if error.errno not in (errno.EAGAIN, errno.EACCES):
                return None
        holder = _holder(fd)
        if holder.get("run") == settings["run"]:
            os.close(fd)
            return None
        if time.monotonic() >= end:
            raise Busy("another run is at work on this host: run %s by %s since %s" % (
                holder.get("run", "?"), holder.get("who", "?"), holder.get("since", "?")))
        time.sleep(0.1)
    note = {"run": settings["run"], "who": settings["who"], "since": time.strftime("%Y-%m-%d %H:%M:%S %Z")}
    os.ftruncate(fd, 0)
    os.pwrite(fd, json.dumps(note).encode(), 0)
    return fd


def _lock_path():
    # type: () -> str
    """In memory wherever there is such a place, so that nothing is left on the disk."""
    if os.getuid() == 0:
        return "/run/fleet/lock"
    own = os.environ.get("XDG_RUNTIME_DIR") or "/run/user/%d" % os.getuid()
    folder = next((each for each in (own, "/dev/shm", "/tmp") if os.access(each, os.W_OK)), "/tmp")
    return os.path.join(folder, "fleet-%d.lock" % os.getuid())


def _holder(fd):
    # type: (int) -> dict
    try:
        found = json.loads(os.pread(fd, 4096, 0).decode())
        return found if isinstance(found, dict) else {}
    except ValueError:
        return {}
