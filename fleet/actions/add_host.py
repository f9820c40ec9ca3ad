"""Add a host, or groups and variables of one, to the inventory of this run."""

from __future__ import annotations

from typing import Any

from fleet.actions import Call
from fleet.errors import ArgumentError
from fleet.runner.spec import Opt, Ret, Spec

SPEC = Spec(
    "add_host", "Add a host to the inventory of this run",
    {
        "name": Opt("str", "The host's name, with :PORT where wanted.", required=True, aliases=["host", "hostname"]),
        "groups": Opt("list", "The groups it is to be in.", elements="str", aliases=["group", "groupname"]),
    },
    any_options=True, main="name",
    returns={"add_host": Ret("dict", "host_name, groups and host_vars as added.")},
    notes=["Every further option is a variable of the host.", "Plays that follow see the host; the play that adds it does not run on it."],
    examples="""
- add_host:
    name: "{{ guest.ip }}"
    groups: [web, new]
    app_port: 8080
""")


def run(call: Call) -> dict[str, Any]:
    values = {key: value for key, value in call.args.items() if key not in SPEC.options}
    name, port = _split(call.args.name.strip())
    if not name:
        raise ArgumentError("add_host: the name of the host is empty")
    if port:
        values.setdefault("ansible_ssh_port", port)
    groups = [group.strip() for group in call.args.groups or () if group.strip()]
    return {"add_host": {"host_name": name, "groups": groups, "host_vars": values}}


def _split(name: str) -> tuple[str, int]:
    """NAME, NAME:PORT or [ADDRESS]:PORT; a bare IPv6 address has no port."""
    head, colon, tail = name.rpartition(":")
    if not colon or not tail.isdigit() or (":" in head and not head.endswith("]")):
        return name, 0
    return head.strip("[]"), int(tail)
