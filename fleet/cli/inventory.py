"""`fleet inventory`: what an inventory means."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import click

from fleet.cli.options import inventory_option, vault_options
from fleet.errors import UsageError
from fleet.options import RunOptions


@click.command("inventory")
@inventory_option
@click.option("--list", "list_", is_flag=True, help="Everything, as an inventory program prints it.")
@click.option("--host", metavar="NAME", help="One host's variables.")
@click.option("--graph", is_flag=True, help="The tree of groups.")
@click.option("--vars", "with_vars", is_flag=True, help="With --graph: variables too.")
@click.option("-y", "--yaml", "as_yaml", is_flag=True, help="YAML instead of JSON.")
@click.option("-l", "--limit", metavar="PATTERN", help="Only these hosts.")
@click.option("--playbook-dir", type=click.Path(), metavar="DIR", help="group_vars and host_vars beside a playbook count too.")
@click.option("-v", "--verbose", count=True, help="Accepted, as everywhere; there is nothing more to show.")
@click.option("--debug", is_flag=True, hidden=True)
@vault_options
@click.argument("group", required=False, default="all")
def command(inventory: tuple[str, ...], list_: bool, host: str | None, graph: bool, with_vars: bool, as_yaml: bool, limit: str | None,
            playbook_dir: str | None, group: str, verbose: int, debug: bool, **vault: Any) -> None:
    """Show hosts, groups and variables as playbooks will see them."""
    from fleet.inventory import load_inventory
    from fleet.settings import load_settings
    from fleet.template.filters.text import plain
    from fleet.vault import Vault
    if [list_, bool(host), graph].count(True) != 1:
        raise UsageError("say one of --list, --host NAME and --graph")
    settings = load_settings(Path(playbook_dir) if playbook_dir else None)
    found = Vault.from_options(RunOptions(**vault), settings)
    loaded = load_inventory(list(inventory or settings.inventory), decrypt=found.decrypt if found else None)
    if host:
        if not loaded.match(host):
            raise UsageError(f"there is no host '{host}'", hint="`fleet inventory --list` shows all")
        _print(plain(loaded.host_vars(host, playbook_dir)), as_yaml)
    elif graph:
        if group not in loaded.groups:
            raise UsageError(f"there is no group '{group}'")
        for line in _graph(loaded, group, 0, with_vars, playbook_dir):
            print(line)
    elif as_yaml:
        names = set(loaded.match("all", limit=limit))
        _print({"all": _nested(loaded, "all", names, set(), playbook_dir)}, True)
    else:
        names = set(loaded.match("all", limit=limit))
        listed: dict[str, Any] = {"_meta": {"hostvars": {name: plain(loaded.host_vars(name, playbook_dir)) for name in loaded.hosts if name in names}}}
        for each in loaded.groups.values():
            body = {"children": list(each.children), "hosts": [name for name in each.hosts if name in names]}
            body = {key: value for key, value in body.items() if value}
            if body:
                listed[each.name] = body
        _print(listed, as_yaml)
    for warning in loaded.warnings:
        print(f"warning: {warning}", file=sys.stderr)


def _nested(loaded: Any, name: str, names: set[str], seen: set[str], playbook_dir: str | None) -> dict[str, Any]:
    """A group of a YAML inventory; a host has its variables where it stands first."""
    from fleet.template.filters.text import plain
    children = {child: _nested(loaded, child, names, seen, playbook_dir) for child in loaded.groups[name].children}
    hosts: dict[str, Any] = {}
    for host in loaded.groups[name].hosts:
        if host in names:
            hosts[host] = {} if host in seen else plain(loaded.host_vars(host, playbook_dir))
            seen.add(host)
    return {key: value for key, value in (("children", children), ("hosts", hosts)) if value}


def _print(data: Any, as_yaml: bool) -> None:
    if as_yaml:
        import yaml
        print(yaml.safe_dump(data, sort_keys=False, allow_unicode=True), end="")
    else:
        print(json.dumps(data, indent=4, default=str))


def _graph(loaded: Any, name: str, depth: int, with_vars: bool, playbook_dir: str | None) -> list[str]:
    group = loaded.groups[name]
    lines = ["  |" * depth + f"{'--' if depth else ''}@{name}:"]
    for child in group.children:
        lines += _graph(loaded, child, depth + 1, with_vars, playbook_dir)
    for host in group.hosts:
        lines.append("  |" * (depth + 1) + f"--{host}")
        if with_vars:
            lines += ["  |" * (depth + 2) + f"--{{{key} = {value}}}" for key, value in sorted(loaded.host_vars(host, playbook_dir).items())]
    if with_vars:
        lines += ["  |" * (depth + 1) + f"--{{{key} = {value}}}" for key, value in sorted(group.vars.items())]
    return lines
