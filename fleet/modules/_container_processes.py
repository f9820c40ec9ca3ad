"""The processes of a running container, seen and reached from its host."""
import os
import signal
import time
import warnings as warnings  # os.execvp imports it, and inside a container there is none
from typing import List

from fleet.runner import container
from fleet.runner.container import Container


def run_inside(pid, command, timeout):
    # type: (int, List[str], float) -> bool
    """Whether a command in the container ends with status 0 in its time."""
    child = os.fork()
    if child == 0:
        try:
            os.setsid()
            signal.set_wakeup_fd(-1)
            inside = container.enter_process(pid)
            if inside is not None and os.fork():
                os._exit(os.WEXITSTATUS(os.wait()[1]))
            words = command if len(command) > 1 else ["/bin/sh", "-c", command[0]]
            os.execvp(words[0], words)
        except OSError:
            pass
        finally:
            os._exit(127)
    end = time.time() + timeout
    while time.time() < end:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return status == 0
        time.sleep(0.01)
    os.killpg(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return False


def ask(c, pid):
    # type: (Container, int) -> None
    """Ask a container to stop. The kernel keeps signals without a handler from a first process; then what it started is asked instead."""
    number = int(signal.SIGRTMIN) + 3 if c.options.get("boot") else int(signal.SIGTERM)
    try:
        with open("/proc/%d/status" % pid) as stream:
            caught = next((int(line.split()[1], 16) for line in stream if line.startswith("SigCgt")), 0) >> (number - 1) & 1
        below = children(pid)
        if c.options.get("boot") or caught:
            os.kill(pid, number)
        elif below:
            for each in below:
                os.kill(each, number)
        else:
            os.kill(pid, signal.SIGKILL)
    except OSError:
        pass


def children(pid):
    # type: (int) -> List[int]
    try:
        fd = os.open("/proc/%d/task/%d/children" % (pid, pid), os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return []
    try:
        return [int(word) for word in os.read(fd, 1 << 20).split()]
    except OSError:
        return []
    finally:
        os.close(fd)


def leader(child):
    # type: (int) -> int
    """The container's first process below a back-end, once its program runs: the first of a PID namespace, and it (or what it started) is not
    the back-end's own program any more. 0 until then."""
    try:
        ours, outer = os.readlink("/proc/%d/exe" % child), os.readlink("/proc/self/ns/pid")
        waiting = [child]
        while waiting:
            pid = waiting.pop()
            below = children(pid)
            if os.readlink("/proc/%d/ns/pid" % pid) != outer:
                for each in [pid] + below:
                    program = os.readlink("/proc/%d/exe" % each)
                    if program != ours and not program.startswith("/memfd:"):
                        return pid
                return 0
            waiting += below
    except OSError:
        pass
    return 0
