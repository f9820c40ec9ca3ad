"""What the hosts of one Python play (one batch of it) share: announced steps, barriers, values made once, notified handlers."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from fleet.engine.hub import Hub, Promise
from fleet.engine.strategy import Step
from fleet.model import Block, Task

if TYPE_CHECKING:
    from fleet.engine.play import PlayRun

Site = tuple[Any, ...]


class Barrier:
    """Where hosts wait for one another; those that left the play are not waited for."""

    def __init__(self, hub: Hub, hosts: list[str]) -> None:
        self.hub = hub
        self.inside = len(hosts)
        self.waiting = 0
        self.open: Promise[None] = Promise(hub)

    def arrive(self) -> None:
        gate = self.open
        self.waiting += 1
        self._release()
        gate.wait()

    def leave(self) -> None:
        self.inside -= 1
        self._release()

    def _release(self) -> None:
        if self.waiting and self.waiting >= self.inside:
            gate, self.open, self.waiting = self.open, Promise(self.hub), 0
            gate.set(None)


class Shared:
    def __init__(self, play_run: PlayRun) -> None:
        self.run = play_run.run
        self.hosts = play_run.hosts
        self.barrier = Barrier(self.run.hub, play_run.hosts)
        self.roles: dict[Site, Block] = {}
        self._steps: dict[Site, Step] = {}
        self._once: dict[Site, Promise[Any]] = {}
        self._keys: dict[Site, int] = {}
        self._watched: dict[str, list[tuple[Promise[dict[str, Any]], list[Callable[[Any], Any]]]]] = {}

    def step(self, site: Site, task: Task) -> Step:
        """The step all hosts share that make the same call for the same time, so that it is announced once."""
        found = self._steps.get(site)
        if found is None:
            found = self._steps[site] = Step(self.run.hub, self.run.next_task(), task, self.hosts)
        return found

    def key(self, site: Site) -> tuple[int, ...]:
        """A place in the play's order for YAML tasks that run from a Python play."""
        return (5, self._keys.setdefault(site, len(self._keys)))

    def once(self, site: Site, make: Callable[[], Any]) -> Any:
        promise = self._once.get(site)
        if promise is None:
            promise = self._once[site] = Promise(self.run.hub)
            try:
                promise.set(make())
            except BaseException as error:
                promise.fail(error)
        return promise.wait()

    def watch(self, host: str, done: Promise[dict[str, Any]], handlers: list[Callable[[Any], Any]]) -> None:
        """Have functions run at the end of the play when a task turns out to have changed something."""
        self._watched.setdefault(host, []).append((done, handlers))

    def take(self, host: str) -> list[Callable[[Any], Any]]:
        """The handler functions notified so far, each once, in the order they were first named."""
        found: dict[Callable[[Any], Any], None] = {}
        for done, handlers in self._watched.pop(host, []):
            if done.done and done.error is None and done.value and done.value.get("changed"):
                found.update(dict.fromkeys(handlers))
        return list(found)
