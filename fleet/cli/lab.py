"""`fleet lab`: a practice fleet on this machine."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import click

from fleet.cli import options as shared


@click.group("lab", cls=shared.Group)
@click.option("--dir", "folder", type=click.Path(path_type=Path), metavar="DIR", help="The lab's folder; by default in the state folder, or $FLEET_LAB.")
@click.pass_context
def command(ctx: click.Context, folder: Path | None) -> None:
    """Throw-away SSH hosts in network namespaces of this machine (needs root)."""
    from fleet.lab import Lab
    ctx.obj = Lab(folder, say=lambda text: print(text, file=sys.stderr))


@command.command("up")
@click.argument("count", type=click.IntRange(0, 1000))
@click.option("--prefix", default="h", metavar="PREFIX", help="Names are PREFIX1, PREFIX2 and so on; h by default.")
@click.option("--hypervisor", is_flag=True, help="Also hv1, this machine itself, for libvirt.")
@click.option("--hypervisors", type=click.IntRange(0, 20), default=0, metavar="N", help="Also hv1..hvN, each with a libvirt of its own on this machine.")
@click.pass_obj
def up(lab: object, count: int, prefix: str, hypervisor: bool, hypervisors: int) -> None:
    """Start COUNT hosts and write their inventory."""
    began = time.monotonic()
    lab.up(count, prefix, hypervisor, hypervisors)  # type: ignore[attr-defined]
    hosts = lab.status()  # type: ignore[attr-defined]
    print(f"{len(hosts)} hosts up in {time.monotonic() - began:.1f} s; inventory: {lab.inventory}")  # type: ignore[attr-defined]


@command.command("status")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", help="For people, or JSON.")
@click.pass_obj
def status(lab: object, form: str) -> None:
    """Show the hosts."""
    hosts = lab.status()  # type: ignore[attr-defined]
    if form == "json":
        print(json.dumps({"inventory": str(lab.inventory), "hosts": hosts}, indent=1))  # type: ignore[attr-defined]
        return
    for name, host in hosts.items():
        print(f"{name:12} {host['address']:15} {'running' if host['running'] else 'stopped'}")
    print(f"inventory: {lab.inventory}" if hosts else "no lab is up; `fleet lab up 3` starts one")  # type: ignore[attr-defined]


@command.command("inventory")
@click.option("--list", "list_", is_flag=True, help="As an inventory program is asked.")
@click.option("--host", hidden=True)
@click.pass_obj
def inventory(lab: object, list_: bool, host: str | None) -> None:
    """Print the hosts as an inventory program does (JSON)."""
    hosts = lab.status()  # type: ignore[attr-defined]
    print(json.dumps(lab.listing(hosts), indent=1))  # type: ignore[attr-defined]


@command.command("ssh", context_settings={"ignore_unknown_options": True})
@click.argument("host")
@click.argument("words", nargs=-1, metavar="[COMMAND]...")
@click.pass_obj
def ssh(lab: object, host: str, words: tuple[str, ...]) -> int:
    """Log in to a host, or run a command there.

    \b
    fleet lab ssh h1
    fleet lab ssh h1 systemctl status app
    """
    import shlex

    from fleet.errors import UsageError, nearest
    hosts = lab.status()  # type: ignore[attr-defined]
    if host not in hosts:
        raise UsageError(f"the lab has no host '{host}'", hint=nearest(host, list(hosts)) or "`fleet lab status` lists them")
    from fleet.lab.login import login
    text = shlex.join(words) if len(words) > 1 else words[0] if words else None
    try:
        return login(hosts[host], lab.shared / "id", lab.folder / "known_hosts", text, pty=sys.stdin.isatty())  # type: ignore[attr-defined]
    except Exception as error:  # paramiko's and the socket's
        raise UsageError(f"cannot log in to {host}: {error}", hint="`fleet lab status` says whether it runs") from None


@command.command("down")
@click.pass_obj
def down(lab: object) -> None:
    """End and remove the hosts."""
    print(f"{lab.down()} hosts removed")  # type: ignore[attr-defined]
