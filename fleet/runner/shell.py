"""A program in a container, on the terminal or the pipes of this process. All of it comes on the command line of a Python on the host."""
import os
import signal
import sys
import warnings as warnings  # os.execvp imports it, and inside a container there is none
from typing import Any

from fleet.runner import container
from fleet.runner import namespace as ns

CANNOT_ENTER, CANNOT_RUN, NOT_FOUND = 125, 126, 127  # exit statuses
LOGIN = ["/bin/sh", "-c", "exec $(command -v bash || echo sh) -l"]


def main(steps, words):
    # type: (Any, Any) -> None
    """steps: (name, root directory) of each container on the way, the outermost first; words: the program, or none for a shell. Never returns."""
    try:
        for name, root in steps:
            inside = container.enter(name, root)
            if inside is not None:
                _child()
                inside()
                ns.prctl(ns.SET_PDEATHSIG, signal.SIGKILL)
    except OSError as error:
        _end("cannot enter: %s" % (error.strerror or error), CANNOT_ENTER)
    for number in (signal.SIGPIPE, signal.SIGXFSZ):  # Python ignores them, and its child would
        signal.signal(number, signal.SIG_DFL)
    words = list(words) or LOGIN
    try:
        os.execvp(words[0], words)
    except OSError as error:
        _end("cannot run %s: %s" % (words[0], error.strerror), NOT_FOUND if isinstance(error, FileNotFoundError) else CANNOT_RUN)


def _child():
    # type: () -> None
    """Go on in a child: only that is in a PID namespace which was entered. This process waits for it and ends as it does."""
    pid = os.fork()
    if pid:
        for number in (signal.SIGINT, signal.SIGQUIT):
            signal.signal(number, signal.SIG_IGN)
        status = os.waitpid(pid, 0)[1]
        os._exit(os.WEXITSTATUS(status) if os.WIFEXITED(status) else 128 + os.WTERMSIG(status))


def _end(text, status):
    # type: (str, int) -> None
    print("error: " + text, file=sys.stderr)
    sys.stderr.flush()
    os._exit(status)
