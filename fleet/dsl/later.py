"""A result's field as an argument of a later task, put in on the target when it gets there: no round trip.

A task's arguments hold a token in its place, which never leaves the controller; when the request goes out, the request says which field of which
earlier request's result belongs where (fleet.connection.base.Ref). What the target puts there is data, as everything it says.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from fleet import registry
from fleet.connection.base import Ref
from fleet.errors import ArgumentError
from fleet.runner.spec import Opt, Spec

if TYPE_CHECKING:
    from fleet.dsl.result import Result
    from fleet.dsl.stream import Pending, Stream

_TEXT = ("str", "path")
PLAIN = frozenset({str, int, bool, float, type(None)})


class Later:
    """One field of a result that may not be there yet. As a task's argument it is not waited for; as text (f-strings, str()) it is."""

    __slots__ = ("field", "result", "token")

    def __init__(self, result: Result, field: str) -> None:
        self.result = result
        self.field = field
        self.token = ""

    def wait(self) -> Any:
        """The value. Raises TaskFailed."""
        return getattr(self.result, self.field)

    def __str__(self) -> str:
        return str(self.wait())

    def __format__(self, spec: str) -> str:
        return format(str(self), spec)

    def __bool__(self) -> bool:
        return bool(self.wait())

    def __eq__(self, other: object) -> bool:
        return bool(self.wait() == (other.wait() if isinstance(other, Later) else other))

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"<{self.field} of {self.result!r}>"


class Unknown(Exception):
    """Under check: the result that a task's argument comes from is not there."""


class Waiting:
    """The fields that one task's arguments still wait for, by their tokens."""

    def __init__(self, stream: Stream) -> None:
        self.stream = stream
        self.tokens: dict[str, Later] = {}

    def defer(self, later: Later) -> str:
        token = f"fleet-later-{uuid.uuid4().hex}"
        self.tokens[token] = later
        return token

    def refs(self, args: dict[str, Any], check: bool) -> list[Ref]:
        """Put in what is known by now; the places of what is not. Called when the request goes out."""
        found: list[Ref] = []
        for name, value in args.items():
            if isinstance(value, str) and value in self.tokens:
                args[name] = self._put(value, [name], found, check)
            elif isinstance(value, list) and any(isinstance(item, str) and item in self.tokens for item in value):
                args[name] = [self._put(item, [name, index], found, check) if isinstance(item, str) and item in self.tokens else item
                              for index, item in enumerate(value)]
        return found

    def _put(self, token: str, place: list[Any], found: list[Ref], check: bool) -> Any:
        later = self.tokens[token]
        pending = pending_of(later)
        if pending is None or pending.done.done or not pending.keep or pending.stream is not self.stream:
            return known(later, check)
        found.append(Ref(place, pending.keep, later.field))
        return ""


def known(later: Later, check: bool) -> Any:
    """A field whose result is there, or will be waited for. Raises Unknown under check, ArgumentError when there is no such field."""
    value = later.result.wait()
    if later.field in value and not value.get("skipped"):
        return value[later.field]
    if value.get("skipped") and check:
        raise Unknown(f"its argument is the {later.field} of {later.result._action}, which was skipped")
    raise ArgumentError(f"the result of {later.result._action} has no '{later.field}'", hint=f"it has: {', '.join(sorted(value))}")


def pending_of(later: Later) -> Pending | None:
    return later.result._pending


def deferred(spec: Spec, action: str, given: Mapping[str, Any], stream: Stream) -> tuple[dict[str, Any], Waiting]:
    """A call's arguments with tokens for the fields that can be put in when the request goes out; all others are waited for here, now."""
    waiting = Waiting(stream)
    args: dict[str, Any] = {}
    for name, value in given.items():
        if type(value) in PLAIN:
            args[name] = value
            continue
        option = spec.options.get(spec.names.get(name, ""))
        if isinstance(value, Later):
            args[name] = _place(value, option, option.type if option else "", action, name, waiting)
        elif isinstance(value, (list, tuple)) and any(isinstance(item, Later) for item in value):
            kind = (option.elements or "str") if option and option.type == "list" else ""
            args[name] = [_place(item, option, kind, action, name, waiting) if isinstance(item, Later) else settled(item)
                          for item in value]
        else:
            args[name] = settled(value)
    return args, waiting


def _place(later: Later, option: Opt | None, kind: str, action: str, name: str, waiting: Waiting) -> Any:
    pending = pending_of(later)
    fits = option is not None and kind in (*_TEXT, "raw") and not option.choices and not option.no_log
    here = registry.action(action) is not None and (action, name) != ("copy", "content")
    if not fits or here or pending is None:
        return later.wait()
    if pending.stream is waiting.stream:
        keep(later, pending)
    return waiting.defer(later)


def keep(later: Later, pending: Pending) -> None:
    """Have the target keep a result, if it is a module's own, the field is text, and the request is not out yet."""
    ret = registry.spec(later.result._action).returns.get(later.field)
    if registry.action(later.result._action) is None and ret is not None and ret.type in _TEXT and pending.pipelined and not pending.out:
        pending.keep = pending.keep or uuid.uuid4().hex[:12]


def settled(value: Any) -> Any:
    """The same data with every field in it waited for, and paths as text."""
    if type(value) in PLAIN:
        return value
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if isinstance(value, Later):
        return value.wait()
    if isinstance(value, Mapping):
        return {key: settled(item) for key, item in value.items()} if any(_has(item) for item in value.values()) else value
    if isinstance(value, (list, tuple)) and _has(value):
        return [settled(item) for item in value]
    return value


def _has(value: Any) -> bool:
    if isinstance(value, Mapping):
        return any(_has(item) for item in value.values())
    return isinstance(value, (Later, os.PathLike)) or (isinstance(value, (list, tuple)) and any(_has(item) for item in value))
