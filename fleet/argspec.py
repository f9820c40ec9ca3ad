"""Argument specs that people write: a role's meta/argument_specs.yml, and the option of validate_argument_spec."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from fleet.errors import Pos, SourceError, nearest
from fleet.runner.spec import TYPES, Opt, Spec
from fleet.validate import problems

_KEYS = {"type", "required", "default", "choices", "aliases", "elements", "options", "no_log"}
_WORDS = {"description", "version_added", "author", "notes", "deprecated", "removed_in_version", "removed_at_date", "removed_from_collection", "removed_in",
          "apply_defaults", "fallback"}
_RULES = {"mutually_exclusive", "required_together", "required_one_of", "required_if", "required_by"}
_SAME = {"json": "raw", "jsonarg": "raw", "sid": "str", "any": "raw"}


def spec(name: str, options: Any, pos: Pos) -> Spec:
    """The spec that a mapping of options declares. Raises SourceError, at its place where it has one."""
    return Spec(name, "", _options(options, pos))


def check(declared: Spec, values: Mapping[str, Any]) -> list[str]:
    """All that is wrong with final values, a sentence each."""
    return problems(declared, values)


def written(declared: Spec, values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What is wrong with values as they are written, templates left out: the option and a sentence. Options that are not declared are passed over."""
    for key, value in values.items():
        if key in declared.names:
            for problem in problems(declared, {key: value}, written=True):
                yield key, problem


def _options(options: Any, pos: Pos) -> dict[str, Opt]:
    if options is None:
        return {}
    if not isinstance(options, Mapping):
        raise SourceError("the options of an argument spec are a mapping of names to what they take", pos=pos)
    return {str(name): _option(str(name), given, _at(options, name, pos)) for name, given in options.items()}


def _option(name: str, given: Any, pos: Pos) -> Opt:
    if given is None:
        return Opt()
    if not isinstance(given, Mapping):
        raise SourceError(f"the option '{name}' of an argument spec is a mapping: type, required, default ...", pos=pos)
    for key in given:
        if key in _RULES:
            raise SourceError(f"'{key}' inside the option '{name}' of an argument spec is not supported", pos=_at(given, key, pos),
                              hint="assert it in the role's tasks")
        if key not in _KEYS | _WORDS and (hint := nearest(str(key), _KEYS)):  # other words are for people, as in Ansible
            raise SourceError(f"the option '{name}' of an argument spec has no '{key}'", pos=_at(given, key, pos), hint=hint)
    kinds = [_kind(given[key], _at(given, key, pos)) if given.get(key) else None for key in ("type", "elements")]
    for key in ("choices", "aliases"):
        if given.get(key) is not None and not isinstance(given[key], (list, tuple)):
            raise SourceError(f"'{key}' of the option '{name}' is a list", pos=_at(given, key, pos))
    inner = _options(given.get("options"), _at(given, "options", pos)) if given.get("options") else None
    return Opt(kinds[0] or "str", _doc(given.get("description")), bool(given.get("required")), given.get("default"), given.get("choices"),
               given.get("aliases") or (), kinds[1] or ("dict" if inner and kinds[0] == "list" else None), inner, bool(given.get("no_log")))


def _kind(word: Any, pos: Pos) -> str:
    kind = _SAME.get(str(word), str(word))
    if kind not in TYPES:
        raise SourceError(f"there is no type '{word}' of an option", pos=pos, hint=nearest(str(word), TYPES) or "it is one of: " + ", ".join(TYPES))
    return kind


def _doc(description: Any) -> str:
    return " ".join(map(str, description)) if isinstance(description, (list, tuple)) else str(description or "")


def _at(data: Any, key: Any, pos: Pos) -> Pos:
    place = getattr(data, "at", None)
    return place(key) if place else pos
