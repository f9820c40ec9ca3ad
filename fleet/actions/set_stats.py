"""Statistics of one's own, shown at the end of the run."""

from __future__ import annotations

from typing import Any

from fleet.actions import Call
from fleet.actions.set_fact import check_name
from fleet.runner.spec import Opt, Ret, Spec

SPEC = Spec(
    "set_stats", "Set statistics that are shown at the end of the run",
    {
        "data": Opt("dict", "Names and values.", required=True),
        "per_host": Opt("bool", "Of this host, not of the run.", default=False),
        "aggregate": Opt("bool", "Add to what is set already: numbers are added, lists and texts joined, mappings merged; else replace it.", default=True),
    },
    returns={"ansible_stats": Ret("dict", "data, per_host and aggregate.")},
    notes=["They are in the event RunFinished too, and so in the journal and in `--format json`."],
    examples="""
- set_stats:
    data: {migrated: 1}
""")


def run(call: Call) -> dict[str, Any]:
    for name in call.args.data:
        check_name(name, "set_stats")
    return {"ansible_stats": {name: call.args[name] for name in ("data", "per_host", "aggregate")}}
