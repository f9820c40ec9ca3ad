"""One entry, run once: through the same door as `fleet apply`, with a listener for what had drifted."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from fleet.api import run_playbook
from fleet.errors import FleetError, UsageError
from fleet.events import Subscriber
from fleet.lockfile import LockFile
from fleet.options import RunOptions
from fleet.reconcile.entries import Entry
from fleet.reconcile.findings import Findings, HostFindings
from fleet.settings import Settings, state

IN_SYNC, ERROR, DRIFT, BUSY, INTERRUPTED = 0, 1, 3, 5, 130


@dataclass(slots=True)
class Report:
    """What came of an entry. status: 0 in sync or repaired, 1 an error, 2 a host failed, 3 drift, 4 a host was unreachable (6: both), 5 another run of the
    entry was at work, 130 interrupted; started: seconds since the epoch; duration: seconds; run: its id in the journal.
    """

    entry: str
    mode: str
    playbooks: list[str]
    status: int = 0
    run: str = ""
    started: float = field(default_factory=time.time)
    duration: float = 0.0
    error: str = ""
    hosts: dict[str, HostFindings] = field(default_factory=dict)

    @property
    def drifted(self) -> list[str]:
        """The hosts on which something was not as it should be."""
        return [name for name, host in self.hosts.items() if host.drift]

    def as_dict(self) -> dict[str, Any]:
        return {"entry": self.entry, "mode": self.mode, "playbooks": self.playbooks, "status": self.status, "run": self.run, "started": self.started,
                "duration": self.duration, "error": self.error, "hosts": {name: host.as_dict() for name, host in self.hosts.items()}}


def lock(entry: Entry, settings: Settings) -> LockFile:
    """What the one run of an entry holds."""
    digest = hashlib.sha256(settings.project.encode()).hexdigest()[:12]
    return LockFile(Path(state("reconcile"), f"{digest}-{entry.name}.lock"))


def reconcile(entry: Entry, options: RunOptions, settings: Settings, *, mode: str | None = None, subscribers: Iterable[Subscriber] = ()) -> Report:
    """Look for drift, or repair it. options: those of the command line (inventory, vault passwords). A mistake in the entry's files is in the report."""
    mode = "report" if settings.check_always else mode or entry.mode
    report = Report(entry.name, mode, list(entry.playbooks))
    mine = lock(entry, settings)
    try:
        if not mine.acquire():
            report.status, report.error = BUSY, f"another run of it is at work (process {mine.holder()})"
            return report
    except OSError as error:
        raise UsageError(f"cannot write {error.filename}: {error.strerror}") from None
    try:
        _run(entry, report, options, settings, subscribers)
    finally:
        mine.release()
    report.duration = round(time.time() - report.started, 3)
    return report


def _run(entry: Entry, report: Report, options: RunOptions, settings: Settings, subscribers: Iterable[Subscriber]) -> None:
    findings = Findings(repair=report.mode == "repair")
    options = replace(options, inventory=options.inventory or entry.inventory, limit=entry.limit, tags=entry.tags, skip_tags=entry.skip_tags,
                      extra_vars=(*entry.extra_vars, *options.extra_vars), diff=True)
    playbooks = [shown(path) for path in entry.playbooks]
    try:
        outcome = run_playbook(playbooks, options, settings, check=report.mode == "report", command="reconcile", entry=entry.name,
                               subscribers=[*subscribers, findings])
    except FleetError as error:
        report.status, report.error = ERROR, error.render()
        return
    report.run, report.status, report.error, report.hosts = outcome.run, outcome.status, outcome.error, findings.hosts
    if report.status == IN_SYNC and report.mode == "report" and report.drifted:
        report.status = DRIFT


def shown(path: str) -> str:
    """As short as it can be said from here."""
    relative = os.path.relpath(path)
    return path if relative.startswith("..") else relative


def together(statuses: Iterable[int]) -> int:
    """One exit status for several entries: the worst of them, hosts that failed and were unreachable added up."""
    found = set(statuses)
    for worst in (INTERRUPTED, ERROR):
        if worst in found:
            return worst
    bits = 0
    for status in found & {2, 4, 6}:
        bits |= status
    return bits or (BUSY if BUSY in found else DRIFT if DRIFT in found else 0)
