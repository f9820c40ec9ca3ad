"""A host's variables: layers of raw values, templated when a name is asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from fleet.errors import TemplateError
from fleet.trust import is_template

if TYPE_CHECKING:
    from fleet.template.templar import Templar

_ABSENT = object()


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
            value = layer.get(name, _ABSENT)
            if value is not _ABSENT:
                return value
        raise KeyError(name)

    def __getitem__(self, name: str) -> Any:
        cache = self._cache
        if name in cache:
            return cache[name]
        value = self.raw(name)
        if is_template(value):
            if name in self._busy:
                chain = " -> ".join([*self._busy[self._busy.index(name):], name])
                raise TemplateError(f"the variable '{name}' needs itself: {chain}")
            self._busy.append(name)
            try:
                value = self._templar.render(value, self)
            finally:
                self._busy.pop()
        cache[name] = value
        return value

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
