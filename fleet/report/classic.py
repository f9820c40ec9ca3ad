"""Lines in the shape that scripts around ansible-playbook read: `--format classic`, and what `fleet-playbook` prints.

The shape is the documented one of Ansible's default output: headings, `ok: [host]`, `fatal: [host]: FAILED! => {...}`, and the recap.
"""

from __future__ import annotations

import json
from typing import Any, TextIO

from fleet.events import Event, HostStats, Note, PlayStarted, ResultItem, RunFinished, RunStarted, TaskResult, TaskRetry, TaskStarted, diff_parts
from fleet.report.text import safe

_WIDTH = 79
_VERBOSE = ("debug", "assert", "fail", "pause")


def heading(text: str) -> str:
    return f"\n{text} {'*' * max(_WIDTH - len(text), 3)}"


class Classic:
    """A subscriber that prints to a stream. verbosity: 1 shows results, 2 more; custom_stats: what set_stats set is shown too."""

    def __init__(self, stream: TextIO, verbosity: int = 0, custom_stats: bool = False) -> None:
        self.stream = stream
        self.verbosity = verbosity
        self.custom_stats = custom_stats
        self.tasks: dict[int, TaskStarted] = {}
        self.shown = 0

    def __call__(self, event: Event) -> None:
        handle = getattr(self, "on_" + type(event).__name__, None)
        if handle is not None:
            handle(event)

    def write(self, text: str) -> None:
        self.stream.write(text + "\n")
        self.stream.flush()

    def on_RunStarted(self, event: RunStarted) -> None:
        for path, plays in zip(event.playbooks, event.plays, strict=True) if self.verbosity > 1 else ():
            self.write(heading(f"PLAYBOOK: {path.rsplit('/', 1)[-1]}"))
            self.write(f"{plays} plays in {path}")

    def on_PlayStarted(self, event: PlayStarted) -> None:
        self.write(heading(f"PLAY [{safe(event.name)}]"))

    def on_TaskStarted(self, event: TaskStarted) -> None:
        self.tasks[event.task] = event

    def banner(self, number: int) -> None:
        """A task's heading comes with its first result, so that results stand below it also where hosts run apart."""
        task = self.tasks.get(number)
        if task is None or self.shown == number:
            return
        self.shown = number
        name = f"{task.role} : {task.name}" if task.role else task.name
        self.write(heading(f"{'RUNNING HANDLER' if task.handler else 'TASK'} [{safe(name)}]"))
        if self.verbosity > 1:
            self.write(f"task path: {task.position}")

    def on_TaskRetry(self, event: TaskRetry) -> None:
        task = self.tasks.get(event.task)
        self.banner(event.task)
        self.write(f"FAILED - RETRYING: [{event.host}]: {safe(task.name) if task else ''} ({event.left} retries left).")

    def on_ResultItem(self, event: ResultItem) -> None:
        self.banner(event.task)
        self.line(event, f" (item={safe(event.label)})", self.action(event.task))

    def on_TaskResult(self, event: TaskResult) -> None:
        self.banner(event.task)
        if event.action in ("include_tasks", "include_role") and event.status == "ok":
            self.write(f"included: {safe(event.result.get('include', ''))} for {event.host}")
        elif not event.items or event.status in ("failed", "rescued", "ignored", "unreachable"):
            self.line(event, "", event.action)
        if event.status == "ignored":
            self.write("...ignoring")

    def action(self, number: int) -> str:
        task = self.tasks.get(number)
        return task.action if task else ""

    def line(self, event: Any, item: str, action: str) -> None:
        host = event.host + (f" -> {event.delegated_to}" if event.delegated_to else "")
        result = {key: value for key, value in event.result.items() if key not in ("exception", "diff") or self.verbosity > 2}
        text = json.dumps(result, indent=4 if self.verbosity or action in _VERBOSE else None, default=str, sort_keys=True)
        if event.status in ("failed", "rescued", "ignored"):
            self.write(f"failed: [{host}]{item} => {text}" if item else f"fatal: [{host}]: FAILED! => {text}")
        elif event.status == "unreachable":
            self.write(f"fatal: [{host}]: UNREACHABLE! => {text}")
        elif event.status == "skipped":
            self.write(f"skipping: [{host}]{' =>' + item if item else ''}")
        else:
            shown = f" => {text}" if self.verbosity or (action in _VERBOSE and action != "pause") else ""
            self.write(f"{event.status}: [{host}]{' =>' + item if item else ''}{shown}")
        for part in diff_parts(event.result) if event.status == "changed" else ():
            if part.get("before") != part.get("after"):
                path = f": {safe(part['path'])}" if part.get("path") else ""
                self.write(f"--- before{path}\n{safe(part.get('before'))}\n+++ after\n{safe(part.get('after'))}")

    def on_Note(self, event: Note) -> None:
        word = {"error": "[ERROR]: ", "warning": "[WARNING]: "}.get(event.level, "")
        if event.level == "debug" and self.verbosity < 2:
            return
        self.write(f"{word}{safe(event.message)}")

    def on_RunFinished(self, event: RunFinished) -> None:
        self.write(heading("PLAY RECAP"))
        for host, stats in sorted(event.stats.items()):
            self.write(f"{safe(host):26} : {recap(stats)}")
        if self.custom_stats and event.custom_stats:
            self.write(heading("CUSTOM STATS: "))
            for host, own in sorted(event.custom_stats.items(), key=lambda pair: (pair[0] == "_run", pair[0])):
                self.write(f"\t{'RUN' if host == '_run' else safe(host)}: {safe(json.dumps(own, sort_keys=True, default=str))}")
        if event.error:
            self.write(f"[ERROR]: {safe(event.error)}")

    def close(self) -> None:
        self.stream.flush()


def recap(stats: HostStats) -> str:
    return " ".join(f"{name}={getattr(stats, name):<4}" for name in ("ok", "changed", "unreachable", "failed", "skipped", "rescued", "ignored")).rstrip()
