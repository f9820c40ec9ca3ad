"""`fleet history`: past runs."""

from __future__ import annotations

import json
import shlex
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import click

from fleet.cli import complete
from fleet.cli import options as shared
from fleet.errors import UsageError
from fleet.events import Event, Note, PlayStarted, ResultItem, RunFinished, RunStarted, TaskResult, TaskStarted
from fleet.journal import History, unfinished
from fleet.report.text import safe
from fleet.settings import load_settings

_FORMAT = click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", help="For people, or JSON.")


def journal() -> History:
    """The journal of the settings. Raises UsageError when there is none."""
    path = load_settings().journal
    if not path:
        raise UsageError("there is no journal: the setting `journal` is empty")
    return History(path)


def moment(at: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(at))


def table(rows: Sequence[tuple[str, ...]]) -> Iterator[str]:
    """Columns as wide as what is in them."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


@click.group("history", cls=shared.Group, invoke_without_command=True)
@click.option("-n", "--limit", type=click.IntRange(1), default=20, metavar="N", help="How many runs; 20 by default.")
@_FORMAT
@click.pass_context
def command(ctx: click.Context, limit: int, form: str) -> None:
    """List past runs, newest first; `fleet history show RUN` tells what one did."""
    if ctx.invoked_subcommand:
        return
    runs = journal().runs(limit)
    if form == "json":
        print(json.dumps(runs, indent=1))
        return
    rows = [("RUN", "STARTED", "COMMAND", "STATE", "HOSTS", "CHANGES", "TOOK", "OF")]
    for run in runs:
        took = f"{run['duration']:.1f} s" if run["duration"] is not None else ""
        changes = f"{run['changed']} pending" if run["check"] and run["changed"] else str(run["changed"])
        rows.append((run["id"], moment(run["at"]), run["command"], run["state"], str(len(run["stats"])), changes, took, _of(run)))
    for line in table(rows):
        print(line)


def _of(run: dict[str, Any]) -> str:
    """What was run: an entry of reconciliation, or playbooks."""
    return safe(run["entry"] or " ".join(run["playbooks"]))


@command.command("show")
@click.argument("run", shell_complete=complete.runs)
@click.option("--host", metavar="NAME", help="Only this host.")
@click.option("--failed", is_flag=True, help="Only what failed.")
@click.option("--changed", is_flag=True, help="Only what changed.")
@click.option("-v", "--verbose", count=True, help="Show more; -vv more still.")
@_FORMAT
def show(run: str, host: str | None, failed: bool, changed: bool, verbose: int, form: str) -> None:
    """Tell a run again, as it was seen.

    RUN is its id, the beginning of it, or `last`.
    """
    past = journal()
    found = past.run(run)
    events = past.events(found["id"])

    def wanted(event: TaskResult | ResultItem) -> bool:
        bad = event.status in ("failed", "unreachable", "rescued", "ignored")
        return (not host or event.host == host) and (not (failed or changed) or (failed and bad) or (changed and event.status == "changed"))

    if form == "json":
        results = [event.as_dict() for event in events if isinstance(event, (TaskResult, ResultItem)) and wanted(event)]
        json.dump({**found, "results": results}, sys.stdout, indent=1)
        print()
        return
    from fleet.report.console import Console
    check = ", nothing changed by it" if found["check"] else ""
    print(f"{found['command']} {_of(found)}: {found['state']}{check}; {moment(found['at'])}, by {found['user']}, run {found['id']}")
    screen = Console(sys.stdout, verbosity=verbose, live=False)
    for event in retold(events, wanted):
        screen(replace(event, stats={name: stats for name, stats in event.stats.items() if name == host}) if isinstance(event, RunFinished) and host else event)
    screen.close()
    _left(found, events)


def _left(found: dict[str, Any], events: list[Event]) -> None:
    """What is to be said after a run that did not end well, or was not recorded wholly."""
    if found["state"] in ("interrupted", "running"):
        left = unfinished(events)
        for task, hosts in left:
            print(f"\n{safe(task.name)} ({task.position}) had begun; its outcome is not known on {', '.join(map(safe, hosts))}")
        if left and found["state"] == "interrupted" and found["command"] == "apply":
            print(f"  run it again, or from there on, with --start-at-task {shlex.quote(safe(left[0][0].name))}")
    if found["lost"]:
        print(f"\n{found['lost']} events of this run could not be recorded")
    if found["error"]:
        print(f"\nerror: {safe(found['error'])}")


def retold(events: list[Event], wanted: Callable[[TaskResult | ResultItem], bool]) -> Iterator[Event]:
    """The events task by task (as they happened, tasks may overlap), with only the results that are wanted."""
    results: dict[int, list[TaskResult | ResultItem]] = {}
    for event in events:
        if isinstance(event, (TaskResult, ResultItem)) and wanted(event):
            results.setdefault(event.task, []).append(event)
    play: PlayStarted | None = None
    for event in events:
        if isinstance(event, PlayStarted):
            play = event
        elif isinstance(event, TaskStarted) and event.task in results:
            if play is not None:
                yield play
                play = None
            yield replace(event, hosts=sum(isinstance(result, TaskResult) for result in results[event.task]))
            yield from results[event.task]
        elif isinstance(event, (RunStarted, Note, RunFinished)):
            yield event
