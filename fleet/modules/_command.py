"""What command and shell share."""
import datetime
import glob
import os
import shlex
from typing import Any, Callable, Dict, Generator, List, Optional, Union

from fleet.runner.module import Change, Module, ModuleError
from fleet.runner.spec import Opt, Ret


def options():
    # type: () -> Dict[str, Opt]
    return {
        "_raw_params": Opt("str", "The command line.", aliases=["cmd"]),
        "chdir": Opt("path", "Run in this directory."),
        "creates": Opt("str", "Do not run when this path (a glob pattern is allowed) exists."),
        "removes": Opt("str", "Run only when this path (a glob pattern is allowed) exists."),
        "stdin": Opt("str", "What the command reads on its standard input."),
        "stdin_add_newline": Opt("bool", "End `stdin` with a newline.", default=True),
        "strip_empty_ends": Opt("bool", "Strip newlines from the end of stdout and stderr.", default=True),
    }


RETURNS = {
    "cmd": Ret("raw", "What was run: a list (command), or the text (shell)."),
    "rc": Ret("int", "The exit status."),
    "stdout": Ret("str", "What it wrote to standard output."),
    "stderr": Ret("str", "What it wrote to standard error."),
    "stdout_lines": Ret("list", "stdout by lines.", elements="str"),
    "stderr_lines": Ret("list", "stderr by lines.", elements="str"),
    "start": Ret("str", "When it began, in the target's local time."),
    "end": Ret("str", "When it ended."),
    "delta": Ret("str", "How long it took, as H:MM:SS.micros."),
    "msg": Ret("str", "Why it failed or did not run.", returned="failed or not run"),
}


def carry_out(m, command, shell=None, written=None, act=None):
    # type: (Module, Union[str, List[str]], Optional[str], Optional[List[str]], Optional[Callable[[], Dict[str, Any]]]) -> Generator[Change, Any, Dict[str, Any]]
    """Run the command unless creates, removes or check mode forbid it. written: its words before variables were put in, to be shown.

    act: runs it in another way; what it returns goes into the result.
    """
    args = m.args
    shown = " ".join(shlex.quote(word) for word in command) if isinstance(command, list) else command
    result = {"cmd": command if written is None else written, "rc": 0, "stdout": "", "stderr": "", "start": None, "end": None, "delta": None}  # type: Dict[str, Any]
    if args.chdir is not None:
        args["chdir"] = os.path.abspath(os.path.expanduser(args.chdir))
        if not os.path.isdir(args.chdir):
            m.fail("Unable to change directory before execution: there is no directory %s" % args.chdir, **dict(result, rc=None))
    would = "Would not" if m.check else "Did not"
    for option, run_if in (("creates", False), ("removes", True)):
        path = args[option]
        if path is not None and bool(glob.glob(os.path.join(args.chdir or "", os.path.expanduser(path)))) != run_if:
            fact = "does not exist" if run_if else "exists"
            return dict(result, msg="%s run command since '%s' %s" % (would, path, fact), stdout="skipped, since %s %s" % (path, fact))
    if m.check:
        result["msg"] = "Command would have run if not in check mode"
        if args.creates is None and args.removes is None:
            return dict(result, skipped=True, unpredicted=True)
        yield Change("run " + shown)
        return result
    done = yield Change("run " + shown, apply=act or (lambda: _timed(m, command, shell)))
    result.update(done)
    if result["rc"] != 0 and not result.get("failed"):
        result.update(failed=True, msg="non-zero return code")
    return result


def _timed(m, command, shell):
    # type: (Module, Union[str, List[str]], Optional[str]) -> Dict[str, Any]
    data = m.args.stdin
    if data is not None and m.args.stdin_add_newline:
        data += "\n"
    start = datetime.datetime.now()
    try:
        done = m.run(command, input=data, cwd=m.args.chdir, shell=shell)
    except ModuleError as error:  # it did not start
        return {"failed": True, "changed": False, "msg": error.msg, "rc": error.result.get("rc")}
    end = datetime.datetime.now()
    result = {"rc": done.rc, "stdout": done.stdout, "stderr": done.stderr,
              "start": str(start), "end": str(end), "delta": str(end - start)}  # type: Dict[str, Any]
    if m.args.strip_empty_ends:
        result.update(stdout=done.stdout.rstrip("\r\n"), stderr=done.stderr.rstrip("\r\n"))
    if done.truncated:
        m.warn("the command wrote more than fleet keeps; the middle of its output is missing")
    return result
