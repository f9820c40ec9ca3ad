"""One task on one host: conditions, loop, retries, delegation, and what its result means."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

from fleet import registry
from fleet.engine import results
from fleet.engine.arguments import Plan
from fleet.engine.background import Background
from fleet.engine.call import ActionCall, Pipe, Unreachable
from fleet.engine.planned import not_yet
from fleet.engine.scope import Scope
from fleet.errors import FleetError, SourceError, UndefinedError
from fleet.events import ResultItem, TaskRetry
from fleet.model import Task
from fleet.playbook import freeform
from fleet.playbook.action import LATER, no_free_text
from fleet.runner.module import Args
from fleet.runner.spec import Spec
from fleet.template import OMIT, Variables
from fleet.template.lookups import run_lookup
from fleet.validate import boolean, validate

if TYPE_CHECKING:
    from fleet.connection.base import Endpoint
    from fleet.engine.walk import Walk

# Their items see what earlier items set, so they run one after the other; all others are pipelined.
_IN_ORDER = frozenset({"set_fact", "include_vars", "add_host", "group_by", "pause", "debug", "assert", "fail", "set_stats", "include_tasks", "include_role"})
WINDOW = 64  # loop items of one task in flight at once on one host


class TaskRun:
    """A task in its scope on one host. `run` gives the whole result; loop items are reported as they come."""

    def __init__(self, walk: Walk, task: Task, scope: Scope, number: int, pipe: Pipe | None = None) -> None:
        self.walk: Walk = walk
        self.pipe = pipe
        self.run_ = walk.run
        self.task = task
        self.scope = scope
        self.number = number
        self.delegated = ""
        options = self.run_.options
        self.variables = walk.context.variables(walk.state, scope, options.check, options.diff)
        self.check = self._flag("check_mode", options.check)
        self.diff = self._flag("diff", options.diff)
        self.loop_var = str(self.run_.templar.render(task.loop_control.loop_var, self.variables, pos=task.pos))
        self.no_log = self._flag("no_log", self.run_.settings.no_log)
        if self.check != options.check or self.diff != options.diff:
            self.variables = walk.context.variables(walk.state, scope, self.check, self.diff)

    def run(self) -> dict[str, Any]:
        try:
            if self.task.loop is None:
                return self.item(None)
            items = self.items()
        except FleetError as error:
            return results.failure(error.render())
        return items if isinstance(items, dict) else self.loop(items)

    def keyword(self, name: str, variables: Variables | None = None, default: Any = None) -> Any:
        """A keyword's templated value; `default` when nobody says it or it is omitted."""
        value = self.scope.get(name)
        if value is None:
            return default
        value = self.run_.templar.render(value, variables or self.variables, pos=self.task.pos)
        return default if value is OMIT or value is None else value

    def _flag(self, name: str, default: bool, given: Any = None) -> bool:
        """A true-or-false keyword's value, or `given`'s."""
        value = self.keyword(name) if given is None else self.run_.templar.render(given, self.variables, pos=self.task.pos)
        try:
            return default if value is None or value == "" else boolean(value)
        except ValueError:
            raise SourceError(f"{name} takes true or false, not {value!r}", pos=self.task.pos) from None

    # -- loops

    def items(self) -> list[Any] | dict[str, Any]:
        """The items of the loop, or the result of the task when it is skipped without them."""
        task, templar = self.task, self.run_.templar
        try:
            if task.loop_with is None:
                items = templar.render(task.loop, self.variables, pos=task.pos)
                if isinstance(items, (str, bytes, Mapping)) or not hasattr(items, "__iter__"):
                    raise SourceError(f"`loop` takes a list, not {type(items).__name__}: {str(items)[:80]!r}", pos=task.pos,
                                      hint="use `query(...)`, or `| list`, or `| dict2items` for a mapping")
                return list(items)
            return run_lookup(task.loop_with, task.loop, self.variables, templar)
        except UndefinedError as error:
            try:
                condition = self.false_condition(self.variables)
            except FleetError:
                raise error from None
            if condition is None:
                raise
            return results.skipped("Conditional result was False", condition)

    def loop(self, items: list[Any]) -> dict[str, Any]:
        control = self.task.loop_control
        extras = [self._item_vars(items, index) for index in range(len(items))]
        if self.pipelined():
            found: list[dict[str, Any]] = []
            hub = self.run_.hub
            for start in range(0, len(items), WINDOW):
                fibers = [hub.spawn(self._loop_item, extra, item) for extra, item in zip(extras[start:start + WINDOW], items[start:], strict=False)]
                found += [fiber.wait() for fiber in fibers]
            return results.sum_up(found)
        found = []
        for index, (extra, item) in enumerate(zip(extras, items, strict=True)):
            if index and control.pause is not None:
                self.run_.hub.sleep(float(self.run_.templar.render(control.pause, self.variables)))
            found.append(self._loop_item(extra, item))
            self.walk.take(self, found[-1], item=True)
            if control.break_when:
                seen = self._with_result(self.variables.child(extra), found[-1])
                if all(self.run_.templar.test(condition, seen, pos=self.task.pos) for condition in control.break_when):
                    break
        return results.sum_up(found)

    def pipelined(self) -> bool:
        """Whether nobody could tell that the items were sent before the results of those before them were back."""
        task, control = self.task, self.task.loop_control
        return (task.action not in _IN_ORDER and task.until is None and task.retries is None and control.pause is None
                and not control.break_when and self.scope.get("delegate_to") is None and self.scope.get("throttle") is None)

    def _item_vars(self, items: list[Any], index: int) -> dict[str, Any]:
        control = self.task.loop_control
        extra = {self.loop_var: items[index], "ansible_loop_var": self.loop_var}
        if control.index_var:
            extra[control.index_var] = index
            extra["ansible_index_var"] = control.index_var
        if self._flag("extended", False, given=control.extended or False):
            size = len(items)
            extra["ansible_loop"] = {
                "index": index + 1, "index0": index, "first": index == 0, "last": index + 1 == size, "length": size,
                "revindex": size - index, "revindex0": size - index - 1,
                **({"allitems": items} if self._flag("extended_allitems", True, given=control.extended_allitems) else {}),
                **({"nextitem": items[index + 1]} if index + 1 < size else {}), **({"previtem": items[index - 1]} if index else {})}
        return extra

    def _loop_item(self, extra: dict[str, Any], item: Any) -> dict[str, Any]:
        result = self.item(extra)
        control = self.task.loop_control
        result[self.loop_var] = item
        result["ansible_loop_var"] = self.loop_var
        if control.index_var:
            result[control.index_var] = extra[control.index_var]
            result["ansible_index_var"] = control.index_var
        if "ansible_loop" in extra:
            result["ansible_loop"] = extra["ansible_loop"]
        label = item
        if control.label is not None:
            try:
                label = self.run_.templar.render(control.label, self._with_result(self.variables.child(extra), result), pos=self.task.pos)
                result["_ansible_item_label"] = label
            except FleetError as error:
                result.setdefault("warnings", []).append(f"the label of an item cannot be evaluated: {error.render()}")
        shown = results.visible(result, self.no_log, self.diff)
        self.run_.emit(ResultItem(task=self.number, host=self.walk.host, status=results.status_of(result), result=shown,
                                  label="(hidden)" if self.no_log else str(label), delegated_to=self.delegated))
        return result

    # -- one execution

    def false_condition(self, variables: Variables) -> Any:
        """The first condition that does not hold, or None."""
        for condition in self.scope.when:
            if not self.run_.templar.test(condition, variables, pos=self.task.pos):
                return condition
        return None

    def item(self, extra: Mapping[str, Any] | None) -> dict[str, Any]:
        """Run once, with a loop item's variables. A failure is a result, never an exception."""
        variables = self.variables.child(extra) if extra else self.variables
        try:
            condition = self.false_condition(variables)
            if condition is not None:
                return results.skipped("Conditional result was False", condition)
            return self._attempts(variables)
        except Unreachable as lost:
            return self._lost(lost)
        except FleetError as error:
            return results.broken(error)

    def _lost(self, lost: Unreachable) -> dict[str, Any]:
        if self.run_.options.check and self.run_.planned.awaited(self.walk.host, self.variables):
            return not_yet("it is not there yet; what its tasks would do is not planned", host_missing=True)
        doubt = "; the task was under way, and what it did is not known" if lost.unknown else ""
        result = results.failure(lost.error.render() + doubt, unreachable=True)
        result["failed"] = False
        if lost.unknown:
            result["unknown"] = True
        return result

    def _attempts(self, variables: Variables) -> dict[str, Any]:
        task = self.task
        if task.until is None and task.retries is None:
            return self._once(variables)
        retries = self._number(task.retries, 3, variables, "retries")
        delay = self._number(task.delay, 5, variables, "delay")
        total = max(int(retries), 0) + 1
        for attempt in range(1, total + 1):
            result = self._once(variables)
            result["attempts"] = attempt
            seen = self._with_result(variables, result)
            if task.until is None:
                done = not result.get("failed")
            else:
                done = all(self._holds(condition, seen, result) for condition in task.until)
            if done:
                return result
            if attempt < total:
                shown = results.visible(result, self.no_log, self.diff)
                self.run_.emit(TaskRetry(task=self.number, host=self.walk.host, attempt=attempt, left=total - attempt, result=shown))
                self.run_.hub.sleep(max(delay, 0.0))
        result["attempts"] = total - 1 if total > 1 else 1
        result["failed"] = True
        result.setdefault("msg", "")
        return result

    def _number(self, value: Any, default: float, variables: Variables, name: str) -> float:
        if value is None:
            return default
        given = self.run_.templar.render(value, variables, pos=self.task.pos)
        try:
            return float(given)
        except (TypeError, ValueError):
            raise SourceError(f"{name} takes a number, not {given!r}", pos=self.task.pos) from None

    def _with_result(self, variables: Variables, result: dict[str, Any]) -> Variables:
        return variables.child({self.task.register: result}) if self.task.register else variables

    def _once(self, variables: Variables) -> dict[str, Any]:
        task, walk = self.task, self.walk
        host = walk.host
        delegate = self.keyword("delegate_to", variables)
        if delegate is not None:
            self.delegated = host = str(delegate)
            variables = variables.child({"ansible_delegated_vars": {host: {"ansible_delegated_host": host}}})
        endpoint = self._endpoint(host, variables)
        args = self.arguments(variables)
        limit = self.keyword("timeout", variables)
        background = Background(task, lambda value, default, name: self._number(value, default, variables, name), self.check)
        call = ActionCall(self.run_, walk.host, task, args, variables, endpoint, self.scope.role, walk.context.play.basedir, self.check,
                          self.diff, self._environment(variables),
                          background.seconds or (float(limit) if limit else self.run_.settings.task_timeout or None), self.pipe, background.job)
        result = results.complete(background.told(self._throttled(call, variables), call.limit))
        if self.delegated:
            result.setdefault("_ansible_delegated_vars", {"ansible_delegated_host": self.delegated})
        if self.run_.settings.inject_invocation:
            result["invocation"] = {"module_args": _shown(registry.spec(task.action), args)}
        walk.enlist(task, result)
        self._judge(result, variables)
        if result["failed"]:
            result.setdefault("exception", str(result.get("msg", "")))
        return result

    def _throttled(self, call: ActionCall, variables: Variables) -> dict[str, Any]:
        throttle = self.keyword("throttle", variables)
        if not throttle:
            return call.execute()
        gate = self.run_.gate(self.task, int(throttle))
        gate.enter()
        try:
            return call.execute()
        finally:
            gate.leave()

    def _endpoint(self, host: str, variables: Variables) -> Endpoint:
        if self.delegated:
            state = self.run_.state(host)
            delegate = self.walk.context.variables(state, None)
            return self.run_.endpoint(host, delegate, lambda name: self.keyword(name, variables))
        return self.run_.endpoint(host, variables, lambda name: self.keyword(name, variables))

    def arguments(self, variables: Variables) -> Args:
        """The task's arguments, templated, completed by module_defaults, validated."""
        task, templar = self.task, self.run_.templar
        if isinstance(task.args, Args):  # a call in Python, validated when it was made
            return self._hidden(task.args)
        plan = self.scope.plan
        if plan is None or plan.task is not task:
            plan = self.scope.plan = Plan(task, self.scope)
        if plan.partial is not None:
            return cast(Args, plan.arguments(templar, variables, self.run_.redactor.add))
        given: Any = task.args
        if given:
            given = templar.render(given, variables, pos=task.pos)
            if isinstance(given, str):  # "{{ name }}={{ value }}", known only now
                given = freeform.split(given, None, task.pos)[0]
            if not isinstance(given, Mapping):
                given = self._all_options(given)
            later = given.get(LATER)
            given = {name: value for name, value in given.items() if value is not OMIT and name != LATER}
            if later is not None and later is not OMIT:
                given = {**self._all_options(later), **given}
        spec = registry.spec(task.action)
        if task.free is not None:
            if not spec.free_form:
                raise no_free_text(task.action, task.free, task.pos)
            given = {**given, spec.free_form: templar.render(task.free, variables, pos=task.pos)}
        for defaults in self.scope.module_defaults:
            for name, values in defaults.items():
                if registry.short(str(name)) == task.action and isinstance(values, Mapping):
                    rendered = templar.render(values, variables, pos=task.pos)
                    named = {spec.names.get(key, key) for key in given}
                    given = {**{k: v for k, v in rendered.items() if spec.names.get(k, k) not in named and v is not OMIT}, **given}
        return self._hidden(validate(spec, given))

    def _hidden(self, args: Args) -> Args:
        """The arguments, once their secrets are known to the redactor."""
        for name, option in registry.spec(self.task.action).options.items():
            if option.no_log and isinstance(args.get(name), str):
                self.run_.redactor.add(args[name])
        return args

    def _all_options(self, given: Any) -> Mapping[str, Any]:
        """Options that one template gave all together."""
        if not isinstance(given, Mapping):
            raise SourceError(f"Finalization of task args failed: the options of {self.task.action} must be a mapping, not {type(given).__name__}",
                              pos=self.task.pos)
        return given

    def _environment(self, variables: Variables) -> dict[str, str]:
        merged: dict[str, str] = {}
        for layer in self.scope.environment:
            value = self._facts_first(layer, variables) if self.task.action == "setup" else self.run_.templar.render(
                layer, variables, pos=self.task.pos)
            for each in value if isinstance(value, list) else [value]:
                if isinstance(each, Mapping):
                    merged.update((str(k), "" if v is None else str(v)) for k, v in each.items() if v is not OMIT)
        return merged

    def _facts_first(self, layer: Any, variables: Variables) -> dict[str, Any]:
        """The environment for gathering facts: without what needs those very facts."""
        found: dict[str, Any] = {}
        for name, value in layer.items() if isinstance(layer, Mapping) else ():
            try:
                found[name] = self.run_.templar.render(value, variables)
            except UndefinedError:
                continue
        return found

    def _judge(self, result: dict[str, Any], variables: Variables) -> None:
        """changed_when and failed_when."""
        task = self.task
        if result.get("skipped") or (task.changed_when is None and task.failed_when is None):
            return
        seen = self._with_result(variables, result)
        if task.changed_when is not None:
            try:
                result["changed"] = result["changed_when_result"] = all(self._holds(condition, seen, result) for condition in task.changed_when)
            except FleetError as error:
                self._broken("changed_when", error, result)
                return
        if task.failed_when is not None:
            was = result["failed"]
            try:
                result["failed"] = result["failed_when_result"] = all(self._holds(condition, seen, result) for condition in task.failed_when)
            except FleetError as error:
                self._broken("failed_when", error, result)
                return
            if was:
                result["failed_when_suppressed_exception"] = result.get("exception", str(result.get("msg", "")))
                if not result["failed"]:
                    result.pop("exception", None)

    def _broken(self, what: str, error: FleetError, result: dict[str, Any]) -> None:
        """A changed_when or failed_when that cannot be evaluated is a failure that keeps the module's result beside it."""
        was = result["failed"]
        if was:
            result[f"{what}_suppressed_exception"] = str(result.get("msg", ""))
        why = error.message.removeprefix("Error rendering template: ")
        result.update(changed=False, failed=True, exception=error.render(), msg=f"Task failed. {'Module failed. ' if was else ''}A '{what}' expression "
                      f"failed. Error rendering expression. {why} ({error.pos or 'unknown place'})")
        result[f"{what}_result"] = error.render()

    def _holds(self, condition: Any, seen: Variables, result: dict[str, Any]) -> bool:
        """A condition over the task's own result: an expression, or a function of the result (in Python playbooks)."""
        if callable(condition):
            return bool(condition(result))
        return self.run_.templar.test(condition, seen, pos=self.task.pos)


def _shown(spec: Spec, args: Args) -> dict[str, Any]:
    """Arguments without secrets."""
    return {name: "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER" if name in spec.options and spec.options[name].no_log and value is not None else value
            for name, value in args.items()}


def elapsed(since: float) -> float:
    return round(time.monotonic() - since, 4)
