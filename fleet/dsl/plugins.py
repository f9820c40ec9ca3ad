"""Filters, tests and lookups that people bring: filter_plugins/, test_plugins/ and lookup_plugins/ beside a playbook or in a role, as Ansible documents them.

A file has a class `FilterModule` (`TestModule`) whose method `filters` (`tests`) returns functions by name, or `LookupModule`, whose `run` returns a
list; a lookup is called like its file. They are the user's own code and run on the controller, over plain data; what they return is data, never a template.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from functools import wraps
from pathlib import Path
from typing import Any, NamedTuple

from fleet.dsl import standins
from fleet.dsl.importing import imported
from fleet.errors import FleetError, Pos, SourceError
from fleet.template.lazy import plain

Functions = dict[str, Callable[..., Any]]


class Kind(NamedTuple):
    """folder: where they are beside a playbook; name: the class in a file; functions: those of the class made from a file."""

    folder: str
    name: str
    functions: Callable[[Any, Path], Functions]


def beside(folder: str) -> dict[str, Functions]:
    """What the directory of a playbook or role brings, by kind; empty without any. Raises SourceError naming the file."""
    return {kind: functions for kind, each in KINDS.items() if (functions := found(os.path.join(folder, each.folder), kind))}


def found(folder: str, kind: str) -> Functions:
    """The functions of a kind in the files of a directory, in the order of their names; none when there is no such directory."""
    functions: Functions = {}
    for file in sorted(Path(folder).glob("*.py")) if os.path.isdir(folder) else ():
        if not file.name.startswith("_"):
            functions.update(_read(file, kind))
    return functions


def _read(file: Path, kind: str) -> Functions:
    name = KINDS[kind].name
    with standins.present():
        module = imported(file, f"fleet_{kind}")
        made = getattr(module, name, None)
        if made is None:
            raise SourceError(f"there is no class {name} in it", pos=Pos(str(file)))
        return KINDS[kind].functions(made, file)


def _table(method: str) -> Callable[[Any, Path], Functions]:
    """The functions that a class's method gives by name."""
    def functions(made: Any, file: Path) -> Functions:
        said = f"{made.__name__}().{method}()"
        try:
            table = dict(getattr(made(), method)())
        except Exception as error:
            raise SourceError(f"{said} gives no functions by name: {type(error).__name__}: {error}", pos=Pos(str(file))) from None
        for name, function in table.items():
            if not callable(function):
                raise SourceError(f"{said}: '{name}' is no function", pos=Pos(str(file)))
        return {str(name): _over_data(function, str(name), file) for name, function in table.items()}
    return functions


def _lookup(made: Any, file: Path) -> Functions:
    """A lookup as fleet.template.lookups calls one: with the scene, the terms and the options."""
    if not callable(getattr(made, "run", None)):
        raise SourceError(f"{made.__name__} has no method run", pos=Pos(str(file)))

    def lookup(scene: Any, terms: list[Any], **options: Any) -> list[Any]:
        with standins.present():
            outcome = made().run(terms, variables=scene.variables, **options)
        if not isinstance(outcome, (list, tuple)):
            raise TypeError(f"its run() gives {type(outcome).__name__}, not a list")
        return list(outcome)
    return {file.stem: _failing(lookup, file.stem, file)}


KINDS: Mapping[str, Kind] = {
    "filters": Kind("filter_plugins", "FilterModule", _table("filters")),
    "tests": Kind("test_plugins", "TestModule", _table("tests")),
    "lookups": Kind("lookup_plugins", "LookupModule", _lookup),
}


def _over_data(function: Callable[..., Any], name: str, file: Path) -> Callable[..., Any]:
    """The function with arguments that hold nothing lazy."""
    keep = 1 if hasattr(function, "jinja_pass_arg") else 0  # Jinja's context or environment
    failing = _failing(function, name, file)

    @wraps(function)
    def called(*args: Any, **kw: Any) -> Any:
        return failing(*args[:keep], *(plain(each) for each in args[keep:]), **{key: plain(each) for key, each in kw.items()})
    return called


def _failing(function: Callable[..., Any], name: str, file: Path) -> Callable[..., Any]:
    """The function with its file in the message when it fails."""
    def called(*args: Any, **kw: Any) -> Any:
        try:
            return function(*args, **kw)
        except FleetError:
            raise
        except Exception as error:
            raise ValueError(f"'{name}' of {file} failed: {str(error) or type(error).__name__}") from error
    return called
