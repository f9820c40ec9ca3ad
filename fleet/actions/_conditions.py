"""Conditions that are a task's arguments."""

from __future__ import annotations

from typing import Any

from fleet.actions import Call
from fleet.trust import Trusted, Unsafe, is_template, is_written


def pairs(written: Any, rendered: Any) -> list[tuple[Any, bool]]:
    """Conditions with whether a person wrote each. One that a template made may be data from anywhere.

    written: the option as it stands in the task; rendered: its value.
    """
    if isinstance(written, Trusted) and (not written.startswith(("{{", "{%")) or written != written.strip()):
        return [(written, True)]  # templates inside an expression are the expression's own, and blanks around one do not count
    if isinstance(written, list):
        flat: list[tuple[Any, bool]] = []
        values = rendered if isinstance(rendered, list) and len(rendered) == len(written) else written
        for one, value in zip(written, values, strict=True):
            flat += pairs(one, value)
        return flat
    if isinstance(rendered, list):
        return [pair for value in rendered for pair in pairs(None, value)]
    return [(rendered, not isinstance(rendered, str) or is_written(rendered) or (written is not None and not is_template(written)))]


def holds(call: Call, condition: Any, written: bool) -> bool:
    """Whether a condition holds. TemplateError for one that nobody wrote: what a template made is data."""
    return bool(call.templar.test(condition if written else Unsafe(condition), call.vars, pos=call.task.pos))
