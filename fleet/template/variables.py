"""Variables as templates see them: layers of raw values, templated one by one when asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from jinja2.runtime import missing

from fleet.errors import FleetError, Pos, TemplateError, UndefinedError
from fleet.template.values import OMIT, SCALARS, LazyDict, LazyList, Undefined, plain
from fleet.trust import Trusted

if TYPE_CHECKING:
    from fleet.template.templar import Templar

_CYCLIC = frozenset({"hostvars", "vars"})  # they hold the variables themselves


class Variables(Mapping[str, Any]):
    """Raw values in layers, lowest precedence first. `v[name]` is the value with every template in it evaluated.

    Raises KeyError for a name that no layer holds, TemplateError for a value that cannot be evaluated.
    """

    __slots__ = ("_active", "_cache", "_layers", "templar")

    def __init__(self, templar: Templar, layers: Sequence[Mapping[str, Any]]) -> None:
        self.templar = templar
        self._layers = tuple(layers)
        self._cache: dict[str, Any] = {}
        self._active: dict[str, None] = {}

    def __getitem__(self, name: str) -> Any:
        value = self.lazy(name)
        if value is missing:
            raise KeyError(name)
        if type(value) in SCALARS:
            return value
        if isinstance(value, Mapping) and not isinstance(value, dict):
            return value
        if isinstance(value, Undefined):
            raise undefined_error(value, self)
        if isinstance(value, (LazyDict, LazyList)):
            value = self._cache[name] = plain(value)
        return value

    def lazy(self, name: str) -> Any:
        """As a template sees it: containers evaluate their items when read, an undefined value is an Undefined, a missing one `missing`."""
        try:
            return self._cache[name]
        except KeyError:
            pass
        for layer in reversed(self._layers):
            if name in layer:
                value = self._cache[name] = self._resolve_named(name, layer)
                return value
        return missing

    def _resolve_named(self, name: str, layer: Mapping[str, Any]) -> Any:
        raw = layer[name]
        if type(raw) in SCALARS:
            return raw
        try:
            value = self.resolve(raw, name)
        except FleetError as error:
            if error.pos is None:
                error.pos = _defined_at(layer, name)
            raise
        if isinstance(value, Undefined) and value.cause is None:
            where = _defined_at(layer, name)
            message = value._undefined_message
            return Undefined(message, cause=UndefinedError(message, hint=f"it is used by the variable '{name}'" + (f" ({where})" if where else "")))
        return value

    def resolve(self, raw: Any, label: str) -> Any:
        """A raw value evaluated as far as it must be now: a template at once, containers with templates inside when they are read."""
        if isinstance(raw, Trusted):
            if label in self._active:
                chain = [*self._active][[*self._active].index(label):]
                raise TemplateError(f"the variable '{label}' refers to itself: {' -> '.join([*chain, label])}")
            self._active[label] = None
            try:
                return self.templar.value(raw, self)
            except UndefinedError as error:
                return Undefined(error.message, cause=error)
            finally:
                del self._active[label]
        if isinstance(raw, (dict, list, tuple)) and self.templar.has_template(raw):
            return LazyDict(raw, self, label) if isinstance(raw, dict) else LazyList(raw, self, label)
        return raw

    def key(self, key: Any) -> Any:
        """The key of a mapping; it may be a template too."""
        return plain(self.templar.value(key, self)) if isinstance(key, Trusted) else key

    def raw(self, name: str) -> Any:
        """The value as it was written. KeyError when no layer holds it."""
        for layer in reversed(self._layers):
            if name in layer:
                return layer[name]
        raise KeyError(name)

    def child(self, extra: Mapping[str, Any]) -> Variables:
        """The same with one layer on top."""
        return Variables(self.templar, (*self._layers, extra))

    def expand(self) -> dict[str, Any]:
        """All of them as one dict, for showing: what cannot be evaluated is shown as it was written."""
        found = {}
        for name in self:
            if name not in _CYCLIC:
                try:
                    found[name] = plain(self[name])
                except FleetError:
                    found[name] = _written(self.raw(name))
        return {name: value for name, value in found.items() if value is not OMIT}

    def __contains__(self, name: object) -> bool:
        return any(name in layer for layer in self._layers)

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys(name for layer in self._layers for name in layer))

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __repr__(self) -> str:
        return f"<{len(self)} variables>"


def _written(raw: Any) -> Any:
    if isinstance(raw, dict):
        return {str(key): _written(item) for key, item in raw.items()}
    if isinstance(raw, (list, tuple)):
        return [_written(item) for item in raw]
    return str(raw) if isinstance(raw, str) else raw


def _defined_at(layer: Mapping[str, Any], name: str) -> Pos | None:
    at = getattr(layer, "at", None)
    return at(name) if at else None


def undefined_error(value: Undefined, variables: Mapping[str, Any], pos: Pos | None = None) -> UndefinedError:
    """The error for a use of something undefined, naming it and the nearest name there is."""
    from fleet.errors import nearest
    message = value._undefined_message
    if value.cause is not None:
        return UndefinedError(message, hint=value.cause.hint, pos=pos or value.cause.pos)
    hint = ""
    if value._undefined_name is not None:
        obj = value._undefined_obj
        names = variables if obj is missing else obj if isinstance(obj, Mapping) else ()
        hint = nearest(str(value._undefined_name), [str(name) for name in names])
    return UndefinedError(message, hint=hint, pos=pos)
