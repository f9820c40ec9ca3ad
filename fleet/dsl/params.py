"""A role's parameters against the annotations of its function."""

from __future__ import annotations

import collections.abc
import dataclasses
import inspect
import types
import typing
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal, TypeVar, Union

from fleet.errors import ArgumentError, Pos, nearest
from fleet.trust import is_template
from fleet.validate import coerce

_SIMPLE: dict[Any, str] = {bool: "bool", int: "int", float: "float", str: "str"}


class _Unfit(Exception):
    pass


def bind(name: str, function: Callable[..., Any], given: Mapping[str, Any], pos: Pos, written: bool = False) -> dict[str, Any]:
    """All parameters of a role's function behind the host, with their defaults, checked and of their types.

    written: the values come from YAML, where "80" may stand for 80, and templates are not known yet. Raises ArgumentError.
    """
    signature = inspect.signature(function)
    parameters = list(signature.parameters.values())[1:]
    hints = _hints(function)
    more = next((each for each in parameters if each.kind is each.VAR_KEYWORD), None)
    names = {each.name: each for each in parameters if each.kind not in (each.VAR_KEYWORD, each.VAR_POSITIONAL)}
    for key in given:
        if key not in names and more is None:
            takes = ", ".join(f"{each.name}: {shown(hints.get(each.name, Any))}" for each in names.values()) or "none"
            raise ArgumentError(f"the role {name} has no parameter '{key}'", pos=pos, hint=nearest(key, names) or f"it takes: {takes}")
    bound: dict[str, Any] = {key: value for key, value in given.items() if key not in names}
    for key, parameter in names.items():
        if key not in given:
            if parameter.default is parameter.empty:
                raise ArgumentError(f"the role {name} needs the parameter '{key}' ({shown(hints.get(key, Any))})", pos=pos)
            bound[key] = parameter.default
        elif written and is_template(given[key]):
            bound[key] = given[key]
        else:
            try:
                bound[key] = fit(given[key], hints.get(key, Any), written)
            except _Unfit:
                raise ArgumentError(f"the role {name}: the parameter '{key}' takes {shown(hints[key])}, not {given[key]!r}", pos=pos) from None
    return bound


def _hints(function: Callable[..., Any]) -> dict[str, Any]:
    try:
        return typing.get_type_hints(function)
    except (NameError, TypeError):  # a name only the type checker sees
        return {}


def shown(kind: Any) -> str:
    """An annotation as a person writes it."""
    if kind is Any or kind is Ellipsis:
        return "anything" if kind is Any else "..."
    if kind is type(None):
        return "None"
    origin, args = typing.get_origin(kind), typing.get_args(kind)
    if origin in (Union, types.UnionType):
        return " | ".join(map(shown, args))
    if origin is Literal:
        return f"Literal[{', '.join(map(repr, args))}]"
    name = str(getattr(origin or kind, "__name__", kind))
    return f"{name}[{', '.join(map(shown, args))}]" if args else name


def fit(value: Any, kind: Any, written: bool) -> Any:
    """A value as an annotation wants it. Raises _Unfit."""
    if kind is Any or kind is inspect.Parameter.empty or isinstance(kind, TypeVar):
        return value
    origin, args = typing.get_origin(kind), typing.get_args(kind)
    if origin in (Union, types.UnionType):
        return _first(value, args, written)
    if origin is Literal:
        for choice in args:
            if (value == choice and type(value) is type(choice)) or (written and str(value) == str(choice)):
                return choice
        raise _Unfit
    if kind in _SIMPLE:
        return _simple(value, kind, written)
    if kind is None or kind is type(None):
        return _exactly(value, type(None))
    if kind is Path or kind is typing.cast(Any, Path):
        return Path(_exactly(value, (str, Path)))
    if dataclasses.is_dataclass(kind) and isinstance(kind, type):
        return _record(value, kind, written)
    return _container(value, origin or kind, args, written)


def _first(value: Any, kinds: tuple[Any, ...], written: bool) -> Any:
    for loosely in ([False, True] if written else [False]):
        for kind in kinds:
            try:
                return fit(value, kind, loosely)
            except _Unfit:
                continue
    raise _Unfit


def _simple(value: Any, kind: Any, written: bool) -> Any:
    if isinstance(value, kind) and (kind is bool or not isinstance(value, bool)):
        return value
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if not written or isinstance(value, (list, Mapping)) or value is None:
        raise _Unfit
    try:
        return coerce(_SIMPLE[kind], value)
    except ValueError:
        raise _Unfit from None


def _exactly(value: Any, kinds: Any) -> Any:
    if not isinstance(value, kinds):
        raise _Unfit
    return value


def _record(value: Any, kind: type, written: bool) -> Any:
    if isinstance(value, kind):
        return value
    hints = typing.get_type_hints(kind)
    fields = {each.name for each in dataclasses.fields(kind) if each.init}
    if not isinstance(value, Mapping) or set(value) - fields:
        raise _Unfit
    try:
        return kind(**{name: fit(each, hints[name], written) for name, each in value.items()})
    except TypeError:
        raise _Unfit from None


def _container(value: Any, kind: Any, args: tuple[Any, ...], written: bool) -> Any:
    if not isinstance(kind, type):
        return value
    if issubclass(kind, collections.abc.Mapping):
        _exactly(value, Mapping)
        return {fit(key, args[0], written): fit(each, args[1], written) for key, each in value.items()} if len(args) == 2 else value
    if kind in (list, collections.abc.Sequence, collections.abc.Iterable, collections.abc.Collection, set, frozenset, tuple):
        _exactly(value, (list, tuple, set, frozenset))
        inner = args[0] if args else Any
        items = [fit(each, inner, written) for each in value]
        return {set: set, frozenset: frozenset, tuple: tuple}.get(kind, list)(items)
    return _exactly(value, kind) if not typing.is_typeddict(kind) else _exactly(value, Mapping)


__all__ = ["bind", "fit", "shown"]
