"""The module contract's runtime: what a module is given, and who carries out its changes.

A module is one file with a `SPEC` and a function `run(m)`, a generator that observes, compares, and yields the changes it would make:

    def run(m):
        mode = os.stat(m.args.path).st_mode & 0o7777
        if mode != m.args.mode:
            yield Change("mode", oct(mode), oct(m.args.mode), lambda: os.chmod(m.args.path, m.args.mode))
        return {"path": m.args.path}

`execute` drives it. Applying, it calls each change's function and sends its return value back into the generator; checking, it calls nothing
and sends None. So a check cannot lie, and `changed` and `diff` are derived from the changes, never set by hand. A module acts only through
changes; one that changes nothing may be a plain function returning a dict.
"""
import os
import signal
import threading
import types
from typing import IO, Any, Callable, Dict, List, Optional, Sequence, Union

MYPY = False
if MYPY:  # true where types are checked; at work subprocess is loaded when a command is run
    import subprocess
    _Options = Dict[str, Any]
else:
    _Options = dict

MAX_OUTPUT = 8 * 1024 * 1024  # bytes kept of each of a command's streams; the middle is dropped beyond it


class ModuleError(Exception):
    """The module failed: `msg` says what, in one sentence; `result` are further fields of the result."""

    def __init__(self, msg, **result):
        # type: (str, **Any) -> None
        Exception.__init__(self, msg)
        self.msg = msg
        self.result = result


class Cancelled(BaseException):
    """The controller cancelled the request; not an Exception, so that no module swallows it."""


class Change:
    """One change a module would make.

    what: a few words ("mode", "content of /etc/motd"); before, after: values or texts for the diff, None = nothing to show;
    apply: carries it out, its return value is what `yield` gives back to the module; path: the file concerned, for the diff's header.
    """

    __slots__ = ("after", "apply", "before", "path", "what")

    def __init__(self, what, before=None, after=None, apply=None, path=None):
        # type: (str, Any, Any, Optional[Callable[[], Any]], Optional[str]) -> None
        self.what = what
        self.before = before
        self.after = after
        self.apply = apply
        self.path = path


class Args(_Options):
    """Validated arguments: every option of the spec is a key (default or None when not given), also readable as an attribute."""

    def __getattr__(self, name):
        # type: (str) -> Any
        try:
            return self[name]
        except KeyError:
            raise AttributeError(name)


class Completed:
    """A finished command: rc, stdout and stderr as text (undecodable bytes as surrogates), truncated when output was dropped."""

    __slots__ = ("argv", "rc", "stderr", "stdout", "truncated")

    def __init__(self, argv, rc, stdout, stderr, truncated=False):
        # type: (Any, int, str, str, bool) -> None
        self.argv = argv
        self.rc = rc
        self.stdout = stdout
        self.stderr = stderr
        self.truncated = truncated


class Module:
    """What a module is given: its arguments, the mode of the run, and the ways to act.

    args: Args; check, diff: bool; blob: a readable binary file with the content sent along, or None; environment: the task's variables
    (already merged into os.environ); emit(bytes): stream bytes up to the controller (fetch); limit: seconds or None.
    """

    def __init__(self, args, check=False, diff=False, blob=None, emit=None, environment=None):
        # type: (Dict[str, Any], bool, bool, Optional[IO[bytes]], Optional[Callable[[bytes], None]], Optional[Dict[str, str]]) -> None
        self.args = Args(args)
        self.check = check
        self.diff = diff
        self.blob = blob
        self.emit = emit
        self.environment = environment or {}
        self.warnings = []  # type: List[str]
        self._running = None  # type: Optional[subprocess.Popen[bytes]]

    def warn(self, text):
        # type: (str) -> None
        if text not in self.warnings:
            self.warnings.append(text)

    def fail(self, msg, **result):
        # type: (str, **Any) -> None
        raise ModuleError(msg, **result)

    def run(self, argv, input=None, cwd=None, env=None, shell=None, ok=None):
        # type: (Union[str, Sequence[str]], Union[str, bytes, None], Optional[str], Optional[Dict[str, str]], Optional[str], Optional[Sequence[int]]) -> Completed
        """Run a command and wait for it. argv: a list; a str only together with shell, the shell's path.

        env is added to the environment. ok: the accepted exit statuses, any other is a ModuleError; None accepts all.
        Returns when the process ends, even when a daemon it left keeps its output open. Output beyond MAX_OUTPUT is dropped in the middle.
        """
        import subprocess
        full = dict(os.environ, **env) if env else None
        command = [shell, "-c", str(argv)] if shell else list(argv)
        try:
            process = subprocess.Popen(
                command, stdin=subprocess.PIPE if input is not None else subprocess.DEVNULL, stdout=subprocess.PIPE,
                stderr=subprocess.PIPE, cwd=cwd, env=full, start_new_session=True, close_fds=True)
        except OSError as error:
            raise ModuleError("cannot run %s: %s" % (command[0], error.strerror), rc=error.errno, cmd=argv)
        self._running = process
        try:
            done = _collect(process, input.encode("utf-8", "surrogateescape") if isinstance(input, str) else input)
        except BaseException:
            self.kill()
            raise
        finally:
            self._running = None
        result = Completed(argv, process.returncode, done[0].text(), done[1].text(), done[0].truncated or done[1].truncated)
        if ok is not None and result.rc not in ok:
            raise ModuleError("%s ended with status %d: %s" % (command[0], result.rc, (result.stderr or result.stdout).strip()[-2000:]),
                              rc=result.rc, stdout=result.stdout, stderr=result.stderr, cmd=argv)
        return result

    def kill(self):
        # type: () -> None
        """End the command that is running, with its children."""
        process = self._running
        if process is None or process.poll() is not None:
            return
        import subprocess
        for number in (signal.SIGTERM, signal.SIGKILL):
            try:
                os.killpg(process.pid, number)
            except OSError:
                return
            try:
                process.wait(2)
                return
            except subprocess.TimeoutExpired:
                continue


class _Tail:
    """Bytes of one stream: the head and the tail of what came, bounded by MAX_OUTPUT."""

    def __init__(self):
        # type: () -> None
        self.head = bytearray()
        self.tail = bytearray()
        self.truncated = False

    def add(self, data):
        # type: (bytes) -> None
        room = MAX_OUTPUT // 2 - len(self.head)
        if room > 0:
            self.head += data[:room]
            data = data[room:]
        self.tail += data
        if len(self.tail) > MAX_OUTPUT:
            self.truncated = True
            del self.tail[: len(self.tail) - MAX_OUTPUT // 2]

    def text(self):
        # type: () -> str
        middle = b"\n[... output truncated by fleet ...]\n" if self.truncated else b""
        return bytes(self.head + middle + self.tail).decode("utf-8", "surrogateescape")


def _collect(process, data):
    # type: (subprocess.Popen[bytes], Optional[bytes]) -> List[_Tail]
    tails = [_Tail(), _Tail()]

    def pump(stream, tail):
        # type: (Any, _Tail) -> None
        while True:
            try:
                chunk = os.read(stream.fileno(), 65536)
            except (OSError, ValueError):
                return
            if not chunk:
                return
            tail.add(chunk)

    threads = [threading.Thread(target=pump, args=pair, daemon=True) for pair in zip((process.stdout, process.stderr), tails)]
    for thread in threads:
        thread.start()
    if data is not None and process.stdin is not None:
        try:
            process.stdin.write(data)
            process.stdin.close()
        except (BrokenPipeError, ConnectionResetError):
            pass
    process.wait()
    for thread in threads:
        thread.join(0.2)  # a daemon may hold the pipe open; what came by now is what there is
    for stream, thread in zip((process.stdout, process.stderr), threads):
        if not thread.is_alive() and stream is not None:
            stream.close()
    return tails


def execute(code, m):
    # type: (Any, Module) -> Dict[str, Any]
    """Run a module (an object with `run`) and derive its result. Never raises an Exception: a failure is a result with failed=True."""
    changes = []  # type: List[Change]
    try:
        result = drive(code.run(m), m.check, changes.append)
    except ModuleError as error:
        result = dict(error.result, failed=True, msg=error.msg)
    except OSError as error:
        place = error.filename.decode("utf-8", "surrogateescape") if isinstance(error.filename, bytes) else error.filename
        where = ": %s" % place if place else ""
        result = {"failed": True, "msg": "%s%s" % (error.strerror or error, where), "errno": error.errno}
    except Exception as error:
        import traceback
        result = {"failed": True, "msg": "%s: %s (a bug in the module)" % (type(error).__name__, error), "exception": traceback.format_exc()}
    result["changed"] = bool(changes) if "changed" not in result else bool(result["changed"])
    if m.diff and changes and "diff" not in result:
        result["diff"] = [{"what": c.what, "path": c.path, "before": c.before, "after": c.after} for c in changes
                          if c.before is not None or c.after is not None]
    if m.warnings:
        result["warnings"] = m.warnings
    return result


def drive(steps, check, seen):
    # type: (Any, bool, Callable[[Change], None]) -> Dict[str, Any]
    """Carry out what a module's generator yields; under check only look. Returns the module's own result."""
    if not isinstance(steps, types.GeneratorType):
        return dict(steps or {})
    try:
        change = next(steps)
        while True:
            outcome = None if check or change.apply is None else change.apply()
            seen(change)  # one that failed changed nothing
            change = steps.send(outcome)
    except StopIteration as stop:
        return dict(stop.value or {})
    finally:
        steps.close()
