"""Where a loader stands while it reads: the shared settings of a load, and the place in its files."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

from fleet import yamlfile
from fleet.errors import FleetError, Pos, SourceError
from fleet.model import Play, Role
from fleet.trust import is_template
from fleet.yamlfile import Decrypt

SUFFIXES = ("", ".yml", ".yaml", ".json")


Chain = tuple[tuple[str, str], ...]


class Python(Protocol):
    """What the Python side gives to the YAML side (fleet.dsl, which knows this room and not the other way round)."""

    def plays(self, path: str, static: Static, chain: Chain) -> list[Play]:
        """The plays of a .py file. chain: the imports on the way there."""

    def role(self, path: str, name: str, params: Mapping[str, Any], variables: Mapping[str, Any],
             pos: Pos) -> tuple[Callable[[Any, Any, Any], Any], str]:
        """A role of a .py file, a package's directory or an installed one, as a block's `body`; and where its templates and files are.

        variables: those said where it is used; the ones named like its parameters are parameters. Raises SourceError for parameters it does not take.
        """

    def plugins(self, folder: str) -> None:
        """Make the filters, tests and lookups known that the directory of a playbook or role brings. Raises SourceError."""

    def installed(self, name: str) -> str | None:
        """Where an installed package declares a role of this name (entry point group `fleet.roles`), to be given to `role` as its path."""


@dataclasses.dataclass(slots=True)
class Static:
    """What loading needs from outside, and what it has read.

    render(value, variables): a template's value with extra vars above the given variables. roles_path, library: further directories of roles, and of modules.
    python: how what is written in Python becomes part of this, or None where nothing may be.
    """

    render: Callable[[Any, Mapping[str, Any]], Any]
    roles_path: list[str] = dataclasses.field(default_factory=list)
    library: list[str] = dataclasses.field(default_factory=list)
    playbook_dir: str = "."
    decrypt: Decrypt | None = None
    extra_vars: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    python: Python | None = None
    files: dict[str, Any] = dataclasses.field(default_factory=dict, repr=False)
    looked: set[str] = dataclasses.field(default_factory=set, repr=False)

    def read(self, path: str) -> Any:
        """A YAML file's data, parsed once however often it is imported; nobody may change it."""
        if path not in self.files:
            self.files[path] = yamlfile.read(shown(path), decrypt=self.decrypt)
        return self.files[path]

    def plugins(self, folder: str) -> None:
        """Take the filters, tests and lookups of a playbook's or role's directory, once."""
        if self.python is not None and folder not in self.looked:
            self.looked.add(folder)
            self.python.plugins(folder)


@dataclasses.dataclass(frozen=True, slots=True)
class Place:
    """Where the loader is. file: absolute path; basedir: the playbook's directory; vars: what names of imports may use.

    chain: the imports on the way here, as (what it is, shown name). defaulted: modules with `module_defaults` around, whose required
    options may come from there (None: unknown, the tasks come in at run time). guarded: conditions around may keep tasks from running.
    """

    static: Static
    file: str
    basedir: str
    vars: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    role: Role | None = None
    handlers: bool = False
    chain: Chain = ()
    notify: tuple[Any, ...] = ()
    defaulted: frozenset[str] | None = frozenset()
    guarded: bool = False

    def into(self, what: str, name: str, pos: Pos) -> Chain:
        """The chain with one more import. Raises SourceError when it would go round for ever."""
        if any(what == each for each, _ in self.chain):
            first = [each for each, _ in self.chain].index(what)
            way = " -> ".join([shown_name for _, shown_name in self.chain[first:]] + [name])
            raise SourceError(f"this import goes round in a circle: {way}", pos=pos,
                              hint="an `include_` with a condition may call itself; an `import_` may not")
        return (*self.chain, (what, name))

    def render(self, value: Any, what: str, pos: Pos) -> Any:
        """A name that must be known before any host is. Raises SourceError when it depends on one."""
        if not is_template(value):
            return value
        magic: dict[str, Any] = {"playbook_dir": self.basedir}
        if self.role:
            magic.update(role_path=self.role.path, role_name=self.role.name)
        try:
            return self.static.render(value, {**self.vars, **magic})
        except FleetError as error:
            raise SourceError(f"{what} is read before any host is known, and this name cannot be: {error}", pos=pos,
                              hint=f"use {what.replace('import', 'include')}, which is read when the play runs" if what.startswith("import_") else
                              "only extra variables and the play's own can be used here") from None

    def tasks_file(self, name: str, pos: Pos) -> str:
        """The file of an import_tasks: beside the importing file, in the role, beside the files that led here, beside the playbook."""
        path = os.path.expanduser(name)
        bases = [os.path.dirname(self.file)]
        kind = "handlers" if self.handlers else "tasks"
        if self.role:
            bases += [os.path.join(self.role.path, kind), os.path.join(self.role.path, "tasks"), self.role.path]
        bases += [os.path.dirname(what) for what, _ in reversed(self.chain) if os.path.isabs(what)]
        bases += [self.basedir, os.path.join(self.basedir, "tasks")]
        return existing([os.path.join(base, path) for base in bases], f"there is no tasks file '{name}'", pos)


def existing(candidates: list[str], message: str, pos: Pos) -> str:
    """The first of these files that is there, absolute."""
    candidates = list(dict.fromkeys(os.path.normpath(path) for path in candidates))
    for path in candidates:
        if os.path.isfile(path):
            return os.path.abspath(path)
    raise SourceError(message, pos=pos, hint="looked for: " + ", ".join(shown(path) for path in candidates))


def shown(path: str) -> str:
    """A path as people want it in a message: from the current directory when it is below it."""
    here = os.getcwd() + os.sep
    return path[len(here):] if path.startswith(here) else path


def with_suffix(base: str) -> str | None:
    """A file given without its ending: main, main.yml, main.yaml or main.json."""
    return next((base + suffix for suffix in SUFFIXES if os.path.isfile(base + suffix)), None)


def expand(path: str) -> str:
    return str(Path(path).expanduser())
