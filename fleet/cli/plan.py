"""`fleet plan`."""

from __future__ import annotations

from typing import Any

import click

from fleet.cli import complete
from fleet.cli import options as shared
from fleet.cli.apply import perform


@click.command("plan", cls=shared.Command)
@click.argument("playbooks", nargs=-1, required=True, metavar="PLAYBOOK...", shell_complete=complete.files)
@click.option("-C", "--check", is_flag=True, hidden=True)
@shared.playbook_options
@click.option("--detailed-exitcode", cls=shared.Option, section="Output", is_flag=True, help="Exit with 3 when changes are pending.")
def command(playbooks: tuple[str, ...], check: bool, detailed_exitcode: bool, **given: Any) -> int:
    """Show what playbooks would change, with differences. Nothing is changed.

    Exit status: as apply; with --detailed-exitcode 0 means in sync, 3 that changes are pending.
    """
    status, changed = perform(playbooks, given, check=True, name="plan")
    return 3 if detailed_exitcode and status == 0 and changed else status
