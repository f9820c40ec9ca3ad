"""Run a playbook text on hosts that are this machine (the real runner in a child process), and see what happened."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fleet.api import run_playbook
from fleet.events import Event, Note, PlayStarted, ResultItem, TaskResult
from fleet.options import RunOptions
from fleet.settings import load_settings

HOSTS = "a\nb\nc\n[all:vars]\nansible_connection=local\n[pair]\na\nb\n"


@dataclass
class Seen:
    """The outcome of a run and its events."""

    status: int
    stats: dict[str, Any]
    events: list[Event] = field(default_factory=list)
    error: str = ""

    def results(self, host: str | None = None) -> list[TaskResult]:
        return [e for e in self.events if isinstance(e, TaskResult) and host in (None, e.host)]

    def trail(self, host: str = "a") -> list[str]:
        """What ran on a host, as "name status", without what was skipped."""
        return [f"{e.name} {e.status}" for e in self.results(host) if e.status != "skipped"]

    def messages(self, host: str = "a") -> list[Any]:
        """The msg of every debug and its loop items on a host, in order."""
        found = []
        for event in self.events:
            if isinstance(event, (TaskResult, ResultItem)) and event.host == host and event.status != "skipped":
                if isinstance(event, TaskResult) and (event.action != "debug" or event.items):
                    continue
                if "msg" in event.result:
                    found.append(event.result["msg"])
        return found

    def notes(self) -> list[str]:
        return [e.message for e in self.events if isinstance(e, Note)]

    def batches(self) -> list[list[str]]:
        return [e.hosts for e in self.events if isinstance(e, PlayStarted)]


class Site:
    """A directory with an inventory and what a test writes into it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.write("hosts", HOSTS)

    def write(self, name: str, text: str) -> str:
        target = self.path / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(textwrap.dedent(text))
        return str(target)

    def run(self, playbook: str | None = None, *, name: str = "play.yml", check: bool = False, **options: Any) -> Seen:
        """Run a playbook text (or a file already written); raises FleetError for mistakes found before the run."""
        if playbook is not None:
            self.write(name, playbook)
        events: list[Event] = []
        options.setdefault("inventory", (str(self.path / "hosts"),))
        settings = load_settings(self.path)
        outcome = run_playbook([str(self.path / name)], RunOptions(check=check, **options), settings, check=check, command="apply",
                               subscribers=[events.append])
        return Seen(outcome.status, outcome.stats, events, outcome.error)
