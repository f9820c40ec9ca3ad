"""Plays written as functions, and how a file of them becomes a playbook."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from fleet.dsl.enter import enter
from fleet.dsl.host import Host
from fleet.dsl.importing import imported
from fleet.dsl.roles import block
from fleet.engine.walk import Walk
from fleet.errors import Pos, SourceError, nearest
from fleet.model import Block, Keywords, Play
from fleet.playbook import Chain, Static, load_playbook, load_role
from fleet.trust import trust

Body = Callable[[Host], Any]
RoleUse = str | Callable[..., Any] | Mapping[str, Any]
_PLAY = ("name", "vars_files", "vars_prompt", "gather_facts", "gather_subset", "serial", "max_fail_percentage", "force_handlers", "order", "roles")


class PyPlay:
    """A play in Python: a function of a host, and what `@play` said. Calling it calls the function, as in a test."""

    def __init__(self, function: Body, options: Mapping[str, Any]) -> None:
        self.function = function
        self.options = dict(options)
        self.__name__ = getattr(function, "__name__", "play")
        self.__doc__ = function.__doc__
        code = inspect.unwrap(function).__code__
        self.pos = Pos(code.co_filename, code.co_firstlineno)

    def __call__(self, t: Host) -> Any:
        return self.function(t)

    def model(self, static: Static | None = None) -> Play:
        """The play as the engine takes it. static: how the roles it names are loaded."""
        given = dict(self.options)
        keywords = {name: given.pop(name) for name in list(given) if name in Keywords.__dataclass_fields__}
        for name in ("tags", "environment", "module_defaults", "when"):
            if name in keywords and not isinstance(keywords[name], list):
                keywords[name] = [keywords[name]]
        hosts, serial, roles = given.pop("hosts"), given.pop("serial", []), given.pop("roles", ())
        unknown = next((name for name in given if name not in _PLAY), None)
        if unknown:
            raise SourceError(f"@play has no option '{unknown}'", pos=self.pos, hint=nearest(unknown, [*_PLAY, *Keywords.__dataclass_fields__]))
        basedir = str(Path(self.pos.file).resolve().parent)
        return Play(self.pos, hosts, name=given.pop("name", None) or (self.__doc__ or "").strip().split("\n")[0] or self.__name__,
                    keywords=Keywords(**trust(keywords)), serial=list(serial) if isinstance(serial, (list, tuple)) else [serial], strategy="free",
                    roles=[self._role(each, static, basedir) for each in roles],
                    basedir=basedir, body=self.run, **{"gather_facts": False, **given})

    def _role(self, use: RoleUse, static: Static | None, basedir: str) -> Block:
        params = {key: value for key, value in use.items() if key != "role"} if isinstance(use, Mapping) else {}
        role = use["role"] if isinstance(use, Mapping) else use
        if callable(role):
            return block(role, self.pos, params)
        if static is None:
            raise SourceError(f"the role '{role}' is only known when the playbook is loaded", pos=self.pos)
        return load_role(role, static=static, basedir=basedir, params=trust(params), pos=self.pos)

    def run(self, walk: Walk) -> None:
        """One host's way through the play, in its fiber."""
        enter(walk, walk.play.scope, (), self.function)


def play(hosts: str | Sequence[str], **options: Any) -> Callable[[Body], PyPlay]:
    """Make a function a play: it runs once for each host that `hosts` matches, all of them at the same time.

    options: as a YAML play has them (name, become, become_user, vars, vars_files, serial, roles, gather_facts, tags, any_errors_fatal,
    max_fail_percentage, order, environment ...). Facts are gathered when `t.facts` is first read, unless gather_facts=True.
    roles: run before the function; a name, a function, or a mapping {"role": name or function, **parameters}.
    """
    return lambda function: PyPlay(function, {"hosts": hosts if isinstance(hosts, str) else list(hosts), **options})


def load(path: str, static: Static, chain: Chain = ()) -> list[Play]:
    """The plays in a Python file: those of its list `playbook` if it has one (plays, and paths of further playbooks, YAML or Python), else all that
    are defined in it, in order. chain: the imports on the way here. Raises SourceError."""
    module = imported(Path(path), "fleet_playbook")
    chosen = getattr(module, "playbook", None)
    if chosen is None:
        chosen = [value for value in vars(module).values() if isinstance(value, PyPlay)]
    plays: list[Play] = []
    for each in chosen:
        if isinstance(each, PyPlay):
            plays.append(each.model(static))
        elif isinstance(each, (str, Path)):
            beside = Path(path).resolve().parent / each
            if not beside.is_file():
                raise SourceError(f"`playbook` names {each}, which is not there", pos=Pos(path), hint=f"looked for {beside}")
            plays += load_playbook(str(beside), static=static, chain=chain).plays
        else:
            raise SourceError(f"`playbook` holds {each!r}, which is no play", pos=Pos(path), hint="decorate a function with @play(hosts=...), "
                              "or give the path of a playbook")
    if not plays:
        raise SourceError("there is no play in this file", pos=Pos(path, 1), hint="decorate a function with @play(hosts=...)")
    return plays


__all__ = ["PyPlay", "load", "play"]
