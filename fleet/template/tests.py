"""Jinja tests: `is NAME`."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Callable, Mapping
from typing import Any

from fleet.errors import TemplateError

_SCHEMES = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")


def _result(name: str) -> Callable[[Any], bool]:
    def test(value: Any) -> bool:
        if not isinstance(value, Mapping):
            raise TemplateError(f"`is {name}` tests a task's result, not {value!r:.60}")
        return bool(value.get(name, False))
    return test


_failed, _changed, _skipped, _unreachable = map(_result, ("failed", "changed", "skipped", "unreachable"))


def _regex(how: str) -> Callable[..., bool]:
    def test(value: Any, pattern: str, ignorecase: bool = False, multiline: bool = False) -> bool:
        flags = (re.I if ignorecase else 0) | (re.M if multiline else 0)
        return getattr(re, how)(pattern, str(value), flags) is not None
    return test


def version_key(text: str, strict: bool = False) -> list[tuple[int, Any]]:
    """Numbers compare as numbers, words as words, a number above a word (1.0.1 > 1.0.rc1)."""
    return [(1, int(part)) if part.isdigit() else (0, part) for part in re.findall(r"\d+|[A-Za-z]+", str(text))]


def version(value: Any, other: Any, operator: str = "eq", strict: bool = False, version_type: str | None = None) -> bool:
    left, right = version_key(str(value)), version_key(str(other))
    if version_type in ("semver", "semantic") or version_type == "pep440":
        left, right = _released(str(value)), _released(str(other))
    size = max(len(left), len(right))
    if version_type is None:
        pass
    elif size:
        left, right = left + [(1, 0)] * (size - len(left)), right + [(1, 0)] * (size - len(right))
    order = (left > right) - (left < right)
    table = {"==": order == 0, "=": order == 0, "eq": order == 0, "!=": order != 0, "<>": order != 0, "ne": order != 0, "<": order < 0, "lt": order < 0,
             "<=": order <= 0, "le": order <= 0, ">": order > 0, "gt": order > 0, ">=": order >= 0, "ge": order >= 0}
    if operator not in table:
        raise TemplateError(f"version compares with <, <=, ==, !=, >=, >; not {operator!r}")
    return table[operator]


def _released(text: str) -> list[tuple[int, Any]]:
    """Semantic versions: a pre-release is below its release; build metadata does not count."""
    main, _, pre = text.split("+")[0].partition("-")
    return [*version_key(main), (0, "") if pre else (1, 0), *version_key(pre)]


def _truthy(value: Any, convert_bool: bool = False) -> bool:
    if convert_bool:
        from fleet.template.filters.data import to_bool
        return bool(to_bool(value))
    return bool(value)


def _text_url(value: Any, schemes: Any = None) -> bool:
    text = str(value)
    match = _SCHEMES.match(text)
    return match is not None and (schemes is None or match.group(0)[:-1] in schemes)


def _subset(value: Any, other: Any) -> bool:
    return all(item in other for item in value)


def _vaulted_file(path: str) -> bool:
    with open(path, "rb") as file:
        return file.read(15) == b"$ANSIBLE_VAULT;"


TESTS: dict[str, Callable[..., bool]] = {
    "failed": _failed, "failure": _failed,
    "succeeded": lambda value: not _failed(value), "success": lambda value: not _failed(value), "successful": lambda value: not _failed(value),
    "changed": _changed, "change": _changed, "skipped": _skipped, "skip": _skipped,
    "unreachable": _unreachable, "reachable": lambda value: not _unreachable(value),
    "timedout": lambda value: bool(value.get("timedout")), "started": lambda value: bool(value.get("started", True)),
    "finished": lambda value: bool(value.get("finished", True)),
    "match": _regex("match"), "search": _regex("search"),
    "regex": lambda value, pattern, ignorecase=False, multiline=False, match_type="search": _regex(match_type)(value, pattern, ignorecase, multiline),
    "version": version, "version_compare": version,
    "subset": _subset, "issubset": _subset,
    "superset": lambda value, other: _subset(other, value), "issuperset": lambda value, other: _subset(other, value),
    "contains": lambda value, item: item in value,
    "any": lambda value: any(value), "all": lambda value: all(value),
    "truthy": _truthy, "falsy": lambda value, convert_bool=False: not _truthy(value, convert_bool),
    "nan": lambda value: isinstance(value, float) and math.isnan(value), "isnan": lambda value: isinstance(value, float) and math.isnan(value),
    "uri": _text_url, "url": lambda value, schemes=None: _text_url(value, schemes) and "://" in str(value),
    "urn": lambda value: _text_url(value, ["urn"]),
    "vault_encrypted": lambda value: str(value).lstrip().startswith("$ANSIBLE_VAULT;"),
    "vaulted_file": _vaulted_file,
    "file": os.path.isfile, "is_file": os.path.isfile, "directory": os.path.isdir, "is_dir": os.path.isdir,
    "exists": os.path.exists, "link": os.path.islink, "is_link": os.path.islink, "link_exists": os.path.lexists,
    "abs": os.path.isabs, "is_abs": os.path.isabs, "mount": os.path.ismount, "is_mount": os.path.ismount,
    "same_file": os.path.samefile, "is_same_file": os.path.samefile,
}
