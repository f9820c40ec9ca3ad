"""A host's variables: layers of raw values, templated when a name is asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import jinja2
from jinja2.runtime import Undefined
from jinja2.utils import missing

from fleet.errors import FleetError, TemplateError, UndefinedError
from fleet.template.lazy import SCALARS, LazyDict, LazyList, plain
from fleet.trust import Trusted

if TYPE_CHECKING:
    from fleet.template.templar import Templar


class Late:
    """A value in a layer that is made when it is read, from the variables it is read from: most magic variables are never read."""

    __slots__ = ("make",)

    def __init__(self, make: Callable[[Variables], Any]) -> None:
        self.make = make


class Variables(Mapping[str, Any]):
    """layers: raw values, lowest precedence first. Reading a name templates what it holds, once; a variable that needs itself is a TemplateError."""

    __slots__ = ("_busy", "_cache", "_layers", "_templar")

    def __init__(self, templar: Templar, layers: Sequence[Mapping[str, Any]]) -> None:
        self._templar = templar
        self._layers = [layer for layer in reversed(layers) if layer]
        self._cache: dict[str, Any] = {}
        self._busy: list[str] = []

    def raw(self, name: str) -> Any:
        """The value as written. Raises KeyError."""
        for layer in self._layers:
            value = layer.get(name, missing)
            if value is not missing:
                return value.make(self) if type(value) is Late else value
        raise KeyError(name)

    def written(self, names: frozenset[str]) -> dict[str, Any]:
        """Those of some names that are set at all, as written."""
        found: dict[str, Any] = {}
        for layer in self._layers:
            if not names.isdisjoint(layer):
                for name in names & layer.keys():
                    found.setdefault(name, layer[name])
        return found

    def __getitem__(self, name: str) -> Any:
        value = self.lazy(name)
        if type(value) in SCALARS:
            return value
        if value is missing:
            raise KeyError(name)
        if isinstance(value, Undefined):
            raise UndefinedError(value._undefined_message, hint=f"the variable '{name}' needs it")
        if isinstance(value, (dict, list)):
            try:
                value = self._cache[name] = plain(value)
            except jinja2.UndefinedError as error:
                raise UndefinedError(str(error.message), hint=f"the variable '{name}' needs it") from None
        return value

    def lazy(self, name: str) -> Any:
        """As a template sees it: a container evaluates its items when they are read; what cannot be is Undefined; `missing` without a value."""
        cache = self._cache
        if name in cache:
            return cache[name]
        for layer in self._layers:
            value = layer.get(name, missing)
            if value is not missing:
                if type(value) not in SCALARS:
                    value = self._resolve(value, name)
                cache[name] = value
                return value
        return missing

    def _resolve(self, raw: Any, label: str) -> Any:
        """A template evaluated, a container with templates made lazy, anything else as it is. label: `name.key[index]`."""
        if isinstance(raw, (dict, list, tuple)):
            if not self._templar.has_template(raw):
                return raw
            return LazyDict(raw, self._resolve, label) if isinstance(raw, dict) else LazyList(raw, self._resolve, label)
        if not isinstance(raw, Trusted):
            return raw.make(self) if type(raw) is Late else raw
        if label in self._busy:
            chain = " -> ".join([*self._busy[self._busy.index(label):], label])
            raise TemplateError(f"Recursive loop detected in template: {chain}")
        self._busy.append(label)
        try:
            return self._templar.value(raw, self)
        except UndefinedError as error:
            from fleet.template.templar import Missing
            return Missing(error.message)
        finally:
            self._busy.pop()

    def expand(self) -> dict[str, Any]:
        """All of them as one dict, to be shown: what cannot be evaluated stands as it was written."""
        found = {}
        for name in self:
            if name not in ("hostvars", "vars"):  # they hold these variables again
                try:
                    found[name] = self[name]
                except FleetError:
                    found[name] = self.raw(name)
        return found

    def child(self, extra: Mapping[str, Any]) -> Variables:
        """The same with one layer on top."""
        child = Variables(self._templar, ())
        child._layers = [extra, *self._layers]
        return child

    def __contains__(self, name: object) -> bool:
        return any(name in layer for layer in self._layers)

    def __iter__(self) -> Iterator[str]:
        seen: set[str] = set()
        for layer in self._layers:
            for name in layer:
                if name not in seen:
                    seen.add(name)
                    yield name

    def __len__(self) -> int:
        return len(set().union(*self._layers)) if self._layers else 0
