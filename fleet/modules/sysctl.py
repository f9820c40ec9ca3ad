"""Settings of the kernel, in a file and live."""
import os
import re
from typing import Any, Dict, Generator, List, Optional, Tuple

from fleet.modules import _text
from fleet.runner.module import Change, Module
from fleet.runner.spec import Opt, Spec

SPEC = Spec(
    "sysctl", "Manage settings of the kernel",
    {
        "name": Opt("str", "The setting, with dots or slashes: `net.ipv4.ip_forward`.", required=True, aliases=["key"]),
        "value": Opt("str", "Its value; true and false are 1 and 0.", aliases=["val"]),
        "state": Opt("str", "Whether it is in the file.", default="present", choices=["absent", "present"]),
        "sysctl_file": Opt("path", "The file.", default="/etc/sysctl.conf"),
        "sysctl_set": Opt("bool", "Compare the kernel's own value too, and set it where it differs.", default=False),
        "reload": Opt("bool", "When the file changes, set all that is in it.", default=True),
        "ignoreerrors": Opt("bool", "Pass over settings that this kernel does not have.", default=False),
    },
    required_if=[("state", "present", ["value"])],
    notes=["Values are read and written below /proc/sys; the program sysctl is not needed. What could not be set live is not written into the file.",
           "What a line that goes had set stays until the next boot: the kernel does not know what was there before."],
    examples="""
- sysctl:
    name: net.ipv4.ip_forward
    value: "1"
    sysctl_set: true
    sysctl_file: /etc/sysctl.d/60-router.conf
""")

PROC = "/proc/sys"
_LINE = re.compile(r"^\s*(-?)([^#;=\s][^=]*?)\s*=\s*(.*?)\s*$")
_NAME = re.compile(r"^(?!-)[A-Za-z0-9_@:*-]+([./][A-Za-z0-9_@:*-]+)*$")


def run(m):
    # type: (Module) -> Generator[Change, Any, Dict[str, Any]]
    args = m.args
    if not _NAME.match(args.name):
        m.fail("%r cannot be the name of a kernel setting" % args.name)
    value = _value(args.value or "")
    if args.state == "present" and (not value or "\n" in value):
        m.fail("the value of %s cannot be %r: it is one line of text" % (args.name, args.value))
    old = _text.content(args.sysctl_file)
    new = _edited(old or "", args.name, value if args.state == "present" else None)
    differs = new != (old or "")
    for key, wanted, lenient in _live(args, value, new if differs and args.reload else ""):
        yield from _set(m, key, wanted, lenient or args.ignoreerrors)
    if differs:
        yield from _text.rewrite(m, args.sysctl_file, old, new)
    return {"name": args.name, "value": value or None}


def _value(text):
    # type: (str) -> str
    word = text.strip()
    return {"true": "1", "yes": "1", "on": "1", "false": "0", "no": "0", "off": "0"}.get(word.lower(), word)


def _path(name):
    # type: (str) -> str
    """The setting below /proc/sys. The first separator says which one separates; the other one then stands for it in names."""
    first = re.search(r"[./]", name)
    if first is None or first.group() == ".":
        name = name.translate({ord("."): "/", ord("/"): "."})
    return os.path.join(PROC, name)


def _edited(text, name, value):
    # type: (str, str, Optional[str]) -> str
    """The file's text with one line for the setting, or none."""
    result = []  # type: List[str]
    placed = value is None
    for line in text.splitlines(True):
        found = _LINE.match(line)
        if found is None or _path(found.group(2)) != _path(name):
            result.append(line)
        elif not placed:
            placed = True
            same = found.group(3).split() == (value or "").split()
            result.append(line if same else "%s%s=%s\n" % (found.group(1), name, value))
    if not placed:
        if result and not result[-1].endswith("\n"):
            result[-1] += "\n"
        result.append("%s=%s\n" % (name, value))
    return "".join(result)


def _live(args, value, text):
    # type: (Any, str, str) -> List[Tuple[str, str, bool]]
    """What is to be the kernel's own: name, value, and whether it may be missing."""
    wanted = {}  # type: Dict[str, Tuple[str, str, bool]]
    for found in filter(None, map(_LINE.match, text.splitlines())):
        wanted[_path(found.group(2))] = (found.group(2), found.group(3), found.group(1) == "-")
    if args.sysctl_set and args.state == "present":
        wanted[_path(args.name)] = (args.name, value, False)
    return list(wanted.values())


def _set(m, name, value, lenient):
    # type: (Module, str, str, bool) -> Generator[Change, Any, None]
    path = _path(name)
    if not os.path.isfile(path):
        if not lenient:
            m.fail("this kernel has no setting %s: there is no %s (`ignoreerrors: true` passes over it)" % (name, path))
        return
    try:
        with open(path) as stream:
            now = stream.read().strip()  # type: Optional[str]
    except OSError:
        now = None  # some can only be written
    if now is None or now.split() != value.split():
        yield Change("live value of " + name, now, value, lambda: _write(m, name, path, value))


def _write(m, name, path, value):
    # type: (Module, str, str, str) -> None
    try:
        with open(path, "w") as stream:
            stream.write(value + "\n")
    except OSError as error:
        m.fail("cannot set %s to %s: %s" % (name, value, error.strerror))
