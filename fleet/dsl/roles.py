"""Roles that are functions: `def role(t, port: int = 80) -> None`, in roles/NAME.py, in a package, or installed."""

from __future__ import annotations

import importlib
import importlib.metadata
import inspect
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fleet.dsl.importing import imported
from fleet.dsl.params import bind
from fleet.engine.scope import Scope
from fleet.engine.strategy import Key
from fleet.errors import ArgumentError, FleetError, Pos, SourceError
from fleet.model import Block, Role

if TYPE_CHECKING:
    from fleet.engine.walk import Walk

GROUP = "fleet.roles"  # the entry points by which installed packages declare roles
Function = Callable[..., Any]


class Body:
    """What a role in Python is for the engine: called with a host's walk, it runs the function.

    params: as a YAML playbook gives them; templates in them are evaluated for each host.
    """

    def __init__(self, function: Function, name: str, params: Mapping[str, Any], pos: Pos) -> None:
        self.function = function
        self.name = name
        self.params = dict(params)
        self.pos = pos
        bind(name, function, params, pos, written=True)  # what is surely wrong is said before any host is touched

    def __call__(self, walk: Walk, scope: Scope, key: Key, params: Mapping[str, Any] | None = None) -> Any:
        """Run it. params: values from Python, in place of the written ones. Its value is the function's."""
        from fleet.dsl.enter import broken, enter

        try:
            if params is None:
                rendered = walk.run.templar.render(self.params, walk.context.variables(walk.state, scope), pos=self.pos)
                bound = bind(self.name, self.function, rendered, self.pos, written=True)
            else:
                bound = bind(self.name, self.function, params, self.pos)
        except FleetError as error:
            raise broken(walk, error.render()) from None
        walk.ran += 1
        # Its templates see the parameters, defaults too, as they see those of a YAML role.
        return enter(walk, scope.extend(None, bound), key, lambda t: self.function(t, **bound))


def block(function: Function, pos: Pos, params: Mapping[str, Any], name: str = "") -> Block:
    """A function as a role."""
    name = name or getattr(function, "__name__", "role")
    role = Role(name, directory(function), params=dict(params), allow_duplicates=True)
    return Block(pos, name=name, role=role, is_role=True, body=Body(function, name, params, pos))


def named(function: Function, name: str, params: Mapping[str, Any], variables: Mapping[str, Any], pos: Pos) -> tuple[Body, str]:
    """A role's function as one use of it asks for it (see fleet.playbook.source.Python)."""
    parameters = inspect.signature(function).parameters
    try:
        return Body(function, name, {**{key: value for key, value in variables.items() if key in parameters}, **params}, pos), directory(function)
    except ArgumentError as error:
        raise SourceError(error.message, pos=pos, hint=error.hint) from None


def directory(function: Function) -> str:
    """Where a role's templates/ and files/ are: its package's directory; for a single file NAME.py the directory NAME beside it, if there is one."""
    file = Path(inspect.unwrap(function).__code__.co_filename).resolve()
    beside = file.with_suffix("")
    return str(beside if file.name != "__init__.py" and beside.is_dir() else file.parent)


def installed(name: str) -> str | None:
    """MODULE:NAME of the role that an installed package declares, or None. Two packages with one name are an error."""
    found = list(importlib.metadata.entry_points(group=GROUP, name=name))
    if len({each.value for each in found}) > 1:
        where = ", ".join(f"{each.dist.name if each.dist else '?'} ({each.value})" for each in found)
        raise SourceError(f"two packages have a role '{name}': {where}", hint="uninstall one, or import the function you mean")
    return found[0].value if found else None


def found(path: str, name: str, pos: Pos) -> Function:
    """The function of the role at a path. Raises SourceError."""
    if not Path(path).is_absolute():
        module, _, attribute = path.partition(":")
        try:
            role = getattr(importlib.import_module(module), attribute)
        except (ImportError, AttributeError) as error:
            raise SourceError(f"the installed role '{name}' cannot be loaded: {error}", pos=pos, hint=f"its package declares {path}") from None
        return _checked(role, name, pos)
    file = Path(path) if path.endswith(".py") else Path(path, "__init__.py")
    module_ = imported(file, "fleet_role")
    word = name.replace("-", "_")
    for attribute in ("role", word):
        if hasattr(module_, attribute):
            return _checked(getattr(module_, attribute), name, pos)
    raise SourceError(f"the role '{name}' has no function", pos=Pos(str(file), 1), hint=f"define `def role(t: Host, ...)` (or `def {word}`) in it")


def _checked(found: Any, name: str, pos: Pos) -> Function:
    if not callable(found) or not inspect.signature(found).parameters:
        raise SourceError(f"the role '{name}' is no function of a host", pos=pos, hint="define `def role(t: Host, ...)`")
    function: Function = found
    return function
