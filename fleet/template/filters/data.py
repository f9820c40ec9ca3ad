"""Filters over data: lists, mappings, numbers, dates."""

from __future__ import annotations

import datetime
import importlib
import itertools
import math
import random
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from jinja2 import pass_environment
from jinja2.runtime import Undefined

from fleet.errors import TemplateError, UndefinedError
from fleet.template.lazy import plain


def to_bool(value: Any) -> Any:
    if value is None or isinstance(value, bool):
        return value
    return str(value).lower() in ("yes", "on", "1", "true", "t", "y") if isinstance(value, str) else value == 1


def default(value: Any, other: Any = "", boolean: bool = False) -> Any:
    return other if isinstance(value, Undefined) or (boolean and not value) else value


def mandatory(value: Any, msg: str | None = None) -> Any:
    if isinstance(value, Undefined):
        raise UndefinedError(msg or f"the mandatory variable '{value._undefined_name}' is not defined")
    return value


def ternary(value: Any, yes: Any, no: Any, none: Any = None) -> Any:
    if value is None and none is not None:
        return none
    return yes if value else no


def combine(*given: Any, recursive: bool = False, list_merge: str = "replace") -> dict[str, Any]:
    mappings = [each for item in given for each in (item if isinstance(item, (list, tuple)) else [item])]
    found: dict[str, Any] = {}
    for each in mappings:
        if not isinstance(each, Mapping):
            raise TemplateError(f"combine takes mappings, not {type(each).__name__}")
        found = _merged(found, each, recursive, list_merge)
    return found


def _merged(low: Mapping[str, Any], high: Mapping[str, Any], recursive: bool, lists: str) -> dict[str, Any]:
    found = dict(low)
    for key, value in high.items():
        old = found.get(key)
        if recursive and isinstance(old, Mapping) and isinstance(value, Mapping):
            value = _merged(old, value, True, lists)
        elif isinstance(old, list) and isinstance(value, list) and lists != "replace":
            value = {"keep": old, "append": old + value, "prepend": value + old,
                     "append_rp": [item for item in old if item not in value] + value,
                     "prepend_rp": value + [item for item in old if item not in value]}[lists]
        found[key] = value
    return found


def unique(value: Iterable[Any], case_sensitive: bool | None = None, attribute: str | None = None) -> list[Any]:
    found: list[Any] = []
    seen: list[Any] = []
    for item in value:
        key = _attribute(item, attribute) if attribute else item
        key = key.lower() if isinstance(key, str) and case_sensitive is False else key
        if key not in seen:
            seen.append(key)
            found.append(item)
    return found


def _attribute(item: Any, path: str) -> Any:
    for part in str(path).split("."):
        item = item[int(part)] if part.isdigit() and not isinstance(item, Mapping) else item[part]
    return item


def _lists(*values: Any) -> None:
    for value in values:
        if isinstance(value, (str, Mapping)) or not hasattr(value, "__iter__"):
            raise TemplateError(f"this filter takes lists, not {type(value).__name__}")


def union(one: Any, other: Any) -> list[Any]:
    _lists(one, other)
    return unique([*one, *other])


def intersect(one: Any, other: Any) -> list[Any]:
    _lists(one, other)
    return unique([item for item in one if item in other])


def difference(one: Any, other: Any) -> list[Any]:
    _lists(one, other)
    return unique([item for item in one if item not in other])


def flatten(value: Any, levels: int | None = None, skip_nulls: bool = True) -> list[Any]:
    found: list[Any] = []
    for item in value:
        if item is None and skip_nulls:
            continue
        if isinstance(item, (list, tuple)) and (levels is None or levels > 0):
            found += flatten(item, None if levels is None else levels - 1, skip_nulls)
        else:
            found.append(item)
    return found


def dict2items(value: Any, key_name: str = "key", value_name: str = "value") -> list[dict[str, Any]]:
    if not isinstance(value, Mapping):
        raise TemplateError(f"dict2items takes a mapping, not {type(value).__name__}")
    return [{key_name: key, value_name: item} for key, item in value.items()]


def items2dict(value: Any, key_name: str = "key", value_name: str = "value") -> dict[Any, Any]:
    _lists(value)
    return {item[key_name]: item[value_name] for item in value}


def subelements(value: Any, path: Any, skip_missing: bool = False) -> list[tuple[Any, Any]]:
    found = []
    for item in (list(value.values()) if isinstance(value, Mapping) else value):
        inner = item
        try:
            for part in (path.split(".") if isinstance(path, str) else path):
                inner = inner[part]
        except (KeyError, TypeError):
            if skip_missing:
                continue
            raise TemplateError(f"subelements: an item has no '{path}'") from None
        found += [(item, each) for each in inner]
    return found


@pass_environment
def extract(environment: Any, key: Any, container: Any, morekeys: Any = None) -> Any:
    for each in [key, *([] if morekeys is None else morekeys if isinstance(morekeys, list) else [morekeys])]:
        container = environment.getitem(container, each)
    return container


def json_query(value: Any, expression: str) -> Any:
    try:
        jmespath = importlib.import_module("jmespath")
    except ImportError:
        raise TemplateError("json_query needs the Python package jmespath on this machine", hint="pip install jmespath") from None
    return jmespath.search(expression, plain(value))


def rekey_on_member(value: Any, key: str, duplicates: str = "error") -> dict[Any, Any]:
    found: dict[Any, Any] = {}
    for item in (value.values() if isinstance(value, Mapping) else value):
        if item[key] in found and duplicates == "error":
            raise TemplateError(f"rekey_on_member: two items have {key} = {item[key]!r}")
        found[item[key]] = item
    return found


def item_type(value: Any) -> str:
    if isinstance(value, Undefined):
        value._fail_with_undefined_error()
    return next((kind.__name__ for kind in (str, dict, list) if isinstance(value, kind)), type(value).__name__)


_UNITS = {"Y": 80, "Z": 70, "E": 60, "P": 50, "T": 40, "G": 30, "M": 20, "K": 10, "B": 0}


def human_readable(value: Any, isbits: bool = False, unit: str | None = None) -> str:
    number = float(value)
    for name, power in _UNITS.items():
        if (unit is None and number >= 1 << power) or (unit and unit[0].upper() == name) or name == "B":
            suffix = (name if name != "B" else "") + ("b" if isbits else "B")
            if name == "B":
                suffix = "bits" if isbits else "Bytes"
            return f"{number / (1 << power):.2f} {suffix}"
    return str(value)


def human_to_bytes(value: Any, default_unit: str | None = None, isbits: bool = False) -> int:
    match = re.fullmatch(r"\s*([0-9.]+)\s*([A-Za-z]*)\s*", str(value))
    unit = ((match.group(2) if match else "") or default_unit or "B")[0].upper()
    if match is None or unit not in _UNITS:
        raise TemplateError(f"human_to_bytes cannot read {value!r}", hint="write a number and a unit: 10M, 1.5 GB")
    return round(float(match.group(1)) * (1 << _UNITS[unit]))


def seeded(seed: Any) -> random.Random:
    return random.Random(seed) if seed is not None else random.Random()


def choose(value: Any, start: int | None = None, step: int | None = None, seed: Any = None) -> Any:
    source = seeded(seed)
    if isinstance(value, int):
        return source.randrange(start or 0, value, step or 1)
    return source.choice(list(value))


def shuffled(value: Any, seed: Any = None) -> list[Any]:
    found = list(value)
    seeded(seed).shuffle(found)
    return found


def logarithm(value: Any, base: float = math.e) -> float:
    return math.log10(value) if base == 10 else math.log(value, base)


def strftime(form: str, second: Any = None, utc: bool = False) -> str:
    moment = datetime.datetime.now(datetime.timezone.utc) if second is None else datetime.datetime.fromtimestamp(float(second), datetime.timezone.utc)
    return (moment if utc else moment.astimezone()).strftime(form)


def integer(value: Any, default: int = 0, base: int = 10) -> int:
    try:
        return int(value, base) if isinstance(value, str) else int(value)
    except (TypeError, ValueError):
        try:
            return int(float(value))
        except (TypeError, ValueError, OverflowError):
            return default


FILTERS: dict[str, Callable[..., Any]] = {
    "default": default, "d": default, "mandatory": mandatory, "ternary": ternary, "combine": combine, "bool": to_bool, "int": integer,
    "unique": unique, "union": union, "intersect": intersect, "difference": difference,
    "symmetric_difference": lambda one, other: union(difference(one, other), difference(other, one)),
    "flatten": flatten, "dict2items": dict2items, "items2dict": items2dict, "subelements": subelements, "extract": extract,
    "json_query": json_query, "community.general.json_query": json_query,
    "rekey_on_member": rekey_on_member, "human_readable": human_readable, "human_to_bytes": human_to_bytes,
    "random": choose, "shuffle": shuffled,
    "zip": lambda *lists: [list(item) for item in zip(*lists)],  # noqa: B905
    "zip_longest": lambda *lists, fillvalue=None: [list(item) for item in itertools.zip_longest(*lists, fillvalue=fillvalue)],
    "product": lambda *lists: [list(item) for item in itertools.product(*lists)],
    "permutations": lambda value, size=None: [list(item) for item in itertools.permutations(value, size)],
    "combinations": lambda value, size: [list(item) for item in itertools.combinations(value, size)],
    "log": logarithm, "pow": lambda value, power: math.pow(value, power), "root": lambda value, base=2: value ** (1 / base),
    "to_datetime": lambda value, form="%Y-%m-%d %H:%M:%S": datetime.datetime.strptime(value, form), "strftime": strftime,
    "type_debug": item_type,
}
