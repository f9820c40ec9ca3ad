"""What an action is given (the Protocol `fleet.actions.Call`), backed by the engine."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol, TypeVar

from fleet import registry
from fleet.connection.base import Endpoint, Ref, Reply, Request
from fleet.engine.hub import Promise, Signal
from fleet.engine.planned import not_yet
from fleet.errors import ArgumentError, FleetError, NotYet
from fleet.events import HostStats, Subscriber, TaskResult
from fleet.model import Play, Role, Task
from fleet.playbook import Static
from fleet.runner.module import Args, ModuleError, drive
from fleet.template import Templar, Variables
from fleet.validate import validate
from fleet.yamlfile import Decrypt

if TYPE_CHECKING:
    from fleet.engine.run import Run

T = TypeVar("T")


class Unreachable(Exception):
    """The target could not be reached, or was lost while the task ran. error: the ConnectionFailed behind it."""

    def __init__(self, error: FleetError, unknown: bool) -> None:
        super().__init__(str(error))
        self.error = error
        self.unknown = unknown


class Pipe(Protocol):
    """The order of a host's pipelined requests: who may send now, and who has sent all."""

    @property
    def name(self) -> str:
        """The guarded stream's name, empty for a task that is not pipelined."""

    @property
    def keep(self) -> str:
        """The key under which the target keeps the result, empty when nobody asks for it."""

    def enter(self, endpoint: Endpoint) -> None: ...

    def refs(self, args: dict[str, Any], check: bool) -> list[Ref]:
        """What the target has to put into the arguments; what is known by now is put in here."""

    def last(self) -> None: ...


class ActionCall:
    """One execution of one action or module, for one host and loop item."""

    def __init__(self, run: Run, host: str, task: Task, args: Args, variables: Variables, endpoint: Endpoint, role: Role | None,
                 basedir: str, check: bool, diff: bool, environment: dict[str, str], limit: float | None,
                 pipe: Pipe | None = None, job: str = "") -> None:
        self.run_ = run
        self.host = host
        self.task = task
        self.args = args
        self.vars = variables
        self.endpoint = endpoint
        self.role = role
        self.basedir = basedir
        self.check = check
        self.diff = diff
        self.environment = environment
        self.limit = limit
        self.pipe = pipe
        self.job = job
        self.warnings: list[str] = []

    @property
    def templar(self) -> Templar:
        return self.run_.templar

    @property
    def decrypt(self) -> Decrypt | None:
        return self.run_.static.decrypt

    @property
    def static(self) -> Static:
        return self.run_.static

    @property
    def extra_vars(self) -> Mapping[str, Any]:
        return self.run_.extra_vars

    @property
    def shared(self) -> dict[str, Any]:
        return self.run_.shared

    @property
    def inventory(self) -> Any:
        return self.run_.inventory

    @property
    def connections(self) -> Any:
        return self.run_.connections

    def warn(self, text: str) -> None:
        if text not in self.warnings:
            self.warnings.append(text)

    def blocking(self, function: Callable[..., T], *args: Any) -> T:
        return self.run_.hub.blocking(function, *args)

    def sleep(self, seconds: float) -> None:
        self.run_.hub.sleep(seconds)

    def from_worker(self, function: Callable[[], T]) -> T:
        """For code that runs in `blocking`: have a function run in a fiber, where it may call modules, and wait for its value."""
        outcome: Future[T] = Future()

        def work() -> None:
            try:
                outcome.set_result(function())
            except BaseException as error:
                outcome.set_exception(error)

        self.run_.hub.post(lambda: self.run_.hub.spawn(work))
        return outcome.result()

    def signal(self) -> Signal:
        """For what happens in other threads (libvirt's events): they `set` it, the action waits for it."""
        return Signal(self.run_.hub)

    def render(self, value: Any, extra: Mapping[str, Any] | None = None) -> Any:
        return self.templar.render(value, self.vars.child(extra) if extra else self.vars, pos=self.task.pos)

    def render_text(self, text: str, extra: Mapping[str, Any] | None = None, **options: Any) -> str:
        options.setdefault("name", str(self.task.pos))
        return self.templar.render_text(text, self.vars.child(extra) if extra else self.vars, **options)

    def find(self, kind: str, name: str) -> Path:
        candidates = search(kind, name, self.role, self.task.file, self.basedir)
        for path in candidates:
            if path.exists():
                return path
        looked = "\n  ".join(str(path) for path in candidates)
        raise ArgumentError(f"could not find or access '{name}' on the controller", hint=f"looked for:\n  {looked}", host=self.host)

    def module(self, name: str, args: Mapping[str, Any], *, blob: bytes | Path | None = None, sink: BinaryIO | None = None,
               check: bool | None = None, last: bool = False) -> dict[str, Any]:
        promise = self.send(name, args, blob=blob, sink=sink, check=check)
        if last and self.pipe is not None:
            self.pipe.last()
        return self.wait(promise)

    def send(self, name: str, args: Mapping[str, Any], *, blob: bytes | Path | None = None, sink: BinaryIO | None = None,
             check: bool | None = None) -> Promise[Reply]:
        """Submit a request; its reply comes through the promise."""
        checked = args if isinstance(args, Args) else validate(registry.spec(name), args)
        stream, keep, refs = "", "", []
        given = dict(checked)
        if self.pipe is not None:
            self.pipe.enter(self.endpoint)
            stream, keep, refs = self.pipe.name, self.pipe.keep, self.pipe.refs(given, self.check)
        request = Request(name, given, check=self.check if check is None else check, diff=self.diff,
                          environment=self.environment, limit=self.limit, blob=blob, sink=sink, guard=bool(stream), stream=stream, keep=keep,
                          refs=refs, job=self.job)
        promise: Promise[Reply] = Promise(self.run_.hub)
        self.run_.connections.submit(self.endpoint, request, lambda reply: self.run_.hub.post(promise.set, reply))
        return promise

    def wait(self, promise: Promise[Reply]) -> dict[str, Any]:
        reply = promise.wait()
        if reply.error is not None:
            raise Unreachable(reply.error, reply.unknown)
        return reply.result or {}

    def attempt(self, name: str, args: Mapping[str, Any], seconds: float) -> dict[str, Any] | str:
        before, self.limit = self.limit, seconds
        try:
            return self.module(name, args, check=False)
        except Unreachable as lost:
            return lost.error.message
        finally:
            self.limit = before

    def disconnect(self) -> None:
        self.connections.reset(self.endpoint)

    def elsewhere(self, endpoint: Endpoint, action: str, args: Mapping[str, Any], *, check: bool) -> dict[str, Any]:
        """Run another module, with its controller side, at another place."""
        other = copy.copy(self)
        other.task = dataclasses.replace(self.task, action=action)
        other.args, other.endpoint, other.check, other.diff = validate(registry.spec(action), args), endpoint, check, False
        other.pipe, other.warnings = None, []
        return other.execute()

    def at(self, host: str) -> ActionCall:
        """The same call at another host of the inventory, with its variables. Raises FleetError for a host that is not there."""
        other = copy.copy(self)
        other.endpoint, other.pipe, other.diff = self.run_.through(host), None, False
        other.vars = Variables(self.templar, [self.run_.host_vars(host, ""), self.run_.extra_vars, {"inventory_hostname": host}])
        return other

    def apply(self, plays: Sequence[Play], host: str, values: Mapping[str, Any], groups: Sequence[str], note: str = "",
              environment: Mapping[str, str] | None = None, extra_vars: Mapping[str, Any] | None = None) -> tuple[HostStats, TaskResult | None]:
        from fleet.engine.nested import apply
        return apply(self, plays, host, values, groups, note, environment or {}, self.extra_vars if extra_vars is None else extra_vars)

    @contextmanager
    def watched(self, subscriber: Subscriber) -> Iterator[None]:
        self.run_.subscribers.append(subscriber)
        try:
            yield
        finally:
            self.run_.subscribers.remove(subscriber)

    def vars_of(self, host: str, groups: Sequence[str]) -> dict[str, Any]:
        from fleet.engine.nested import inventory_with
        return inventory_with(self.run_.inventory, host, {}, groups).host_vars(host, self.basedir or None)

    def execute(self) -> dict[str, Any]:
        """Run the task's action, or its module where there is no action. A failure is a result with failed=True; Unreachable is raised."""
        code = registry.action(self.task.action)
        if self.check and registry.spec(self.task.action).check == "none":
            return {"changed": False, "skipped": True, "unpredicted": True, "msg": "what it does cannot be predicted, so it is not done in check mode"}
        try:
            if code is None:
                result = self.module(self.task.action, self.args, last=True)
            else:
                result = self._act(code)
        except ModuleError as error:
            result = {**error.result, "failed": True, "msg": error.msg}
        except NotYet as error:
            result = not_yet(error.message, name=self.args.get("name")) if self.check else {"failed": True, "msg": error.render()}
        except FleetError as error:
            result = {**getattr(error, "result", {}), "failed": True, "msg": error.render()}
        except OSError as error:
            result = {"failed": True, "msg": f"{error.strerror or error}{': ' + str(error.filename) if error.filename else ''} (on the controller)"}
        if self.warnings:
            result["warnings"] = [*result.get("warnings", ()), *self.warnings]
        return result

    def _act(self, code: Any) -> dict[str, Any]:
        changes: list[Any] = []
        result = drive(code.run(self), self.check, changes.append)
        if changes:
            result.setdefault("changed", True)
            if self.diff and "diff" not in result:
                result["diff"] = [{"what": c.what, "path": c.path, "before": c.before, "after": c.after} for c in changes]
        return result


def search(kind: str, name: str, role: Role | None, task_file: str, basedir: str) -> list[Path]:
    """Where a file a task names may be, best first. An absolute name (or ~) is only itself."""
    path = Path(name).expanduser()
    if path.is_absolute():
        return [path]
    bases = [Path(role.path)] if role else []
    if task_file:
        bases.append(Path(task_file).parent)
    bases.append(Path(basedir or "."))
    found: list[Path] = []
    for base in bases:
        for candidate in (base / kind / name, base / name):
            if candidate not in found:
                found.append(candidate)
        if base.name == "tasks" and base.parent / kind / name not in found:
            found.append(base.parent / kind / name)
    return found
