"""The journal: a subscriber that hands events to a writer thread, and the queries of `fleet history`.

The writer commits what has queued up, so the engine never waits for the disk. A run whose process is gone without having finished is shown as
interrupted. A journal that cannot be written is an error before anything is done; trouble later is said once and stops the recording, not the run.
"""

from __future__ import annotations

import json
import os
import queue
import sys
import threading
from contextlib import closing
from pathlib import Path
from typing import Any

from fleet.errors import UsageError
from fleet.events import Event, PlayStarted, ResultItem, RunFinished, RunStarted, TaskResult, TaskStarted

LARGEST = 64 * 1024  # bytes of a result that are kept


class Journal:
    """path: the SQLite file; keep: how many runs are kept. Raises UsageError when it cannot be opened."""

    def __init__(self, path: str, keep: int = 1000) -> None:
        self.path = Path(path).expanduser()
        self.keep = keep
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            os.close(os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600))
        except OSError as error:
            raise UsageError(f"the journal {self.path} cannot be written: {error.strerror}",
                             hint="set another with `journal` in fleet.toml, or --no-journal") from None
        self._queue: queue.SimpleQueue[Event | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._run = ""

    # -- recording

    def __call__(self, event: Event) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._write, name="fleet-journal", daemon=True)
            self._thread.start()
        if isinstance(event, (RunStarted, PlayStarted, TaskStarted, TaskResult, ResultItem, RunFinished)):
            self._queue.put(event)

    def close(self) -> None:
        if self._thread is not None:
            self._queue.put(None)
            self._thread.join(10)
            self._thread = None

    def _write(self) -> None:
        try:
            from fleet.journal import tables
            database = tables.connect(self.path)
            ended = False
            while not ended:
                events = [self._queue.get()]
                while not self._queue.empty():
                    events.append(self._queue.get())
                ended = None in events
                rows = [(table, row) for event in events if event is not None for table, row in self._rows(event)]
                if rows:
                    tables.insert(database, rows)
            tables.prune(database, self.keep)
            database.close()
        except Exception as error:
            print(f"warning: the journal {self.path} cannot be written any more: {error}", file=sys.stderr)

    def _rows(self, event: Event) -> list[tuple[str, dict[str, Any]]]:
        if isinstance(event, RunStarted):
            self._run = event.run
            return [("runs", {"id": event.run, "started": event.at, "command": event.command, "playbooks": json.dumps(event.playbooks),
                              "inventory": json.dumps(event.inventory), "checked": event.check, "user": event.user, "pid": os.getpid(),
                              "pid_started": started(os.getpid()), "limit_": event.limit, "tags": json.dumps(event.tags)})]
        if isinstance(event, TaskStarted):
            return [("tasks", {"run": self._run, "number": event.task, "name": event.name, "action": event.action, "position": event.position,
                               "role": event.role, "started": event.at})]
        if isinstance(event, (TaskResult, ResultItem)):
            text = json.dumps(event.result, default=str)
            if len(text) > LARGEST:
                kept = {key: event.result[key] for key in ("changed", "failed", "msg", "rc") if key in event.result}
                text = json.dumps({**kept, "_": f"{len(text)} bytes, not kept"}, default=str)
            item = event.label if isinstance(event, ResultItem) else None
            return [("results", {"run": self._run, "task": event.task, "host": event.host, "status": event.status, "item": item, "result": text,
                                 "at": event.at, "duration": getattr(event, "duration", 0.0)})]
        if isinstance(event, RunFinished):
            stats = {host: {name: getattr(each, name) for name in ("ok", "changed", "unreachable", "failed", "skipped", "rescued", "ignored")}
                     for host, each in event.stats.items()}
            return [("finished", {"id": event.run, "status": event.status, "duration": event.duration, "stats": json.dumps(stats), "error": event.error})]
        return []

    # -- asking

    def runs(self, limit: int = 20) -> list[dict[str, Any]]:
        """The newest runs, newest first, each with `state`: running, done, failed, interrupted ..."""
        from fleet.journal import tables
        with closing(tables.connect(self.path)) as database:
            return [self._shaped(row) for row in tables.runs(database, limit)]

    def run(self, name: str) -> dict[str, Any]:
        """One run by its id, the beginning of it, or `last`. Raises UsageError."""
        found = self.runs(1) if name == "last" else [each for each in self.runs(100000) if each["id"].startswith(name)]
        if len(found) != 1:
            raise UsageError(f"no run begins with '{name}'" if not found else f"{len(found)} runs begin with '{name}'", hint="`fleet history` lists them")
        return found[0]

    def results(self, run: str) -> list[dict[str, Any]]:
        """Everything that came of a run's tasks, in order."""
        from fleet.journal import tables
        with closing(tables.connect(self.path)) as database:
            return [{**row, "result": json.loads(row["result"])} for row in tables.results(database, run)]

    def _shaped(self, row: dict[str, Any]) -> dict[str, Any]:
        for name in ("playbooks", "inventory", "tags", "stats"):
            row[name] = json.loads(row[name]) if row[name] else {} if name == "stats" else []
        status = row["status"]
        if status is None:
            row["state"] = "running" if started(row["pid"]) == row["pid_started"] else "interrupted"
        else:
            row["state"] = {0: "done", 130: "interrupted", 1: "error", 2: "failed", 4: "unreachable"}.get(status, "failed")
        row["changed"] = sum(each["changed"] for each in row["stats"].values())
        return row


def started(pid: int) -> str:
    """When a process started, in the kernel's ticks; empty when there is none of that number."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except OSError:
        return ""
