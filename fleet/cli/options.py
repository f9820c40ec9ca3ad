"""Options that commands share, with ansible-playbook's names."""

from __future__ import annotations

import getpass
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import click

from fleet.cli import complete
from fleet.connection.base import Secret
from fleet.errors import UsageError
from fleet.options import RunOptions
from fleet.settings import Settings, load_settings

F = TypeVar("F", bound=Callable[..., Any])


class Option(click.Option):
    """An option that --help shows under a heading."""

    def __init__(self, *args: Any, section: str = "", **more: Any) -> None:
        super().__init__(*args, **more)
        self.section = section


class Command(click.Command):
    """A command whose --help puts headings over its options where it has many."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        params = [param for param in self.get_params(ctx) if isinstance(param, click.Option)]
        rest = "Output" if any(isinstance(param, Option) and param.section == "Output" for param in params) else "Options"
        sections: dict[str, list[tuple[str, str]]] = {}
        for param in params:
            record = param.get_help_record(ctx)
            if record is not None:
                sections.setdefault(getattr(param, "section", rest), []).append(record)
        for title, records in sections.items():
            with formatter.section(title):
                formatter.write_dl(records)


class Group(click.Group):
    """Commands of a command; --help shows the first sentence of each, whole."""

    command_class = Command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        rows = []
        for name in self.list_commands(ctx):
            command = self.get_command(ctx, name)
            if command is not None and not command.hidden:
                rows.append((name, " ".join((command.help or "").split("\n\n")[0].split())))
        with formatter.section("Commands"):
            formatter.write_dl(rows)


def _section(title: str, *options: tuple[tuple[str, ...], dict[str, Any]]) -> list[Any]:
    return [click.option(*names, cls=Option, section=title, **more) for names, more in options]


def _o(*names: str, **more: Any) -> tuple[tuple[str, ...], dict[str, Any]]:
    return names, more


_INVENTORY, *_WHERE = _section(
    "Where",
    _o("-i", "--inventory", "--inventory-file", multiple=True, metavar="SOURCE", shell_complete=complete.files,
       help="Inventory file, directory, program, or 'host1,host2,'. May be given again."),
    _o("-l", "--limit", multiple=True, metavar="PATTERN", help="Only these hosts; @FILE reads them."))
_WHAT = _section(
    "What",
    _o("-e", "--extra-vars", multiple=True, metavar="VARS", help="name=value, JSON or YAML, or @FILE. Above all other variables."))
_TASKS = _section(
    "What",
    _o("-t", "--tags", multiple=True, metavar="TAGS", help="Only tasks with these tags."),
    _o("--skip-tags", multiple=True, metavar="TAGS", help="Not tasks with these tags."),
    _o("--start-at-task", "--start-at", metavar="NAME", help="Begin at the task of this name."),
    _o("--step", is_flag=True, help="Ask before each task."),
    _o("--force-handlers", is_flag=True, help="Run notified handlers of hosts that failed."),
    _o("--flush-cache", is_flag=True, hidden=True))
_LOOK = _section(
    "Look only",
    _o("--syntax-check", is_flag=True, help="Read everything; run nothing."),
    _o("--list-hosts", is_flag=True, help="Show the hosts of each play."),
    _o("--list-tasks", is_flag=True, help="Show the tasks of each play."),
    _o("--list-tags", is_flag=True, help="Show the tags there are."))
_CONNECTION = _section(
    "Connections",
    _o("-u", "--user", metavar="USER", help="Log in as."),
    _o("--private-key", "--key-file", metavar="FILE", help="Private key to log in with."),
    _o("-k", "--ask-pass", is_flag=True, help="Ask for the SSH password."),
    _o("--connection-password-file", "--conn-pass-file", metavar="FILE", help="Read the SSH password from a file."),
    _o("-c", "--connection", metavar="KIND", help="ssh or local."),
    _o("-f", "--forks", type=int, metavar="N", help="Connections opened at the same time."),
    _o("-T", "--timeout", type=float, metavar="S", help="Seconds a connection may take."),
    _o("--ssh-common-args", metavar="ARGS", help="SSH options, as for ssh(1)."),
    _o("--ssh-extra-args", metavar="ARGS", help="SSH options, as for ssh(1)."),
    _o("--accept-new-host-keys", is_flag=True, help="Add unknown host keys to known_hosts; changed ones stay errors."),
    _o("--lock-timeout", type=float, metavar="S", help="Seconds to wait for another run on a target."))
_BECOME = _section(
    "Becoming another user",
    _o("-b", "--become", is_flag=True, help="Become another user."),
    _o("--become-user", metavar="USER", help="Which one; root by default."),
    _o("--become-method", type=click.Choice(["sudo", "su", "doas"]), metavar="METHOD", help="sudo, su or doas."),
    _o("-K", "--ask-become-pass", is_flag=True, help="Ask for the become password."),
    _o("--become-password-file", "--become-pass-file", metavar="FILE", help="Read the become password from a file."))
_VAULT = _section(
    "Vault",
    _o("--vault-password-file", "--vault-pass-file", multiple=True, metavar="FILE", help="File or program with the vault password."),
    _o("--vault-id", multiple=True, metavar="ID@SOURCE", help="A vault id and where its password is."),
    _o("-J", "--ask-vault-pass", "--ask-vault-password", is_flag=True, help="Ask for the vault password."))
_OUTPUT = _section(
    "Output",
    _o("-D", "--diff", is_flag=True, help="Show differences."),
    _o("-v", "--verbose", count=True, help="Show more; -vv more still."),
    _o("--format", "format_", type=click.Choice(["console", "json", "classic"]), default="console",
       help="For people; one event a line; or the lines ansible-playbook prints."),
    _o("--no-journal", is_flag=True, help="Do not record this run."),
    _o("--debug", is_flag=True, help="Show tracebacks."))


def _all(options: list[Any]) -> Callable[[F], F]:
    def decorate(function: F) -> F:
        for option in reversed(options):
            function = option(function)
        return function
    return decorate


inventory_option = _all([_INVENTORY])
run_options = _all([_INVENTORY, *_WHERE, *_WHAT, *_CONNECTION, *_BECOME, *_VAULT, *_OUTPUT])
playbook_options = _all([_INVENTORY, *_WHERE, *_WHAT, *_TASKS, *_LOOK, *_CONNECTION, *_BECOME, *_VAULT, *_OUTPUT])
vault_options = _all(_VAULT)


def words(values: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(part.strip() for value in values for part in value.split(",") if part.strip())


def secrets(settings: Settings, files: Mapping[str, str | None] | None = None) -> dict[str, Secret]:
    """The passwords that are in files: those given, else those of the settings. Raises UsageError."""
    found = {}
    for name in ("connection_password", "become_password"):
        file = (files or {}).get(name) or getattr(settings, f"{name}_file")
        if file:
            try:
                found[name] = Secret(Path(file).expanduser().read_text().strip("\n"))
            except (OSError, UnicodeDecodeError) as error:
                raise UsageError(f"cannot read the password file {file}: {getattr(error, 'strerror', None) or 'it is not text'}") from None
    return found


def _asked(prompt: str) -> str:
    """A password from the terminal; one that would be seen, or read from elsewhere, is not taken."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", getpass.GetPassWarning)
            return getpass.getpass(prompt)
    except (getpass.GetPassWarning, EOFError):
        raise UsageError(f"there is no terminal to ask for the {prompt.rstrip(': ')}",
                         hint="use --become-password-file or --connection-password-file") from None


def read(given: dict[str, Any], start: Path, *, check: bool) -> tuple[RunOptions, Settings]:
    """What the options of a command line come to. Asks for passwords where that was asked for. Raises FleetError."""
    settings = load_settings(start, {
        "forks": given["forks"], "timeout": given["timeout"], "remote_user": given["user"], "private_key_file": given["private_key"],
        "ssh_common_args": given["ssh_common_args"], "ssh_extra_args": given["ssh_extra_args"], "lock_timeout": given["lock_timeout"],
        "host_key_checking": "accept-new" if given["accept_new_host_keys"] else None,
        "become": True if given["become"] else None, "become_user": given["become_user"], "become_method": given["become_method"],
        "journal": "" if given["no_journal"] else None})
    if given["private_key"] and not Path(given["private_key"]).expanduser().is_file():
        raise UsageError(f"there is no private key {given['private_key']}")
    found = secrets(settings, {"connection_password": given["connection_password_file"], "become_password": given["become_password_file"]})
    for name, ask, prompt in (("connection_password", given["ask_pass"] or settings.ask_pass, "SSH password: "),
                              ("become_password", given["ask_become_pass"] or settings.become_ask_pass, "BECOME password: ")):
        if ask and name not in found:
            found[name] = Secret(_asked(prompt))
    extra = tuple(given["extra_vars"]) + ((f"ansible_connection={given['connection']}",) if given.get("connection") else ())
    options = RunOptions(
        inventory=given["inventory"], limit=":".join(given["limit"]) or None, tags=words(given.get("tags", ())),
        skip_tags=words(given.get("skip_tags", ())), extra_vars=extra, check=check or settings.check_always, diff=given["diff"] or settings.diff_always or check,
        step=given.get("step", False), start_at_task=given.get("start_at_task"), force_handlers=given.get("force_handlers", False),
        syntax_check=given.get("syntax_check", False), list_hosts=given.get("list_hosts", False), list_tasks=given.get("list_tasks", False),
        list_tags=given.get("list_tags", False), vault_password_file=given["vault_password_file"], vault_id=given["vault_id"],
        ask_vault_pass=given["ask_vault_pass"], format=given["format_"],
        verbosity=max(given["verbose"] + settings.verbosity, 2 if settings.debug else 0), debug=given["debug"],
        secrets=found)
    return options, settings
