"""`fleet container`: the containers of hosts."""

from __future__ import annotations

import errno
import json
import os
import queue
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fleet.cli import options as shared
from fleet.engine.endpoints import LOCAL
from fleet.errors import Pos, TaskError, UsageError
from fleet.events import Event, Subscriber, TaskResult
from fleet.model import Play, Playbook, Task
from fleet.report.text import safe
from fleet.runner.container import HOME, NAME
from fleet.runner.shell import CANNOT_RUN, NOT_FOUND

if TYPE_CHECKING:
    from fleet.engine.run import Run


@click.group("container", cls=shared.Group)
def command() -> None:
    """What containers there are, commands and shells in them, and their logs; import writes the tasks that describe them."""


def ask(pattern: str, action: str, args: dict[str, Any], given: dict[str, Any]) -> tuple[list[TaskResult], int]:
    """One module on hosts, without a word on the screen; the results and the exit status. Errors go to stderr. It waits for no other run."""
    pos = Pos("command line")
    play = Play(pos, pattern, name=pattern, tasks=[Task(pos, action, args, None, name=action)], gather_facts=False, basedir=str(Path.cwd()), strategy="free")
    return carried_out([play], given, lock=False)


def carried_out(plays: list[Play], given: dict[str, Any], lock: bool) -> tuple[list[TaskResult], int]:
    from fleet.api import Interrupts
    events: list[Event] = []
    run = run_on(str(plays[0].hosts), given, [events.append], lock)
    with Interrupts(run):
        outcome = run.execute([Playbook("(container)", plays)])
    results = [event for event in events if isinstance(event, TaskResult)]
    for event in results:
        if event.status in ("failed", "unreachable") and not event.result.get("start"):  # a command that ran speaks for itself
            print(f"error: {safe(event.host)}: {safe(str(event.result.get('msg', '')))}", file=sys.stderr)
    return results, outcome.status


def run_on(pattern: str, given: dict[str, Any], subscribers: Sequence[Subscriber] = (), lock: bool = False) -> Run:
    """A run whose inventory has the hosts. Raises UsageError when it has none of them."""
    from fleet.api import prepare, start
    options, settings = shared.read(given, Path(), check=False)
    prepared = prepare([], options, settings)
    if pattern not in LOCAL and not prepared.inventory.match(pattern, limit=options.limit):
        raise UsageError(f"the inventory has no host '{pattern}'", hint="`fleet inventory --graph` shows those there are; -i names another inventory")
    return start(prepared, options, settings, command="container", subscribers=subscribers, lock=lock)


def found(pattern: str, given: dict[str, Any], **args: Any) -> tuple[list[dict[str, Any]], int]:
    """What container_info says of the containers of hosts."""
    results, status = ask(pattern, "container_info", args, given)
    return [{"host": event.host, **each} for event in results for each in event.result.get("containers", ())], status


@command.command("list")
@click.argument("pattern", default="all", metavar="[HOSTS]")
@click.option("--output", type=click.Choice(["text", "json"]), default="text", help="A table, or JSON.")
@shared.run_options
def list_(pattern: str, output: str, **given: Any) -> int:
    """The containers of HOSTS: back-end, state, health, restarts, image."""
    rows, status = found(pattern, given)
    if output == "json":
        print(json.dumps(rows, indent=1))
        return status
    if not rows:
        print(f"there is no container on {pattern}", file=sys.stderr)
        return status
    table = [("HOST", "CONTAINER", "BACKEND", "STATE", "HEALTH", "RESTARTS", "UP", "IMAGE")]
    table += [(row["host"], row["name"], row["backend"], row["state"], str(row.get("health", "-")), str(row.get("restarts", "-")),
               f"{row['uptime']} s" if "uptime" in row else "-", str(row["image"])) for row in rows]
    widths = [max(len(line[column]) for line in table) for column in range(len(table[0]))]
    for line in table:
        print("  ".join(safe(cell).ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())
    return status


@command.command("exec", context_settings={"allow_interspersed_args": False})
@click.argument("host")
@click.argument("name", metavar="CONTAINER")
@click.argument("words", nargs=-1, required=True, metavar="COMMAND...", type=click.UNPROCESSED)
@click.option("--stdin", is_flag=True, help="Give it what this command's standard input has, text, to its end.")
@shared.run_options
def exec_(host: str, name: str, words: tuple[str, ...], stdin: bool, **given: Any) -> int:
    """Run COMMAND in CONTAINER on HOST, running or not; its output and its exit status are this command's. Options come before HOST.

    The output comes when it has ended; `fleet container shell HOST CONTAINER COMMAND` shows it as it comes.
    """
    checked(name)
    inside, pos, base = f"{name}-on-{host}", Pos("command line"), str(Path.cwd())  # it need not be in the inventory: it is added to this run, behind its host
    add = Task(pos, "add_host", {"name": inside, "ansible_connection": "container", "fleet_on": host, "fleet_container": name}, None, name="add")
    run = Task(pos, "command", {"argv": list(words), **({"stdin": sys.stdin.read(), "stdin_add_newline": False} if stdin else {})}, None, name="exec")
    plays = [Play(pos, place, name=place, tasks=[task], gather_facts=False, basedir=base) for place, task in ((host, add), (inside, run))]
    results, status = carried_out(plays, given, lock=True)
    result = results[-1].result if results and results[-1].host == inside else {}
    if not result.get("start"):
        return NOT_FOUND if result.get("rc") == errno.ENOENT else CANNOT_RUN if result.get("rc") else status or 1
    sys.stdout.write(result["stdout"] + ("\n" if result["stdout"] else ""))
    sys.stderr.write(result["stderr"] + ("\n" if result["stderr"] else ""))
    return int(result["rc"])


@command.command("logs")
@click.argument("host")
@click.argument("name", metavar="CONTAINER")
@click.option("-n", "--bytes", "size", type=click.IntRange(1, 1 << 24), default=65536, metavar="BYTES", help="How much of its end; 65536 by default.")
@click.option("--follow", is_flag=True, help="Go on showing what is written, through restarts and when the log is turned over, until interrupted (status 130).")
@shared.run_options
def logs(host: str, name: str, size: int, follow: bool, **given: Any) -> int:
    """What the program of CONTAINER on HOST wrote."""
    run = run_on(host, given)
    try:
        asked: dict[str, Any] = {"name": name, "log": size}
        while True:
            row = answered(run, host, asked)["containers"][0]
            if row.get("log_lost"):
                print("fleet: the log was turned over, and some of it is kept no more", file=sys.stderr)
            sys.stdout.write("".join(letter if letter in "\n\t" or letter.isprintable() else "?" for letter in row["log"]))
            sys.stdout.flush()
            if len(row["log"]) < 1 << 16:  # all there was
                if not follow:
                    return 0
                time.sleep(0.3)
            asked = {"name": name, "since": row["log_size"], "log_id": row["log_id"]}
    finally:
        run.connections.close()


def answered(run: Run, host: str, args: dict[str, Any]) -> dict[str, Any]:
    """What container_info answers, over the connection that a run keeps. Raises FleetError."""
    from fleet import registry
    from fleet.connection.base import Reply, Request
    from fleet.validate import validate
    replies: queue.SimpleQueue[Reply] = queue.SimpleQueue()
    run.connections.submit(run.through(host), Request("container_info", validate(registry.spec("container_info"), args)), replies.put)
    reply = replies.get()
    if reply.error is not None:
        raise reply.error
    result = reply.result or {}
    if result.get("failed"):
        raise TaskError(f"{host}: {safe(str(result.get('msg')))}", result)
    return result


@command.command("shell", context_settings={"allow_interspersed_args": False})
@click.argument("host")
@click.argument("name", metavar="CONTAINER")
@click.argument("words", nargs=-1, metavar="[COMMAND...]", type=click.UNPROCESSED)
@shared.run_options
def shell(host: str, name: str, words: tuple[str, ...], **given: Any) -> int:
    """A shell in CONTAINER on HOST, or COMMAND, on this terminal; without one, on these pipes. Its exit status is this command's. Options come before HOST.

    It has the container's rights and limits, no more, and may be one that does not run. 125: the container could not be entered.
    """
    from fleet.connection import payload, terminal
    checked(name)
    run = run_on(host, given)
    try:
        place = run.through(host)
        steps = [(name, os.path.join(HOME, name, "root"))]
        while place.kind == "container" and place.via is not None and place.container is not None:
            steps.insert(0, place.container[1:])
            place = place.via
        if place.kind not in ("local", "ssh"):
            raise UsageError(f"{host} is reached without a terminal", hint=f"fleet container exec {host} {name} COMMAND runs a command there")
        pool: Any = run.connections
        return terminal.attach(pool.transport(place), payload.person_command(place.python, "fleet.runner.shell", steps, list(words)))
    finally:
        run.connections.close()


def checked(name: str) -> None:
    """Raises UsageError for what cannot be the name of a container."""
    if not NAME.match(name):
        raise UsageError(f"'{name}' cannot be the name of a container", hint="letters, digits, '.', '_' and '-', beginning with a letter or digit")


@command.command("import")
@click.argument("pattern", metavar="HOSTS")
@click.argument("names", nargs=-1, metavar="[CONTAINER...]")
@shared.run_options
def import_(pattern: str, names: tuple[str, ...], **given: Any) -> int:
    """Write a playbook that describes the containers of HOSTS as they are; `fleet plan` on it shows no change."""
    import yaml

    from fleet import registry
    rows, status = found(pattern, given)
    rows = [row for row in rows if not names or row["name"] in names]
    missing = sorted(set(names) - {row["name"] for row in rows})
    if missing:
        print(f"error: there is no container {', '.join(missing)} on {pattern}", file=sys.stderr)
        status = status or 2
    elif not rows and not status:
        print(f"there is no container on {pattern}", file=sys.stderr)
    if not rows:
        return status
    spec = registry.spec("container")
    plays = []
    for host in dict.fromkeys(row["host"] for row in rows):
        tasks = []
        for row in rows:
            if row["host"] == host:
                options = {key: value for key, value in row["options"].items() if value is not None and value != _default(spec, key)}
                state = {"state": "running" if row["state"] == "running" else "present"}
                tasks.append({"name": f"Container {row['name']}", "container": {"name": row["name"], **state, **options}})
        plays.append({"name": f"Containers of {host}", "hosts": host, "gather_facts": False, "tasks": tasks})
    sys.stdout.write(yaml.safe_dump(plays, sort_keys=False, width=140))
    return status


def _default(spec: Any, key: str) -> Any:
    from fleet.validate import validate
    return validate(spec, {"name": "x"})[key]
