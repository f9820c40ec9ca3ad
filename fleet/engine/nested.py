"""Plays applied within a task, to a place that exists only meanwhile: an image while it is built.

The same engine, hub and connections; an inventory of its own, so that the place is no host of the run's later plays.
"""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from fleet.engine.play import run_play
from fleet.engine.run import Run
from fleet.events import Event, HostStats, Note, PlayStarted, TaskResult
from fleet.inventory import Inventory
from fleet.model import Play

if TYPE_CHECKING:
    from fleet.engine.call import ActionCall


class Nested(Run):
    """A run inside another one's task. Its events are the outer run's; plays are told by a line."""

    def __init__(self, call: ActionCall, inventory: Inventory, host: str, extra_vars: Mapping[str, Any], *, check: bool) -> None:
        outer = call.run_
        self.outer = outer
        options = dataclasses.replace(outer.options, check=check, limit=host, tags=(), skip_tags=(), start_at_task=None, step=False)
        super().__init__(inventory=inventory, settings=outer.settings, options=options, connections=outer.connections, static=outer.static,
                         templar=outer.templar, extra_vars=extra_vars, command=outer.command, sources=outer.sources,
                         subscribers=[self._pass], run_id=outer.id)
        self.hub = outer.hub
        self.redactor = outer.redactor
        self.shared = outer.shared
        self.failure: TaskResult | None = None

    def _pass(self, event: Event) -> None:
        if isinstance(event, PlayStarted) or (isinstance(event, Note) and event.message.startswith("play '")):
            return  # of a whole playbook, most plays are for other hosts
        if isinstance(event, TaskResult) and event.status in ("failed", "unreachable"):
            self.failure = event
        self.outer.emit(event)

    def next_task(self) -> int:
        return self.outer.next_task()

    @property
    def interrupted(self) -> bool:
        return self.outer.interrupted

    @interrupted.setter
    def interrupted(self, value: bool) -> None:
        if value:
            self.outer.interrupted = value


def inventory_with(inventory: Inventory, host: str, values: Mapping[str, Any], groups: Sequence[str]) -> Inventory:
    """A copy of an inventory with one more host."""
    found = copy.copy(inventory)
    found.hosts = {name: copy.copy(each) for name, each in inventory.hosts.items()}
    found.groups = {name: dataclasses.replace(each, hosts=list(each.hosts), children=list(each.children), parents=list(each.parents))
                    for name, each in inventory.groups.items()}
    for each in found.hosts.values():
        each.groups = list(each.groups)
    found.hosts.pop(host, None)
    for group in found.groups.values():
        if host in group.hosts:
            group.hosts.remove(host)
    for cache in ("_files", "_vars", "_shared", "_members", "_ancestors"):
        setattr(found, cache, {})
    found.warnings = list(inventory.warnings)
    found._order = {name: index for index, name in enumerate(found.hosts)}
    found.add_host(host, values, groups)
    return found


def apply(call: ActionCall, plays: Sequence[Play], host: str, values: Mapping[str, Any], groups: Sequence[str], note: str,
          environment: Mapping[str, str], extra_vars: Mapping[str, Any]) -> tuple[HostStats, TaskResult | None]:
    """Apply plays to one more host; what came of it, and the result that ended it early. `values` are its variables."""
    run = Nested(call, inventory_with(call.run_.inventory, host, values, groups), host, extra_vars, check=False)
    run._warned = len(run.inventory.warnings)
    if note:
        call.run_.emit(Note(level="info", host=call.host, message=note))
    for play in plays:
        keywords = dataclasses.replace(play.keywords, environment=[dict(environment), *play.keywords.environment])
        if not run_play(run, dataclasses.replace(play, keywords=keywords)):
            break
    for close in run.closing:
        close()
    state = run.state(host)
    return state.stats, run.failure if state.failed or state.unreachable else None
