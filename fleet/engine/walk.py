"""One host's way through one play: its sections, blocks, roles, includes and handlers, straight down."""

from __future__ import annotations

import dataclasses
import fnmatch
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from fleet.engine import results
from fleet.engine.scope import Scope
from fleet.engine.state import HostState
from fleet.engine.strategy import Key, PlayAborted, Step
from fleet.engine.task import TaskRun, elapsed
from fleet.errors import FleetError
from fleet.events import HostUnreachable, Note, TaskResult, TaskStarted
from fleet.model import Block, Role, Task
from fleet.playbook.action import OWN, named
from fleet.playbook.listing import selected
from fleet.trust import Trusted
from fleet.validate import boolean

if TYPE_CHECKING:
    from fleet.engine.play import PlayRun

Node = Task | Block


_NAMED = (OWN, "getent", "package_facts", "service_facts")  # their facts are variables by their own names too; a target cannot choose these
_FOR_ALL = ("add_host", "pause")  # what one host does here is done for all of them


class TaskFailed(Exception):
    """A task failed on this host; the nearest block with a rescue takes it up."""

    def __init__(self, task: Task, result: dict[str, Any]) -> None:
        super().__init__(result.get("msg", ""))
        self.task = task
        self.result = result


class HostLost(Exception):
    """The host is unreachable, or in a plan not there yet, and leaves the play."""


class EndHost(Exception):
    """meta: end_host, end_play, end_batch."""


class EndRole(Exception):
    """meta: end_role."""

    def __init__(self, role: Role | None) -> None:
        super().__init__()
        self.role = role


class Walk:
    """A host in a batch of a play."""

    def __init__(self, play_run: PlayRun, host: str) -> None:
        self.play = play_run
        self.run = play_run.run
        self.context = play_run.context
        self.strategy = play_run.strategy
        self.host = host
        self.state: HostState = self.run.state(host)
        self.notified: dict[int, None] = {}  # indices of the play's handlers
        self.notified_python: Callable[[], bool] | None = None  # runs the handlers that are functions; whether there were any
        self.rescues = 0  # blocks with a rescue around the current task
        self.in_handler = False
        self.roles_done: set[tuple[str, str]] = set()
        self.ran = 0  # tasks that were carried out so far
        self.started = not self.run.options.start_at_task

    # -- the tree

    def walk(self) -> None:
        """The whole play. Ends normally, also when the host failed or was lost: `state` says so."""
        play, scope = self.context.play, self.play.scope
        try:
            try:
                self.gather(scope)
                for index, section in enumerate((play.pre_tasks, [*play.roles, *play.tasks], play.post_tasks)):
                    self.nodes(section, scope, (index, 0))
                    if index == 1 and play.body is not None:
                        play.body(self)
                    self.flush((index, 1))
            except (TaskFailed, PlayAborted):
                if self.play.force_handlers:
                    self.flush((9, 0))
                raise
        except TaskFailed:
            self.state.failed = True
        except (HostLost, EndHost, PlayAborted):
            pass
        except EndRole:
            pass
        finally:
            if self.state.failed or self.state.unreachable:
                self.context.live.pop(self.host, None)
            self.strategy.leave(self.host)

    def nodes(self, nodes: list[Node], scope: Scope, key: Key) -> None:
        for index, node in enumerate(nodes):
            if isinstance(node, Block):
                self.block(node, scope, (*key, index))
            else:
                self.task(node, scope.enter(node), (*key, index))

    def block(self, block: Block, outer: Scope, key: Key) -> None:
        scope = outer.enter(block)
        if block.is_role and block.role:
            self.role(block, block.role, scope, key)
            return
        if not block.rescue and not block.always:
            self.nodes(block.tasks, scope, (*key, 0))
            return
        try:
            self.guarded(block, scope, key)
        except (TaskFailed, PlayAborted, EndRole) as end:
            before = self.run.cleared
            self.nodes(block.always, scope, (*key, 2))
            if isinstance(end, TaskFailed) and self.run.cleared != before:
                return  # meta: clear_host_errors
            raise
        self.nodes(block.always, scope, (*key, 2))

    def guarded(self, block: Block, scope: Scope, key: Key) -> None:
        """The block's tasks, and its rescue when one of them fails."""
        if not block.rescue:
            self.nodes(block.tasks, scope, (*key, 0))
            return
        self.rescues += 1
        try:
            self.nodes(block.tasks, scope, (*key, 0))
            failure = None
        except TaskFailed as error:
            failure = error
        finally:
            self.rescues -= 1
        if failure is not None:
            self.state.set["ansible_failed_task"] = {"name": self.name_of(failure.task, None), "action": failure.task.action,
                                                     "args": dict(failure.task.args) if isinstance(failure.task.args, Mapping) else {}}
            self.state.set["ansible_failed_result"] = failure.result
            self.nodes(block.rescue, scope, (*key, 1))

    def role(self, block: Block, role: Role, scope: Scope, key: Key) -> None:
        """A role's dependencies and its tasks, unless it ran for this host already."""
        identity = (role.path, repr((role.params, block.keywords.when, block.keywords.tags)))
        if identity in self.roles_done and not role.allow_duplicates:
            return
        before = self.ran
        for index, dependency in enumerate(role.dependencies):
            self.block(dependency, scope, (*key, 0, index))
        try:
            if block.body is not None:
                block.body(self, scope, (*key, 1))
            elif block.rescue or block.always:
                self.guarded(block, scope, (*key, 1))
            else:
                self.nodes(block.tasks, scope, (*key, 1))
        except EndRole as end:
            if end.role is not role:
                raise
        if self.ran > before:
            self.roles_done.add(identity)

    # -- tasks

    def gather(self, scope: Scope) -> None:
        if self.play.wants_facts(self.state):
            self.started, started = True, self.started
            task = self.play.gather_task
            self.task(task, scope.enter(task), (-1,))
            self.started = started
            self.state.gathered = True

    def task(self, task: Task, scope: Scope, key: Key) -> None:
        if not self.wanted(task, scope):
            return
        if task.action == "meta":
            self.meta(task, scope, key)
            return
        step = self.strategy.arrive(self.host, key, task)
        failed = True
        try:
            self.step(step, task, scope, key)
            failed = False
        finally:
            step.report(failed)
            if failed:
                self.play.count_failure()
        if scope.get("any_errors_fatal") and self.strategy.lockstep:
            self.all_or_none(step, task, scope)

    def all_or_none(self, step: Step, task: Task, scope: Scope) -> None:
        """any_errors_fatal: a failure anywhere is a failure here."""
        value = self.run.templar.render(scope.get("any_errors_fatal"), self.context.variables(self.state, scope))
        if value and boolean(value):
            step.complete.wait()
            if step.failed:
                self.play.fatal = True
                raise TaskFailed(task, results.failure("another host failed and any_errors_fatal is set"))

    def wanted(self, task: Task, scope: Scope) -> bool:
        """By tags and --start-at-task."""
        options = self.run.options
        if not self.started:
            self.started = self.play.starts_at(self.name_of(task, scope))
            if not self.started:
                return False
        if self.in_handler:
            return True
        if not options.tags and not options.skip_tags and not scope.tags:
            return True
        return selected(self.play.tags_of(scope, self), options.tags, options.skip_tags)

    def step(self, step: Step, task: Task, scope: Scope, key: Key) -> None:
        """The task on this host, or its share of a run_once task."""
        once = True if task.action in _FOR_ALL else scope.get("run_once")
        if once is not None and self.strategy.lockstep:
            once = self.run.templar.render(once, self.context.variables(self.state, scope), pos=task.pos)
            if once and boolean(once):
                if task.action not in ("include_tasks", "include_role"):
                    self.once(step, task, scope)
                    return
                if step.hosts[0] != self.host:
                    return  # only the first host takes in what is included
        self.announce(step, task, scope)
        if task.action in ("include_tasks", "include_role"):
            self.include(step, task, scope, key)
            return
        began = time.monotonic()
        runner = self.runner(step, task, scope)
        if isinstance(runner, dict):
            self.conclude(step, task, scope, None, runner, began)
            return
        self.conclude(step, task, scope, runner, runner.run(), began)

    def runner(self, step: Step, task: Task, scope: Scope) -> TaskRun | dict[str, Any]:
        """The task made ready, or the failure to do so (a keyword that cannot be evaluated)."""
        try:
            if isinstance(task.action, Trusted):
                name = str(self.run.templar.render(task.action, self.context.variables(self.state, scope), pos=task.pos))
                found = named(name, task.args, task.free, task.pos)
                task = dataclasses.replace(task, action=found.name, args=found.args, free=found.free)
            return TaskRun(self, task, scope, step.number)
        except FleetError as error:
            return results.failure(error.render())

    def once(self, step: Step, task: Task, scope: Scope) -> None:
        """run_once: the first host runs it, the others take what came of it."""
        if step.hosts[0] == self.host:
            try:
                self.announce(step, task, scope)
                began = time.monotonic()
                runner = self.runner(step, task, scope)
                result = runner if isinstance(runner, dict) else runner.run()
                step.shared.set(result)
                for host in self.context.live.keys() & set(self.context.batch) - set(step.hosts):  # those that do not come by
                    self.store(task, scope, dict(result), None, self.run.state(host))
                self.conclude(step, task, scope, None if isinstance(runner, dict) else runner, result, began)
            finally:
                step.shared.set(results.failure("the host that ran it was lost"))
            return
        result = step.shared.wait()
        if not result.get("skipped"):
            self.store(task, scope, dict(result), None)
        elif task.register:
            self.state.set[task.register] = result
        if result.get("failed") and not self.ignores(scope):
            raise TaskFailed(task, result)

    def announce(self, step: Step, task: Task, scope: Scope) -> None:
        if not step.started:
            step.started = True
            self.run.performed = self.run.performed or task is not self.play.gather_task
            if self.run.options.step:
                self.run.confirm(self.name_of(task, scope))
            self.run.emit(TaskStarted(task=step.number, name=self.name_of(task, scope), action=task.action, position=str(task.pos),
                                      handler=self.in_handler, role=scope.role.name if scope.role else "", hosts=len(step.hosts)))

    def name_of(self, task: Task, scope: Scope | None) -> str:
        if task.name is None:
            hidden = task.free is None or (scope is not None and scope.get("no_log"))
            return task.action if hidden else f"{task.action} {task.free}"[:60]
        if not isinstance(task.name, Trusted):
            return str(task.name)
        try:
            return str(self.run.templar.render(task.name, self.context.variables(self.state, scope)))
        except FleetError:
            return str(task.name)  # a name may use a loop variable; it is shown as written then

    def ignores(self, scope: Scope) -> bool:
        value = scope.get("ignore_errors")
        if value is None:
            return False
        value = self.run.templar.render(value, self.context.variables(self.state, scope))
        return bool(value) and boolean(value)

    def conclude(self, step: Step, task: Task, scope: Scope, runner: TaskRun | None, result: dict[str, Any], began: float) -> None:
        """What follows from a result: variables, handlers, counts, the event, and failure."""
        stats = self.state.stats
        status = results.status_of(result)
        self.ran += status not in ("skipped", "unreachable")
        if runner is not None and task.loop is None:
            self.take(runner, result)
        elif runner is not None and runner.pipelined():
            for item in result.get("results", ()):
                self.take(runner, item, item=True)
        self.store(task, scope, result, runner)
        if self.run.options.check:
            self.run.planned.note(runner.task.action if runner else task.action, self.host, result)
        ignored = False
        if status == "unreachable":
            self.lose(step, task, scope, result)
        elif status == "failed":
            ignored = self._ignored(scope, result)
            if ignored:
                status = "ignored"
                stats.ignored += 1
                stats.ok += 1
            elif self.rescues:
                status = "rescued"
                stats.rescued += 1
            else:
                stats.failed += 1
        elif status == "skipped":
            stats.skipped += 1
        else:
            stats.ok += 1
            stats.changed += status == "changed"
        if result.get("changed") and status not in ("skipped", "failed", "rescued", "unreachable"):
            self.notify(task, scope)
        shown = results.visible(result, runner.no_log if runner else bool(scope.get("no_log")), runner.diff if runner else False)
        self.run.emit(TaskResult(
            task=step.number, host=self.host, status=status, result=shown, name=self.name_of(task, scope), action=runner.task.action if runner else task.action,
            position=str(task.pos), duration=elapsed(began), ignored=ignored, delegated_to=runner.delegated if runner else "",
            items=len(result.get("results", ())) if task.loop is not None else 0))
        if status in ("failed", "rescued"):
            raise TaskFailed(task, result)
        if result.get("host_missing") or (status == "unreachable" and self.state.unreachable):
            raise HostLost

    def _ignored(self, scope: Scope, result: dict[str, Any]) -> bool:
        try:
            return self.ignores(scope)
        except (FleetError, ValueError) as error:
            result["msg"] = f"{result.get('msg', '')} (and ignore_errors cannot be evaluated: {error})"
            return False

    def lose(self, step: Step, task: Task, scope: Scope, result: dict[str, Any]) -> None:
        stats = self.state.stats
        ignore = scope.get("ignore_unreachable")
        if ignore is not None and boolean(self.run.templar.render(ignore, self.context.variables(self.state, scope))):
            stats.ok += 1
            stats.ignored += 1
            return
        stats.unreachable += 1
        self.state.unreachable = True
        self.run.emit(HostUnreachable(host=self.host, message=str(result.get("msg", "")), task=step.number))

    def take(self, runner: TaskRun, result: dict[str, Any], item: bool = False) -> None:
        """The facts that one result brings."""
        facts = result.get("ansible_facts")
        if isinstance(facts, Mapping) and not result.get("failed"):
            self.take_facts(runner, facts)

    def enlist(self, task: Task, result: dict[str, Any]) -> None:
        """The hosts and groups a result brings into the inventory (only then is it known whether it changed anything), and the run's own statistics."""
        if result.get("failed"):
            return
        if task.action in ("add_host", "guest_migrate") and isinstance(added := result.get("add_host"), Mapping):
            new = self.run.add_host(added)
            if task.action == "add_host":
                result["changed"] = new
        elif task.action == "group_by" and not result.get("skipped"):
            result["changed"] = self.run.add_group(self.host, result["add_group"], result["parent_groups"])
        elif task.action == "set_stats" and isinstance(stats := result.get("ansible_stats"), Mapping):
            self.run.add_stats(self.host if stats["per_host"] else "_run", stats["data"], stats["aggregate"])

    def take_facts(self, runner: TaskRun, facts: Mapping[str, Any]) -> None:
        action = runner.task.action
        state = self.state
        if runner.delegated and runner._flag("delegate_facts", False):
            state = self.run.state(runner.delegated)
        if action == "set_fact":
            state.set.update((k, v) for k, v in facts.items())
        elif action == "include_vars":
            state.included.update(facts)
        else:
            state.add_facts(facts, own=action in _NAMED)

    def store(self, task: Task, scope: Scope, result: dict[str, Any], runner: TaskRun | None, state: HostState | None = None) -> None:
        """Keep a result in a host's state (this one's by default), and its facts where no runner of its own does."""
        state = state or self.state
        if task.register:
            state.set[task.register] = result
        if runner is None and isinstance(result.get("ansible_facts"), Mapping):
            if task.action in ("set_fact", "include_vars"):
                state.set.update(result["ansible_facts"])
            else:
                state.add_facts(result["ansible_facts"], own=task.action in _NAMED)

    # -- handlers

    def notify(self, task: Task, scope: Scope) -> None:
        if not task.notify:
            return
        variables = self.context.variables(self.state, scope)
        for topic in task.notify:
            wanted = self.run.templar.render(topic, variables, pos=task.pos)
            for name in wanted if isinstance(wanted, list) else [wanted]:
                found = self.play.handlers_named(str(name), self, scope)
                if not found:
                    error = self.play.no_handler(str(name), task)
                    if self.run.settings.error_on_missing_handler:
                        raise error
                    self.note(error.message, position=str(task.pos))
                for index in found:
                    self.notified[index] = None

    def flush(self, key: Key, scope: Scope | None = None) -> None:
        """Run the handlers notified so far, in the order they are defined; those that they notify as well, but each once: what runs again waits
        for the next flush."""
        was, self.in_handler = self.in_handler, True
        started, self.started = self.started, True
        try:
            done: set[int] = set()
            for round_ in range(1000):
                ran = self.notified_python is not None and self.notified_python()
                if not self.notified.keys() - done and not ran:
                    return
                if not round_:
                    self.note("META: triggered running handlers", "debug")
                for index, (handler, handler_scope) in enumerate(list(self.play.handlers)):
                    if index in self.notified and index not in done:
                        done.add(index)
                        del self.notified[index]
                        self.task(handler, handler_scope.enter(handler), (*key, round_, index))
        finally:
            self.in_handler, self.started = was, started

    # -- includes and meta

    def include(self, step: Step, task: Task, scope: Scope, key: Key) -> None:
        from fleet.engine.include import Include

        Include(self, step, task, scope, key).run()

    def meta(self, task: Task, scope: Scope, key: Key) -> None:
        from fleet.engine.meta import perform

        perform(self, task, scope, key)

    def note(self, message: str, level: str = "warning", position: str = "") -> None:
        self.run.emit(Note(message=message, level=level, host=self.host, position=position))


def matches(name: str, wanted: str) -> bool:
    """--start-at-task: the name itself or a glob."""
    return name == wanted or fnmatch.fnmatch(name, wanted)
