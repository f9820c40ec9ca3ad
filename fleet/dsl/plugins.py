"""Filters and tests that people bring: filter_plugins/ and test_plugins/ beside a playbook or in a role, written as Ansible documents them.

A file has a class `FilterModule` (`TestModule`) whose method `filters` (`tests`) returns functions by name. They are the user's own code and run on the
controller, over plain data; what they return is data, never a template.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from functools import wraps
from pathlib import Path
from typing import Any

from fleet.dsl import standins
from fleet.dsl.importing import imported
from fleet.errors import FleetError, Pos, SourceError
from fleet.template.lazy import plain

KINDS = {"filters": ("filter_plugins", "FilterModule"), "tests": ("test_plugins", "TestModule")}
Functions = dict[str, Callable[..., Any]]


def beside(folder: str, kind: str) -> Functions:
    """The functions of a kind ("filters" or "tests") that a playbook's or role's directory brings. Raises SourceError naming the file."""
    return found(os.path.join(folder, KINDS[kind][0]), kind)


def found(folder: str, kind: str) -> Functions:
    """Those in the files of a directory, in the order of their names; none when there is no such directory."""
    functions: Functions = {}
    for file in sorted(Path(folder).glob("*.py")) if os.path.isdir(folder) else ():
        if not file.name.startswith("_"):
            functions.update(_read(file, kind))
    return functions


def _read(file: Path, kind: str) -> Iterator[tuple[str, Callable[..., Any]]]:
    name = KINDS[kind][1]
    with standins.present():
        module = imported(file, f"fleet_{kind}")
    made = getattr(module, name, None)
    if made is None:
        raise SourceError(f"there is no class {name} in it", pos=Pos(str(file)), hint=f"class {name}: def {kind}(self): return {{'name': function}}")
    try:
        table = dict(getattr(made(), kind)())
    except Exception as error:
        raise SourceError(f"{name}().{kind}() gives no functions by name: {type(error).__name__}: {error}", pos=Pos(str(file))) from None
    for each, function in table.items():
        if not callable(function):
            raise SourceError(f"{name}().{kind}(): '{each}' is no function", pos=Pos(str(file)))
        yield str(each), _over_data(function, str(each), file)


def _over_data(function: Callable[..., Any], name: str, file: Path) -> Callable[..., Any]:
    """The function with arguments that hold nothing lazy, and with its file in the message when it fails."""
    keep = 1 if hasattr(function, "jinja_pass_arg") else 0  # Jinja's context or environment

    @wraps(function)
    def called(*args: Any, **kw: Any) -> Any:
        data = [*args[:keep], *(plain(each) for each in args[keep:])]
        options = {key: plain(each) for key, each in kw.items()}
        try:
            return function(*data, **options)
        except FleetError:
            raise
        except Exception as error:
            raise ValueError(f"'{name}' of {file} failed: {str(error) or type(error).__name__}") from error
    return called
