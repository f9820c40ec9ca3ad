"""What the hosts of one play share in Python: announced steps, barriers, values made once, notified handlers."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from fleet.engine.hub import Promise
from fleet.engine.strategy import Key, Step
from fleet.errors import Pos
from fleet.model import Block, Task

if TYPE_CHECKING:
    from fleet.engine.play import PlayRun
    from fleet.engine.walk import Walk

Site = tuple[Any, ...]
Notified = tuple[Promise[dict[str, Any]], list[Callable[[Any], Any]], Callable[[Callable[[Any], Any]], None]]


class Shared:
    def __init__(self, play_run: PlayRun) -> None:
        self.run = play_run.run
        self.hosts = play_run.hosts
        self.strategy = play_run.strategy
        self.roles: dict[Site, Block] = {}
        self.streams = itertools.count(1)
        self.checked: dict[Any, dict[str, Any]] = {}
        self._steps: dict[Site, Step] = {}
        self._once: dict[Site, Promise[Any]] = {}
        self._keys: dict[Site, int] = {}
        self._barriers: dict[Site, Task] = {}
        self._values: dict[Site, dict[str, Any]] = {}
        self._notified: dict[str, list[Notified]] = {}

    @staticmethod
    def of(walk: Walk) -> Shared:
        """The one of the play (of the batch) that a host walks through."""
        if walk.play.shared is None:
            walk.play.shared = Shared(walk.play)
        found: Shared = walk.play.shared
        return found

    def step(self, site: Site, task: Task) -> Step:
        """The step all hosts share that make the same call for the same time, so that it is announced once."""
        found = self._steps.get(site)
        if found is None:
            found = self._steps[site] = Step(self.run.hub, self.run.next_task(), task, self.hosts)
        return found

    def key(self, within: Key, site: Site) -> Key:
        """A place in the play's order for what runs from Python."""
        return (*within, 5, self._keys.setdefault(site, len(self._keys)))

    def once(self, site: Site, make: Callable[[], Any]) -> Any:
        promise = self._once.get(site)
        if promise is None:
            promise = self._once[site] = Promise(self.run.hub)
            try:
                promise.set(make())
            except BaseException as error:
                promise.fail(error)
        return promise.wait()

    def meet(self, host: str, key: Key, site: Site, value: Any) -> dict[str, Any]:
        """A barrier; what every host that came to this one brought along, in the order of the play's hosts."""
        values = self._values.setdefault(site, {})
        values[host] = value
        self.strategy.meet(host, key, self._barriers.setdefault(site, Task(Pos(""), "meta")))
        return {name: values[name] for name in self.hosts if name in values}

    def notify(self, walk: Walk, done: Promise[dict[str, Any]], handlers: list[Callable[[Any], Any]], run: Callable[[Callable[[Any], Any]], None]) -> None:
        """Have functions run with the play's handlers when a task turns out to have changed something. run: carries one out."""
        self._notified.setdefault(walk.host, []).append((done, handlers, run))
        walk.notified_python = lambda: self._handle(walk.host)

    def _handle(self, host: str) -> bool:
        """Run the functions notified so far, each once, in the order they were first named."""
        found: dict[Callable[[Any], Any], Callable[[Callable[[Any], Any]], None]] = {}
        for done, handlers, run in self._notified.pop(host, []):
            if done.done and done.error is None and done.value and done.value.get("changed"):
                for handler in handlers:
                    found.setdefault(handler, run)
        for handler, run in found.items():
            run(handler)
        return bool(found)
