"""Options that commands share, with ansible-playbook's names."""

from __future__ import annotations

import getpass
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from fleet.connection.base import Secret
from fleet.errors import UsageError
from fleet.options import RunOptions
from fleet.settings import Settings, load_settings

F = TypeVar("F", bound=Callable[..., Any])

inventory_option = click.option("-i", "--inventory", "--inventory-file", multiple=True, metavar="SOURCE",
                                help="Inventory file, directory, program, or 'host1,host2,'. May be given again.")
_VAULT = [
    click.option("--vault-password-file", "--vault-pass-file", multiple=True, metavar="FILE", help="File or program with the vault password."),
    click.option("--vault-id", multiple=True, metavar="ID@SOURCE", help="A vault id and where its password is."),
    click.option("-J", "--ask-vault-pass", "--ask-vault-password", is_flag=True, help="Ask for the vault password."),
]
_RUN = [
    inventory_option,
    click.option("-l", "--limit", multiple=True, metavar="PATTERN", help="Only these hosts; @FILE reads them."),
    click.option("-e", "--extra-vars", multiple=True, metavar="VARS", help="name=value, JSON or YAML, or @FILE. Above all other variables."),
    click.option("-D", "--diff", is_flag=True, help="Show differences."),
    click.option("-f", "--forks", type=int, metavar="N", help="Connections opened at the same time."),
    click.option("-b", "--become", is_flag=True, help="Become another user."),
    click.option("--become-user", metavar="USER", help="Which one; root by default."),
    click.option("--become-method", metavar="METHOD", help="sudo, su or doas."),
    click.option("-K", "--ask-become-pass", is_flag=True, help="Ask for the become password."),
    click.option("--become-password-file", "--become-pass-file", metavar="FILE", help="Read the become password from a file."),
    click.option("-k", "--ask-pass", is_flag=True, help="Ask for the SSH password."),
    click.option("--connection-password-file", "--conn-pass-file", metavar="FILE", help="Read the SSH password from a file."),
    click.option("-u", "--user", metavar="USER", help="Log in as."),
    click.option("--private-key", "--key-file", metavar="FILE", help="Private key to log in with."),
    click.option("-c", "--connection", metavar="KIND", help="ssh or local."),
    click.option("-T", "--timeout", type=float, metavar="S", help="Seconds a connection may take."),
    click.option("--ssh-common-args", metavar="ARGS", help="SSH options, as for ssh(1)."),
    click.option("--ssh-extra-args", metavar="ARGS", help="SSH options, as for ssh(1)."),
    click.option("--accept-new-host-keys", is_flag=True, help="Add unknown host keys to known_hosts; changed ones stay errors."),
    click.option("--lock-timeout", type=float, metavar="S", help="Seconds to wait for another run on a target."),
    *_VAULT,
    click.option("--format", "format_", type=click.Choice(["console", "json", "classic"]), default="console",
                 help="For people; one event a line; or the lines ansible-playbook prints."),
    click.option("-v", "--verbose", count=True, help="Show more; -vv more still."),
    click.option("--no-journal", is_flag=True, help="Do not record this run."),
    click.option("--debug", is_flag=True, help="Show tracebacks."),
]
_PLAYBOOK = [
    click.option("-t", "--tags", multiple=True, metavar="TAGS", help="Only tasks with these tags."),
    click.option("--skip-tags", multiple=True, metavar="TAGS", help="Not tasks with these tags."),
    click.option("--step", is_flag=True, help="Ask before each task."),
    click.option("--start-at-task", metavar="NAME", help="Begin at the task of this name."),
    click.option("--force-handlers", is_flag=True, help="Run notified handlers of hosts that failed."),
    click.option("--flush-cache", is_flag=True, hidden=True),
    click.option("--syntax-check", is_flag=True, help="Read everything; run nothing."),
    click.option("--list-hosts", is_flag=True, help="Show the hosts of each play."),
    click.option("--list-tasks", is_flag=True, help="Show the tasks of each play."),
    click.option("--list-tags", is_flag=True, help="Show the tags there are."),
]


def _all(options: list[Any]) -> Callable[[F], F]:
    def decorate(function: F) -> F:
        for option in reversed(options):
            function = option(function)
        return function
    return decorate


run_options = _all(_RUN)
playbook_options = _all([*_RUN, *_PLAYBOOK])
vault_options = _all(_VAULT)


def words(values: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(part.strip() for value in values for part in value.split(",") if part.strip())


def read(given: dict[str, Any], start: Path, *, check: bool) -> tuple[RunOptions, Settings]:
    """What the options of a command line come to. Asks for passwords where that was asked for. Raises FleetError."""
    settings = load_settings(start, {
        "forks": given["forks"], "timeout": given["timeout"], "remote_user": given["user"], "private_key_file": given["private_key"],
        "ssh_common_args": given["ssh_common_args"], "ssh_extra_args": given["ssh_extra_args"], "lock_timeout": given["lock_timeout"],
        "host_key_checking": "accept-new" if given["accept_new_host_keys"] else None,
        "become": True if given["become"] else None, "become_user": given["become_user"], "become_method": given["become_method"],
        "journal": "" if given["no_journal"] else None})
    secrets: dict[str, Any] = {}
    for name, ask, file, prompt in (
            ("connection_password", given["ask_pass"] or settings.ask_pass, given["connection_password_file"], "SSH password: "),
            ("become_password", given["ask_become_pass"] or settings.become_ask_pass, given["become_password_file"], "BECOME password: ")):
        if file:
            try:
                secrets[name] = Secret(Path(file).expanduser().read_text().strip("\n"))
            except OSError as error:
                raise UsageError(f"cannot read the password file {file}: {error.strerror}") from None
        elif ask:
            secrets[name] = Secret(getpass.getpass(prompt))
    extra = tuple(given["extra_vars"]) + ((f"ansible_connection={given['connection']}",) if given.get("connection") else ())
    options = RunOptions(
        inventory=given["inventory"], limit=":".join(given["limit"]) or None, tags=words(given.get("tags", ())),
        skip_tags=words(given.get("skip_tags", ())), extra_vars=extra, check=check or settings.check_always, diff=given["diff"] or settings.diff_always or check,
        step=given.get("step", False), start_at_task=given.get("start_at_task"), force_handlers=given.get("force_handlers", False),
        syntax_check=given.get("syntax_check", False), list_hosts=given.get("list_hosts", False), list_tasks=given.get("list_tasks", False),
        list_tags=given.get("list_tags", False), vault_password_file=given["vault_password_file"], vault_id=given["vault_id"],
        ask_vault_pass=given["ask_vault_pass"], format=given["format_"], verbosity=given["verbose"] + settings.verbosity, debug=given["debug"],
        secrets=secrets)
    return options, settings
