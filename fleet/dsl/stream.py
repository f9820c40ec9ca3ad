"""A host's tasks in flight, in order.

Calls start fibers; each sends its requests when the one before has sent its last, so requests go out in the order of the calls without
waiting for replies. All are guarded: when one fails, the runner on the target answers those behind it as aborted without running them.
"""

from __future__ import annotations

import time
from typing import Any

from fleet import registry
from fleet.connection.base import Endpoint, Ref
from fleet.dsl.later import Unknown, Waiting
from fleet.engine import results
from fleet.engine.hub import Promise
from fleet.engine.scope import Scope
from fleet.engine.strategy import Step
from fleet.engine.task import TaskRun
from fleet.engine.walk import HostLost, TaskFailed, Walk
from fleet.errors import FleetError
from fleet.model import Task

_TELLING = frozenset({"set_fact", "include_vars", "add_host", "group_by", "setup"})
# Actions whose only effect is on the target, through requests that are guarded; all others act here, when what is before them is done.
_SENDS = frozenset({"copy", "fetch", "script", "template", "unarchive"})
_ASIDE = frozenset({"debug"})  # ... and this one holds nobody up
WINDOW = 128  # tasks of one stream in flight; a call beyond that waits for the oldest
LEAST, ALL = 4, 8192  # with many hosts the window is their share of ALL, so that memory is bounded by that and not by hosts times tasks


class Aborted(Exception):
    """Not run, because a task before it failed."""


class Pending:
    """One task on its way. sent: its last request is out; done: its result was taken.

    pipelined: it may be sent before what is in front of it is known to be done; aside: the same for what is behind it.
    """

    def __init__(self, stream: Stream, before: Pending | None, pipelined: bool, aside: bool, waiting: Waiting | None) -> None:
        hub = stream.walk.run.hub
        self.waiting = waiting
        self.keep = ""
        self.out = False  # its request is sent
        self.stream = stream
        self.before = before
        self.pipelined = pipelined
        self.aside = aside
        self.sent: Promise[None] = Promise(hub)
        self.done: Promise[dict[str, Any]] = Promise(hub)

    # what fleet.engine.call.Pipe asks for

    @property
    def name(self) -> str:
        return self.stream.name if self.pipelined else ""

    def enter(self, endpoint: Endpoint) -> None:
        """Before a request: tasks of another place, and those whose failure is judged here, wait for all before them."""
        stream = self.stream
        if self.before is not None and (not self.pipelined or endpoint != stream.endpoint):
            self.before.finish()
        if stream.failure is not None:
            raise Aborted
        stream.endpoint = endpoint
        self.out = True

    def refs(self, args: dict[str, Any], check: bool) -> list[Ref]:
        return self.waiting.refs(args, check) if self.waiting is not None and self.waiting.tokens else []

    def last(self) -> None:
        if self.pipelined:
            self.sent.set(None)

    def finish(self) -> None:
        """Wait until the task is through, however it ended."""
        while not self.done.done:
            try:
                self.done.wait()
            except Exception:
                return


class Stream:
    """The order of one host's tasks (one of several in a parallel group)."""

    def __init__(self, walk: Walk, name: str) -> None:
        self.walk = walk
        self.name = name
        self.newest: Pending | None = None
        self.flying: list[Pending] = []
        self.window = max(LEAST, min(WINDOW, ALL // max(len(walk.play.hosts), 1)))
        self.telling: Pending | None = None  # the newest task that sets variables, facts or hosts
        self.endpoint: Endpoint | None = None
        self.failure: Exception | None = None
        self.crash: BaseException | None = None

    def start(self, task: Task, scope: Scope, step: Step, pipelined: bool, waiting: Waiting | None = None) -> Pending:
        """Begin a task behind those begun before. Raises the failure of an earlier one that is known by now, and what ends the play here."""
        self.check()
        if self.walk.play.fatal:
            raise TaskFailed(task, results.failure("another host failed and any_errors_fatal is set"))
        ended = self.walk.play.stop()
        if ended is not None:
            raise ended
        if len(self.flying) >= self.window:
            self.flying[0].finish()
            self.flying = [each for each in self.flying if not each.done.done]
            self.check()
        aside = task.action in _ASIDE
        pipelined = pipelined and (task.action in _SENDS or registry.action(task.action) is None)
        pending = Pending(self, self.newest, pipelined, aside, waiting)
        if task.action in _TELLING:
            self.telling = pending
        self.newest = pending
        self.flying.append(pending)
        self.walk.run.hub.spawn(self._run, pending, task, scope, step)
        return pending

    def _run(self, pending: Pending, task: Task, scope: Scope, step: Step) -> None:
        before = pending.before
        try:
            if before is not None:
                before.sent.wait()
                if pending.aside:
                    pending.sent.set(None)
                if not pending.pipelined:
                    before.finish()
            if self.failure is not None or self.crash is not None:
                raise Aborted
            result = self._carry_out(pending, task, scope, step, before)
        except (TaskFailed, HostLost) as failure:
            self.failure = self.failure or failure
            if scope.get("any_errors_fatal") and not self.walk.rescues:
                self.walk.play.fatal = True
            pending.done.fail(failure)
        except Aborted as aborted:  # whoever touches its result gets the failure that kept it from running
            pending.done.fail(self.failure or self.crash or aborted)
        except BaseException as error:
            self.crash = self.crash or error
            pending.done.fail(error)
        else:
            pending.done.set(result)
        finally:
            pending.before = None
            pending.sent.set(None)

    def _carry_out(self, pending: Pending, task: Task, scope: Scope, step: Step, before: Pending | None) -> dict[str, Any]:
        walk = self.walk
        began = time.monotonic()
        walk.announce(step, task, scope)
        try:
            runner: TaskRun | None = TaskRun(walk, task, scope, step.number, pending)
            assert runner is not None
            result = runner.run()
        except Unknown as unknown:
            runner, result = None, results.skipped(str(unknown))
        except FleetError as error:
            runner, result = None, {"changed": False, "failed": True, "msg": error.render()}
        if before is not None:
            before.finish()
        if result.get("aborted"):
            raise Aborted
        walk.conclude(step, task, scope, runner, result, began)
        return result

    def wait(self, pending: Pending) -> dict[str, Any]:
        """A task's result. Raises TaskFailed for it, or for the one before it that kept it from running."""
        try:
            return pending.done.wait()
        except (Aborted, TaskFailed, HostLost):
            self.check()
            raise

    def settle(self) -> None:
        """Wait for what sets variables, facts or hosts, before they are read. Raises TaskFailed."""
        if self.telling is not None:
            telling, self.telling = self.telling, None
            self.wait(telling)

    def drain(self) -> None:
        """Wait for all that was begun. Raises TaskFailed when one of them failed."""
        if self.newest is not None:
            self.newest.finish()
        for pending in self.flying:
            pending.finish()
        self.flying.clear()
        self.newest = None
        self.check()

    def check(self) -> None:
        """Deliver a failure to the play's code, once; what is called after that runs again."""
        if self.crash is not None:
            raise self.crash
        if self.failure is None:
            return
        for pending in self.flying:
            pending.finish()
        failure, self.failure = self.failure, None
        self.flying.clear()
        self.newest = None
        if self.endpoint is not None:
            self.walk.run.connections.resume(self.endpoint, self.name)
        raise failure
