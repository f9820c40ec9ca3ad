"""Packages, by the target's own package manager."""
import os
from typing import Any, Dict, Generator

from fleet.modules import _apt_module, _dnf, _dnf_module
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
    notes=["Targets with apt, dnf or yum are managed; others are refused by name. Package names are the target's own: nothing translates them."],
    examples="""
- package:
    name: [git, rsync]
    state: present
""")

_OTHERS = (("/usr/bin/zypper", "zypper"), ("/usr/bin/pacman", "pacman"), ("/sbin/apk", "apk"))


def run(m):
    # type: (Module) -> Generator[Change, Any, Dict[str, Any]]
    args = m.args
    kind = manager() if args.use == "auto" else args.use
    work = {"apt": _apt_module, "dnf": _dnf_module, "dnf5": _dnf_module, "yum": _dnf_module}.get(kind)
    if work is None:
        m.fail("packages of this target are managed with %s, which fleet does not know; it knows apt, dnf and yum" % (kind or "nothing known"))
        return {}
    state = {"installed": "present", "removed": "absent"}.get(args.state, args.state)
    if state not in ("present", "absent", "latest"):
        m.fail("state is one of: present, absent, latest; not %r" % args.state)
    options = {name: option.default for name, option in work.OPTIONS.items()}
    m.args = Args(dict(options, name=args.name, state=state))
    return dict((yield from work.run(m)))


def manager():
    # type: () -> str
    """The package manager's name; empty when none is known."""
    if os.path.exists("/usr/bin/apt-get") and os.path.exists("/var/lib/dpkg/status"):
        return "apt"
    if _dnf.program() and os.path.exists("/usr/bin/rpm"):
        return "dnf"
    return next((name for path, name in _OTHERS if os.path.exists(path)), "")
