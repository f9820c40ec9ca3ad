"""`fleet guest`: the guests of hypervisors, whoever made them."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import click

from fleet.cli import options as shared
from fleet.cli.apply import reporters
from fleet.errors import FleetError, Pos, UsageError
from fleet.model import Play, Playbook, Task
from fleet.report.text import safe

T = TypeVar("T")


@click.group("guest", cls=shared.Group)
def command() -> None:
    """What guests there are, what waits for a boot, and their consoles; import writes the tasks that describe them."""


@contextmanager
def hypervisors(pattern: str, given: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The open hypervisors of a host pattern, by name; a FleetError in place of one that cannot be reached."""
    from fleet.api import prepare, start
    from fleet.template import Variables
    from fleet.virt.connect import Hypervisor
    from fleet.virt.connect import uri_for as uri
    options, settings = shared.read(given, Path(), check=True)
    prepared = prepare([], options, settings)
    run = start(prepared, options, settings, command="guest", subscribers=())
    hosts = prepared.inventory.match(pattern, limit=options.limit)
    if not hosts:
        raise UsageError(f"no host matches '{pattern}'", hint="give the hypervisors' names or group")

    def opened(host: str) -> Any:
        try:
            endpoint = run.through(host)
            variables = Variables(prepared.templar, [run.host_vars(host, ""), run.extra_vars, {"inventory_hostname": host}])
            return Hypervisor(endpoint, run.connections.transport(endpoint), uri(variables.get("fleet_libvirt_uri")))  # type: ignore[attr-defined]
        except FleetError as error:
            return error

    try:
        with ThreadPoolExecutor(16) as pool:
            found = dict(zip(hosts, pool.map(opened, hosts), strict=True))
        yield found
        for each in found.values():
            if not isinstance(each, FleetError):
                each.close()
    finally:
        run.connections.close()


def everywhere(found: dict[str, Any], function: Callable[[str, Any], list[T]]) -> tuple[list[T], int]:
    """What a function finds on each hypervisor, and the exit status; errors go to stderr."""
    def one(item: tuple[str, Any]) -> list[T] | FleetError:
        if isinstance(item[1], FleetError):
            return item[1]
        try:
            return function(*item)
        except FleetError as error:
            return error
        except Exception as error:
            if type(error).__name__ != "libvirtError":
                raise
            return FleetError(f"libvirt on {item[0]}: {error}")

    with ThreadPoolExecutor(16) as pool:
        outcomes = list(pool.map(one, found.items()))
    for outcome in outcomes:
        if isinstance(outcome, FleetError):
            print(f"error: {outcome.render()}", file=sys.stderr)
    status = 4 if any(isinstance(outcome, FleetError) for outcome in outcomes) else 0
    return [each for outcome in outcomes if not isinstance(outcome, FleetError) for each in outcome], status


@command.command("list")
@click.argument("pattern", default="all", metavar="[HOSTS]")
@click.option("--output", type=click.Choice(["text", "json"]), default="text", help="A table, or JSON.")
@shared.run_options
def list_(pattern: str, output: str, **given: Any) -> int:
    """The guests of HOSTS (hypervisors), their state and how many changes wait for a boot."""
    from fleet.virt.inspect import guests
    with hypervisors(pattern, given) as found:
        rows, status = everywhere(found, lambda name, host: guests(host))
    if output == "json":
        print(json.dumps(rows, indent=1))
        return status
    table = [("HOST", "GUEST", "STATE", "CPUS", "MEMORY", "ADDRESS", "PENDING")]
    table += [(row["host"], row["name"], row["state"], str(row["vcpus"]), f"{row['memory'] // 1024} MiB", row["address"] or "-",
               str(len(row["pending"])) if row["pending"] else "-") for row in rows]
    widths = [max(len(line[column]) for line in table) for column in range(len(table[0]))]
    for line in table:
        print("  ".join(safe(cell).ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())
    return status


@command.command("pending")
@click.argument("pattern", default="all", metavar="[HOSTS]")
@click.option("--output", type=click.Choice(["text", "json"]), default="text", help="Lines, or JSON.")
@shared.run_options
def pending(pattern: str, output: str, **given: Any) -> int:
    """What waits for a boot on the guests of HOSTS, and why: the running and the stored value of each field that differs.

    Read from libvirt alone, so a change made by hand is told as well. `fleet guest reboot HOST GUEST --pending` applies it.
    """
    from fleet.virt.inspect import guests
    with hypervisors(pattern, given) as found:
        rows, status = everywhere(found, lambda name, host: [row for row in guests(host) if row["pending"]])
    if output == "json":
        print(json.dumps([{name: row[name] for name in ("host", "name", "pending")} for row in rows], indent=1))
        return status
    for row in rows:
        print(f"{safe(row['host'])} {safe(row['name'])}")
        for each in row["pending"]:
            print(f"  {safe(each['what'])}: {safe(each['running'])} → {safe(each['stored'])} ({each['effect']})")
    if not rows and not status:
        print("nothing waits for a boot")
    return status


@command.command("import")
@click.argument("pattern", metavar="HOSTS")
@click.argument("names", nargs=-1, metavar="[GUEST...]")
@click.option("-o", "--to", type=click.Path(path_type=Path), metavar="FILE", help="Write the playbook to this file.")
@shared.run_options
def import_(pattern: str, names: tuple[str, ...], to: Path | None, **given: Any) -> int:
    """Write a playbook that describes the guests of HOSTS as they are; `fleet plan` on it shows no change."""
    from fleet.virt.inspect import described, playbook
    with hypervisors(pattern, given) as found:
        rows, status = everywhere(found, lambda name, host: described(host, names, _meant))
    missing = sorted(set(names) - {row["name"] for row in rows})
    if missing:
        print(f"error: there is no guest {', '.join(missing)} on {pattern}", file=sys.stderr)
        status = status or 2
    text = playbook(rows)
    if to is None:
        sys.stdout.write(text)
    else:
        to.write_text(text)
        print(f"described in {to}: {len(rows)}", file=sys.stderr)
    return status


def _meant(options: Any) -> Any:
    from fleet.actions.guest import SPEC
    from fleet.validate import validate
    from fleet.virt.declare import declare
    return declare(validate(SPEC, options), {})


@command.command("console")
@click.argument("host")
@click.argument("name", metavar="GUEST")
@click.option("--take", is_flag=True, help="End the session of another first.")
@shared.run_options
def console(host: str, name: str, take: bool, **given: Any) -> int:
    """The serial console of GUEST on HOST; Ctrl-] ends it. It needs no network in the guest."""
    from fleet.virt.console import attach
    with hypervisors(host, given) as found:
        if len(found) != 1:
            raise UsageError(f"'{host}' means {len(found)} hosts", hint="name one")
        hypervisor = next(iter(found.values()))
        if isinstance(hypervisor, FleetError):
            raise hypervisor
        attach(hypervisor, name, take)
    return 0


def _power(pattern: str, names: tuple[str, ...], args: dict[str, Any], given: dict[str, Any], check: bool) -> int:
    """Run the guest module for each name."""
    from fleet.api import run_playbook
    options, settings = shared.read(given, Path(), check=check)
    pos = Pos("command line")
    tasks: list[Any] = [Task(pos, "guest", {"name": name, **args}, None, name=f"guest {name}") for name in names]
    play = Play(pos, pattern, name=pattern, tasks=tasks, gather_facts=False, basedir=str(Path.cwd()))
    with reporters(options, settings) as subscribers:
        outcome = run_playbook([], options, settings, check=options.check, command="guest", subscribers=subscribers, books=[Playbook("(guest)", [play])])
    return outcome.status


_names = [click.argument("pattern", metavar="HOSTS"), click.argument("names", nargs=-1, required=True, metavar="GUEST..."),
          click.option("-C", "--check", is_flag=True, help="Change nothing.")]
_stopping = [click.option("--force", is_flag=True, help="Pull the plug of a guest that does not shut down in time."),
             click.option("--shutdown-timeout", type=float, default=60.0, show_default=True, metavar="S", help="Seconds it may take to shut down.")]


def _with(*decorators: Any) -> Callable[[Any], Any]:
    def decorate(function: Any) -> Any:
        for each in reversed(decorators):
            function = each(function)
        return function
    return decorate


@command.command("start")
@_with(*_names)
@shared.run_options
def start_(pattern: str, names: tuple[str, ...], check: bool, **given: Any) -> int:
    """Start guests; one that is suspended comes back as it was."""
    return _power(pattern, names, {"state": "running"}, given, check)


@command.command("stop")
@_with(*_names, *_stopping)
@shared.run_options
def stop(pattern: str, names: tuple[str, ...], check: bool, force: bool, shutdown_timeout: float, **given: Any) -> int:
    """Shut guests down."""
    return _power(pattern, names, {"state": "stopped", "force": force, "shutdown_timeout": shutdown_timeout}, given, check)


@command.command("reboot")
@_with(*_names, *_stopping)
@click.option("--pending", "only_pending", is_flag=True, help="Only where changes wait for it; shows which.")
@shared.run_options
def reboot(pattern: str, names: tuple[str, ...], check: bool, force: bool, shutdown_timeout: float, only_pending: bool, **given: Any) -> int:
    """Shut guests down and start them: new machines, with all changes that waited."""
    given["diff"] = True
    args = {"reboot": "pending" if only_pending else "always", "force": force, "shutdown_timeout": shutdown_timeout}
    return _power(pattern, names, args, given, check)
