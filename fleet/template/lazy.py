"""Values inside templates: containers that evaluate their items when read, and the plain data that leaves."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from types import GeneratorType
from typing import Any

from jinja2.runtime import Macro, Undefined

from fleet.errors import TemplateError
from fleet.trust import Trusted

Resolve = Callable[[Any, str], Any]  # (raw value, its label) -> the value


class Omit:
    """The value of `omit`: an option with it is as if it were not given."""

    def __repr__(self) -> str:
        return "<omit>"

    def __bool__(self) -> bool:
        return False


OMIT = Omit()
SCALARS = frozenset({str, int, float, bool, type(None)})


class LazyDict(dict[Any, Any]):
    """A mapping some of whose values are templates."""

    __slots__ = ("_label", "_pending", "_resolve")

    def __init__(self, raw: Mapping[Any, Any], resolve: Resolve, label: str) -> None:
        super().__init__({plain(resolve(key, label)) if isinstance(key, Trusted) else key: value for key, value in raw.items()})
        self._resolve = resolve
        self._label = label
        self._pending = {key for key, value in super().items() if type(value) not in SCALARS}

    def __getitem__(self, key: Any) -> Any:
        value = super().__getitem__(key)
        if key in self._pending:
            value = self._resolve(value, f"{self._label}.{key}")
            super().__setitem__(key, value)
            self._pending.discard(key)
        return value

    def get(self, key: Any, default: Any = None) -> Any:
        return self[key] if key in self else default  # noqa: SIM401 (dict.get reads past __getitem__)

    def copy(self) -> dict[Any, Any]:
        return {key: self[key] for key in self}

    def __iter__(self) -> Iterator[Any]:  # it also keeps dict(x) and {**x} from reading past __getitem__
        return super().__iter__()

    def items(self) -> Any:
        return self.copy().items()

    def values(self) -> Any:
        return self.copy().values()

    def __eq__(self, other: object) -> bool:
        return bool(self.copy() == other)

    def __ne__(self, other: object) -> bool:
        return not self == other

    __hash__ = None

    def __or__(self, other: Any) -> Any:
        return self.copy() | other

    def __ror__(self, other: Any) -> Any:
        return other | self.copy()

    def __repr__(self) -> str:
        return repr(plain(self))

    __str__ = __repr__


class LazyList(list[Any]):
    """A sequence some of whose items are templates."""

    __slots__ = ("_label", "_pending", "_resolve")

    def __init__(self, raw: Any, resolve: Resolve, label: str) -> None:
        super().__init__(raw)
        self._resolve = resolve
        self._label = label
        self._pending = {index for index, value in enumerate(raw) if type(value) not in SCALARS}

    def _at(self, index: int) -> Any:
        value = super().__getitem__(index)
        if index in self._pending:
            value = self._resolve(value, f"{self._label}[{index}]")
            super().__setitem__(index, value)
            self._pending.discard(index)
        return value

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return [self._at(each) for each in range(*index.indices(len(self)))]
        return self._at(index + len(self) if isinstance(index, int) and -len(self) <= index < 0 else index)

    def copy(self) -> list[Any]:
        return [self._at(index) for index in range(len(self))]

    def __iter__(self) -> Iterator[Any]:
        return (self._at(index) for index in range(len(self)))

    def __reversed__(self) -> Iterator[Any]:
        return iter(self.copy()[::-1])

    def __contains__(self, item: object) -> bool:
        return item in self.copy()

    def index(self, *args: Any) -> int:
        return self.copy().index(*args)

    def count(self, item: Any) -> int:
        return self.copy().count(item)

    def __add__(self, other: Any) -> Any:
        return self.copy() + other

    def __radd__(self, other: Any) -> Any:
        return other + self.copy()

    def __mul__(self, times: Any) -> Any:
        return self.copy() * times

    __rmul__ = __mul__

    def __eq__(self, other: object) -> bool:
        return bool(self.copy() == other)

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __lt__(self, other: Any) -> bool:
        return bool(self.copy() < other)

    def __gt__(self, other: Any) -> bool:
        return bool(self.copy() > other)

    __hash__ = None

    def __repr__(self) -> str:
        return repr(plain(self))

    __str__ = __repr__


_LISTED: tuple[type[Iterable[Any]], ...] = (GeneratorType, set, frozenset, range, map, filter, zip, reversed, enumerate,
                                           type({}.keys()), type({}.values()), type({}.items()))


def plain(value: Any) -> Any:
    """Data with nothing lazy in it, generators and tuples as lists, entries that are OMIT left out. Plain data is returned as it is.

    Raises what Jinja raises for an undefined value.
    """
    if type(value) in SCALARS:
        return value
    if isinstance(value, Undefined):
        value._fail_with_undefined_error()
    if isinstance(value, Trusted):
        return str.__str__(value)
    if isinstance(value, dict):
        return _plain_dict(value)
    if isinstance(value, (list, tuple)):
        found = [plain(item) for item in value]
        same = type(value) is not LazyList and isinstance(value, list) and all(a is b is not OMIT for a, b in zip(found, value, strict=True))
        return value if same else [item for item in found if item is not OMIT]
    if isinstance(value, _LISTED):
        return [plain(item) for item in value]
    if isinstance(value, Mapping):
        expand = getattr(value, "expand", None)
        return expand() if expand else {key: plain(item) for key, item in value.items()}
    if isinstance(value, Macro):
        raise TemplateError(f"the macro '{value.name}' is not called")
    return value


def _plain_dict(value: dict[Any, Any]) -> dict[Any, Any]:
    same = type(value) is not LazyDict
    found = {}
    for key, item in value.items():
        done = plain(item)
        same = same and done is item and done is not OMIT
        if done is not OMIT:
            found[key] = done
    return value if same else found
