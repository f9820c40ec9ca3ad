"""Symbolic links that stand for one of several programs, by update-alternatives."""
import os
from typing import Any, Dict, Generator, List, Optional

from fleet.runner.module import Change, Module
from fleet.runner.spec import Opt, Spec

SPEC = Spec(
    "alternatives", "Manage which program a generic name stands for",
    {
        "name": Opt("str", "The generic name: editor, java ...", required=True),
        "path": Opt("path", "The program it is to stand for."),
        "link": Opt("path", "The link; needed where the alternative is not known yet."),
        "priority": Opt("int", "The path's priority; 50 for a new one."),
        "state": Opt("str", "selected: the link leads to path; present: path is one of those to choose from; auto: the one of the highest priority is "
                     "chosen; absent: path is none of them.", default="selected", choices=["absent", "auto", "present", "selected"]),
        "subcommands": Opt("list", "Links that follow the main one (slaves): when given, these and no others.", elements="dict", aliases=["slaves"], suboptions={
            "name": Opt("str", "The generic name.", required=True), "link": Opt("path", "The link.", required=True),
            "path": Opt("path", "What it leads to.", required=True)}),
    },
    required_if=[("state", state, ["path"]) for state in ("absent", "present", "selected")],
    notes=["For Debian's update-alternatives. `family`, which only Red Hat's alternatives has, is not supported."],
    examples="""
- alternatives:
    name: editor
    path: /usr/bin/vim.basic
""")

PROGRAM = "/usr/bin/update-alternatives"


def run(m):
    # type: (Module) -> Generator[Change, Any, Dict[str, Any]]
    args = m.args
    if not os.path.exists(PROGRAM):
        m.fail("there is no %s on this target" % PROGRAM)
    if args.name.startswith("-") or "/" in args.name or not args.name.strip():
        m.fail("%r cannot be the name of an alternative" % args.name)
    known = _query(m)
    entry = known["paths"].get(args.path)
    if args.state == "absent":
        if entry is not None:
            yield Change("alternative", args.path, None, lambda: m.run([PROGRAM, "--remove", args.name, args.path], ok=[0]), args.name)
        return {}
    if args.path is not None:
        yield from _install(m, known, entry)
    if args.state == "selected" and (known["value"] != args.path or known["status"] != "manual"):
        yield Change("selection", known["value"], args.path, lambda: m.run([PROGRAM, "--set", args.name, args.path], ok=[0]), args.name)
    elif args.state == "auto" and known["status"] != "auto":
        if not known["paths"] and args.path is None:
            m.fail("there is no alternative %s" % args.name)
        yield Change("selection", known["status"], "auto", lambda: m.run([PROGRAM, "--auto", args.name], ok=[0]), args.name)
    return {}


def _install(m, known, entry):
    # type: (Module, Dict[str, Any], Optional[Dict[str, Any]]) -> Generator[Change, Any, None]
    args = m.args
    link = args.link or known["link"]
    slaves = {each["name"]: each for each in args.subcommands} if args.subcommands is not None else None
    links = dict(known["slaves"], **{name: each["link"] for name, each in (slaves or {}).items()})
    paths = {name: each["path"] for name, each in slaves.items()} if slaves is not None else entry["slaves"] if entry else {}
    priority = args.priority if args.priority is not None else entry["priority"] if entry else 50
    same = entry is not None and entry["priority"] == priority and entry["slaves"] == paths and known["link"] == link
    if same and all(known["slaves"].get(name) == links[name] for name in paths):
        return
    if not link:
        m.fail("%s is not known yet: give its link" % args.name)
    if not os.path.exists(args.path) and not m.check:
        m.fail("Specified path %s does not exist" % args.path)
    words = ["--install", link, args.name, args.path, str(priority)]  # type: List[str]
    for name, path in sorted(paths.items()):
        words += ["--slave", links[name], name, path]
    before = None if entry is None else _shown(args.path, entry["priority"], entry["slaves"])
    yield Change("alternative", before, _shown(args.path, priority, paths), lambda: m.run([PROGRAM] + words, ok=[0]), args.name)
    if known["status"] == "":
        known.update(status="auto", value=args.path)  # the first one is chosen


def _shown(path, priority, slaves):
    # type: (str, int, Dict[str, str]) -> str
    return "%s %d\n" % (path, priority) + "".join("  %s %s\n" % pair for pair in sorted(slaves.items()))


def _query(m):
    # type: (Module) -> Dict[str, Any]
    """link, status (auto, manual, empty when it is not known), value, slaves (name -> link), paths (path -> priority and slaves)."""
    known = {"link": None, "status": "", "value": None, "slaves": {}, "paths": {}}  # type: Dict[str, Any]
    done = m.run([PROGRAM, "--query", m.args.name], env={"LC_ALL": "C.UTF-8"})
    if done.rc != 0:
        return known
    here = known  # type: Dict[str, Any]
    for line in done.stdout.splitlines():
        key, _colon, value = line.partition(":")
        value = value.strip()
        if line.startswith(" "):
            name, _space, path = line.strip().partition(" ")
            if path:
                here["slaves"][name] = path.strip()
        elif key in ("Link", "Status", "Value"):
            known[key.lower()] = None if value == "none" else value
        elif key == "Alternative":
            here = known["paths"][value] = {"priority": 0, "slaves": {}}
        elif key == "Priority":
            here["priority"] = int(value)
    return known
