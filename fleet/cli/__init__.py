"""The command line: one file a command, loaded when it is called; and the one place where errors become messages and statuses."""

from __future__ import annotations

import importlib
import os
import sys
from typing import Any

import click

from fleet.errors import FleetError, nearest

COMMANDS = {
    "apply": "Run playbooks.",
    "plan": "Show what playbooks would change; change nothing.",
    "run": "Run one module on hosts, without a playbook.",
    "inventory": "Show what an inventory means.",
    "guest": "Show guests and what waits for their boot; import them; their consoles.",
    "container": "Show containers, run commands in them, read their logs, import them.",
    "doc": "Show what a module takes and returns.",
    "vault": "Encrypt and decrypt secrets.",
    "image": "Build images, and send them where they are used.",
    "history": "Show past runs.",
    "reconcile": "Look for drift on a schedule, and repair it.",
    "lab": "A practice fleet on this machine.",
}
_EXAMPLES = """
\b
Examples:
  fleet plan  -i hosts.ini site.yml      what would change
  fleet apply -i hosts.ini site.yml      do it
  fleet run   -i hosts.ini web -m ping   one module, now
"""


class Commands(click.Group):
    """Commands by name; each module exposes `command`."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        file = "adhoc" if name == "run" else name  # a file run.py would hide the function `run` of this one
        found: click.Command = importlib.import_module(f"fleet.cli.{file}").command
        return found

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        if args and args[0] not in COMMANDS:
            hint = nearest(args[0], COMMANDS)
            raise click.UsageError(f"there is no command '{args[0]}'" + (f"; {hint}" if hint else ""), ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.command(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110}, epilog=_EXAMPLES)
@click.version_option(None, "--version", package_name="fleet", message="fleet %(version)s")
def group() -> None:
    """Agentless automation for virtualized fleets: Ansible's YAML or typed Python, over SSH."""


def run(args: list[str]) -> int:
    """Carry out a command line; its exit status. Every error is one message on stderr."""
    try:
        status = group.main(args, prog_name="fleet", standalone_mode=False)
        return status if isinstance(status, int) else 0
    except click.exceptions.Exit as done:
        return done.exit_code
    except click.ClickException as wrong:
        command = wrong.ctx.command_path if isinstance(wrong, click.UsageError) and wrong.ctx else "fleet"
        print(f"error: {_said(wrong)}\n  see `{command} --help`", file=sys.stderr)
        return 1
    except FleetError as error:
        print(f"error: {error.render()}", file=sys.stderr)
        if _debug(args):
            raise
        return 1
    except (KeyboardInterrupt, click.Abort):
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except Exception as error:
        if _debug(args):
            raise
        print(f"error: this is a bug in fleet: {type(error).__name__}: {error}\n  the same command with --debug shows the traceback", file=sys.stderr)
        return 1


def _said(wrong: click.ClickException) -> str:
    """What click found wrong, in our words."""
    if isinstance(wrong, click.NoSuchOption):
        hint = nearest(wrong.option_name, wrong.possibilities or ())
        return f"there is no option '{wrong.option_name}'" + (f"; {hint}" if hint else "")
    if isinstance(wrong, click.MissingParameter) and wrong.param is not None:
        return f"{wrong.param.human_readable_name.rstrip('.')} is missing"
    if isinstance(wrong, click.BadParameter) and wrong.param is not None:
        name = wrong.param.opts[-1] if isinstance(wrong.param, click.Option) else wrong.param.human_readable_name
        return f"{name}: {wrong.message.rstrip('.')}"
    return wrong.format_message()


def _debug(args: list[str]) -> bool:
    return "--debug" in args
