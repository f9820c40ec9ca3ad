"""Groups of the target."""
from typing import Any, Dict, Generator, List

from fleet.modules import _accounts
from fleet.runner.module import Change, Module
from fleet.runner.spec import Opt, Ret, Spec

SPEC = Spec(
    "group", "Manage groups",
    {
        "name": Opt("str", "The group's name.", required=True),
        "state": Opt("str", "Whether it exists.", default="present", choices=["absent", "present"]),
        "gid": Opt("int", "Its number; chosen when not given."),
        "gid_min": Opt("int", "The least number to choose."),
        "gid_max": Opt("int", "The greatest number to choose."),
        "system": Opt("bool", "Create it as a system group.", default=False),
        "local": Opt("bool", "Look at /etc/group only, not at other sources of accounts.", default=False),
        "non_unique": Opt("bool", "Let the number be one that another group has.", default=False),
        "force": Opt("bool", "Delete it even when it is the first group of a user.", default=False),
    },
    required_by={"non_unique": ["gid"]},
    returns={"name": Ret("str", "The name."), "gid": Ret("int", "The number.", returned="state=present"),
             "state": Ret("str", "The state asked for."), "system": Ret("bool", "The option.", returned="state=present")},
    examples="""
- group:
    name: deploy
    gid: 2000
""")


def run(m):
    # type: (Module) -> Generator[Change, Any, Dict[str, Any]]
    args = m.args
    _accounts.check_name(m, args.name)
    entry = _accounts.group(args.name, args.local)
    if entry is not None and entry.gr_name != args.name:
        entry = None  # a group whose number reads like this name
    result = {"name": args.name, "state": args.state}
    command = []  # type: List[str]
    number = [] if args.gid is None else ["-g", str(args.gid)] + (["-o"] if args.non_unique else [])
    if args.state == "absent":
        if entry is not None:
            command = [_accounts.tool(m, "groupdel")] + (["-f"] if args.force else [])
    elif entry is None:
        command = [_accounts.tool(m, "groupadd")] + number + (["-r"] if args.system else [])
        for option, key in ((args.gid_min, "GID_MIN"), (args.gid_max, "GID_MAX")):
            command += [] if option is None else ["-K", "%s=%d" % (key, option)]
    elif args.gid is not None and entry.gr_gid != args.gid:
        command = [_accounts.tool(m, "groupmod")] + number
    if command:
        before = None if entry is None else "%s:%d" % (entry.gr_name, entry.gr_gid)
        after = None if args.state == "absent" else "%s:%s" % (args.name, "?" if args.gid is None else args.gid)
        yield Change("group " + args.name, before, after, lambda: m.run(command + [args.name], ok=[0]))
    if args.state == "present":
        entry = _accounts.group(args.name, args.local)
        result.update(system=args.system, gid=entry.gr_gid if entry else args.gid)
    return result
