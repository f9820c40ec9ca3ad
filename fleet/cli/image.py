"""`fleet image`: images of hosts, built, listed, looked at, proven, sent on, collected."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from fleet.cli import options as shared
from fleet.cli.apply import reporters
from fleet.errors import Pos, UsageError
from fleet.model import Play, Playbook, Task
from fleet.modules._image_store import DEFAULT


def _on(hosts: str) -> Callable[[Any], Any]:
    def decorate(function: Any) -> Any:
        common: dict[str, Any] = {"cls": shared.Option, "section": "Where", "show_default": True}
        function = click.option("--store", default=DEFAULT, metavar="DIR", help="Where the images are on the hosts.", **common)(function)
        function = click.option("--on", "hosts", default="localhost", metavar="PATTERN", help=hosts, **common)(function)
        return shared.run_options(function)
    return decorate


@click.group("image", cls=shared.Group)
def command() -> None:
    """Images: built once on a host, by the same roles that configure machines; found again by the digest of all they are built of."""


@command.command()
@click.argument("recipes", nargs=-1, required=True, metavar="RECIPE...")
@click.option("-C", "--check", cls=shared.Option, section="What", is_flag=True, help="Say what would be built; build nothing.")
@_on("Where to build.")
def build(recipes: tuple[str, ...], hosts: str, store: str, check: bool, **given: Any) -> int:
    """Build images from recipe files; nothing when their inputs have not changed."""
    tasks = [_task("image", f"image {Path(recipe).stem}", recipe=str(Path(recipe).resolve()), store=store) for recipe in recipes]
    return perform(hosts, tasks, given, check=check, start=Path(recipes[0]).parent)[0]


@command.command("list")
@click.option("--users", cls=shared.Option, section="What", is_flag=True, help="Also who uses each image, and who an old one.")
@_on("Whose images.")
def list_(hosts: str, store: str, users: bool, **given: Any) -> int:
    """List images. One whose name stands for a newer one by now is marked stale."""
    status, found = perform(hosts, [_task("_image_list", "images", store=store)], given, quiet=True)
    rows = [(host, image) for host, result in found for image in result.get("images") or ()]
    if given["format_"] == "json":
        print(json.dumps([{"host": host, **image} for host, image in rows], indent=1))
        return status
    _table([("NAME", "ID", "FORMATS", "SIZE", "USERS", "HOST")] + [
        (image["name"] + (" (stale)" if image["stale"] else ""), image["id"][:12], ",".join(image["formats"]), size(image["disk_usage"]),
         str(len(image["users"])), host) for host, image in sorted(rows, key=lambda row: (row[1]["name"], row[1]["built"]))])
    for host, image in rows if users else ():
        for user in image["users"]:
            print(f"  {host}: {user} uses {image['name']} {image['id'][:12]}{', which is stale' if image['stale'] else ''}")
    return status


@command.command()
@click.argument("name")
@click.option("--sbom", cls=shared.Option, section="What", is_flag=True, help="Its bill of materials, as CycloneDX JSON.")
@_on("On which host.")
def inspect(name: str, hosts: str, store: str, sbom: bool, **given: Any) -> int:
    """Print an image's manifest: what it is built of, its packages and outputs, who uses it. NAME may be an id, or its beginning."""
    status, found = perform(hosts, [_task("_image_list", "image", store=store, name=name)], given, quiet=True)
    for host, result in found:
        if sbom:
            from fleet.image.sbom import cyclonedx
            print(cyclonedx(result["image"]))
        else:
            print(json.dumps({"host": host, **result["image"]}, indent=1))
    return status


@command.command()
@click.argument("recipes", nargs=-1, required=True, metavar="RECIPE...")
@click.option("--boot", cls=shared.Option, section="What", is_flag=True, help="Boot a guest of each, and apply them there. It needs libvirt on the host.")
@_on("On which hosts.")
def verify(recipes: tuple[str, ...], hosts: str, store: str, boot: bool, **given: Any) -> int:
    """Prove images: each is as it was sealed, and applying its roles and tasks to it again changes nothing."""
    tasks = [_task("image", f"image {Path(recipe).stem}", recipe=str(Path(recipe).resolve()), store=store, state="verified", boot=boot) for recipe in recipes]
    return perform(hosts, tasks, given, start=Path(recipes[0]).parent)[0]


@command.command()
@click.argument("name")
@click.option("--from", "source", cls=shared.Option, section="Where", required=True, metavar="HOST", help="The host that has the image.")
@_on("The hosts that are to have it.")
def push(name: str, source: str, hosts: str, store: str, **given: Any) -> int:
    """Send an image to hosts that do not have it: once, by its digest, from host to host."""
    return perform(hosts, [_task("image", f"image {name}", name=name, source=source, store=store)], given)[0]


@command.command()
@click.argument("name")
@click.option("-C", "--check", cls=shared.Option, section="What", is_flag=True, help="Say what would be replaced; replace nothing.")
@click.option("--guests", cls=shared.Option, section="What", is_flag=True, help="Guests of a hypervisor in place of containers of a host.")
@click.option("--batch", cls=shared.Option, section="What", default="1", show_default=True, metavar="N", help="How many of a host at a time: a number, or 25%.")
@click.option("--health", cls=shared.Option, section="What", metavar="COMMAND", help="Run in each new one; it must end with 0.")
@click.option("--no-rollback", cls=shared.Option, section="What", is_flag=True, help="Leave a bad batch as it is.")
@_on("On which hosts.")
def rollout(name: str, hosts: str, store: str, check: bool, guests: bool, batch: str, health: str | None, no_rollback: bool, **given: Any) -> int:
    """Replace the containers (or guests) that are of an older build of an image, batch by batch and host after host, and stop at the first bad batch."""
    more = {"check": shlex.split(health)} if health else {}
    task = _task("guest_rollout" if guests else "rollout", f"rollout of {name}", image=name, store=store, batch=batch, rollback=not no_rollback, **more)
    return perform(hosts, [task], given, check=check, serial=1)[0]


@command.command()
@click.option("-C", "--check", cls=shared.Option, section="What", is_flag=True, help="Say what would be removed; remove nothing.")
@click.option("--keep", cls=shared.Option, section="What", type=float, default=0.0, metavar="DAYS", help="Keep what nothing uses for so long.")
@_on("Whose images.")
def gc(hosts: str, store: str, check: bool, keep: float, **given: Any) -> int:
    """Remove images that no name, container, guest or image refers to, layers of none, and what dead builds left."""
    status, found = perform(hosts, [_task("_image_gc", "unused images", store=store, keep=keep * 86400)], given, check=check, quiet=True)
    for host, result in found:
        word = "would free" if check else "freed"
        print(f"{host}: {word} {size(result.get('freed') or 0)}" + "".join(f"\n  {each}" for each in result.get("removed") or ()))
    return status


def _task(action: str, label: str, **args: Any) -> Task:
    return Task(Pos("command line"), action, args, None, name=label)


def perform(hosts: str, tasks: list[Task], given: dict[str, Any], *, check: bool = False, quiet: bool = False,
            start: Path | None = None, serial: int = 0) -> tuple[int, list[tuple[str, dict[str, Any]]]]:
    """Run tasks on hosts: the exit status and each host's results. quiet: only failures are printed; serial: hosts at a time."""
    from fleet.api import run_playbook
    from fleet.events import TaskResult
    options, settings = shared.read(given, start or Path(), check=check)
    results: list[tuple[str, dict[str, Any]]] = []

    def collect(event: Any) -> None:
        if isinstance(event, TaskResult) and event.status in ("ok", "changed"):
            results.append((event.host, dict(event.result)))
        elif isinstance(event, TaskResult) and quiet and event.status in ("failed", "unreachable"):
            print(f"error: {event.host}: {event.result.get('msg')}", file=sys.stderr)
    play = Play(Pos("command line"), hosts, name="images", tasks=list(tasks), gather_facts=False, basedir=str((start or Path()).resolve()),
                serial=[serial] if serial else [])
    book = [Playbook("(image)", [play])]
    if quiet:
        outcome = run_playbook([], options, settings, check=check, command="image", subscribers=[collect], books=book)
    else:
        with reporters(options, settings) as subscribers:
            outcome = run_playbook([], options, settings, check=check, command="image", subscribers=[*subscribers, collect], books=book)
    if outcome.error:
        raise UsageError(outcome.error)
    return outcome.status, results


def size(count: float) -> str:
    """Bytes as people read them."""
    for unit in ("B", "KiB", "MiB"):
        if count < 1024:
            return f"{count:.0f} {unit}"
        count /= 1024
    return f"{count:.1f} GiB"


def _table(rows: list[tuple[str, ...]]) -> None:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        print("  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip())
