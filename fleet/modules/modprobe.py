"""Modules of the kernel."""
import os
import re
from typing import Any, Dict, Generator, Optional

from fleet.modules import _text
from fleet.runner.module import Change, Module
from fleet.runner.spec import Opt, Spec

SPEC = Spec(
    "modprobe", "Load and unload modules of the kernel",
    {
        "name": Opt("str", "The module.", required=True),
        "state": Opt("str", "Whether it is loaded.", default="present", choices=["absent", "present"]),
        "params": Opt("str", "Its parameters, when it is loaded: `numdummies=2`.", default=""),
        "persistent": Opt("str", "present: also at each boot, with these parameters; absent: not at boot; disabled: that is not looked at.", default="disabled",
                          choices=["absent", "disabled", "present"]),
    },
    notes=["What is built into the kernel is present. A kernel without loadable modules, or a container, where they are the host's affair, is named in the error.",
           "For each boot: /etc/modules-load.d/NAME.conf and /etc/modprobe.d/NAME.conf."],
    examples="- modprobe: {name: br_netfilter, persistent: present}\n")

LOADED, BUILTIN, ETC = "/proc/modules", "/lib/modules/%s/modules.builtin", "/etc"


def run(m):
    # type: (Module) -> Generator[Change, Any, Dict[str, Any]]
    args = m.args
    if not re.match(r"^[A-Za-z0-9_][A-Za-z0-9_.-]*$", args.name):
        m.fail("%r cannot be the name of a kernel module" % args.name)
    if "\n" in args.params:
        m.fail("params is one line of text")
    there = _there(args.name)
    if args.state == "present" and there is None:
        _loadable(m)
        _known(m)
        yield Change("module " + args.name, "absent", "present", lambda: m.run(["modprobe", args.name] + args.params.split(), ok=[0]))
    elif args.state == "absent" and there == "built in":
        m.fail("%s is built into this kernel and cannot be taken out" % args.name)
    elif args.state == "absent" and there is not None:
        yield Change("module " + args.name, "present", "absent", lambda: m.run(["modprobe", "-r", args.name], ok=[0]))
    if args.persistent != "disabled":
        yield from _persistent(m)
    return {"name": args.name, "state": args.state, "params": args.params}


def _same(one, other):
    # type: (str, str) -> bool
    return one.replace("-", "_") == other.replace("-", "_")


def _there(name):
    # type: (str) -> Optional[str]
    """loaded, built in, or None."""
    if any(_same(line.split()[0], name) for line in (_text.content(LOADED) or "").splitlines() if line.strip()):
        return "loaded"
    for line in (_text.content(BUILTIN % os.uname().release) or "").splitlines():
        if _same(os.path.basename(line.strip()).split(".ko")[0], name):
            return "built in"
    return None


def _loadable(m):
    # type: (Module) -> None
    release = os.uname().release
    if not os.path.exists(LOADED):
        m.fail("%s cannot be loaded: this kernel (%s) has no loadable modules (there is no %s)" % (m.args.name, release, LOADED))
    if not os.path.isdir("/lib/modules/" + release):
        m.fail("%s cannot be loaded: there are no modules for this kernel (/lib/modules/%s); in a container the host loads them" % (m.args.name, release))


def _known(m):
    # type: (Module) -> None
    done = m.run(["modprobe", "-n", m.args.name] + m.args.params.split())
    if done.rc != 0:
        m.fail("modprobe: %s" % (done.stderr.strip() or "status %d" % done.rc), rc=done.rc)


def _persistent(m):
    # type: (Module) -> Generator[Change, Any, None]
    """present: the line is in some file, else in ours. absent: no file has a line about the module."""
    args = m.args
    options = "options %s %s" % (args.name, args.params) if args.params else ""
    for folder, pattern, line in (("modules-load.d", r"^\s*(\S+)\s*$", args.name), ("modprobe.d", r"^\s*options\s+(\S+)\s.*$", options)):
        own = os.path.join(ETC, folder, args.name + ".conf")
        names = os.listdir(os.path.dirname(own)) if os.path.isdir(os.path.dirname(own)) else []
        texts = {os.path.join(ETC, folder, name): None for name in sorted(names) if name.endswith(".conf")}  # type: Dict[str, Optional[str]]
        texts = {path: _text.content(path) for path in texts}
        if args.persistent == "present":
            if line and not any(each.strip() == line for text in texts.values() for each in (text or "").splitlines()):
                old = texts.get(own)
                yield from _text.rewrite(m, own, old, _without(pattern, old or "", args.name) + line + "\n")
            continue
        for path, old in texts.items():
            new = _without(pattern, old or "", args.name)
            if new != old:
                yield from _text.rewrite(m, path, old, new or (None if path == own else ""))


def _without(pattern, text, name):
    # type: (str, str, str) -> str
    return "".join(line.rstrip("\n") + "\n" for line in text.splitlines(True) if not _about(pattern, line, name))


def _about(pattern, line, name):
    # type: (str, str, str) -> bool
    found = re.match(pattern, line)
    return found is not None and _same(found.group(1), name)
