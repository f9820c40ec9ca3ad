"""Set variables of a host."""

from __future__ import annotations

from typing import Any

from fleet.actions import Call
from fleet.errors import ArgumentError
from fleet.runner.spec import Opt, Ret, Spec

SPEC = Spec(
    "set_fact", "Set variables of a host, for the rest of the run",
    {"cacheable": Opt("bool", "Set it as a fact too, in `ansible_facts`.", default=False)},
    any_options=True,
    returns={"ansible_facts": Ret("dict", "What was set.")},
    examples="""
- set_fact:
    app_url: "https://{{ ansible_fqdn }}:{{ app_port }}/"
    retries: 3
""")


def run(call: Call) -> dict[str, Any]:
    facts = {name: value for name, value in call.args.items() if name != "cacheable"}
    if not facts:
        raise ArgumentError("set_fact: No key/value pairs provided, at least one is required for this action to succeed")
    for name in facts:
        check_name(name, "set_fact")
    return {"ansible_facts": facts, "_ansible_facts_cacheable": call.args.cacheable}


def check_name(name: Any, module: str) -> None:
    """ArgumentError unless `name` can be a variable's name."""
    if not isinstance(name, str) or not name.isidentifier() or not name.isascii():
        raise ArgumentError(f"{module}: The variable name '{name}' is not valid",
                            hint="variables start with a letter or underscore, and hold only letters, digits and underscores")
