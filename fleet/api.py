"""From paths and options to a finished run: what the command line, reconciliation and the library call."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from fleet.engine.run import Run, new_id
from fleet.errors import Pos, UsageError
from fleet.events import HostStats, Subscriber
from fleet.inventory import Inventory, load_inventory
from fleet.model import Play, Playbook
from fleet.options import RunOptions
from fleet.playbook import Chain, Static, load_playbook
from fleet.settings import Settings
from fleet.template import Templar, Variables
from fleet.vault import Vault
from fleet.vault.redact import Redactor


@dataclass(slots=True)
class RunOutcome:
    """status: the exit status; stats by host; run: its id; error: what stopped it, rendered."""

    status: int
    stats: dict[str, HostStats]
    run: str
    error: str = ""


class InPython:
    """What a YAML playbook may use of Python's; loaded when there is some, a role's file once a run."""

    def __init__(self, templar: Templar) -> None:
        self.templar = templar
        self.functions: dict[str, Any] = {}

    def plays(self, path: str, static: Static, chain: Chain) -> list[Play]:
        from fleet.dsl import load
        return load(path, static, chain)

    def role(self, path: str, name: str, params: Mapping[str, Any], variables: Mapping[str, Any], pos: Pos) -> tuple[Any, str]:
        from fleet.dsl.roles import found, named
        if path not in self.functions:
            self.functions[path] = found(path, name, pos)
        return named(self.functions[path], name, params, variables, pos)

    def plugins(self, folder: str) -> None:
        if any(os.path.isdir(os.path.join(folder, f"{kind}_plugins")) for kind in ("filter", "test", "lookup")):
            from fleet.dsl.plugins import beside
            self.templar.extend(**beside(folder))

    def installed(self, name: str) -> str | None:
        from fleet.dsl.roles import installed
        return installed(name)


@dataclass(slots=True)
class Prepared:
    """Everything read and checked; no host touched yet."""

    inventory: Inventory
    static: Static
    templar: Templar
    extra_vars: dict[str, Any]
    sources: list[str | Mapping[str, Any]]
    redactor: Redactor
    books: list[Playbook] = field(default_factory=list)


class Plays(Protocol):
    """A play in Python (fleet.dsl.PyPlay)."""

    pos: Pos

    def model(self, static: Static) -> Play: ...


Book = str | os.PathLike[str] | Plays | Playbook


def prepare(playbooks: Sequence[Book], options: RunOptions, settings: Settings) -> Prepared:
    """Read inventory and playbooks. Raises FleetError for whatever is wrong in them."""
    vault = Vault.from_options(options, settings)
    decrypt = vault.decrypt if vault else None
    extra_vars = {**parse_extra_vars(options.extra_vars, decrypt), **options.vars}
    sources = list(options.inventory or settings.inventory)
    inventory = load_inventory(sources, decrypt=decrypt, extra_vars=extra_vars)
    base = Path(_file(playbooks[0])).parent if playbooks else Path()
    templar = Templar(decrypt, any_condition=settings.allow_broken_conditionals)

    for kind, folders in (("filters", settings.filter_plugins), ("tests", settings.test_plugins), ("lookups", settings.lookup_plugins)):
        for folder in folders:
            from fleet.dsl.plugins import found
            templar.extend(**{kind: found(os.path.expanduser(folder), kind)})

    def render(value: Any, layers: Mapping[str, Any]) -> Any:
        return templar.render(value, Variables(templar, [layers, extra_vars]))

    static = Static(python=InPython(templar), roles_path=[os.path.expanduser(path) for path in settings.roles_path],
                    library=[os.path.expanduser(path) for path in settings.library], playbook_dir=str(base.resolve()), render=render,
                    decrypt=decrypt, extra_vars=extra_vars)
    prepared = Prepared(inventory, static, templar, extra_vars, sources, vault.redactor if vault else Redactor([]))
    prepared.books = [_book(each, static) for each in playbooks]
    _check_limit(inventory, options.limit)
    return prepared


def _check_limit(inventory: Inventory, limit: str | None) -> None:
    """A limit that means no host at all is a mistake: what was meant would silently not be done. (localhost need not be in the inventory.)"""
    if limit and inventory.hosts and not inventory.match(limit) and not inventory.match("all", limit=limit):
        raise UsageError(f"--limit {limit}: no such host", hint="; ".join(inventory.warnings[-1:]) or "`fleet inventory --graph` shows those there are")


def _file(book: Book) -> str:
    return os.fspath(book) if isinstance(book, (str, os.PathLike)) else book.path if isinstance(book, Playbook) else book.pos.file


def _book(book: Book, static: Static) -> Playbook:
    if isinstance(book, Playbook):
        return book
    if not isinstance(book, (str, os.PathLike)):
        return Playbook(book.pos.file, [book.model(static)])
    if not Path(book).is_file():
        what = "is a directory, not a playbook" if Path(book).is_dir() else "is no playbook: there is no such file"
        raise UsageError(f"{os.fspath(book)} {what}", hint="give the path of a .yml or .py file")
    return load_playbook(book, static=static)


def parse_extra_vars(values: Sequence[str], decrypt: Any) -> dict[str, Any]:
    from fleet.extravars import parse
    return parse(values, decrypt)


def _guest(endpoint: Any, transport: Any) -> Any:
    """A guest by its agent; libvirt is loaded only where there is one."""
    from fleet.virt.agent import opener
    return opener(endpoint, transport)


def start(prepared: Prepared, options: RunOptions, settings: Settings, *, command: str, subscribers: Iterable[Subscriber],
          connections: Any = None, entry: str = "", lock: bool = True) -> Run:
    """A run ready to execute. lock: keep other runs from its targets; without, it is for looking only."""
    run_id = new_id()
    if connections is None:
        from fleet.connection.pool import Pool
        connections = Pool(forks=settings.forks, run_id=run_id, lock_timeout=settings.lock_timeout if lock else None, folder=prepared.static.playbook_dir,
                           openers={"guest": _guest})
    run = Run(inventory=prepared.inventory, settings=settings, options=options, connections=connections, static=prepared.static,
              templar=prepared.templar, extra_vars=prepared.extra_vars, command=command, sources=prepared.sources,
              subscribers=subscribers, run_id=run_id, entry=entry, redactor=prepared.redactor)
    for secret in options.secrets.values():
        run.redactor.add(str.__str__(secret))
    return run


def run_playbook(playbooks: Sequence[str], options: RunOptions, settings: Settings, *, check: bool, command: str,
                 subscribers: Iterable[Subscriber] = (), books: Sequence[Playbook] | None = None, connections: Any = None,
                 entry: str = "") -> RunOutcome:
    """Read, check and run playbooks. FleetError is raised for mistakes found before a host is touched. entry: that of reconciliation, if it is one."""
    import dataclasses
    if check != options.check:
        options = dataclasses.replace(options, check=check)
    prepared = prepare(playbooks, options, settings)
    if books is not None:
        prepared.books = list(books)
    run = start(prepared, options, settings, command=command, subscribers=subscribers, connections=connections, entry=entry)
    with Interrupts(run):
        finished = run.execute(prepared.books)
    return RunOutcome(finished.status, finished.stats, run.id, finished.error)


class Interrupts:
    """Ctrl-C (or SIGTERM, with which services are stopped) once drains the run, twice stops it now. Only in the main thread, where signals arrive."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> None:
        if threading.current_thread() is threading.main_thread():
            self.before = {each: signal.signal(each, self._handle) for each in (signal.SIGINT, signal.SIGTERM)}

    def _handle(self, number: int, frame: Any) -> None:
        if self.run.interrupted:
            raise KeyboardInterrupt
        self.run.interrupt()

    def __exit__(self, *exc: object) -> None:
        for each, handler in self.before.items():
            signal.signal(each, handler)
