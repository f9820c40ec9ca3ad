"""`fleet container`: the containers of hosts."""

from __future__ import annotations

import json
import os
import shlex
import sys
import time
from pathlib import Path
from typing import Any

import click

from fleet.cli import options as shared
from fleet.errors import Pos, UsageError
from fleet.events import Event, TaskResult
from fleet.model import Play, Playbook, Task
from fleet.report.text import safe


@click.group("container", cls=shared.Group)
def command() -> None:
    """What containers there are, commands and shells in them, and their logs; import writes the tasks that describe them."""


def ask(pattern: str, action: str, args: dict[str, Any], given: dict[str, Any]) -> tuple[list[TaskResult], int]:
    """One module on hosts, without a word on the screen; the results and the exit status. Errors go to stderr."""
    from fleet.api import run_playbook
    options, settings = shared.read(given, Path(), check=False)
    pos = Pos("command line")
    play = Play(pos, pattern, name=pattern, tasks=[Task(pos, action, args, None, name=action)], gather_facts=False, basedir=str(Path.cwd()), strategy="free")
    events: list[Event] = []
    outcome = run_playbook([], options, settings, check=False, command="container", subscribers=[events.append], books=[Playbook("(container)", [play])])
    results = [event for event in events if isinstance(event, TaskResult)]
    for event in results:
        if event.status in ("failed", "unreachable") and "rc" not in event.result:
            print(f"error: {event.host}: {safe(str(event.result.get('msg', '')))}", file=sys.stderr)
    return results, outcome.status


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
@shared.run_options
def exec_(host: str, name: str, words: tuple[str, ...], **given: Any) -> int:
    """Run COMMAND in CONTAINER on HOST, running or not; its output and its exit status are this command's. Options come before HOST."""
    results, status = _inside(host, f"{name}-on-{host}", name, list(words), given)
    if not results or "rc" not in results[0].result:
        return status or 1
    result = results[0].result
    sys.stdout.write(result["stdout"] + ("\n" if result["stdout"] else ""))
    sys.stderr.write(result["stderr"] + ("\n" if result["stderr"] else ""))
    return int(result["rc"])


def _inside(host: str, inside: str, name: str, words: list[str], given: dict[str, Any]) -> tuple[list[TaskResult], int]:
    """A command in a container that need not be in the inventory: it is added to this run, behind its host."""
    from fleet.api import run_playbook
    options, settings = shared.read(given, Path(), check=False)
    pos = Pos("command line")
    add = Task(pos, "add_host", {"name": inside, "ansible_connection": "container", "fleet_on": host, "fleet_container": name}, None, name="add")
    run = Task(pos, "command", {"argv": words}, None, name="exec")
    plays = [Play(pos, host, name=host, tasks=[add], gather_facts=False, basedir=str(Path.cwd())),
             Play(pos, inside, name=inside, tasks=[run], gather_facts=False, basedir=str(Path.cwd()))]
    events: list[Event] = []
    outcome = run_playbook([], options, settings, check=False, command="container", subscribers=[events.append], books=[Playbook("(container)", plays)])
    results = [event for event in events if isinstance(event, TaskResult) and event.host == inside]
    for event in events:
        if isinstance(event, TaskResult) and event.status in ("failed", "unreachable") and "rc" not in event.result:
            print(f"error: {safe(event.host)}: {safe(str(event.result.get('msg', '')))}", file=sys.stderr)
    return results, outcome.status


@command.command("logs")
@click.argument("host")
@click.argument("name", metavar="CONTAINER")
@click.option("-n", "--bytes", "size", type=click.IntRange(1, 1 << 24), default=65536, metavar="BYTES", help="How much of its end; 65536 by default.")
@click.option("--follow", is_flag=True, help="Go on showing what is written, until interrupted.")
@shared.run_options
def logs(host: str, name: str, size: int, follow: bool, **given: Any) -> int:
    """What the program of CONTAINER on HOST wrote."""
    rows, status = found(host, given, name=name, log=size)
    while rows:
        sys.stdout.write("".join(letter if letter in "\n\t" or letter.isprintable() else "?" for letter in rows[0].get("log", "")))
        sys.stdout.flush()
        if not follow:
            break
        time.sleep(1)
        rows, status = found(host, given, name=name, since=rows[0]["log_size"])
    return status


@command.command("shell")
@click.argument("host")
@click.argument("name", metavar="CONTAINER")
@shared.run_options
def shell(host: str, name: str, **given: Any) -> int:
    """A shell on this terminal in the running CONTAINER on HOST, through ssh(1) and nsenter(1) on HOST."""
    from fleet.api import prepare, start
    rows, status = found(host, given, name=name)
    if not rows:
        return status or 1
    if "pid" not in rows[0]:
        raise UsageError(f"the container {name} on {host} does not run", hint=f"fleet container exec {host} {name} works in one that is stopped")
    options, settings = shared.read(given, Path(), check=False)
    run = start(prepare([], options, settings), options, settings, command="container", subscribers=())
    try:
        endpoint = run.through(host)
    finally:
        run.connections.close()
    words = ["nsenter", "-t", str(int(rows[0]["pid"])), "-m", "-u", "-i", "-n", "-p", "-r", "-w"] + (["-U"] if rows[0]["ids"] else [])
    words += ["/bin/sh", "-c", "exec $(command -v bash || echo sh) -l"]
    if endpoint.kind == "local":
        os.execvp(words[0], words)
    ssh = ["ssh", "-t", *(["-p", str(endpoint.port)] if endpoint.port else []), *(["-l", endpoint.user] if endpoint.user else [])]
    for file in endpoint.key_files:
        ssh += ["-i", file]
    if endpoint.known_hosts:
        ssh += ["-o", "UserKnownHostsFile=" + " ".join(endpoint.known_hosts)]
    sudo = ["sudo"] if endpoint.user not in (None, "root") else []
    os.execvp("ssh", [*ssh, "--", str(endpoint.address), " ".join(map(shlex.quote, sudo + words))])


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
