"""One thread, many fibers.

A fiber (a greenlet, a few KB) is one host's way through a play, or one loop item of a task. It runs until it needs something that is not there
yet, and waits on a `Promise`; the hub then runs the next one. Other threads (connections, the worker pool) only `post`. So code in fibers
is written straight down, needs no locks, and its order is a function of the messages that came.
"""

from __future__ import annotations

import gc
import heapq
import itertools
import queue
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Generic, TypeVar, cast

import greenlet

T = TypeVar("T")


class Promise(Generic[T]):
    """A value that comes later. Resolved and waited for in the hub's thread only."""

    __slots__ = ("done", "error", "hub", "value", "waiters")

    def __init__(self, hub: Hub) -> None:
        self.hub = hub
        self.done = False
        self.value: T | None = None
        self.error: BaseException | None = None
        self.waiters: list[Any] = []

    def set(self, value: T) -> None:
        if not self.done:
            self.done, self.value = True, value
            self._wake()

    def fail(self, error: BaseException) -> None:
        if not self.done:
            self.done, self.error = True, error
            self._wake()

    def _wake(self) -> None:
        self.hub.ready.extend(self.waiters)
        self.waiters.clear()

    def wait(self) -> T:
        """The value; the fiber that calls sleeps until it is there. Raises what `fail` was given."""
        while not self.done:
            self.waiters.append(greenlet.getcurrent())
            self.hub.switch()
        if self.error is not None:
            raise self.error
        return cast(T, self.value)


class Signal:
    """Something that happens elsewhere, again and again: `set` from any thread, `wait` in a fiber."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._promise: Promise[bool] = Promise(hub)

    def set(self) -> None:
        self._hub.post(lambda: self._promise.set(True))

    def wait(self, seconds: float) -> bool:
        """Whether it was set since the last wait ended, or is within some seconds."""
        happened = self._hub.within(self._promise, seconds)
        self._promise = Promise(self._hub)
        return bool(happened)


class Rarely:
    """While runs go on, garbage is looked for rarely.

    A run makes objects that live to its end, thousands of hosts' worth: looking through them at every 700th new one takes a third of its time.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._runs = 0
        self._before = gc.get_threshold()

    def __enter__(self) -> None:
        with self._lock:
            if not self._runs:
                self._before = gc.get_threshold()
                gc.set_threshold(50_000, 20, 20)
            self._runs += 1

    def __exit__(self, *exc: object) -> None:
        with self._lock:
            self._runs -= 1
            if not self._runs:
                gc.set_threshold(*self._before)


RARELY = Rarely()


class Hub:
    """The scheduler. `run` is called once, in the thread that owns the run."""

    def __init__(self, workers: int = 16) -> None:
        self.ready: deque[Any] = deque()
        self.posted: queue.SimpleQueue[tuple[Callable[..., Any], tuple[Any, ...]]] = queue.SimpleQueue()
        self._timers: list[tuple[float, int, Promise[None]]] = []
        self._numbers = itertools.count()
        self._loop: Any = None
        self._workers = workers
        self._pool: ThreadPoolExecutor | None = None

    def post(self, function: Callable[..., Any], *args: Any) -> None:
        """Have a function called in the hub's thread. The only method other threads and signal handlers may use."""
        self.posted.put((function, args))

    def spawn(self, function: Callable[..., T], *args: Any) -> Promise[T]:
        """Start a fiber; the promise is its outcome. It first runs when the caller waits."""
        promise: Promise[T] = Promise(self)

        def body() -> None:
            try:
                promise.set(function(*args))
            except greenlet.GreenletExit:
                raise
            except BaseException as error:
                promise.fail(error)

        self.ready.append(greenlet.greenlet(body, self._loop))
        return promise

    def blocking(self, function: Callable[..., T], *args: Any) -> T:
        """Run something slow in the worker pool; this fiber waits, the others go on."""
        if self._pool is None:
            self._pool = ThreadPoolExecutor(self._workers, thread_name_prefix="fleet-worker")
        promise: Promise[T] = Promise(self)

        def work() -> None:
            try:
                value = function(*args)
            except BaseException as error:
                self.post(promise.fail, error)
            else:
                self.post(promise.set, value)

        self._pool.submit(work)
        return promise.wait()

    def sleep(self, seconds: float) -> None:
        promise: Promise[None] = Promise(self)
        heapq.heappush(self._timers, (time.monotonic() + seconds, next(self._numbers), promise))
        promise.wait()

    def within(self, promise: Promise[T], seconds: float) -> T | None:
        """The promise's value, or None when it does not come in time; the promise is done then all the same."""
        heapq.heappush(self._timers, (time.monotonic() + seconds, next(self._numbers), cast("Promise[None]", promise)))
        return promise.wait()

    def switch(self) -> None:
        """Give the thread to the next fiber."""
        self._loop.switch()

    def run(self, main: Callable[[], T]) -> T:
        """Run `main` as the first fiber until it ends; its value."""
        self._loop = greenlet.getcurrent()
        outcome = self.spawn(main)
        try:
            with RARELY:
                while not outcome.done:
                    self._step(outcome)
        finally:
            if self._pool is not None:
                self._pool.shutdown(wait=False, cancel_futures=True)
        return outcome.wait()

    def _step(self, outcome: Promise[Any]) -> None:
        while self.ready:
            fiber = self.ready.popleft()
            if not fiber.dead:
                fiber.switch()
        now = time.monotonic()
        while self._timers and self._timers[0][0] <= now:
            heapq.heappop(self._timers)[2].set(None)
        if self.ready or outcome.done:
            return
        # With nothing else to do the thread sleeps here; the cap keeps it open to signals everywhere.
        pause = min(self._timers[0][0] - now, 1.0) if self._timers else 1.0
        try:
            function, args = self.posted.get(timeout=max(pause, 0.0))
        except queue.Empty:
            return
        function(*args)
        while not self.posted.empty():
            function, args = self.posted.get_nowait()
            function(*args)
