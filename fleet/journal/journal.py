"""The recorder: a subscriber that writes a run's events as they happen.

A run's beginning is on the disk before anything is done; when it cannot be, the run does not start. What follows goes through a thread that writes what has
queued up, so the engine never waits for the disk. Trouble later is said once; the run goes on, later events are tried again, and those lost are counted.
"""

from __future__ import annotations

import json
import os
import queue
import sqlite3
import sys
import threading
from dataclasses import fields
from pathlib import Path
from typing import Any

from fleet.events import Event, Note, Output, RunFinished, RunStarted
from fleet.journal.history import shaped, stats_of
from fleet.journal.store import Row, Store

LARGEST = 64 * 1024  # bytes of a result that are kept


class Journal:
    """path: the SQLite file; keep: how many runs are kept. Raises UsageError when it cannot be used.

    interrupted: runs whose process was gone without an end, found (and closed) now, each as `fleet history` has it.
    """

    def __init__(self, path: str, keep: int = 1000) -> None:
        self.keep = keep
        self.store = Store(Path(path).expanduser(), write=True)
        self.interrupted = self._close_interrupted()
        self._queue: queue.SimpleQueue[Event | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._run = ""
        self._lost = 0

    def _close_interrupted(self) -> list[dict[str, Any]]:
        found = [row for row in self.store.runs("ended IS NULL") if not self.store.mark(row["id"]).held()]
        try:
            with self.store.transaction():
                for row in list(found):
                    ended = {"status": None, "interrupted": True, "stats": stats_of(self.store, row["id"]),
                             "error": f"its process (number {row['pid']}) was gone before the run had ended"}
                    if not self.store.end(row["id"], ended):
                        found.remove(row)  # another run was quicker to tell
                    row["ended"] = json.dumps(ended)
                    self.store.mark(row["id"]).path.unlink(missing_ok=True)
        except sqlite3.Error as error:
            raise self.store.trouble(error) from None
        return [shaped(self.store, row) for row in found]

    # -- recording

    def __call__(self, event: Event) -> None:
        if isinstance(event, RunStarted):
            self._begin(event)
        elif self._thread is not None and not isinstance(event, Output):
            self._queue.put(event)

    def _begin(self, event: RunStarted) -> None:
        self._run = event.run
        self._mark = self.store.mark(event.run)
        try:
            self._mark.acquire()
            with self.store.transaction():
                self.store.begin({"id": event.run, "at": event.at, "command": event.command, "project": event.project, "entry": event.entry,
                                  "pid": os.getpid(), "begun": json.dumps(plain(event))})
        except (sqlite3.Error, OSError) as error:
            self._mark.release(remove=True)
            raise self.store.trouble(error) from None
        self._thread = threading.Thread(target=self._write, name="fleet-journal", daemon=True)
        self._thread.start()

    def close(self) -> None:
        if self._thread is not None:
            self._queue.put(None)
            self._thread.join(10)
            self._thread = None
            self._mark.release(remove=True)
        self.store.close()

    def _write(self) -> None:
        ended = False
        while not ended:
            events = [self._queue.get()]
            while not self._queue.empty():
                events.append(self._queue.get())
            ended = None in events
            self._record([event for event in events if event is not None])
        try:
            self.store.prune(self.keep)
        except sqlite3.Error:
            pass  # said already, or the next run does it

    def _record(self, events: list[Event]) -> None:
        rows = [self._row(event) for event in events if not isinstance(event, RunFinished)]
        try:
            with self.store.transaction():
                self.store.add(rows)
        except sqlite3.Error as error:
            if not self._lost:
                print(f"warning: {self.store.trouble(error)}; the run goes on, but what it does now may not be recorded", file=sys.stderr)
            self._lost += len(rows)
        for event in events:
            if isinstance(event, RunFinished):
                self._end(event)

    def _end(self, event: RunFinished) -> None:
        try:
            with self.store.transaction():
                self.store.end(event.run, plain(event), self._lost)
        except sqlite3.Error as error:
            print(f"warning: {self.store.trouble(error)}; the end of run {event.run} is not recorded", file=sys.stderr)

    def _row(self, event: Event) -> Row:
        data = plain(event)
        result = data.get("result")
        text = json.dumps(data, default=str)
        if len(text) > LARGEST and isinstance(result, dict):
            kept = {key: result[key] for key in ("changed", "failed", "msg", "rc") if len(str(result.get(key, ""))) < LARGEST and key in result}
            text = json.dumps({**data, "result": {**kept, "_": f"{len(text)} bytes, not kept"}}, default=str)
        return {"run": self._run, "kind": type(event).__name__, "host": getattr(event, "host", ""),
                "status": event.level if isinstance(event, Note) else getattr(event, "status", ""), "data": text}


def plain(event: Event) -> dict[str, Any]:
    """An event's fields, a RunFinished's stats as counts."""
    data = {each.name: getattr(event, each.name) for each in fields(event)}
    if isinstance(event, RunFinished):
        data["stats"] = {host: {each.name: getattr(stats, each.name) for each in fields(stats)} for host, stats in event.stats.items()}
    return data
