"""Roles: found by name, loaded with their variables, handlers and dependencies."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping
from typing import Any

from fleet.errors import Pos, SourceError, nearest
from fleet.model import Keywords, Role
from fleet.playbook.keywords import at, kind_of
from fleet.playbook.source import SUFFIXES, Place, expand, shown, with_suffix
from fleet.validate import boolean

GALAXY = ("src", "version", "scm")  # where ansible-galaxy would get a role from; of no use here


@dataclasses.dataclass(frozen=True, slots=True)
class Use:
    """One place that uses a role. params: variables given there; vars: those of an include, which has given them already.

    allow_duplicates None: as its meta says.
    """

    name: Any
    pos: Pos
    params: dict[str, Any] = dataclasses.field(default_factory=dict)
    vars: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    keywords: Keywords = dataclasses.field(default_factory=Keywords)
    tasks_from: str = "main"
    vars_from: str | None = None
    defaults_from: str | None = None
    handlers_from: str | None = None
    public: bool | None = None
    allow_duplicates: bool | None = None
    rolespec_validate: bool = True
    parents: tuple[str, ...] = ()


def find_role(name: str, place: Place, pos: Pos) -> str:
    """Where a role is, absolute: roles/ beside the playbook, the roles path, beside the role that needs it, the playbook's directory.

    A directory, or the .py file of a role in Python; else what an installed package declares.
    """
    static = place.static
    bases = [os.path.join(place.basedir, "roles"), os.path.join(static.playbook_dir, "roles"), *static.roles_path]
    if place.role:
        bases += [os.path.join(place.role.path, "roles"), os.path.dirname(place.role.path)]
    bases += [place.basedir, os.path.dirname(place.file)]
    bases = list(dict.fromkeys(os.path.abspath(base) for base in bases))
    if name.count(".") == 2 and "/" not in name:  # NAMESPACE.COLLECTION.ROLE, in a collection that is kept beside the playbook
        namespace, collection, role = name.split(".")
        for base in (place.basedir, static.playbook_dir):
            path = os.path.join(os.path.abspath(base), "collections/ansible_collections", namespace, collection, "roles", role)
            if os.path.isdir(path):
                return path
    for base in [*bases, os.getcwd()]:
        path = os.path.normpath(os.path.join(base, expand(name)))
        if os.path.isfile(path + ".py"):  # a directory beside it holds its templates and files
            if any(os.path.exists(os.path.join(path, part)) for part in ("tasks", "__init__.py")):
                raise SourceError(f"there are two roles '{name}': {shown(path)} and {shown(path)}.py", pos=pos, hint="rename one of them")
            return path + ".py"
        if os.path.isdir(path):
            return path
    installed = static.python.installed(name) if static.python else None
    if installed is not None:
        return installed
    known = {entry for base in bases[:-2] if os.path.isdir(base) for entry in os.listdir(base)}
    hint = nearest(name, known)
    looked = "looked in: " + ", ".join(shown(base) for base in bases)
    raise SourceError(f"there is no role '{name}'", pos=pos, hint=f"{hint} ({looked})" if hint else looked)


def in_python(path: str) -> bool:
    """Whether a role is Python: a file, a package's directory, or what an installed package declares (MODULE:NAME)."""
    return path.endswith(".py") or not os.path.isabs(path) or os.path.isfile(os.path.join(path, "__init__.py"))


def read_role(use: Use, name: str, path: str, place: Place) -> Role:
    """The role with its variables; its tasks, handlers and dependencies are still to come."""
    parents = use.parents + ((place.role.path, *place.role.parents) if place.role and place.role.path not in use.parents else ())
    role = Role(name if name.count(".") == 2 else os.path.basename(path), path, params=use.params, public=use.public, parents=parents)
    role.defaults = _variables(path, "defaults", use.defaults_from, use, place)
    role.vars = _variables(path, "vars", use.vars_from, use, place)
    return role


def part(path: str, kind: str, name: str, use: Use, needed: bool = False) -> str | None:
    """A file of a role: tasks/main.yml and the like. A name may have its ending or not; it stays inside the role's directory."""
    base = os.path.normpath(os.path.join(path, kind, name))
    if not base.startswith(path + os.sep):
        raise SourceError(f"'{name}' cannot be used as {kind}, as it is not inside the expected role path {path}", pos=use.pos)
    found = with_suffix(base)
    if found is None and needed:
        raise SourceError(f"the role '{os.path.basename(path)}' has no {kind}/{name}", pos=use.pos,
                          hint="looked for: " + ", ".join(shown(base + suffix) for suffix in SUFFIXES))
    return found


def _variables(path: str, kind: str, name: str | None, use: Use, place: Place) -> dict[str, Any]:
    """defaults or vars: one file, or all files of a directory in the order of their names."""
    folder = os.path.join(path, kind, name or "main")
    if not os.path.isdir(folder):
        return mapping(place, part(path, kind, name or "main", use, name is not None), f"a file of {kind}")
    merged: dict[str, Any] = {}
    for where, folders, files in os.walk(folder):
        folders.sort()
        for file in sorted(files):
            if not file.startswith(".") and not file.endswith("~") and os.path.splitext(file)[1] in SUFFIXES:
                merged.update(mapping(place, os.path.join(where, file), f"a file of {kind}"))
    return merged


def mapping(place: Place, file: str | None, what: str) -> dict[str, Any]:
    data = place.static.read(file) if file else None
    if data is None:
        return {}
    if not isinstance(data, dict):
        raise SourceError(f"{what} holds a mapping, not {kind_of(data)}", pos=at(data, 0, Pos(shown(file or ""), 1, 1)))
    return data


def flag(meta: Mapping[str, Any], key: str) -> bool:
    try:
        return boolean(meta.get(key) or False)
    except ValueError:
        raise SourceError(f"'{key}' takes true or false, not {meta[key]!r}", pos=at(meta, key, Pos(""))) from None


def argument_specs(meta: Mapping[str, Any], entry: str, place: Place, use: Use) -> dict[str, Any]:
    """The argument spec of the entry point that is used: {"options": {...}, ...}, empty when there is none."""
    assert place.role is not None
    file = part(place.role.path, "meta", "argument_specs", use)
    specs = mapping(place, file, "argument_specs").get("argument_specs") if file else meta.get("argument_specs")
    if specs is None:
        return {}
    if not isinstance(specs, Mapping):
        raise SourceError(f"'argument_specs' takes a mapping of entry points, not {kind_of(specs)}", pos=Pos(shown(file or place.file), 1, 1))
    found = specs.get(os.path.splitext(entry)[0]) or {}
    return found if isinstance(found, dict) else {}
