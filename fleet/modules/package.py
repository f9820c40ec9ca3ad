"""Packages, by the target's own package manager."""
import os
from typing import Any, Dict, Generator

from fleet.modules import _apt_module
from fleet.runner.module import Args, Change, Module
from fleet.runner.spec import Opt, Ret, Spec

SPEC = Spec(
    "package", "Manage packages with the target's package manager",
    {
        "name": Opt("list", "The packages.", required=True, elements="str", aliases=["pkg"]),
        "state": Opt("str", "present, absent or latest.", required=True),
        "use": Opt("str", "The package manager; found out when not given.", default="auto"),
    },
    returns={"stdout": Ret("str", "What the package manager said.", returned="changed")},
    notes=["A target with apt is managed; others are refused by name. Package names are the target's own: nothing translates them."],
    examples="""
- package:
    name: [git, rsync]
    state: present
""")

_OTHERS = (("/usr/bin/dnf", "dnf"), ("/usr/bin/yum", "yum"), ("/usr/bin/zypper", "zypper"), ("/usr/bin/pacman", "pacman"), ("/sbin/apk", "apk"))


def run(m):
    # type: (Module) -> Generator[Change, Any, Dict[str, Any]]
    args = m.args
    kind = manager() if args.use == "auto" else args.use
    if kind != "apt":
        m.fail("packages of this target are managed with %s, which fleet does not manage yet; apt is what it knows" % (kind or "nothing known"))
    state = {"installed": "present", "removed": "absent"}.get(args.state, args.state)
    if state not in ("present", "absent", "latest"):
        m.fail("state is one of: present, absent, latest; not %r" % args.state)
    options = {name: option.default for name, option in _apt_module.OPTIONS.items()}
    m.args = Args(dict(options, name=args.name, state=state))
    return (yield from _apt_module.run(m))


def manager():
    # type: () -> str
    """The package manager's name; empty when none is known."""
    if os.path.exists("/usr/bin/apt-get") and os.path.exists("/var/lib/dpkg/status"):
        return "apt"
    return next((name for path, name in _OTHERS if os.path.exists(path)), "")
