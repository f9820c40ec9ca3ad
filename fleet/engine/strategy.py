"""Who may run which task when.

Every host walks the same tree of tasks by itself. Before each task it arrives at the strategy, with a key that says how far it is (a tuple
of positions in the tree, comparable between hosts), and gets a `Step` when it may go on. Linear lets the hosts that are furthest back go first,
together, when all have arrived; free lets everyone go on at once.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fleet.engine.hub import Hub, Promise
from fleet.model import Task

Key = tuple[int, ...]


class PlayAborted(Exception):
    """The play ends here for a host that did not fail itself."""


class Step:
    """One task in one go, for the hosts that run it together."""

    def __init__(self, hub: Hub, number: int, task: Task, hosts: list[str]) -> None:
        self.number = number
        self.task = task
        self.hosts = hosts
        self.started = False
        self.left = len(hosts)
        self.failed = False
        self.complete: Promise[None] = Promise(hub)
        self.shared: Promise[Any] = Promise(hub)  # a run_once task's outcome

    def report(self, failed: bool) -> None:
        """A host is through with it."""
        self.failed = self.failed or failed
        self.left -= 1
        if self.left <= 0:
            self.complete.set(None)


class Linear:
    """All hosts of a batch in lockstep, as Ansible's default."""

    lockstep = True

    def __init__(self, hub: Hub, hosts: list[str], number: Callable[[], int]) -> None:
        self.hub = hub
        self.order = {host: index for index, host in enumerate(hosts)}
        self.live = set(hosts)
        self.number = number
        self.waiting: dict[str, tuple[Key, Task, Promise[Step]]] = {}
        self.stop: Callable[[], Exception | None] = lambda: None

    def arrive(self, host: str, key: Key, task: Task) -> Step:
        promise: Promise[Step] = Promise(self.hub)
        self.waiting[host] = (key, task, promise)
        self._release()
        return promise.wait()

    def meet(self, host: str, key: Key, task: Task) -> None:
        """A barrier, for the hosts that come to it: those further back are waited for, those further on wait."""
        self.arrive(host, key, task)

    def leave(self, host: str) -> None:
        self.live.discard(host)
        self._release()

    def _release(self) -> None:
        if not self.waiting or len(self.waiting) < len(self.live):
            return
        error = self.stop()
        if error is not None:
            waiting, self.waiting = self.waiting, {}
            for _, _, promise in waiting.values():
                promise.fail(error)
            return
        first = min(self.waiting, key=lambda host: (self.waiting[host][0], self.order[host]))
        key, task, _ = self.waiting[first]
        hosts = [host for host in self.waiting if self.waiting[host][1] is task and self.waiting[host][0] == key]
        hosts.sort(key=self.order.__getitem__)
        step = Step(self.hub, self.number(), task, hosts)
        for host in hosts:
            self.waiting.pop(host)[2].set(step)


class Free:
    """Every host for itself. A task's step is shared by all hosts that come by, so that it is announced once."""

    lockstep = False

    def __init__(self, hub: Hub, hosts: list[str], number: Callable[[], int]) -> None:
        self.hub = hub
        self.live = dict.fromkeys(hosts)  # in order
        self.number = number
        self.met: list[Promise[None]] = []
        self.steps: dict[tuple[Key, int], Step] = {}
        self.stop: Callable[[], Exception | None] = lambda: None

    def arrive(self, host: str, key: Key, task: Task) -> Step:
        error = self.stop()
        if error is not None:
            raise error
        step = self.steps.get((key, id(task)))
        if step is None:
            step = self.steps[key, id(task)] = Step(self.hub, self.number(), task, list(self.live))
        return step

    def meet(self, host: str, key: Key, task: Task) -> None:
        """A barrier: wait until every host that is still in the play is at one."""
        promise: Promise[None] = Promise(self.hub)
        self.met.append(promise)
        self._release()
        promise.wait()

    def leave(self, host: str) -> None:
        self.live.pop(host, None)
        self._release()

    def _release(self) -> None:
        if self.met and len(self.met) >= len(self.live):
            met, self.met = self.met, []
            for promise in met:
                promise.set(None)


class Gate:
    """Lets a bounded number of fibers in at once (throttle)."""

    def __init__(self, hub: Hub, size: int) -> None:
        self.hub = hub
        self.size = size
        self.inside = 0
        self.queue: list[Promise[None]] = []

    def enter(self) -> None:
        while self.inside >= self.size:
            promise: Promise[None] = Promise(self.hub)
            self.queue.append(promise)
            promise.wait()
        self.inside += 1

    def leave(self) -> None:
        self.inside -= 1
        if self.queue:
            self.queue.pop(0).set(None)
