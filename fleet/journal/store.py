"""The journal's file: two tables of SQLite. The standard library's module is enough for them, and loads in 3 ms.

A run is one row with its first and last event; every other event is a row of its own, as JSON. SQLite's write-ahead log makes a torn end cost the last
transaction only, and lets several runs write at the same time.
"""

from __future__ import annotations

import json
import os
import sqlite3
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from fleet.errors import UsageError
from fleet.lockfile import LockFile

VERSION = 2
_TABLES = """
CREATE TABLE runs (id TEXT PRIMARY KEY, at REAL NOT NULL, command TEXT NOT NULL, project TEXT NOT NULL, entry TEXT NOT NULL, pid INTEGER NOT NULL,
                   begun TEXT NOT NULL, ended TEXT, lost INTEGER NOT NULL DEFAULT 0);
CREATE INDEX runs_at ON runs (at);
CREATE TABLE events (id INTEGER PRIMARY KEY, run TEXT NOT NULL, kind TEXT NOT NULL, host TEXT NOT NULL, status TEXT NOT NULL, data TEXT NOT NULL);
CREATE INDEX events_run ON events (run);
"""
_FROM = {1: "ALTER TABLE runs DROP COLUMN process"}  # a version -> what makes the next of it
_HINT = "set another with `journal` in fleet.toml, or --no-journal"
Row = dict[str, Any]


class Store:
    """path: the file; made when there is none and `write` is asked for. Raises UsageError when it cannot be used."""

    def __init__(self, path: Path, *, write: bool = False) -> None:
        self.path = path
        try:
            if write:
                path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
                os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
            self.db = sqlite3.connect(path, timeout=10, isolation_level=None, check_same_thread=False)
            self.db.row_factory = sqlite3.Row
            if write:
                self._prepare()
        except (OSError, sqlite3.Error) as error:
            raise self.trouble(error) from None

    def trouble(self, error: sqlite3.Error | OSError) -> UsageError:
        if isinstance(error, OSError):
            return UsageError(f"the journal {self.path} cannot be written: {error.strerror}", hint=_HINT)
        if isinstance(error, sqlite3.OperationalError):
            return UsageError(f"the journal {self.path} cannot be written: {error}", hint=_HINT)
        return UsageError(f"the journal {self.path} is damaged: {error}", hint="move it away; the next run makes a new one")

    def _prepare(self) -> None:
        self._log_ahead()
        self.db.execute("PRAGMA synchronous=NORMAL")
        with self.transaction():
            found = self.db.execute("PRAGMA user_version").fetchone()[0]
            if found > VERSION:
                raise UsageError(f"the journal {self.path} was written by a later fleet", hint=_HINT)
            for version in range(found, VERSION) if found else (0,):
                for statement in _FROM.get(version, _TABLES).split(";"):
                    self.db.execute(statement)
            if found != VERSION:
                self.db.execute(f"PRAGMA user_version={VERSION}")

    def _log_ahead(self) -> None:
        """Two that open a new file at once: SQLite does not wait for the other one here, however long its timeout is."""
        end = time.monotonic() + 10
        while True:
            try:
                self.db.execute("PRAGMA journal_mode=WAL")
                return
            except sqlite3.OperationalError as error:
                if "locked" not in str(error) or time.monotonic() > end:
                    raise
                time.sleep(0.01)

    def transaction(self) -> _Transaction:
        """Everything inside is written, or nothing. Another writer is waited for, 10 s at most."""
        return _Transaction(self.db)

    def close(self) -> None:
        self.db.close()

    def __del__(self) -> None:
        if hasattr(self, "db"):
            self.db.close()

    def mark(self, run: str) -> LockFile:
        """What the process that records a run holds as long as it is there."""
        return LockFile(self.path.with_name(f"{self.path.name}-running") / run)

    # -- writing

    def begin(self, row: Row) -> None:
        self.db.execute("INSERT INTO runs (id, at, command, project, entry, pid, begun) "
                        "VALUES (:id, :at, :command, :project, :entry, :pid, :begun)", row)

    def add(self, rows: Iterable[Row]) -> None:
        self.db.executemany("INSERT INTO events (run, kind, host, status, data) VALUES (:run, :kind, :host, :status, :data)", rows)

    def end(self, run: str, ended: Row, lost: int = 0) -> bool:
        """Whether the run had no end yet."""
        return self.db.execute("UPDATE runs SET ended = ?, lost = ? WHERE id = ? AND ended IS NULL", (json.dumps(ended), lost, run)).rowcount == 1

    def prune(self, keep: int) -> None:
        """Forget all but the newest runs."""
        old = "(SELECT id FROM runs ORDER BY at DESC LIMIT -1 OFFSET ?)"
        if self.db.execute(f"SELECT 1 FROM {old}", (keep,)).fetchone():
            with self.transaction():
                self.db.execute(f"DELETE FROM events WHERE run IN {old}", (keep,))
                self.db.execute(f"DELETE FROM runs WHERE id IN {old}", (keep,))

    # -- asking

    def runs(self, where: str = "1", values: Iterable[Any] = (), limit: int = -1) -> list[Row]:
        return self._all(f"SELECT * FROM runs WHERE {where} ORDER BY at DESC LIMIT ?", (*values, limit))

    def events(self, run: str) -> list[Row]:
        return self._all("SELECT * FROM events WHERE run = ? ORDER BY id", (run,))

    def counts(self, run: str) -> list[Row]:
        """How many tasks of a run ended how, a row for each host and status."""
        return self._all("SELECT host, status, count(*) AS count FROM events WHERE run = ? AND kind = 'TaskResult' GROUP BY host, status", (run,))

    def _all(self, query: str, values: tuple[Any, ...]) -> list[Row]:
        try:
            return [dict(row) for row in self.db.execute(query, values)]
        except sqlite3.Error as error:
            raise UsageError(f"the journal {self.path} cannot be read: {error}") from None


class _Transaction:
    def __init__(self, db: sqlite3.Connection) -> None:
        self.db = db

    def __enter__(self) -> None:
        self.db.execute("BEGIN IMMEDIATE")

    def __exit__(self, kind: object, *rest: object) -> None:
        try:
            self.db.execute("COMMIT" if kind is None else "ROLLBACK")
        except sqlite3.Error:
            if self.db.in_transaction:
                self.db.rollback()
            if kind is None:
                raise
