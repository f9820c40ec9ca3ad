"""Inventory sources -> Inventory: INI, YAML, TOML and JSON files, executables, directories of them, and host lists."""

from __future__ import annotations

import json
import os
import re
import string
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from fleet import yamlfile
from fleet.errors import InventoryError, Pos, SourceError, nearest
from fleet.inventory import ini
from fleet.inventory.inventory import Inventory
from fleet.trust import trust
from fleet.yamlfile import Decrypt

IGNORED = ("~", ".orig", ".bak", ".cfg", ".retry", ".pyc", ".pyo", ".swp", ".rst", ".md", ".txt")
_RANGE = re.compile(r"\[([^\[\]]*:[^\[\]]*)\]")
_LITERAL = re.compile(r"[^\s\0-\x1f;$`|&<>'\"\\-][^\s\0-\x1f;$`|&<>'\"\\]*")


def load_inventory(sources: Sequence[str], *, decrypt: Decrypt | None = None, extra_vars: Mapping[str, Any] | None = None) -> Inventory:
    """Read the sources in order. A source is a file, a directory, or names separated by commas ("web1,web2,"). Raises InventoryError, SourceError."""
    inventory = Inventory(decrypt)
    for source in sources:
        if "," in source and not os.path.exists(source):
            for name in source.split(","):
                if name.strip():
                    for found, port in hosts_of(name.strip(), None):
                        host = inventory.host(found, "ungrouped")
                        if port:
                            host.vars["ansible_port"] = port
            continue
        path = Path(source).expanduser()
        if not path.exists():
            raise InventoryError(f"there is no inventory {source}", hint="give a file, a directory, or a list of hosts with a comma: 'web1,'")
        _read(inventory, path, decrypt)
        folder = str(path.resolve() if path.is_dir() else path.resolve().parent)
        if folder not in inventory.directories:
            inventory.directories.append(folder)
    for each in inventory.hosts.values():
        for key in ("ansible_host", "ansible_user", "ansible_port"):
            value = each.vars.get(key)
            if isinstance(value, str) and "{{" not in value and value and not _LITERAL.fullmatch(value):
                raise InventoryError(f"host {each.name}: {key} cannot be {value!r}", host=each.name)
    inventory.finish()
    return inventory


def _read(inventory: Inventory, path: Path, decrypt: Decrypt | None) -> None:
    if path.is_dir():
        for each in sorted(path.iterdir()):
            skipped = each.name.startswith(".") or each.name.endswith(IGNORED) or each.name in ("group_vars", "host_vars", "vars_plugins", "__pycache__")
            if not skipped:
                _read(inventory, each, decrypt)
    elif os.access(path, os.X_OK) and path.read_bytes()[:2] == b"#!":
        _executable(inventory, path)
    elif path.suffix in (".yml", ".yaml", ".json"):
        _tree(inventory, yamlfile.read(path, decrypt=decrypt), path)
    elif path.suffix == ".toml":
        _tree(inventory, trust(_toml(path)), path)
    else:
        text = path.read_text(errors="surrogateescape")
        first = next((line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")), "")
        if path.suffix == "" and (first.strip() == "---" or re.match(r"[\w.-]+:\s*(#.*)?$", first)):
            _tree(inventory, yamlfile.read(path, decrypt=decrypt), path)
        else:
            ini.read(inventory, text, str(path))


def _toml(path: Path) -> dict[str, Any]:
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib  # type: ignore[import-not-found,unused-ignore]
    try:
        return dict(tomllib.loads(path.read_text()))
    except tomllib.TOMLDecodeError as error:
        raise InventoryError(f"this TOML cannot be read: {error}", pos=Pos(str(path))) from None


# -- YAML


def _tree(inventory: Inventory, data: Any, path: Path) -> None:
    if data is None:
        return
    if not isinstance(data, Mapping):
        raise InventoryError("an inventory is a mapping of groups", pos=Pos(str(path), 1, 1))
    if "plugin" in data and isinstance(data["plugin"], str):
        raise InventoryError(f"the inventory plugin '{data['plugin']}' is not supported", pos=_at(data, "plugin", path),
                             hint="an executable inventory or a static one does the same")
    for name, body in data.items():
        _group(inventory, str(name), body, _at(data, name, path), path)


def _at(data: Any, key: Any, path: Path) -> Pos:
    try:
        return data.at(key)  # type: ignore[no-any-return]
    except (AttributeError, KeyError):
        return Pos(str(path))


def _group(inventory: Inventory, name: str, body: Any, pos: Pos, path: Path) -> None:
    group = inventory.group(name, pos)
    if body is None:
        return
    if not isinstance(body, Mapping):
        raise InventoryError(f"the group '{name}' must be a mapping with hosts, children or vars", pos=pos)
    for key, value in body.items():
        at = _at(body, key, path)
        if key not in ("hosts", "children", "vars"):
            raise InventoryError(f"a group has no '{key}'", pos=at, hint=nearest(str(key), ("hosts", "children", "vars")) or "it has hosts, children and vars")
        if value is None:
            continue
        if isinstance(value, str) and key != "vars":
            value = {value: None}
        if isinstance(value, list) and key == "hosts":
            value = dict.fromkeys(map(str, value))
        if not isinstance(value, Mapping):
            raise InventoryError(f"'{key}' of the group '{name}' must be a mapping", pos=at)
        if key == "vars":
            group.vars.update(value)
        elif key == "children":
            for child, inner in value.items():
                _group(inventory, str(child), inner, _at(value, child, path), path)
                inventory.child(name, str(child), _at(value, child, path))
        else:
            _hosts(inventory, name, value, path)


def _hosts(inventory: Inventory, group: str, value: Mapping[Any, Any], path: Path) -> None:
    for pattern, variables in value.items():
        at = _at(value, pattern, path)
        if variables is not None and not isinstance(variables, Mapping):
            raise InventoryError(f"the variables of the host '{pattern}' must be a mapping", pos=at)
        for name, port in hosts_of(str(pattern), at):
            host = inventory.host(name, group, at)
            if port:
                host.vars["ansible_port"] = port
            host.vars.update(variables or {})


# -- ranges


def hosts_of(pattern: str, pos: Pos | None) -> Iterator[tuple[str, int | None]]:
    """The hosts a written name means: ranges ([01:50], [a:f], [0:10:2]) and a port (host:22, [::1]:22) taken apart."""
    port: int | None = None
    bracketed = re.fullmatch(r"\[([0-9A-Fa-f:.]+)\](?::(\d+))?", pattern)
    if (bracketed and "::" in pattern) or (bracketed and pattern.count(":") > 3):
        yield bracketed.group(1), int(bracketed.group(2)) if bracketed.group(2) else None
        return
    tail = re.fullmatch(r"(.*[^:]):(\d+)", pattern)
    if tail and (tail.group(1).count(":") == 0 or tail.group(1).rstrip().endswith("]") or ("[" in tail.group(1) and ":" not in _RANGE.sub("", tail.group(1)))):
        pattern, port = tail.group(1), int(tail.group(2))
    for name in expand(pattern, pos):
        yield name, port


def expand(pattern: str, pos: Pos | None) -> list[str]:
    match = _RANGE.search(pattern)
    if match is None:
        return [pattern]
    parts = match.group(1).split(":")
    if len(parts) not in (2, 3) or not parts[1] or (len(parts) == 3 and not parts[2].isdigit()):
        raise InventoryError(f"'[{match.group(1)}]' is no range", pos=pos, hint="write [1:9], [01:50], [a:f] or [0:10:2]")
    first, last, step = parts[0] or "0", parts[1], int(parts[2]) if len(parts) == 3 else 1
    if first.isdigit() and last.isdigit():
        if len(first) > 1 and first.startswith("0") and len(first) != len(last):
            raise InventoryError(f"'[{match.group(1)}]': both ends of a padded range have the same length", pos=pos)
        width = len(first) if first.startswith("0") else 0
        words = [str(number).zfill(width) for number in range(int(first), int(last) + 1, max(step, 1))]
    else:
        letters = string.ascii_letters
        if first not in letters or last not in letters or letters.index(first) > letters.index(last):
            raise InventoryError(f"'[{match.group(1)}]' is no range of letters", pos=pos)
        words = list(letters[letters.index(first):letters.index(last) + 1:max(step, 1)])
    if not words:
        raise InventoryError(f"the range '[{match.group(1)}]' is empty", pos=pos, hint="its first end is above its last")
    if len(words) > 1_000_000:
        raise InventoryError(f"the range '[{match.group(1)}]' is too large", pos=pos)
    return [each for word in words for each in expand(pattern[:match.start()] + word + pattern[match.end():], pos)]


# -- executables


def _executable(inventory: Inventory, path: Path) -> None:
    data = _run(path, "--list")
    if not isinstance(data, Mapping):
        raise InventoryError("its --list did not print a JSON mapping", pos=Pos(str(path)))
    meta = data.get("_meta", {}).get("hostvars") if isinstance(data.get("_meta"), Mapping) else None
    for name, body in data.items():
        if name == "_meta":
            continue
        group = inventory.group(str(name))
        if isinstance(body, list):
            body = {"hosts": body}
        if not isinstance(body, Mapping):
            raise InventoryError(f"the group '{name}' is neither a list nor a mapping", pos=Pos(str(path)))
        group.vars.update(trust(dict(body.get("vars") or {})))
        for host in body.get("hosts") or ():
            inventory.host(str(host), str(name))
        for child in body.get("children") or ():
            inventory.child(str(name), str(child))
    for host in list(inventory.hosts) if meta is None else meta:
        values = _run(path, "--host", host) if meta is None else meta[host]
        inventory.host(str(host)).vars.update(trust(dict(values or {})))


def _run(path: Path, *args: str) -> Any:
    try:
        done = subprocess.run([str(path.resolve()), *args], capture_output=True, timeout=60)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise InventoryError(f"the inventory program cannot be run: {error}", pos=Pos(str(path))) from None
    if done.returncode:
        raise InventoryError(f"the inventory program ended with status {done.returncode}: {done.stderr.decode(errors='replace').strip()[-500:]}",
                             pos=Pos(str(path)))
    try:
        return json.loads(done.stdout)
    except ValueError as error:
        raise SourceError(f"the inventory program did not print JSON: {error}", pos=Pos(str(path))) from None
