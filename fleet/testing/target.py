"""What a test has of a host: apply plays and roles to it, look at what came of it, and hold them to being idempotent."""

from __future__ import annotations

import base64
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fleet.dsl import Host, PyPlay, play
from fleet.errors import FleetError
from fleet.events import TaskResult, diff_parts
from fleet.library import Run, run
from fleet.testing.root import Root, RootPool

if TYPE_CHECKING:
    from fleet.lab import Lab


class Target:
    """A host to test on. name: its inventory name; groups and vars: what the inventory says of it, to be changed freely; base: where roles/ is."""

    def __init__(self, name: str, vars: Mapping[str, Any], base: Path) -> None:
        self.name = name
        self.vars = dict(vars)
        self.groups: list[str] = []
        self.base = base

    def connections(self) -> Any:
        """The transport of one run; None: the usual."""
        return None

    @property
    def inventory(self) -> dict[str, Any]:
        return {"all": {"hosts": {self.name: dict(self.vars)}}, **{group: {"hosts": {self.name: None}} for group in self.groups}}

    def apply(self, what: Any, *, check: bool = False, vars: Mapping[str, Any] | None = None, **params: Any) -> Run:
        """Run something on this host. Raises fleet.RunFailed when it fails.

        what: a play (whatever its hosts are), a function of a host, or the path of a playbook, whose hosts must match the target's name or `groups`.
        params: the function's. vars: variables above all others.
        """
        book = what if isinstance(what, (str, os.PathLike)) else self._play(what, params)
        return run(book, self.inventory, check=check, diff=True, vars=vars or {}, connections=self.connections()).raise_for_status()

    def role(self, role: str | Callable[..., Any], *, check: bool = False, vars: Mapping[str, Any] | None = None, **params: Any) -> Run:
        """Apply a role: a function, or the name of one in roles/ (of the pytest root), in Python or YAML."""
        return self.apply(_role(role, params), check=check, vars=vars)

    def idempotent(self, what: Any, *, plan: bool = True, vars: Mapping[str, Any] | None = None, **params: Any) -> Run:
        """Apply twice; the first run. AssertionError when the second changes something, or a plan before the first did not foresee whether it would.

        what: as `apply` takes it. plan=False: for what cannot be planned, because it looks at the output of commands that change something.
        """
        foreseen = self.apply(what, check=True, vars=vars, **params) if plan else None
        first = self.apply(what, vars=vars, **params)
        if foreseen is not None and foreseen.changed != first.changed:
            told = "would change nothing, but it changed" if first.changed else "would change something, but nothing changed"
            raise AssertionError(f"the plan said it {told}:\n" + _changes(first if first.changed else foreseen))
        second = self.apply(what, vars=vars, **params)
        if second.changed:
            raise AssertionError("applied a second time, it changed again:\n" + _changes(second))
        return first

    def idempotent_role(self, role: str | Callable[..., Any], *, plan: bool = True, vars: Mapping[str, Any] | None = None, **params: Any) -> Run:
        """`idempotent` for a role."""
        return self.idempotent(_role(role, params), plan=plan, vars=vars)

    def read(self, path: str) -> str:
        """A file's text on the target. Raises fleet.RunFailed when it cannot be read."""
        done = self.apply(lambda t: t.slurp(path))
        return base64.b64decode(done.results[-1].result["content"]).decode()

    def command(self, command: str | list[str]) -> str:
        """What a command prints on the target, without the last newline."""
        return str(self.apply(lambda t: t.command(command, changed_when=False)).results[-1].result["stdout"])

    def _play(self, what: Any, params: Mapping[str, Any]) -> Any:
        found = what if isinstance(what, PyPlay) else play(hosts=self.name)((lambda t: what(t, **params)) if params else what)
        return _Placed(found, self.name, self.base, not isinstance(what, PyPlay))


def _role(role: str | Callable[..., Any], params: Mapping[str, Any]) -> Callable[[Host], Any]:
    return lambda t: t.role(role, **params)


class _Placed:
    """A play for one host, which finds its roles in the tests' root."""

    def __init__(self, inner: PyPlay, host: str, base: Path, anywhere: bool) -> None:
        self.inner = PyPlay(inner.function, {**inner.options, "hosts": host})
        self.pos = inner.pos
        self.base = base if anywhere else None

    def model(self, static: Any) -> Any:
        made = self.inner.model(static)
        if self.base is not None:
            made.basedir = static.playbook_dir = str(self.base)
        return made


def _changes(done: Run) -> str:
    lines = []
    for event in done.events:
        if isinstance(event, TaskResult) and event.status == "changed":
            lines.append(f"  {event.name or event.action} ({event.position})")
            lines += [f"    {part.get('what') or part.get('path')}: {part.get('before')!r} -> {part.get('after')!r}" for part in diff_parts(event.result)]
    return "\n".join(lines)


class RootTarget(Target):
    """This machine with a temporary root. path(name): a file in it, for the test's own eyes."""

    def __init__(self, base: Path) -> None:
        super().__init__("target", {"ansible_connection": "local"}, base)
        self._root = Root()

    def connections(self) -> Any:
        return RootPool(self._root)

    def path(self, name: str) -> Path:
        """A file of the target as this process sees it. A link in it that is absolute leads to the machine's own files: use `read` for what may be one."""
        return self._root.path / name.lstrip("/")

    def close(self) -> None:
        self._root.close()


class LabTarget(Target):
    """A host of a lab: a real sshd in a network namespace, a Debian root of its own."""

    def __init__(self, lab: Lab, name: str, base: Path) -> None:
        listed = lab.listing(lab.status())
        if name not in listed["_meta"]["hostvars"]:
            raise FleetError(f"the lab has no host {name}")
        super().__init__(name, {**listed["lab"]["vars"], **listed["_meta"]["hostvars"][name]}, base)
