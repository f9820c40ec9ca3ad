"""`fleet history`: past runs."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import click

from fleet.errors import UsageError
from fleet.report.text import safe
from fleet.settings import load_settings


def _journal() -> Any:
    from fleet.journal import Journal
    path = load_settings().journal
    if not path or not Path(path).exists():
        raise UsageError("there is no journal yet", hint="runs are recorded as they happen; `fleet apply` makes the first")
    return Journal(path)


@click.group("history", invoke_without_command=True)
@click.option("-n", "--limit", default=20, show_default=True, help="How many runs.")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text")
@click.pass_context
def command(ctx: click.Context, limit: int, form: str) -> None:
    """List past runs, newest first; `fleet history show RUN` tells what one did."""
    if ctx.invoked_subcommand:
        return
    runs = _journal().runs(limit)
    if form == "json":
        print(json.dumps(runs, indent=1))
        return
    for run in runs:
        when = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(run["started"]))
        hosts = f"{len(run['stats'])} hosts" if run["stats"] else ""
        took = f"{run['duration']:.1f} s" if run["duration"] is not None else ""
        change = f"{run['changed']} " + ("pending" if run["checked"] else "changed")
        print(f"{run['id']}  {when}  {run['command']:9} {run['state']:11} {change:11} {hosts:9} {took:8} {' '.join(map(safe, run['playbooks']))}")


@command.command("show")
@click.argument("run")
@click.option("--host", help="Only this host.")
@click.option("--failed", is_flag=True, help="Only what failed.")
@click.option("--changed", is_flag=True, help="Only what changed.")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text")
def show(run: str, host: str | None, failed: bool, changed: bool, form: str) -> None:
    """What RUN did; RUN is an id, the beginning of one, or `last`."""
    journal = _journal()
    found = journal.run(run)
    wanted = [row for row in journal.results(found["id"]) if (not host or row["host"] == host)
              and (not (failed or changed) or (failed and row["status"] in ("failed", "unreachable")) or (changed and row["status"] == "changed"))]
    if form == "json":
        json.dump({**found, "results": wanted}, sys.stdout, indent=1)
        print()
        return
    print(f"run {found['id']}: {found['command']} {' '.join(found['playbooks'])}, {found['state']}, by {found['user']}")
    last = None
    for row in wanted:
        if row["task"] != last:
            last = row["task"]
            print(f"\n{safe(row['name'])}  ({row['position']})")
        item = f" ({safe(row['item'])})" if row["item"] is not None else ""
        message = row["result"].get("msg")
        text = f": {safe(message)}" if message and row["status"] not in ("ok", "skipped") else ""
        print(f"  {safe(row['host'])}{item}: {row['status']}{text}")
    if found["error"]:
        print(f"\nerror: {found['error']}")
