"""Packages, by the target's own package manager."""
import os
from typing import Any, Dict, Generator

from fleet.modules import _apt_module, _dnf, _dnf_module
from fleet.runner.module import Args, Change, Module
from fleet.runner.spec import Opt, Ret, Spec


def _options():
    # type: () -> Dict[str, Opt]
    """The options of one package manager or another; none has a default, so that those that were given are known."""
    found = {}  # type: Dict[str, Opt]
    for kind, work in (("apt", _apt_module), ("dnf", _dnf_module)):
        for name, option in work.OPTIONS.items():
            other = found.get(name)
            if other is not None:
                found[name] = Opt(other.type, option.doc, aliases=other.aliases + option.aliases, elements=other.elements)
            elif name not in ("name", "state", "use_backend"):
                found[name] = Opt(option.type, "%s: %s" % (kind, option.doc), aliases=option.aliases, elements=option.elements)
    return found


SPEC = Spec(
    "package", "Manage packages with the target's package manager",
    dict({
        "name": Opt("list", "The packages.", required=True, elements="str", aliases=["pkg"]),
        "state": Opt("str", "present, absent or latest.", required=True),
        "use": Opt("str", "The package manager; found out when not given.", default="auto"),
    }, **_options()),
    returns={"stdout": Ret("str", "What the package manager said.", returned="changed")},
    notes=["Targets with apt, dnf or yum are managed; others are refused by name. Package names are the target's own: nothing translates them.",
           "Options of one package manager fail on a target with another."],
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
    given = {name: value for name, value in args.items() if value is not None and name not in ("name", "state", "use")}
    strange = sorted(name for name in given if name not in work.OPTIONS)
    if strange:
        m.fail("packages of this target are managed with %s, which has no option %s" % (kind, ", ".join(strange)))
    options = {name: option.default for name, option in work.OPTIONS.items()}
    options.update(given, name=args.name, state=state)
    m.args = Args(options)
    return dict((yield from work.run(m)))


def manager():
    # type: () -> str
    """The package manager's name; empty when none is known."""
    if os.path.exists("/usr/bin/apt-get") and os.path.exists("/var/lib/dpkg/status"):
        return "apt"
    if _dnf.program() and os.path.exists("/usr/bin/rpm"):
        return "dnf"
    return next((name for path, name in _OTHERS if os.path.exists(path)), "")
