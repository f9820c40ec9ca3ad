"""Reports as people read them."""

from __future__ import annotations

from collections.abc import Iterator

from fleet.reconcile.findings import Drift, HostFindings
from fleet.reconcile.run import BUSY, INTERRUPTED, Report, shown
from fleet.report.text import Paint, differences, safe

_COLOURS = {"in sync": "green", "drift": "yellow", "repaired": "yellow", "failed": "red", "unreachable": "red"}


def lines(report: Report, paint: Paint, limit: int) -> Iterator[str]:
    """An entry's report. limit: bytes of a difference that are shown."""
    books = " ".join(safe(shown(path)) for path in report.playbooks)
    tail = f"  {report.duration:.1f} s, run {report.run}" if report.run else ""
    yield paint("bold", report.entry) + paint("dim", f"  {report.mode} of {books}{tail}")
    for name, host in report.hosts.items():
        yield f"  {paint(_COLOURS[host.state], safe(name))}: {_state(host)}"
        if host.unpredicted:
            yield paint("magenta", f"    not predicted: {', '.join(map(safe, host.unpredicted))}")
        for drift in host.drift:
            yield f"    {_task(drift)}{paint('dim', f'  ({safe(drift.position)})' if drift.position else '')}"
            yield from (f"      {line}" for line in differences({"diff": drift.fields}, limit, paint))
    if report.error:
        yield "  " + paint("yellow" if report.status == BUSY else "red", "error: " if report.status != BUSY else "") + report.error.replace("\n", "\n  ")
    yield f"  {_verdict(report, paint)}"


def _state(host: HostFindings) -> str:
    count = sum(max(len(drift.fields), 1) for drift in host.drift)
    changes = f"{count} {'difference' if host.state == 'drift' else 'change'}{'s' if count != 1 else ''}" if count else ""
    if host.error:
        return f"{host.state}: {safe(host.error)}".replace("\n", "\n    ") + (f"; {changes} before" if changes else "")
    return {"in sync": "in sync", "drift": changes, "repaired": f"repaired, {changes}"}[host.state]


def _task(drift: Drift) -> str:
    item = f" ({safe(drift.item)})" if drift.item else ""
    return f"{'then ' if drift.handler else ''}{safe(drift.task)}{item}"


def _verdict(report: Report, paint: Paint) -> str:
    hosts = f"{len(report.drifted)} of {len(report.hosts)} host{'s' if len(report.hosts) != 1 else ''}"
    if report.status == BUSY:
        return paint("yellow", "left to it")
    if report.status == INTERRUPTED:
        return paint("yellow", "interrupted")
    if report.status == 1:
        return paint("red", "not reconciled")
    if report.status in (2, 4, 6):
        bad = sum(host.state in ("failed", "unreachable") for host in report.hosts.values())
        return paint("red", f"not reconciled on {bad} of {len(report.hosts)} hosts")
    if report.drifted:
        return paint("yellow", f"{'repaired on' if report.mode == 'repair' else 'drift on'} {hosts}")
    return paint("green", "in sync")
