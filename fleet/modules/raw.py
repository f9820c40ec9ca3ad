"""Send a command line to the target's login shell. The connection carries it out: the target needs no Python."""
from fleet.runner.spec import Opt, Ret, Spec

SPEC = Spec(
    "raw", "Run a command line without Python on the target",
    {
        "_raw": Opt("str", "The command line, for the login shell of the remote user.", required=True),
        "executable": Opt("path", "Run it with this shell instead (an absolute path)."),
    },
    returns={
        "rc": Ret("int", "The exit status."),
        "stdout": Ret("str", "What it wrote to standard output."),
        "stderr": Ret("str", "What it wrote to standard error."),
        "stdout_lines": Ret("list", "stdout by lines.", elements="str"),
        "stderr_lines": Ret("list", "stderr by lines.", elements="str"),
        "msg": Ret("str", "Why it failed.", returned="failed"),
    },
    check="none", free_form="_raw",
    notes=["For bootstrapping a target or a device without Python; otherwise `command` and `shell` are better."],
    examples="""
- name: Bring Python to a bare target
  raw: test -e /usr/bin/python3 || (apt-get update && apt-get install -y python3-minimal)
""")
