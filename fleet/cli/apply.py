"""`fleet apply`, and what it shares with `fleet plan`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import click

from fleet.cli import complete
from fleet.cli import options as shared
from fleet.options import RunOptions
from fleet.settings import Settings


@click.command("apply", cls=shared.Command)
@click.argument("playbooks", nargs=-1, required=True, metavar="PLAYBOOK...", shell_complete=complete.files)
@shared.playbook_options
@click.option("-C", "--check", cls=shared.Option, section="Look only", is_flag=True, help="Change nothing; the same as `fleet plan`.")
def command(playbooks: tuple[str, ...], check: bool, **given: Any) -> int:
    """Run playbooks (.yml or .py).

    Exit status: 0 done, 1 usage error, 2 a host failed, 4 a host was unreachable (6: both), 130 interrupted.
    """
    return perform(playbooks, given, check=check, name="apply")[0]


def perform(playbooks: tuple[str, ...], given: dict[str, Any], *, check: bool, name: str) -> tuple[int, bool]:
    """Run or list; the exit status and whether something changed (or would)."""
    options, settings = shared.read(given, Path(playbooks[0]).parent, check=check)
    if options.list_hosts or options.list_tasks or options.list_tags or options.syntax_check:
        return listing(playbooks, options, settings), False
    from fleet.api import run_playbook
    with reporters(options, settings) as subscribers:
        outcome = run_playbook(playbooks, options, settings, check=options.check, command=name, subscribers=subscribers)
    if outcome.error:
        print(f"error: {outcome.error}", file=sys.stderr)
    return outcome.status, any(stats.changed for stats in outcome.stats.values())


class reporters:
    """The subscribers of a run from the command line, closed at its end."""

    def __init__(self, options: RunOptions, settings: Settings) -> None:
        self.options = options
        self.settings = settings
        self.made: list[Any] = []
        self.stack = ExitStack()

    def __enter__(self) -> list[Any]:
        if self.options.format == "json":
            from fleet.report.ndjson import Lines
            self.made.append(Lines(sys.stdout))
        elif self.options.format == "classic":
            from fleet.report.classic import Classic
            self.made.append(Classic(sys.stdout, self.options.verbosity, self.settings.show_custom_stats))
        else:
            from fleet.report.console import Console
            self.made.append(Console(sys.stdout, verbosity=self.options.verbosity, settings=self.settings))
        self.made += self.stack.enter_context(recording(self.settings))
        for warning in self.settings.warnings:
            print(f"warning: {warning}", file=sys.stderr)
        return self.made

    def __exit__(self, *exc: object) -> None:
        self.stack.close()
        self.made[0].close()


@contextmanager
def recording(settings: Settings) -> Iterator[list[Any]]:
    """The journal as a list of one subscriber, none where the settings want none; runs that were interrupted are told first."""
    if not settings.journal:
        yield []
        return
    from fleet.journal import Journal
    journal = Journal(settings.journal, keep=settings.journal_keep)
    for run in journal.interrupted:
        print(f"warning: the run {run['id']} ({run['command']} {run['entry'] or ' '.join(run['playbooks'])}) was interrupted: {run['error']}\n"
              f"  `fleet history show {run['id']}` tells what it did and what it left undone", file=sys.stderr)
    try:
        yield [journal]
    finally:
        journal.close()


def listing(playbooks: tuple[str, ...], options: RunOptions, settings: Settings) -> int:
    """--syntax-check, --list-hosts, --list-tasks, --list-tags."""
    from fleet.api import prepare
    from fleet.playbook.listing import list_tags, list_tasks
    prepared = prepare(playbooks, options, settings)
    for book in prepared.books:
        print(f"\nplaybook: {book.path}")
        if options.list_tasks:
            print(list_tasks(book, options.tags, options.skip_tags))
        elif options.list_tags:
            print(list_tags(book, options.tags, options.skip_tags))
        if options.list_hosts:
            for number, play in enumerate(book.plays, 1):
                pattern = prepared.static.render(play.hosts, play.keywords.vars)
                hosts = prepared.inventory.match(pattern, limit=options.limit)
                print(f"\n  play #{number} ({pattern}): {play.name or pattern}\n    pattern: {pattern}\n    hosts ({len(hosts)}):")
                for host in hosts:
                    print(f"      {host}")
    for warning in prepared.inventory.warnings:
        print(f"warning: {warning}", file=sys.stderr)
    return 0
