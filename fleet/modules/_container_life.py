"""A container's life from outside: its supervisor started and stopped, and what a killed one has left taken away."""
import _thread
import errno
import fcntl
import json
import os
import select
import shutil
import signal
import time
from typing import Any, Callable, Dict, List

from fleet.modules import _container_init, _container_network
from fleet.modules._container_supervise import LATE, Failed, Supervisor, groups
from fleet.runner import container
from fleet.runner.container import Container

_ours = []  # type: List[int]  # supervisors that this process has started: it sees their end, should it come first


class Rival(Exception):
    """Another supervisor of the container runs."""


def start(c, meanwhile=lambda: None):
    # type: (Container, Callable[[], None]) -> Dict[str, Any]
    """Start a container under a supervisor of its own, by the host's init where that is told to, and wait until its program runs.

    meanwhile: what this process can do while it starts. Returns its state; raises Failed.
    """
    for _ in range(3):
        try:
            if _container_init.starts(c.name):
                meanwhile()
                return _by_init(c)
            return _start(c, meanwhile)
        except Rival:
            pass  # one that a killed run had just started came first; it is ended like any other leftover
    raise Failed("the container %s did not start: other supervisors of it keep starting" % c.name)


def _start(c, meanwhile):
    # type: (Container, Callable[[], None]) -> Dict[str, Any]
    clean(c)
    held = groups(c)
    held.make()  # before the quickening, which holds up whoever makes a group
    reads, writes = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.close(reads)
            os.setsid()
            _alone(c, keep=writes)
            Supervisor(c, writes, held).main()
        finally:
            os._exit(0)
    os.close(writes)
    _ours.append(pid)
    _thread.start_new_thread(held.quicken, ())
    meanwhile()
    return _started(c, reads)


def _started(c, reads):
    # type: (Container, int) -> Dict[str, Any]
    end, said = time.time() + LATE + 5, b""
    while time.time() < end and select.select([reads], [], [], max(end - time.time(), 0))[0]:
        data = os.read(reads, 65536)
        if not data:
            break
        said += data
    os.close(reads)
    try:
        found = json.loads(said.decode())
    except ValueError:
        found = {"error": "its supervisor ended"}
    return _told(c, found)


def _by_init(c):
    # type: (Container) -> Dict[str, Any]
    clean(c)
    outcome = os.path.join(c.runtime, "outcome.json")
    if os.path.exists(outcome):
        os.unlink(outcome)
    wrong = _container_init.systemctl("start", _container_init.unit(c.name))
    return _told(c, container.read(outcome) or {"error": wrong or "its supervisor ended"})


def _told(c, found):
    # type: (Container, Dict[str, Any]) -> Dict[str, Any]
    """What the supervisor said of the start."""
    if found.get("rival"):
        raise Rival()
    if found.get("error"):
        clean(c)
        tail = log_tail(c, 1500)
        raise Failed("the container %s did not start: %s%s" % (c.name, found["error"], "; its log ends: " + tail if tail else ""))
    container.release(c.name)
    return dict(found)


def _alone(c, keep):
    # type: (Container, int) -> None
    """Let go of all that was the runner's."""
    for number in (signal.SIGUSR1, signal.SIGALRM, signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD, signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(number, signal.SIG_DFL)
    null = os.open("/dev/null", os.O_RDWR)
    for fd in (0, 1, 2):
        os.dup2(null, fd)
    limit = os.sysconf("SC_OPEN_MAX")
    for name in os.listdir("/proc/self/fd"):
        fd = int(name)
        if fd > 2 and fd != keep and fd < limit:
            try:
                os.close(fd)
            except OSError:
                pass
    os.chdir("/")
    os.umask(0o022)
    for name in list(os.environ):
        if name not in ("PATH", "LANG", "LC_ALL"):
            del os.environ[name]


def stop(c):
    # type: (Container) -> None
    """Stop a container: its program is asked to end, and killed when it does not in its time."""
    _container_init.stop(c.name)
    found = container.state(c.name)
    if found and container.supervised(found):
        os.kill(found["supervisor"], signal.SIGTERM)
        end = time.time() + float(c.options.get("timeout") or 10) + 10
        while time.time() < end and container.supervised(found):
            time.sleep(0.005)
    clean(c)


def clean(c):
    # type: (Container) -> None
    """End the supervisor there is, and remove what one that was killed has left."""
    _container_init.stop(c.name)
    sweep(c)
    for pid in list(_ours):
        if os.waitpid(pid, os.WNOHANG)[0]:
            _ours.remove(pid)


def sweep(c):
    # type: (Container) -> None
    """Remove what a supervisor has left: processes, control groups, interfaces, files of the run."""
    found = container.read(os.path.join(c.runtime, "state.json")) or {}
    for pid, since in ((found.get("supervisor"), found.get("supervisor_started")), (found.get("pid"), found.get("started"))):
        if pid and since and container.started(pid) == since:
            os.kill(pid, signal.SIGKILL)
            _gone(pid, since)
    _end_holder(os.path.join(c.runtime, "lock"))
    groups(c).remove()
    _container_network.remove(c)
    volumes = os.path.join(c.runtime, "volumes")
    for name in os.listdir(volumes) if os.path.isdir(volumes) else ():
        path = os.path.join(volumes, name)  # a mount point: empty here, and never to be descended into
        os.rmdir(path) if os.path.isdir(path) else os.unlink(path)
    for name in ("bundle", "lxc", "crun", "devices"):
        shutil.rmtree(os.path.join(c.runtime, name), ignore_errors=True)
    if os.path.exists(os.path.join(c.runtime, "state.json")):
        os.unlink(os.path.join(c.runtime, "state.json"))


def _end_holder(path):
    # type: (str) -> None
    """Kill the supervisor that has the lock, known by its name in it: one that had not told of itself otherwise yet."""
    try:
        fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return
    end = time.time() + 5
    while time.time() < end:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            break
        except OSError:
            words = os.pread(fd, 64, 0).decode().split()
            if len(words) == 2 and container.started(words[0]) == words[1]:
                os.kill(int(words[0]), signal.SIGKILL)
            time.sleep(0.005)
    os.close(fd)


def _gone(pid, since):
    # type: (int, str) -> None
    end = time.time() + 5
    while time.time() < end and container.started(pid) == since:
        time.sleep(0.002)


def log_tail(c, size):
    # type: (Container, int) -> str
    try:
        with open(c.log, "rb") as stream:
            stream.seek(0, 2)
            stream.seek(max(stream.tell() - size, 0))
            return stream.read().decode("utf-8", "replace").strip()
    except OSError:
        return ""
