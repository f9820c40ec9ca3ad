"""YAML text -> `fleet.model`, with positions; nothing is executed.

    load_playbook    a playbook with all it imports
    load_tasks       a tasks file, for an include at run time
    load_role        a role, for an include_role at run time
    parse_play       a play from data, for what is written as part of something else (an image's recipe)
    parse_keywords   the `apply` of an include
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping, Sequence
from typing import Any

from fleet.errors import Pos
from fleet.model import Block, Play, Role, Task
from fleet.playbook.book import load_play, load_playbook
from fleet.playbook.keywords import parse_keywords
from fleet.playbook.roles import Use
from fleet.playbook.source import Chain, Place, Static, shown
from fleet.playbook.tasks import flatten, load_file, use_role
from fleet.yamlfile import Map

__all__ = ["Chain", "Static", "load_playbook", "load_role", "load_tasks", "parse_keywords", "parse_play"]


def load_tasks(path: str | os.PathLike[str], *, static: Static, role: Role | None, handlers: bool = False,
               notify: Sequence[Any] = ()) -> list[Task | Block]:
    """The tasks of a file that an include brings in.

    handlers: they are handlers (no blocks; `listen` may be used). notify: what the include notifies, for each of its tasks.
    """
    place = dataclasses.replace(_place(static, os.path.abspath(path), static.playbook_dir, role), handlers=handlers, notify=tuple(notify))
    nodes = load_file(place)
    return list(flatten(nodes)) if handlers else nodes


def load_role(name: str, *, static: Static, basedir: str, params: Mapping[str, Any] | None = None, tasks_from: str = "main",
              vars_from: str | None = None, defaults_from: str | None = None, handlers_from: str | None = None, public: bool | None = None,
              allow_duplicates: bool | None = None, rolespec_validate: bool = True, pos: Pos, parents: tuple[str, ...] = (),
              notify: Sequence[Any] = (), vars: Mapping[str, Any] | None = None) -> Block:
    """A role that an include_role brings in, as a block with `role` and `is_role` set.

    basedir: the directory of the file that asks for it; parents: paths of the roles around, outermost first.
    allow_duplicates None: as the role's meta file says. vars: the variables of the include, for the parameters of a role in Python.
    """
    use = Use(name, pos, dict(params or {}), vars or {}, tasks_from=tasks_from, vars_from=vars_from, defaults_from=defaults_from,
              handlers_from=handlers_from, public=public, allow_duplicates=allow_duplicates, rolespec_validate=rolespec_validate, parents=parents)
    around = Role(os.path.basename(parents[-1]), parents[-1], parents=parents[:-1]) if parents else None
    place = _place(static, os.path.join(os.path.abspath(basedir), ""), static.playbook_dir, around)
    return use_role(use, dataclasses.replace(place, notify=tuple(notify)))


def parse_play(data: Map, *, path: str | os.PathLike[str], static: Static) -> Play:
    """A play from its mapping, whose relative names start at the file `path`."""
    absolute = os.path.abspath(path)
    return load_play(data, Place(static, absolute, os.path.dirname(absolute), chain=((absolute, shown(absolute)),)))


def _place(static: Static, file: str, basedir: str, role: Role | None) -> Place:
    variables = {**role.defaults, **role.vars, **role.params} if role else {}
    chain = ((file, shown(file)),) if os.path.isfile(file) else ()
    return Place(static, file, basedir, variables, role, chain=chain, defaulted=None)
