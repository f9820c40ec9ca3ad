"""A command that asks, answered at a terminal."""
import datetime
import os
import re
import select
import shlex
import signal
import time
from typing import Any, Dict, Generator, List, Optional, Tuple

from fleet.modules import _command
from fleet.runner.module import MAX_OUTPUT, Change, Module, ModuleError
from fleet.runner.spec import Opt, Ret, Spec

SPEC = Spec(
    "expect", "Run a command at a terminal and answer what it asks",
    {
        "command": Opt("str", "The command; no shell reads it.", required=True),
        "responses": Opt("dict", "A regular expression for what is asked, and the answer; a list answers one time after the other.", required=True),
        "timeout": Opt("int", "Seconds that it may take until the next question, or the end.", default=30),
        "echo": Opt("bool", "Have the terminal repeat the answers in the output.", default=False),
        "chdir": Opt("path", "Run in this directory."),
        "creates": Opt("path", "Do not run when this path (a glob pattern is allowed) exists."),
        "removes": Opt("path", "Run only when this path (a glob pattern is allowed) exists."),
    },
    returns={"cmd": Ret("str", "The command."), "rc": Ret("int", "Its exit status."), "stdout": Ret("str", "All that came to the terminal."),
             "stdout_lines": Ret("list", "The same by lines.", elements="str"), "start": Ret("str", "When it began."), "end": Ret("str", "When it ended."),
             "delta": Ret("str", "How long it took.")},
    check="partial",
    notes=["The standard library's terminal is used; pexpect is not needed on the target. The question that comes first in the output is answered first.",
           "Use `no_log` where an answer is a secret: the answers are options like others.",
           "Under check a command without creates or removes is skipped: what it would do cannot be known."],
    examples="""
- expect:
    command: passwd deploy
    responses:
      (?i)password: "{{ new_password }}"
  no_log: true
""")


def run(m):
    # type: (Module) -> Generator[Change, Any, Dict[str, Any]]
    args = m.args
    try:
        argv = shlex.split(args.command)
        answers = [(text, re.compile(str(text).encode("utf-8")), _listed(value)) for text, value in args.responses.items()]
    except (ValueError, re.error) as error:
        m.fail("the command or a question cannot be read: %s" % error)
    if not argv:
        m.fail("no command given")
    result = yield from _command.carry_out(m, argv, act=lambda: _timed(m, argv, answers))
    return dict(result, cmd=args.command)


def _listed(value):
    # type: (Any) -> Any
    """The answers, one after the other; a str answers always."""
    return [str(each) for each in value] if isinstance(value, list) else str(value)


def _timed(m, argv, answers):
    # type: (Module, List[str], List[Tuple[str, Any, Any]]) -> Dict[str, Any]
    start = datetime.datetime.now()
    output = bytearray()
    failed = {}  # type: Dict[str, Any]
    rc = None  # type: Optional[int]
    try:
        rc = _talk(m, argv, answers, output)
    except ModuleError as error:
        failed = {"failed": True, "msg": error.msg}
    end = datetime.datetime.now()
    text = bytes(output[:MAX_OUTPUT]).decode("utf-8", "surrogateescape").replace("\r\n", "\n").rstrip("\r\n")
    return dict({"rc": rc, "stdout": text, "start": str(start), "end": str(end), "delta": str(end - start)}, **failed)


def _talk(m, argv, answers, output):
    # type: (Module, List[str], List[Tuple[str, Any, Any]], bytearray) -> int
    """Run it until it ends; its exit status. What it wrote is put into output."""
    import subprocess
    ours, theirs = os.openpty()
    try:
        try:
            process = subprocess.Popen(argv, stdin=theirs, stdout=theirs, stderr=theirs, cwd=m.args.chdir, close_fds=True, start_new_session=True,
                                       preexec_fn=lambda: _controlling(theirs, m.args.echo))
        except OSError as error:
            raise ModuleError("cannot run %s: %s" % (argv[0], error.strerror))
        finally:
            os.close(theirs)
        try:
            _converse(m, ours, process, answers, output)
            return process.wait()
        except BaseException:
            try:
                os.killpg(process.pid, signal.SIGKILL)
            except OSError:
                pass
            process.wait()
            raise
    finally:
        os.close(ours)


def _controlling(fd, echo):
    # type: (int, bool) -> None
    """In the child: the terminal is its own, so that programs which ask /dev/tty are answered too."""
    import fcntl
    import termios
    fcntl.ioctl(fd, termios.TIOCSCTTY, 0)
    if not echo:
        mode = termios.tcgetattr(fd)
        mode[3] &= ~termios.ECHO
        termios.tcsetattr(fd, termios.TCSANOW, mode)


def _converse(m, fd, process, answers, output):
    # type: (Module, int, Any, List[Tuple[str, Any, Any]], bytearray) -> None
    seen = 0  # how much of the output is answered
    limit = m.args.timeout
    end = time.time() + limit if limit else None
    while True:
        ended = process.poll() is not None
        if end is not None and time.time() > end:
            raise ModuleError("command exceeded timeout: no question was answered for %d seconds" % limit)
        if not select.select([fd], [], [], 0.1)[0]:
            if ended:
                return
            continue
        try:
            data = os.read(fd, 65536)
        except OSError:  # the last one who had the terminal has closed it
            return
        if not data:
            return
        output += data
        hits = [(found.start(), number, found.end()) for number, found in enumerate(each[1].search(output, seen) for each in answers) if found]
        if hits:
            _start, number, seen = min(hits)
            os.write(fd, _answer(answers[number]).encode("utf-8", "surrogateescape") + b"\n")
            end = time.time() + limit if limit else None


def _answer(question):
    # type: (Tuple[str, Any, Any]) -> str
    text, _pattern, answer = question
    if isinstance(answer, str):
        return answer
    if not answer:
        raise ModuleError("no answer is left for the question '%s'" % text)
    return str(answer.pop(0))
