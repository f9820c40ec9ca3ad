"""The table of what each change of a guest does, as the documentation shows it."""

from __future__ import annotations

import re
from collections.abc import Iterator

from fleet.virt.effects import Effect, Row
from fleet.virt.parts import KINDS
from fleet.virt.table import GUEST

BEGIN, END = "<!-- effects: made by `make docs` -->", "<!-- end -->"
# The option that a field is declared by, where it has another name.
_OPTIONS = {"topology": "cpu: sockets, cores, threads", "cpu_features": "cpu: features", "pin": "cpu: pin", "cpu_shares": "cpu: shares",
            "cpu_limit": "cpu: limit", "cpu": "cpu: model", "overlay": "xml", "seed": "user_data and its like", "backing": "image", "source": "network, bridge"}


def page(text: str) -> str:
    """The page with its table as the code has it."""
    return re.sub(f"{re.escape(BEGIN)}.*?{re.escape(END)}", lambda found: f"{BEGIN}\n{table()}{END}", text, flags=re.DOTALL)


def table() -> str:
    lines = ["| option | what it is | a change takes effect |", "|---|---|---|"]
    lines += [_row("", row) for row in GUEST]
    for kind in KINDS:
        option = {"disks": "disks", "nics": "networks"}.get(kind.field, kind.field)
        lines.append(f"| `{option}` | {kind.doc} Adding and taking away: | {kind.when or 'live'} |")
        lines += [_row(f"{option}: ", row) for row in kind.rows]
    return "\n".join(lines) + "\n"


def _row(prefix: str, row: Row) -> str:
    return f"| `{prefix}{_OPTIONS.get(row.name, row.name)}` | {row.doc} | {', '.join(_effect(row))} |"


def _effect(row: Row) -> Iterator[str]:
    effect = row.effect if isinstance(row.effect, Effect) else None
    yield row.when or str(effect)
    if row.loses:
        yield f"**loses {row.loses}**"
