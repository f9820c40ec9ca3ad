"""Back-end chroot: fleet's own, with nothing to install. Own mount, PID, IPC, UTS and user namespaces; this process tree is its init."""
import os
import signal
import socket
from typing import Any, Dict, List

from fleet.modules import _container_program as program
from fleet.runner import namespace as ns
from fleet.runner.container import Container, confine, furnish, users

REQUIRES = ""
BOOTS = False


def refuse(c):
    # type: (Container) -> str
    """What it cannot do of what is declared; empty when all can be done."""
    return "boot: true needs a back-end that runs an init: nspawn or lxc" if c.options.get("boot") else ""


def run(c, shown):
    # type: (Container, List[Any]) -> None
    """Become the container; called in a child of the supervisor, in its network namespace and control groups. Never returns."""
    user = program.user(c)
    userns = users(c)
    ns.prctl(ns.SET_DUMPABLE, 0)  # nobody inside is to look into this process, which was the host's
    ns.unshare(ns.MNT | ns.PID | ns.IPC | ns.UTS)
    socket.sethostname(c.hostname)
    pid = os.fork()
    if pid:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_IGN)
        os._exit(_status(os.waitpid(pid, 0)[1]))
    status = 127
    try:
        furnish(c, userns)
        ns.prctl(ns.SET_PDEATHSIG, signal.SIGKILL)  # after the change of user, which takes it away
        program.limits(c)
        confine(c)
        status = _init(c, user)
    except OSError as error:
        os.write(2, ("fleet: %s\n" % (error.strerror or error)).encode("utf-8", "replace"))
    finally:
        os._exit(status)


def _init(c, user):
    # type: (Container, Any) -> int
    """Start the program, pass it what ends it, and collect what it leaves."""
    first = os.fork()
    if first == 0:
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_DFL)
        program.execute(c, user)

    def passed(number, frame):
        # type: (int, Any) -> None
        os.kill(first, number)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, passed)
    while True:
        try:
            pid, status = os.wait()
        except InterruptedError:
            continue
        if pid == first:
            return _status(status)


def _status(status):
    # type: (int) -> int
    return os.WEXITSTATUS(status) if os.WIFEXITED(status) else 128 + os.WTERMSIG(status)
