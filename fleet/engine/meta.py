"""The meta actions: what steers the run itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fleet.engine import results
from fleet.engine.scope import Scope
from fleet.engine.strategy import Key, PlayAborted
from fleet.engine.walk import EndHost, EndRole
from fleet.errors import FleetError, Pos, SourceError, nearest
from fleet.events import TaskResult
from fleet.model import Task

if TYPE_CHECKING:
    from fleet.engine.walk import Walk

ACTIONS = ("flush_handlers", "noop", "end_play", "end_host", "end_batch", "end_role", "clear_facts", "clear_host_errors", "refresh_inventory",
           "reset_connection")


def perform(walk: Walk, task: Task, scope: Scope, key: Key) -> None:
    """Carry out one meta task for one host. Raises what ends the host's walk."""
    name = str(task.free or task.args.get("_raw_params") or task.args.get("free_form") or "noop").strip()
    if name not in ACTIONS:
        raise SourceError(f"there is no meta action '{name}'", pos=task.pos, hint=nearest(name, ACTIONS) or "there are: " + ", ".join(ACTIONS))
    step = walk.strategy.arrive(walk.host, key, task)
    try:
        if walk.in_handler:
            walk.announce(step, task, scope)
        if _applies(walk, task, scope):
            if walk.in_handler:
                walk.run.emit(TaskResult(task=step.number, host=walk.host, status="ok", result={}, name=walk.name_of(task, scope), action="meta",
                                         position=str(task.pos)))
            walk.note(f"META: {_SAID.get(name, name).format(host=walk.host)}", "debug")
            carry_out(walk, name, scope, key, task.pos)
        else:
            goes_on = _GOES_ON.get(name, "").format(host=walk.host)
            walk.note(f"skipping: [{walk.host}] => META: {name} conditional evaluated to False{goes_on}", "debug")
    finally:
        step.report(False)


_SAID = {"end_play": "ending play", "end_batch": "ending batch", "end_host": "ending play for {host}", "end_role": "ending role for {host}"}
_GOES_ON = {"end_play": ", continuing play", "end_batch": ", continuing current batch", "end_host": ", continuing execution for {host}",
            "end_role": ", continuing role for {host}"}


def carry_out(walk: Walk, name: str, scope: Scope, key: Key, pos: Pos) -> None:
    if name == "flush_handlers":
        walk.flush((*key, 0))
    elif name in ("end_play", "end_batch"):
        walk.play.ended = True
        walk.play.end_all = walk.play.end_all or name == "end_play"
        raise EndHost
    elif name == "end_host":
        walk.context.live.pop(walk.host, None)
        raise EndHost
    elif name == "end_role":
        if walk.in_handler or scope.role is None:
            where = "a handler" if walk.in_handler else "outside of a role"
            raise SourceError(f"Cannot execute 'end_role' from {where}", hint=f"at {pos}")
        raise EndRole(scope.role)
    elif name == "clear_facts":
        walk.state.clear_facts()
    elif name == "clear_host_errors":
        walk.run.clear_errors()
        walk.play.fatal = False
    elif name == "refresh_inventory":
        walk.run.refresh_inventory()
    elif name == "reset_connection":
        variables = walk.context.variables(walk.state, scope)
        walk.run.connections.reset(walk.run.endpoint(walk.host, variables, scope.get))


def _applies(walk: Walk, task: Task, scope: Scope) -> bool:
    variables = walk.context.variables(walk.state, scope, walk.run.options.check, walk.run.options.diff)
    try:
        return all(walk.run.templar.test(condition, variables, pos=task.pos) for condition in scope.when)
    except FleetError as error:
        walk.note(error.render(), "error", str(task.pos))
        walk.state.failed = True
        walk.state.stats.failed += 1
        raise PlayAborted(results.failure(error.render())["msg"]) from None
