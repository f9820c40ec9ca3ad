"""`fleet reconcile`: look for drift on a schedule, and repair it."""

from __future__ import annotations

import json
import pwd
import sys
import time
from pathlib import Path
from typing import Any

import click

from fleet.cli import complete
from fleet.cli import options as shared
from fleet.cli.apply import recording
from fleet.cli.history import moment, table
from fleet.errors import UsageError
from fleet.options import RunOptions
from fleet.reconcile import Entry, entries, reconcile, select
from fleet.settings import Settings, load_settings

_ENTRY = click.option("--entry", "names", multiple=True, metavar="NAME", shell_complete=complete.entries, help="Only this entry. May be given again.")
_FORMAT = click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", help="For people, or JSON.")


@click.group("reconcile", cls=shared.Group, invoke_without_command=True)
@_ENTRY
@click.option("--due", is_flag=True, help="Only entries that are due by the journal.")
@click.option("--mode", type=click.Choice(["report", "repair"]), help="In place of each entry's own mode.")
@shared.inventory_option
@shared.vault_options
@_FORMAT
@click.option("--debug", is_flag=True, help="Show tracebacks.")
@click.pass_context
def command(ctx: click.Context, /, names: tuple[str, ...], due: bool, mode: str | None, form: str, debug: bool, **given: Any) -> int:
    """Run the entries of fleet.toml once: say what has drifted, or repair it.

    Exit status: 0 in sync or repaired, 3 drift was found, 2 a host failed, 4 a host was unreachable (6: both), 5 another run of an entry was at work,
    1 usage error, 130 interrupted.
    """
    if ctx.invoked_subcommand:
        return 0
    from fleet.reconcile.run import INTERRUPTED, together
    settings = load_settings()
    chosen = select(entries(settings), names, settings)
    if due:
        last = _last(settings)
        chosen = [entry for entry in chosen if _next(entry, last.get(entry.name)) <= time.time()]
        if not chosen and form == "text":
            print("nothing is due")
    statuses = []
    options = RunOptions(**given, secrets=shared.secrets(settings))
    for warning in settings.warnings:
        print(f"warning: {warning}", file=sys.stderr)
    for entry in chosen:
        with recording(settings) as journal:
            report = reconcile(entry, options, settings, mode=mode, subscribers=journal)
        _show(report, form, settings)
        statuses.append(report.status)
        if report.status == INTERRUPTED:
            break
    return together(statuses)


def _show(report: Any, form: str, settings: Settings) -> None:
    if form == "json":
        print(json.dumps(report.as_dict(), default=str), flush=True)
        return
    from fleet.reconcile.text import lines
    from fleet.report.console import Console
    screen = Console(sys.stdout, settings=settings, live=False)
    screen.write(*lines(report, screen.paint, screen.limit))


def _last(settings: Settings) -> dict[str, dict[str, Any]]:
    """The last run of each entry of this project, from the journal."""
    from fleet.journal import History
    if not settings.journal:
        raise UsageError("there is no journal to ask: the setting `journal` is empty")
    if not Path(settings.journal).exists():
        return {}
    past = History(settings.journal)
    return {entry.name: run for entry in entries(settings) for run in past.runs(1, command="reconcile", project=settings.project, entry=entry.name)}


def _next(entry: Entry, run: dict[str, Any] | None) -> float:
    return entry.schedule.next(run["at"] if run else None, time.time())


@command.command("status")
@_FORMAT
def status(form: str) -> None:
    """Show last runs, what they found, what is due next."""
    settings = load_settings()
    found, last = select(entries(settings), (), settings), _last(settings)
    rows = [_status(entry, last.get(entry.name)) for entry in found]
    if form == "json":
        print(json.dumps(rows, indent=1))
        return
    cells = [("ENTRY", "MODE", "WHEN", "LAST RUN", "OUTCOME", "NEXT", "RUN")]
    for row in rows:
        late = "now" if row["due"] else moment(row["next"])
        cells.append((row["entry"], row["mode"], row["when"], moment(row["last"]) if row["last"] else "never", row["outcome"], late, row["run"] or ""))
    for line in table(cells):
        print(line)


def _status(entry: Entry, run: dict[str, Any] | None) -> dict[str, Any]:
    upcoming = _next(entry, run)
    return {"entry": entry.name, "mode": entry.mode, "when": str(entry.schedule), "last": run["at"] if run else None, "run": run["id"] if run else None,
            "state": run["state"] if run else "never", "changes": run["changed"] if run else 0, "outcome": _outcome(run), "next": upcoming,
            "due": upcoming <= time.time()}


def _outcome(run: dict[str, Any] | None) -> str:
    if run is None:
        return ""
    if run["state"] != "done":
        return str(run["state"])
    hosts = sum(counts["changed"] > 0 for counts in run["stats"].values())
    if not run["changed"]:
        return "in sync"
    return f"{'drift' if run['check'] else 'repaired'} on {hosts} host{'s' if hosts != 1 else ''}"


_USER = click.option("--user", is_flag=True, help="Units of your own systemd, not the system's.")
_ROOT = click.option("--root", metavar="DIR", type=click.Path(file_okay=False), help="The root of another system (an image, a container).")
_DRY = click.option("--dry-run", is_flag=True, help="Only show what would be done; exit with 3 when there is something to do.")


@command.command("install")
@_ENTRY
@_USER
@_ROOT
@click.option("--run-as", metavar="USER", help="The user whom the services run as; root by default.")
@click.option("--command", "program", metavar="FILE", help="The fleet command that the services call; this one by default.")
@_DRY
def install(names: tuple[str, ...], user: bool, root: str | None, run_as: str | None, program: str | None, dry_run: bool) -> int:
    """Write systemd services and timers for the entries.

    The timers are enabled and started. Done again it changes nothing; units of entries that are gone are removed. With --entry the others are left alone.
    """
    from fleet.reconcile import units
    settings = load_settings()
    place = _place(user, root, run_as, program)
    chosen = select(entries(settings), names, settings)
    there = units.present(settings, place)
    should = units.wanted(chosen, settings, place)
    if names:
        there = {path: text for path, text in there.items() if path in should}
    return _make(units.compare(should, there), place, settings, dry_run)


@command.command("uninstall")
@_USER
@_ROOT
@_DRY
def uninstall(user: bool, root: str | None, dry_run: bool) -> int:
    """Stop the timers of this project and remove its units."""
    from fleet.reconcile import units
    settings = load_settings()
    place = _place(user, root, None, None)
    return _make(units.compare({}, units.present(settings, place)), place, settings, dry_run)


def _place(user: bool, root: str | None, run_as: str | None, program: str | None) -> Any:
    from fleet.reconcile import units
    if user and (root or run_as):
        raise UsageError("--user is for your own systemd; --root and --run-as are for a system's")
    if root is not None and not Path(root).is_dir():
        raise UsageError(f"there is no directory {root}")
    if run_as and not root:
        try:
            pwd.getpwnam(run_as)
        except KeyError:
            raise UsageError(f"there is no user '{run_as}' on this machine") from None
    command = (program,) if program else (sys.executable, "-m", "fleet")
    return units.Place(command, user, str(Path(root).resolve()) if root else "", run_as or "root")


def _make(changes: Any, place: Any, settings: Settings, dry_run: bool) -> int:
    """Carry changes out, or show them; the exit status."""
    from fleet.reconcile import units
    from fleet.report.console import Console
    from fleet.report.text import differences
    screen = Console(sys.stdout, settings=settings, live=False)
    for path, what in changes.files.items():
        print(f"{what}  {path}")
        before, after = changes.texts[path]
        if dry_run and what != "remove":
            for line in differences({"diff": {"path": str(path), "before": before, "after": after}}, screen.limit, screen.paint):
                print(f"  {line}")
    if not changes.files:
        print("nothing to do")
    elif not dry_run:
        units.carry_out(changes, place, settings)
        if not place.live and not place.root:
            print("systemd is not at work here; the timers start at the next boot with it")
    return 3 if dry_run and changes.files else 0
