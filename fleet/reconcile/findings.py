"""What a run found: a subscriber that gathers, host by host, what was not as the playbook says."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from fleet.events import Event, PlayStarted, ResultItem, TaskResult, TaskStarted, diff_parts


@dataclass(slots=True)
class Drift:
    """One task (or item of a loop) that changed something, or would. fields: what differs, each with what, path, before and after.

    A task that tells no differences (a command, one with no_log) has no fields. handler: it follows from another change.
    """

    task: str
    position: str
    action: str
    item: str = ""
    handler: bool = False
    fields: list[dict[str, Any]] = field(default_factory=list)


@dataclass(slots=True)
class HostFindings:
    """state: "in sync", "drift", "repaired", "failed" or "unreachable"; error: why it failed; unpredicted: tasks of which a report cannot say what they
    would do (a command).
    """

    state: str = "in sync"
    drift: list[Drift] = field(default_factory=list)
    error: str = ""
    unpredicted: list[str] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


class Findings:
    """hosts: by name, every host of the plays. repair: the run changes what it finds."""

    def __init__(self, repair: bool) -> None:
        self.changed = "repaired" if repair else "drift"
        self.hosts: dict[str, HostFindings] = {}
        self._tasks: dict[int, TaskStarted] = {}

    def __call__(self, event: Event) -> None:
        if isinstance(event, PlayStarted):
            for host in event.hosts:
                self.hosts.setdefault(host, HostFindings())
        elif isinstance(event, TaskStarted):
            self._tasks[event.task] = event
        elif isinstance(event, ResultItem):
            if event.status == "changed":
                self._found(event, event.label)
        elif isinstance(event, TaskResult):
            if event.status == "changed" and not event.items:
                self._found(event, "")
            elif event.result.get("unpredicted") and event.status in ("ok", "skipped"):
                self.hosts.setdefault(event.host, HostFindings()).unpredicted.append(event.name or event.action)
            elif event.status in ("failed", "unreachable") and not event.ignored:
                lost = self.hosts.setdefault(event.host, HostFindings())
                lost.state, lost.error = event.status, f"{event.name or event.action}: {event.result.get('msg') or 'failed'}"

    def _found(self, event: TaskResult | ResultItem, item: str) -> None:
        host = self.hosts.setdefault(event.host, HostFindings())
        if host.state == "in sync":
            host.state = self.changed
        started = self._tasks.get(event.task)
        name, position, action = (started.name, started.position, started.action) if started else ("", "", "")
        parts = [{"what": part.get("what") or "", "path": part.get("path") or "", "before": part.get("before"), "after": part.get("after")}
                 for part in diff_parts(event.result) if part.get("before") != part.get("after")]
        host.drift.append(Drift(name or action, position, action, item, bool(started and started.handler), parts))
