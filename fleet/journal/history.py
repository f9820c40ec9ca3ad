"""What the journal is asked: past runs, and a run's events again, as they were."""

from __future__ import annotations

import json
from dataclasses import fields
from pathlib import Path
from typing import Any

from fleet import events
from fleet.errors import UsageError
from fleet.events import Event, HostStats, PlayStarted, RunFinished, TaskResult, TaskStarted
from fleet.journal.store import Row, Store

_STATES = {0: "done", 1: "error", 2: "failed", 4: "unreachable", 6: "failed", 130: "interrupted"}
_KINDS = {kind.__name__: kind for kind in vars(events).values() if isinstance(kind, type) and issubclass(kind, Event)}


class History:
    """The journal in a file, to be read. Raises UsageError."""

    def __init__(self, path: str) -> None:
        self.path = Path(path).expanduser()
        if not self.path.exists():
            raise UsageError("there is no journal yet", hint=f"runs are recorded in {self.path} as they happen; `fleet apply` makes the first")
        self.store = Store(self.path)

    def runs(self, limit: int = -1, **where: str) -> list[dict[str, Any]]:
        """The newest runs, newest first; where: their command, project or entry.

        Each is its RunStarted and RunFinished as one mapping, with `id`, `state` (running, done, error, failed, unreachable, interrupted), `changed` (how many
        tasks changed something, or would have) and `lost` (events that could not be written).
        """
        wanted = {name: value for name, value in where.items() if name in ("command", "project", "entry")}
        rows = self.store.runs(" AND ".join(["1", *(f"{name} = ?" for name in wanted)]), wanted.values(), limit)
        return [shaped(self.store, row) for row in rows]

    def run(self, name: str) -> dict[str, Any]:
        """One run by its id, the beginning of it, or `last`. Raises UsageError."""
        rows = self.store.runs(limit=1) if name == "last" else self.store.runs("substr(id, 1, ?) = ?", (len(name), name), 2)
        if len(rows) != 1:
            raise UsageError(f"no run begins with '{name}'" if not rows else f"several runs begin with '{name}'", hint="`fleet history` lists them")
        return shaped(self.store, rows[0])

    def events(self, run: str) -> list[Event]:
        """A run's events in their order, its RunStarted first and RunFinished (when there was one) last."""
        [row] = self.store.runs("id = ?", (run,), 1)
        found = [_event("RunStarted", row["begun"]), *(_event(each["kind"], each["data"]) for each in self.store.events(run))]
        if row["ended"]:
            ended = json.loads(row["ended"])
            if ended.get("status") is not None:
                found.append(_event("RunFinished", row["ended"]))
        return [event for event in found if event is not None]


def _event(kind: str, text: str) -> Event | None:
    """The event of a row; None for one of a kind that this fleet does not have."""
    made = _KINDS.get(kind)
    if made is None:
        return None
    data = json.loads(text)
    known = {each.name for each in fields(made)}
    event = made(**{name: value for name, value in data.items() if name in known})
    if isinstance(event, RunFinished):
        event.stats = {host: HostStats(**counts) for host, counts in data["stats"].items()}
    return event


def shaped(store: Store, row: Row) -> dict[str, Any]:
    """A run's row as people and programs see it."""
    run = {"id": row["id"], **json.loads(row["begun"]), "status": None, "duration": None, "error": "", "lost": row["lost"]}
    if row["ended"]:
        ended = json.loads(row["ended"])
        run.update({name: ended[name] for name in ("status", "duration", "stats", "error") if name in ended})
        run["state"] = "interrupted" if ended.get("interrupted") else _STATES.get(ended["status"], "failed")
    else:
        run["state"] = "running" if store.mark(row["id"]).held() else "interrupted"
        run["stats"] = stats_of(store, row["id"])
    del run["run"]
    run["changed"] = sum(counts["changed"] for counts in run["stats"].values())
    return run


def stats_of(store: Store, run: str) -> dict[str, dict[str, int]]:
    """The recap of a run that wrote none, counted from its results."""
    stats: dict[str, dict[str, int]] = {}
    for row in store.counts(run):
        host = stats.setdefault(row["host"], {each.name: 0 for each in fields(HostStats)})
        host[row["status"]] = row["count"]
        host["ok"] = host["ok"] + row["count"] if row["status"] == "changed" else host["ok"]
    return stats


def unfinished(found: list[Event]) -> list[tuple[TaskStarted, list[str]]]:
    """The tasks of an interrupted run that had begun and did not end on every host, with those hosts: what came of them there is not known."""
    hosts: list[str] = []
    waiting: dict[int, tuple[TaskStarted, list[str], list[str]]] = {}
    lost: set[str] = set()
    for event in found:
        if isinstance(event, PlayStarted):
            hosts, waiting = event.hosts, {}
        elif isinstance(event, TaskStarted):
            waiting[event.task] = (event, [host for host in hosts if host not in lost], [])
        elif isinstance(event, TaskResult):
            if event.task in waiting:
                waiting[event.task][2].append(event.host)
            if event.status in ("failed", "unreachable") and not event.ignored:
                lost.add(event.host)
    return [(task, [host for host in begun if host not in done]) for task, begun, done in waiting.values() if len(done) < task.hosts]
