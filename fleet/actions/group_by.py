"""Put a host into a group named by its facts."""

from __future__ import annotations

from typing import Any

from fleet.actions import Call
from fleet.runner.spec import Opt, Ret, Spec

SPEC = Spec(
    "group_by", "Put the host into a group named by a variable, for later plays",
    {
        "key": Opt("str", "The group's name; spaces become dashes.", required=True),
        "parents": Opt("list", "The groups that the group belongs to.", default=["all"], elements="str"),
    },
    returns={"add_group": Ret("str", "The group."), "parent_groups": Ret("list", "Its parents.", elements="str")},
    examples="""
- group_by:
    key: os_{{ ansible_distribution }}
""")


def run(call: Call) -> dict[str, Any]:
    parents = [parent.replace(" ", "-") for parent in call.args.parents]
    return {"add_group": call.args.key.replace(" ", "-"), "parent_groups": parents}
