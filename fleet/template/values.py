"""Values inside templates: containers that template their items when asked, and what becomes of a value when it leaves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import GeneratorType
from typing import TYPE_CHECKING, Any

import jinja2
from jinja2.runtime import Macro

from fleet.errors import FleetError, TemplateError
from fleet.trust import Trusted

if TYPE_CHECKING:
    from fleet.template.variables import Variables


class Omit:
    """The type of OMIT: an option with this value counts as not given."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "<omit>"

    def __copy__(self) -> Omit:
        return self

    def __deepcopy__(self, memo: Any) -> Omit:
        return self

    def __reduce__(self) -> str:
        return "OMIT"


OMIT = Omit()
SCALARS = frozenset({str, int, float, bool, type(None)})
_NEEDS_WORK = (Trusted, dict, list, tuple)


class Undefined(jinja2.StrictUndefined):
    """A missing value. Attributes and items of it are missing too; any other use raises with the name of what was missing first."""

    __slots__ = ("cause",)

    def __init__(self, hint: str | None = None, obj: Any = jinja2.runtime.missing, name: str | None = None,
                 exc: type[jinja2.exceptions.TemplateRuntimeError] = jinja2.UndefinedError, cause: FleetError | None = None) -> None:
        if hint is None and obj is not jinja2.runtime.missing and name is not None:
            hint = f"object of type '{type_name(obj)}' has no attribute {name!r}"
        super().__init__(hint, obj, name, exc)
        self.cause = cause

    def fail(self) -> Any:
        self._fail_with_undefined_error()

    def _fail_with_undefined_error(self, *args: Any, **kw: Any) -> Any:
        error = self._undefined_exception(self._undefined_message)
        error.undefined = self  # type: ignore[attr-defined]
        raise error

    def __getattr__(self, name: str) -> Any:
        if name[:2] == "__":
            raise AttributeError(name)
        return self

    def __getitem__(self, key: Any) -> Any:
        return self

    def __repr__(self) -> str:
        return f"Undefined({self._undefined_message!r})"

    __str__ = __len__ = __iter__ = __bool__ = __eq__ = __ne__ = __hash__ = __contains__ = _fail_with_undefined_error
    __call__ = __lt__ = __le__ = __gt__ = __ge__ = __add__ = __radd__ = __sub__ = __rsub__ = _fail_with_undefined_error  # type: ignore[assignment]
    __mul__ = __rmul__ = __mod__ = __rmod__ = __truediv__ = __rtruediv__ = __floordiv__ = __rfloordiv__ = _fail_with_undefined_error
    __pow__ = __rpow__ = __neg__ = __pos__ = __int__ = __float__ = __complex__ = _fail_with_undefined_error


def type_name(value: Any) -> str:
    """A value's type as a person names it."""
    if isinstance(value, str):
        return "str"
    if isinstance(value, (dict, list)):
        return "dict" if isinstance(value, dict) else "list"
    return {"Variables": "dict", "NoneType": "NoneType"}.get(type(value).__name__, type(value).__name__)


class LazyDict(dict[Any, Any]):
    """A dict some of whose values are templates, each evaluated when first read."""

    __slots__ = ("_label", "_pending", "_variables")

    def __init__(self, raw: Mapping[Any, Any], variables: Variables, label: str) -> None:
        super().__init__({variables.key(k): v for k, v in raw.items()})
        self._variables = variables
        self._label = label
        self._pending = {key for key, value in super().items() if isinstance(value, _NEEDS_WORK)}

    def __getitem__(self, key: Any) -> Any:
        value = super().__getitem__(key)
        if key in self._pending:
            value = self._variables.resolve(value, f"{self._label}.{key}")
            super().__setitem__(key, value)
            self._pending.discard(key)
        return value

    def get(self, key: Any, default: Any = None) -> Any:
        return self[key] if key in self else default

    def _all(self) -> dict[Any, Any]:
        return {key: self[key] for key in super().keys()}  # noqa: SIM118 (must not call __iter__ here)

    def __iter__(self) -> Iterator[Any]:
        return super().__iter__()

    def items(self) -> Any:
        return self._all().items()

    def values(self) -> Any:
        return self._all().values()

    def copy(self) -> dict[Any, Any]:
        return self._all()

    def __eq__(self, other: object) -> bool:
        return bool(plain(self) == plain(other))

    def __ne__(self, other: object) -> bool:
        return not self == other

    __hash__ = None  # type: ignore[assignment]

    def __or__(self, other: Any) -> Any:
        return {**self._all(), **other}

    def __ror__(self, other: Any) -> Any:
        return {**other, **self._all()}

    def __repr__(self) -> str:
        return repr(plain(self))

    __str__ = __repr__


class LazyList(list[Any]):
    """A list some of whose items are templates, each evaluated when first read."""

    __slots__ = ("_label", "_pending", "_variables")

    def __init__(self, raw: Any, variables: Variables, label: str) -> None:
        super().__init__(raw)
        self._variables = variables
        self._label = label
        self._pending = {index for index, value in enumerate(raw) if isinstance(value, _NEEDS_WORK)}

    def _at(self, index: int) -> Any:
        value = super().__getitem__(index)
        if index in self._pending:
            value = self._variables.resolve(value, f"{self._label}[{index}]")
            super().__setitem__(index, value)
            self._pending.discard(index)
        return value

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return [self._at(i) for i in range(*index.indices(len(self)))]
        if isinstance(index, int) and -len(self) <= index < 0:
            index += len(self)
        return self._at(index)

    def _all(self) -> list[Any]:
        return [self._at(index) for index in range(len(self))]

    def __iter__(self) -> Iterator[Any]:
        return (self._at(index) for index in range(len(self)))

    def __reversed__(self) -> Iterator[Any]:
        return iter(self._all()[::-1])

    def __contains__(self, item: object) -> bool:
        return item in self._all()

    def index(self, *args: Any) -> int:
        return self._all().index(*args)

    def count(self, item: Any) -> int:
        return self._all().count(item)

    def copy(self) -> list[Any]:
        return self._all()

    def __add__(self, other: Any) -> list[Any]:
        return self._all() + list(other)

    def __radd__(self, other: Any) -> list[Any]:
        return list(other) + self._all()

    def __mul__(self, times: Any) -> list[Any]:
        return self._all() * times

    __rmul__ = __mul__

    def __eq__(self, other: object) -> bool:
        return bool(plain(self) == plain(other))

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __lt__(self, other: Any) -> bool:
        return self._all() < other

    def __gt__(self, other: Any) -> bool:
        return self._all() > other

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return repr(plain(self))

    __str__ = __repr__


LAZY = (LazyDict, LazyList)
_LISTED = (GeneratorType, set, frozenset, range, map, filter, zip, type({}.keys()), type({}.values()), type({}.items()), reversed, enumerate)


def plain(value: Any) -> Any:
    """Plain data for a value of a template: everything lazy evaluated, generators and tuples as lists, entries that are OMIT left out.

    Data that is plain already is returned as it is. Raises for anything undefined.
    """
    if type(value) in SCALARS:
        return value
    if isinstance(value, Undefined):
        return value.fail()
    if isinstance(value, str):
        return str(value) if isinstance(value, (Trusted, jinja2.utils.markupsafe.Markup)) else value
    if isinstance(value, dict):
        return _plain_dict(value)
    if isinstance(value, (list, tuple)):
        return _plain_list(value)
    if isinstance(value, _LISTED):
        return [plain(item) for item in value]
    if isinstance(value, Mapping):
        expand = getattr(value, "expand", None)
        return expand() if expand else {key: plain(item) for key, item in value.items()}
    if isinstance(value, Macro):
        raise TemplateError(f"the macro '{value.name}' is not called")
    return value


def _plain_dict(value: dict[Any, Any]) -> dict[Any, Any]:
    changed = type(value) is LazyDict
    result = {}
    for key, item in value.items():
        done = item if type(item) in SCALARS else plain(item)
        changed = changed or done is not item
        if done is not OMIT:
            result[key] = done
        else:
            changed = True
    return result if changed else value


def _plain_list(value: list[Any] | tuple[Any, ...]) -> list[Any]:
    result = [item if type(item) in SCALARS else plain(item) for item in value]
    if isinstance(value, list) and type(value) is not LazyList and all(a is b and a is not OMIT for a, b in zip(result, value, strict=True)):
        return value
    return [item for item in result if item is not OMIT]


def to_text(value: Any) -> str:
    """A value inside text: None is nothing, containers look as Python shows them."""
    if value is None:
        return ""
    if value is OMIT:
        raise TemplateError("`omit` cannot be a part of a text", hint="use it alone, as in \"{{ x | default(omit) }}\"")
    return value if type(value) is str else str(plain(value))
