"""Everything that happens in a run, as a typed stream. Screen, journal, JSON and metrics are subscribers and nothing else.

Every event is plain data with secrets already redacted; `as_dict` gives its JSON form, {"event": NAME, ...fields}. Times are seconds since
the epoch (UTC); durations are seconds. Within a host events are in order; a ResultItem comes before its task's TaskResult.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

STATUSES = ("ok", "changed", "failed", "skipped", "unreachable", "rescued", "ignored")


@dataclass(slots=True, kw_only=True)
class Event:
    at: float = field(default_factory=time.time)

    def as_dict(self) -> dict[str, Any]:
        return {"event": type(self).__name__, **asdict(self)}


@dataclass(slots=True, kw_only=True)
class RunStarted(Event):
    """A run begins. command: "apply", "plan", "run" or "reconcile"; playbooks: the paths as given; plays: how many each has.

    check: nothing is changed; user: who runs it; version: fleet's; project: the directory of its fleet.toml; entry: the name of the entry that
    reconciliation runs.
    """

    run: str
    command: str
    playbooks: list[str]
    inventory: list[str]
    plays: list[int] = field(default_factory=list)
    check: bool = False
    diff: bool = False
    user: str = ""
    version: str = ""
    limit: str = ""
    tags: list[str] = field(default_factory=list)
    project: str = ""
    entry: str = ""


@dataclass(slots=True, kw_only=True)
class PlayStarted(Event):
    """A play begins on some hosts. position: where it stands, as file:line:column; batch, batches: with `serial`, which of how many."""

    name: str
    hosts: list[str]
    position: str
    batch: int = 0
    batches: int = 1


@dataclass(slots=True, kw_only=True)
class TaskStarted(Event):
    """A task starts on its first host. task: a number unique in the run; handler: it was notified; tasks that follow refer to it."""

    task: int
    name: str
    action: str
    position: str
    handler: bool = False
    role: str = ""
    hosts: int = 0


@dataclass(slots=True, kw_only=True)
class ResultItem(Event):
    """One item of a loop on one host. label: what to call the item; the other fields as in TaskResult."""

    task: int
    host: str
    status: str
    label: str
    result: dict[str, Any]
    delegated_to: str = ""


@dataclass(slots=True, kw_only=True)
class TaskResult(Event):
    """A task ended on one host. status: one of STATUSES; result: as a module returns it, redacted; ignored: failed but ignored.

    retries: attempts made before; items: number of loop items, 0 without a loop.
    """

    task: int
    host: str
    status: str
    result: dict[str, Any]
    name: str = ""
    action: str = ""
    position: str = ""
    duration: float = 0.0
    ignored: bool = False
    delegated_to: str = ""
    items: int = 0


@dataclass(slots=True, kw_only=True)
class TaskRetry(Event):
    """A task with `until` did not come to it and is tried again. attempt: how many there were; left: how many there may be; result: of this one."""

    task: int
    host: str
    attempt: int
    left: int
    result: dict[str, Any]


@dataclass(slots=True, kw_only=True)
class HostUnreachable(Event):
    """A host could not be reached or was lost; its TaskResult has the status "unreachable". hint: what to do."""

    host: str
    message: str
    hint: str = ""
    task: int = 0


@dataclass(slots=True, kw_only=True)
class Output(Event):
    """A live piece of a command's output, escapes neutralized by whoever shows it."""

    host: str
    task: int
    text: str
    stream: str = "stdout"


@dataclass(slots=True, kw_only=True)
class Note(Event):
    """A warning or a fact worth saying once. level: "debug" (for who asks for more), "info", "warning" or "error"."""

    message: str
    level: str = "warning"
    hint: str = ""
    host: str = ""
    position: str = ""


@dataclass(slots=True, kw_only=True)
class HostStats:
    """Counts of tasks on one host, as in a recap."""

    ok: int = 0
    changed: int = 0
    unreachable: int = 0
    failed: int = 0
    skipped: int = 0
    rescued: int = 0
    ignored: int = 0


@dataclass(slots=True, kw_only=True)
class RunFinished(Event):
    """status: the exit status (0 done, 2 a host failed, 4 unreachable, 6 both, 130 interrupted, 1 error); stats: host -> HostStats.

    custom_stats: what set_stats set: host -> mapping, `_run` for the run as a whole."""

    run: str
    status: int
    duration: float
    stats: dict[str, HostStats]
    interrupted: bool = False
    error: str = ""
    custom_stats: dict[str, dict[str, Any]] = field(default_factory=dict)


Subscriber = Callable[[Event], None]


def diff_parts(result: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """A result's `diff` as parts of one thing each (`what`, `path`, `before`, `after`): a difference of two mappings gives a part for each key that differs."""
    found = result.get("diff") or ()
    parts: list[Mapping[str, Any]] = []
    for part in found if isinstance(found, (list, tuple)) else [found]:
        if not isinstance(part, Mapping):
            continue
        before, after = part.get("before"), part.get("after")
        if isinstance(before, Mapping) and isinstance(after, Mapping):
            path = after.get("path") or before.get("path") or part.get("path")
            parts += [{"what": name, "path": path, "before": before.get(name), "after": after.get(name)}
                      for name in {**before, **after} if before.get(name) != after.get(name)]
        else:
            parts.append(part)
    return parts
