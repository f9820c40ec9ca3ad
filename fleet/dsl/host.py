"""`t`: one host in a Python play. Its methods are the modules; its attributes are what is known of the host."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from fleet import registry
from fleet.dsl import roles
from fleet.dsl.later import deferred, settled
from fleet.dsl.result import Record, Result, wrap
from fleet.dsl.shared import Shared
from fleet.dsl.stream import Stream
from fleet.dsl.tasks import Tasks
from fleet.engine.scope import Scope
from fleet.engine.strategy import Key
from fleet.engine.walk import TaskFailed
from fleet.errors import ArgumentError, Pos, SourceError, UsageError, nearest
from fleet.model import Block, Keywords, Task
from fleet.playbook import load_role
from fleet.runner.module import Args
from fleet.runner.spec import Spec
from fleet.validate import check_static, validate

if TYPE_CHECKING:
    from fleet.engine.walk import Walk

T = TypeVar("T")
Meta = Literal["end_play", "end_batch", "end_host", "end_role", "clear_facts", "clear_host_errors", "refresh_inventory", "reset_connection"]
MOST = 4096  # calls whose arguments are remembered
_HERE = str(Path(__file__).parent)
# Keywords a task call may give beside its module's options.
INHERITED = tuple(field.name for field in dataclasses.fields(Keywords) if field.name not in ("when", "tags", "run_once", "throttle", "debugger"))
OWN = ("task", "notify", "changed_when", "failed_when", "until", "retries", "delay", "tags")
# What makes a task's failure something the controller decides, so that nothing may be sent behind it before it is known.
_JUDGED = ("ignore_errors", "ignore_unreachable", "failed_when", "until", "retries")


class Vars(Mapping[str, Any]):
    """A host's variables: templated when read, as attributes or items."""

    def __init__(self, host: Host) -> None:
        self._host = host

    def _variables(self) -> Any:
        self._host._stream.settle()
        walk = self._host._walk
        return walk.context.variables(walk.state, self._host._scope, self._host.check, walk.run.options.diff)

    def __getitem__(self, name: str) -> Any:
        return wrap(self._variables()[name])

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(f"the variable '{name}' is not defined for {self._host.name}. "
                                 + nearest(name, self._variables())) from None

    def __iter__(self) -> Iterator[str]:
        return iter(self._variables())

    def __len__(self) -> int:
        return len(list(iter(self)))

    def __contains__(self, name: object) -> bool:
        return name in self._variables()


class Host(Tasks):
    """One host of a play, running in its own fiber. See docs/dsl.md.

    name: the inventory name; vars: its variables; facts: gathered when first read; check: nothing is changed.
    """

    def __init__(self, walk: Walk, shared: Shared, scope: Scope, stream: Stream, calls: dict[Any, int], key: Key = ()) -> None:
        self._walk = walk
        self._shared = shared
        self._scope = scope
        self._stream = stream
        self._calls = calls
        self._key = key
        self.vars = Vars(self)

    # -- what is known

    @property
    def name(self) -> str:
        return self._walk.host

    @property
    def check(self) -> bool:
        return self._walk.run.options.check

    @property
    def groups(self) -> list[str]:
        return self._walk.run.inventory.groups_of(self.name)

    @property
    def facts(self) -> Record:
        """The host's facts (names without `ansible_`), gathered the first time they are read."""
        self._stream.settle()
        state = self._walk.state
        if not state.gathered:
            self._task("setup", {}, {"task": "Gathering facts"}).wait()
            state.gathered = True
        return Record(state.facts)

    def hosts(self, pattern: str = "all") -> list[str]:
        """The inventory hosts that match a pattern."""
        self._stream.settle()
        return self._walk.run.inventory.match(pattern)

    @property
    def hostvars(self) -> Mapping[str, Any]:
        """The variables of other hosts: `t.hostvars["db1"]["ansible_host"]`."""
        found: Mapping[str, Any] = self._vars_of("hostvars")
        return found

    def _vars_of(self, name: str) -> Any:
        return self.vars._variables()[name]

    # -- views

    def using(self, **keywords: Any) -> Host:
        """The same host with keywords for all calls through it: `t.using(become_user="postgres").command(...)`."""
        unknown = [name for name in keywords if name not in (*INHERITED, "tags")]
        if unknown:
            raise UsageError(f"using() takes no keyword '{unknown[0]}'", hint=nearest(unknown[0], INHERITED), pos=_caller())
        return self._view(Scope(self._scope, _keywords(keywords)))

    def _view(self, scope: Scope, stream: Stream | None = None) -> Host:
        return Host(self._walk, self._shared, scope, stream or self._stream, self._calls, self._key)

    def on(self, host: str) -> Host:
        """This host's tasks carried out on another: `t.on("db1").command(...)` (delegation)."""
        return self.using(delegate_to=host)

    @property
    def local(self) -> Host:
        """This host's tasks carried out on the controller."""
        return self.on("localhost")

    # -- control

    def wait(self) -> None:
        """Wait until everything called so far is done. Raises TaskFailed when some of it failed."""
        self._stream.drain()

    def wait_all(self, value: T | None = None) -> dict[str, T]:
        """A barrier: wait until every host of the play is done with what it was given before, or is out of the play.

        value: what this host brings along; every host gets what all of them brought: `keys = t.wait_all(t.slurp("/etc/key").content)`.
        """
        self.wait()
        site = self._site("wait_all")
        return self._shared.meet(self.name, self._shared.key(self._key, site), site, value)

    def once(self, function: Callable[[Host], T]) -> T:
        """Have one host of the play run a function; every host gets its value (or its failure)."""
        self.wait()
        value: T = self._shared.once(self._site("once"), lambda: function(self))
        return value

    def parallel(self, *functions: Callable[[Host], T]) -> list[T]:
        """Run functions side by side on this host, each with its own order of tasks; their values. The first failure is raised at the end."""
        self.wait()
        hub = self._walk.run.hub

        def run(number: int, function: Callable[[Host], T]) -> T:
            stream = Stream(self._walk, f"{next(self._shared.streams)}.{number}")
            value = function(self._view(self._scope, stream))
            stream.drain()
            return value

        fibers = [hub.spawn(run, number, function) for number, function in enumerate(functions)]
        found, failures = [], []
        for fiber in fibers:
            try:
                found.append(fiber.wait())
            except Exception as error:
                failures.append(error)
        if failures:
            raise failures[0]
        return found

    @contextmanager
    def block(self, **keywords: Any) -> Iterator[Host]:
        """Tasks whose failure the code around may handle: `try: with t.block(): ... except TaskFailed: ...`. The end waits for them all."""
        self.wait()
        self._walk.rescues += 1
        try:
            yield self.using(**keywords) if keywords else self
            self.wait()
        finally:
            self._walk.rescues -= 1

    def role(self, role: str | Callable[..., Any], **params: Any) -> Any:
        """Apply a role: a function `role(t, **params)`, or by name one of roles/, the roles path or an installed package, in Python or YAML.

        The value is what the function returns; None for a role in YAML.
        """
        self.wait()
        site, pos = self._site(role), _caller()
        block = self._shared.roles.get(site)
        if block is None:
            block = self._shared.roles[site] = self._load_role(role, params, pos)
        key = self._shared.key(self._key, site)
        if block.body is not None:
            return block.body(self._walk, self._scope.enter(block), key, params)  # type: ignore[call-arg]
        scope = self._scope.extend(None, params)
        self._walk.play.add_handlers(block, scope)
        self._walk.nodes([block], scope, key)
        return None

    def _load_role(self, role: str | Callable[..., Any], params: Mapping[str, Any], pos: Pos) -> Block:
        if callable(role):
            return roles.block(role, pos, params)
        within = self._scope.role
        return load_role(role, static=self._walk.run.static, basedir=self._walk.context.play.basedir, allow_duplicates=True, pos=pos,
                         params=params, parents=(within.path,) if within else ())

    def include_tasks(self, file: str, **params: Any) -> None:
        """Run a YAML file of tasks, beside the playbook or absolute."""
        self.wait()
        path = Path(self._walk.context.play.basedir, file)
        if not path.is_file():
            raise SourceError(f"there is no tasks file '{file}'", pos=_caller(), hint=f"looked for {path}")
        nodes = self._walk.run.tasks_of(str(path), self._scope.role, False)
        self._walk.nodes(nodes, self._scope.extend(None, params), self._shared.key(self._key, self._site(file)))

    def flush_handlers(self) -> None:
        """Run what was notified so far, now."""
        self.wait()
        self._walk.flush(self._shared.key(self._key, self._site("handlers")))

    def end(self) -> None:
        """Leave the play, without failure."""
        self.meta("end_host")

    def meta(self, action: Meta) -> None:
        """What steers the run itself; `end_play` ends the play for all hosts, as they come to their next task."""
        self.wait()
        site, pos = self._site(action), _caller()
        self._walk.meta(Task(pos, "meta", free=action, file=pos.file), self._scope, self._shared.key(self._key, site))

    # -- tasks

    def _task(self, action: str, given: Mapping[str, Any], keywords: Mapping[str, Any]) -> Result:
        pos = _caller()
        spec = registry.spec(action)
        given, waiting = deferred(spec, action, given, self._stream)
        keywords = settled(keywords)
        own = {name: value for name, value in keywords.items() if name in OWN}
        inherited = {name: value for name, value in keywords.items() if name not in OWN or name == "tags"}
        scope = Scope(self._scope, _keywords(inherited)) if inherited else self._scope
        notify = self._notified(own.get("notify"))
        task = Task(pos, action, self._checked(spec, given, pos, bool(scope.module_defaults)), name=own.get("task"), file=pos.file, notify=notify[0],
                    until=_conditions(own.get("until")), retries=own.get("retries"), delay=own.get("delay"),
                    changed_when=_conditions(own.get("changed_when")), failed_when=_conditions(own.get("failed_when")))
        if not self._walk.wanted(task, scope):
            return Result(action, lambda: {"changed": False, "failed": False, "skipped": True, "skip_reason": "not chosen by tags"})
        step = self._shared.step(self._site(action, pos), task)
        pipelined = not any(own.get(name) is not None or scope.get(name) is not None for name in _JUDGED)
        pending = self._stream.start(task, scope, step, pipelined, waiting)
        if notify[1]:
            self._shared.notify(self._walk, pending.done, notify[1], self._handler)
        return Result(action, lambda: self._stream.wait(pending), pending)

    def _checked(self, spec: Spec, given: Mapping[str, Any], pos: Pos, defaulted: bool) -> dict[str, Any]:
        """A call's arguments, validated. Hosts mostly give the same ones, which is done once."""
        key = (spec.name, defaulted, *((name, type(value), value) for name, value in given.items()))
        try:
            found = self._shared.checked.get(key)
        except TypeError:  # a list or a mapping among them
            return _checked(spec, given, pos, defaulted)
        if found is None:
            found = _checked(spec, given, pos, defaulted)
            if len(self._shared.checked) < MOST:
                self._shared.checked[key] = found
        return Args(found) if isinstance(found, Args) else dict(found)

    def _handler(self, function: Callable[[Host], Any]) -> None:
        """Run a function as a handler, with this view's keywords."""
        from fleet.dsl.enter import enter
        enter(self._walk, self._scope, self._shared.key(self._key, self._site(function)), function)

    def _notified(self, wanted: Any) -> tuple[list[Any], list[Callable[[Host], Any]]]:
        each = wanted if isinstance(wanted, (list, tuple)) else [] if wanted is None else [wanted]
        return [name for name in each if not callable(name)], [function for function in each if callable(function)]

    def _site(self, what: Any, pos: Pos | None = None) -> tuple[Any, ...]:
        """The place of a call in the source and how often this host came by: the same for all hosts doing the same."""
        place = pos or _caller()
        key = (place.file, place.line, what, self._stream.name.partition(".")[2])
        number = self._calls[key] = self._calls.get(key, 0) + 1
        return (*key, number)

    def __repr__(self) -> str:
        return f"<Host {self.name}>"


def _caller() -> Pos:
    """The line of the playbook (or role) that made the call."""
    frame = sys._getframe(1)
    while frame.f_back is not None and frame.f_code.co_filename.startswith(_HERE):
        frame = frame.f_back
    return Pos(frame.f_code.co_filename, frame.f_lineno)


def _checked(spec: Spec, given: Mapping[str, Any], pos: Pos, defaulted: bool) -> dict[str, Any]:
    """A call's arguments, validated once and for all; only what is surely wrong is looked for when module_defaults may still add some."""
    for name in given:
        if name not in spec.names and not spec.any_options:
            raise ArgumentError(f"{spec.name} has no option '{name}'", pos=pos, hint=nearest(name, [*spec.names, *INHERITED, *OWN]))
    if defaulted:
        check_static(spec, given, lambda name: pos)
        return dict(given)
    try:
        return validate(spec, given)
    except ArgumentError as error:
        said = error.message if error.message.startswith(spec.name) else f"{spec.name}: {error.message}"
        raise ArgumentError(said, pos=pos, hint=error.hint) from None


def _keywords(given: Mapping[str, Any]) -> Keywords:
    values = dict(given)
    for name in ("tags", "environment", "module_defaults"):
        if name in values and not isinstance(values[name], list):
            values[name] = [values[name]]
    return Keywords(**values)


def _conditions(value: Any) -> list[Any] | None:
    return None if value is None else value if isinstance(value, list) else [value]


__all__ = ["Host", "TaskFailed", "Vars"]
