"""Entries of the system's databases: passwd, group, hosts, services ..."""
from typing import Any, Dict, List

from fleet.runner.module import Module
from fleet.runner.spec import Opt, Ret, Spec

SPEC = Spec(
    "getent", "Ask the system's databases: passwd, group, hosts, services ...",
    {
        "database": Opt("str", "The database.", required=True),
        "key": Opt("str", "The entry; all that can be listed when not given.", default=""),
        "service": Opt("str", "Ask only this source of the database (files, ldap ...)."),
        "split": Opt("str", "What stands between fields; `:` for passwd, shadow, group and gshadow, else white space."),
        "fail_key": Opt("bool", "Fail when there is no such entry; else its value is none.", default=True),
    },
    returns={"ansible_facts": Ret("dict", "`getent_DATABASE`: each entry's fields by its name; a list of such lists where one name has several entries.")},
    examples="""
- getent:
    database: passwd
    key: deploy
- debug:
    msg: "home is {{ getent_passwd.deploy[4] }}"
""")

_COLONS = ("passwd", "shadow", "group", "gshadow")


def run(m):
    # type: (Module) -> Dict[str, Any]
    args = m.args
    if args.database.startswith("-") or args.key.startswith("-"):
        m.fail("neither a database nor a key starts with a dash")
    if args.split == "":
        m.fail("Invalid split value. The value must be a non-empty string")
    words = ["getent"] + (["-s", args.service] if args.service else []) + [args.database] + ([args.key] if args.key else [])
    done = m.run(words, env={"LC_ALL": "C.UTF-8"})
    name = "getent_" + args.database
    if done.rc == 0:
        split = args.split if args.split is not None else ":" if args.database in _COLONS else None
        return {"ansible_facts": {name: _entries(done.stdout, split)}}
    if done.rc == 2:
        if args.fail_key:
            m.fail("%s has no entry %s" % (args.database, args.key), rc=2)
        return {"ansible_facts": {name: {args.key: None}}, "msg": "One or more supplied key could not be found in the database."}
    if done.rc == 3:
        m.fail("the entries of %s cannot be listed here: give a key" % args.database, rc=3)
    m.fail("getent cannot ask %s: %s" % (args.database, done.stderr.strip().splitlines()[0] if done.stderr.strip() else "status %d" % done.rc), rc=done.rc)
    return {}


def _entries(text, split):
    # type: (str, Any) -> Dict[str, Any]
    found = {}  # type: Dict[str, List[List[str]]]
    for line in text.splitlines():
        fields = line.split(split)
        found.setdefault(fields[0], []).append(fields[1:])
    return {key: entries[0] if len(entries) == 1 else entries for key, entries in found.items()}
