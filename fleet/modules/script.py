"""The target's side of script: a file sent along, run and taken away."""
import os
import shlex
from typing import Any

from fleet.runner.module import Change, Module
from fleet.runner.spec import Opt, Ret, Spec

SPEC = Spec(
    "script", "Run a script of the controller on the target",
    {
        "_raw_params": Opt("str", "The script and its arguments.", aliases=["cmd"]),
        "creates": Opt("str", "Do nothing when this exists."),
        "removes": Opt("str", "Do nothing when this does not exist."),
        "chdir": Opt("str", "Directory to run it in."),
        "executable": Opt("str", "Interpreter to run it with."),
    },
    returns={"rc": Ret("int", "Its exit status."), "stdout": Ret("str", "Its output."), "stderr": Ret("str", "Its errors.")},
    check="partial", free_form="_raw_params",
    examples="- script: setup.sh --fast\n  args: {creates: /opt/app}\n",
    notes=["Under check it is skipped, unless creates or removes say what would happen."],
)


def run(m):
    # type: (Module) -> Any
    args = m.args
    for name, wanted in (("creates", True), ("removes", False)):
        if args[name] and os.path.exists(os.path.join(args.chdir or "/", os.path.expanduser(args[name]))) == wanted:
            return {"skipped": True, "msg": "%s exists, matching creates option" % args[name] if wanted else
                    "%s does not exist, matching removes option" % args[name]}
    if m.check and not (args.creates or args.removes):
        return {"skipped": True, "unpredicted": True, "msg": "Check mode is not supported for this task."}
    if args.chdir and not os.path.isdir(args.chdir):
        m.fail("the directory %s does not exist" % args.chdir)
    return (yield from carry_out(m))


def carry_out(m):
    # type: (Module) -> Any
    args = m.args
    words = shlex.split(args._raw_params)

    def execute():
        # type: () -> Any
        import tempfile
        fd, path = tempfile.mkstemp(prefix="fleet-script-")
        try:
            with os.fdopen(fd, "wb") as stream:
                stream.write(m.blob.read() if m.blob is not None else b"")
            os.chmod(path, 0o700)
            argv = (shlex.split(args.executable) if args.executable else []) + [path] + words[1:]
            return m.run(argv, cwd=args.chdir or None)
        finally:
            os.unlink(path)

    done = yield Change("script " + words[0], None, None, execute)
    if done is None:
        return {}
    result = {"rc": done.rc, "stdout": done.stdout, "stderr": done.stderr}
    if done.rc:
        result.update(failed=True, msg="non-zero return code")
    return result
