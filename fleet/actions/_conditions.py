"""Conditions that are a task's arguments."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fleet.actions import Call
from fleet.trust import is_template


def pairs(written: Any, rendered: Any) -> list[tuple[Any, bool]]:
    """Conditions with whether a person wrote each in the task. One that a template yielded may be data from anywhere.

    written: the option as it stands in the task; rendered: its value.
    """
    if isinstance(written, list):
        flat: list[tuple[Any, bool]] = []
        values = rendered if isinstance(rendered, list) and len(rendered) == len(written) else written
        for one, value in zip(written, values, strict=True):
            flat += pairs(one, value)
        return flat
    if isinstance(rendered, list):
        return [pair for value in rendered for pair in pairs(None, value)]
    return [(rendered, written is not None and not is_template(written))]


def holds(call: Call, condition: Any, written: bool) -> bool:
    """Whether a condition holds. In one that a template yielded, nothing can be looked up: a lookup may run programs."""
    variables: Mapping[str, Any] = call.vars
    if not written and isinstance(condition, str):
        variables = variables.child({"lookup": None, "query": None, "q": None})  # type: ignore[attr-defined]
    return bool(call.templar.test(condition, variables, pos=call.task.pos))
