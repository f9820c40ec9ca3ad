"""fleet from a script, a notebook or a service: `fleet.run`, `fleet.stream`, `fleet.run_async`. See docs/library.md.

Nothing is printed, no signal is handled, the process's directory and environment stay as they are; any number of runs may go on at the same time.
Mistakes in what is given are raised as `fleet.FleetError`, before a host is touched; what happens on hosts is in the `Run`.
"""

from __future__ import annotations

import asyncio
import os
import queue
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict

from fleet.api import Book, prepare, start
from fleet.connection.base import Connections, Secret
from fleet.engine.run import Run as EngineRun
from fleet.errors import FleetError, UsageError, nearest
from fleet.events import Event, HostStats, RunFinished, TaskResult
from fleet.model import Playbook
from fleet.options import RunOptions
from fleet.settings import DECLARED, Settings, load_settings

if TYPE_CHECKING:
    from typing_extensions import Unpack

Source = str | os.PathLike[str] | Mapping[str, Any]


class Options(TypedDict, total=False):
    """What `run`, `run_async` and `stream` take beside playbook and inventory."""

    check: bool
    diff: bool
    limit: str | None
    tags: str | Sequence[str]
    skip_tags: str | Sequence[str]
    start_at_task: str | None
    vars: Mapping[str, Any]
    vault_password_file: str | Sequence[str]
    become_password: str | None
    connection_password: str | None
    settings: Settings | Mapping[str, Any] | None
    on_event: Callable[[Event], Any] | None
    keep: bool
    journal: bool
    connections: Connections | None

class RunFailed(FleetError):
    """A host failed or could not be reached. run: all that is known of it."""

    def __init__(self, message: str, run: Run) -> None:
        super().__init__(message)
        self.run = run


@dataclass(slots=True)
class HostRun:
    """What happened on one host. results: its tasks in order, loops as one."""

    name: str
    stats: HostStats = field(default_factory=HostStats)
    results: list[TaskResult] = field(default_factory=list)

    @property
    def changed(self) -> bool:
        """Something was changed here or, under check, would be."""
        return self.stats.changed > 0

    @property
    def failed(self) -> bool:
        return self.stats.failed > 0

    @property
    def unreachable(self) -> bool:
        return self.stats.unreachable > 0


@dataclass(slots=True)
class Run:
    """A finished run. status: the exit status `fleet apply` would have (0 done, 2 a host failed, 4 unreachable, 6 both, 130 interrupted, 1 an error,
    which `error` tells); hosts: by name; events: everything that happened, unless the run was told not to keep it. Truth: it is done."""

    id: str = ""
    status: int = 1
    check: bool = False
    error: str = ""
    interrupted: bool = False
    duration: float = 0.0
    hosts: dict[str, HostRun] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)

    def __bool__(self) -> bool:
        return self.status == 0

    @property
    def changed(self) -> bool:
        """Something was changed or, under check, would be."""
        return any(host.changed for host in self.hosts.values())

    @property
    def results(self) -> list[TaskResult]:
        """The results of all tasks on all hosts, as they came."""
        return [event for event in self.events if isinstance(event, TaskResult)]

    @property
    def failed(self) -> list[str]:
        """The hosts that failed or could not be reached."""
        return [host.name for host in self.hosts.values() if host.failed or host.unreachable]

    def raise_for_status(self) -> Run:
        """The run itself when it is done. Raises RunFailed otherwise."""
        if self.status == 0:
            return self
        wrong = [f"{each.host}: {each.name or each.action}: {each.result.get('msg', '')}" for each in self.results
                 if each.status in ("failed", "unreachable")]
        raise RunFailed(self.error or "; ".join(wrong[:5]) or f"failed: {', '.join(self.failed)} (status {self.status})", self)

    def take(self, event: Event, keep: bool) -> None:
        """Take an event in, as a subscriber of the run."""
        if keep:
            self.events.append(event)
            if isinstance(event, TaskResult):
                self.host(event.host).results.append(event)
        if isinstance(event, RunFinished):
            self.id, self.status, self.error = event.run, event.status, event.error
            self.interrupted, self.duration = event.interrupted, event.duration
            for name, stats in event.stats.items():
                self.host(name).stats = stats

    def host(self, name: str) -> HostRun:
        found = self.hosts.get(name)
        if found is None:
            found = self.hosts[name] = HostRun(name)
        return found


class Begun:
    """A run that is read and checked, and not started."""

    def __init__(self, playbook: Book | Sequence[Book], inventory: Source | Sequence[Source] | None, given: Options) -> None:
        books: list[Any] = list(playbook) if isinstance(playbook, (list, tuple)) else [playbook]
        sources: list[Any] = list(inventory) if isinstance(inventory, (list, tuple)) else [] if inventory is None else [inventory]
        check, keep, on_event = given.get("check", False), given.get("keep", True), given.get("on_event")
        secrets = {name: Secret(text) for name, text in (("become_password", given.get("become_password")),
                                                         ("connection_password", given.get("connection_password"))) if text}
        options = RunOptions(
            inventory=tuple(each if isinstance(each, Mapping) else os.fspath(each) for each in sources), limit=given.get("limit"),
            tags=_words(given.get("tags", ())), skip_tags=_words(given.get("skip_tags", ())), check=check, diff=given.get("diff", False),
            start_at_task=given.get("start_at_task"), vars=dict(given.get("vars") or {}),
            vault_password_file=_words(given.get("vault_password_file", ())), secrets=secrets)
        settings = _settings(given.get("settings"), books)
        self.result = Run(check=check)
        subscribers: list[Callable[[Event], Any]] = [lambda event: self.result.take(event, keep), *([on_event] if on_event else [])]
        self.prepared = prepare(books, options, settings)
        self.journal: Any = None
        if given.get("journal") and settings.journal:
            from fleet.journal import Journal
            self.journal = Journal(settings.journal, keep=settings.journal_keep)
            subscribers.append(self.journal)
        self.run: EngineRun = start(self.prepared, options, settings, command="plan" if check else "apply", subscribers=subscribers,
                                    connections=given.get("connections"))

    def execute(self) -> Run:
        try:
            self.run.execute(self.prepared.books)
        finally:
            if self.journal is not None:
                self.journal.close()
        return self.result


def _settings(given: Settings | Mapping[str, Any] | None, books: Sequence[Any]) -> Settings:
    if isinstance(given, Settings):
        return given
    unknown = next((name for name in given or () if name not in DECLARED), None)
    if unknown:
        raise UsageError(f"there is no setting '{unknown}'", hint=nearest(unknown, DECLARED))
    return load_settings(_directory(books[0]) if books else Path(), given)


def _words(value: str | Sequence[str]) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(os.fspath(each) for each in value)


def _directory(book: Any) -> Path:
    place = book if isinstance(book, (str, os.PathLike)) else book.path if isinstance(book, Playbook) else book.pos.file
    return Path(place).resolve().parent


def run(playbook: Book | Sequence[Book], inventory: Source | Sequence[Source] | None = None,
        **options: Unpack[Options]) -> Run:
    """Run playbooks and wait. Raises FleetError for what is wrong before a host is touched.

    playbook: a path (.yml, .py), a function decorated with `@play`, or several of them in a list.
    inventory: a path, "host1,host2,", a mapping as a YAML inventory has it, or several in a list; None: as fleet.toml says.
    check, diff, limit, tags, skip_tags, start_at_task, vault_password_file: as on the command line. vars: above all other variables; data, no templates.
    become_password, connection_password: where targets ask for one. settings: names and values over those of fleet.toml, or all of them.
    on_event: called with each event, in the thread that runs. keep=False: no events and results in the Run, for long ones.
    journal: record it. connections: another transport (fleet.testing.Simulated).
    """
    return Begun(playbook, inventory, options).execute()


async def run_async(playbook: Book | Sequence[Book], inventory: Source | Sequence[Source] | None = None,
                    **options: Unpack[Options]) -> Run:
    """`run` in a thread of its own; the event loop goes on. Cancelled, it starts no further task, waits for those under way, and is cancelled then."""
    begun = await asyncio.to_thread(Begun, playbook, inventory, options)
    task = asyncio.ensure_future(asyncio.to_thread(begun.execute))
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        begun.run.interrupt()
        await asyncio.wait([task])
        raise


class Events:
    """The events of a run while it goes on: iterate over them, or `async for` them. `run` is the Run, complete when they have ended.

    Leaving the loop early ends the run: no further task starts, those under way end. `with` (or `async with`) waits for that.
    """

    def __init__(self, begun: Begun) -> None:
        self._begun = begun
        self._thread: threading.Thread | None = None
        self._error: BaseException | None = None
        self._queue: queue.SimpleQueue[Event | None] = queue.SimpleQueue()
        self._give: Callable[[Event | None], Any] = self._queue.put
        begun.run.subscribers.append(lambda event: self._give(event))

    @property
    def run(self) -> Run:
        return self._begun.result

    def stop(self) -> None:
        """Start no further task. From any thread."""
        self._begun.run.interrupt()

    def _start(self) -> None:
        def work() -> None:
            try:
                self._begun.execute()
            except BaseException as error:
                self._error = error
            finally:
                self._give(None)

        if self._thread is None:
            self._thread = threading.Thread(target=work, name="fleet-run", daemon=True)
            self._thread.start()

    def __iter__(self) -> Iterator[Event]:
        self._start()
        try:
            while (event := self._queue.get()) is not None:
                yield event
        except GeneratorExit:
            self.__exit__()
            raise
        self._ended()

    async def __aiter__(self) -> AsyncIterator[Event]:
        loop = asyncio.get_running_loop()
        events: asyncio.Queue[Event | None] = asyncio.Queue()
        self._give = lambda event: loop.call_soon_threadsafe(events.put_nowait, event)
        self._start()
        try:
            while (event := await events.get()) is not None:
                yield event
        except (asyncio.CancelledError, GeneratorExit):
            self._give = self._queue.put
            self.stop()
            raise
        self._ended()

    def _ended(self) -> None:
        if self._error is not None:
            raise self._error

    def __enter__(self) -> Events:
        return self

    def __exit__(self, *exc: object) -> None:
        if self._thread is not None and self._thread.is_alive():
            self.stop()
            self._thread.join()

    async def __aenter__(self) -> Events:
        return self

    async def __aexit__(self, *exc: object) -> None:
        await asyncio.to_thread(self.__exit__)


def stream(playbook: Book | Sequence[Book], inventory: Source | Sequence[Source] | None = None,
           **options: Unpack[Options]) -> Events:
    """A run as an iterator of its events; it starts with the iteration. Arguments as `run` takes them. Raises FleetError as `run` does."""
    return Events(Begun(playbook, inventory, options))
