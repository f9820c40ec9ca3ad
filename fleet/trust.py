"""Which strings may be templates.

Only text that a person wrote in a playbook, an inventory, a variable file or on the command line may hold a template. Such a
string is marked when it is loaded, by its type; everything else (facts, results, file contents, lookups, the outcome of a template)
is a plain str and is never evaluated. A mark cannot be forged by a target, because a target sends JSON.

Text without markup needs no mark, but where a template yields a condition or the name of a variable it must be one that a person wrote: those
are known by identity (`is_written`), which templates that only pass them on keep.
"""

from __future__ import annotations

from typing import Any


class Trusted(str):
    """A string from a trusted source that holds Jinja markup ({{, {% or {#)."""

    __slots__ = ()


class Unsafe(str):
    """A string from a `!unsafe` YAML node: never a template."""

    __slots__ = ()


_written: dict[int, str] = {}  # by id; held, so that an id stays its string's own


def trust_str(text: str) -> str:
    """Mark one string if it holds Jinja markup; another one is remembered as written by a person."""
    if "{{" in text or "{%" in text or "{#" in text:
        return Trusted(text)
    if len(text) > 1:  # the interpreter has but one string of each single letter
        _written[id(text)] = text
    return text


def is_written(text: str) -> bool:
    """Whether this very string was written by a person, whatever variables and templates it came through."""
    return isinstance(text, Trusted) or _written.get(id(text)) is text


def trust(value: Any) -> Any:
    """Mark every string in plain data (dicts, lists, scalars) from a trusted source."""
    if type(value) is str:
        return trust_str(value)
    if isinstance(value, dict):
        return {key: trust(item) for key, item in value.items()}
    if isinstance(value, list):
        return [trust(item) for item in value]
    return value


def is_template(value: Any) -> bool:
    """Whether any string inside `value` is a template."""
    if isinstance(value, Trusted):
        return True
    if isinstance(value, dict):
        return any(is_template(k) or is_template(v) for k, v in value.items())
    if isinstance(value, (list, tuple)):
        return any(is_template(item) for item in value)
    return False
