"""Inventory sources -> Inventory: INI, YAML, TOML and JSON files, executables, directories of them, and host lists."""

from __future__ import annotations

import json
import math
import os
import re
import string
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain, product
from pathlib import Path
from typing import Any

from fleet import yamlfile
from fleet.errors import InventoryError, Pos, SourceError, nearest
from fleet.inventory import ini
from fleet.inventory.inventory import Inventory
from fleet.inventory.names import check_connection
from fleet.trust import trust
from fleet.yamlfile import Decrypt

IGNORED = ("~", ".orig", ".bak", ".cfg", ".retry", ".pyc", ".pyo", ".swp", ".rpm", ".rst", ".md", ".txt")
_RANGE = re.compile(r"\[([^\[\]]*:[^\[\]]*)\]")
_MOST = 1_000_000  # hosts of one range


def load_inventory(sources: Sequence[str | Mapping[str, Any]], *, decrypt: Decrypt | None = None,
                   extra_vars: Mapping[str, Any] | None = None) -> Inventory:
    """Read the sources in order. Raises InventoryError, SourceError.

    A source is a file, a directory, names separated by commas ("web1,web2,"), or a mapping as a YAML inventory has it, whose texts are no templates.
    """
    inventory = Inventory(decrypt)
    for source in sources:
        if isinstance(source, Mapping):
            _tree(inventory, source, Path("the inventory that was given"))
            continue
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
        folder = os.path.abspath(path if path.is_dir() else path.parent)
        if folder not in inventory.directories:
            inventory.directories.append(folder)
    inventory.finish()
    return inventory


def _read(inventory: Inventory, path: Path, decrypt: Decrypt | None) -> None:
    if path.is_dir():
        for each in sorted(path.iterdir()):
            skipped = each.name.startswith(".") or each.name.endswith(IGNORED) or each.name in ("group_vars", "host_vars", "vars_plugins", "__pycache__")
            if not skipped:
                _read(inventory, each, decrypt)
    elif _is_program(path):
        _executable(inventory, path)
    elif path.suffix in (".yml", ".yaml", ".json"):
        _tree(inventory, yamlfile.read(path, decrypt=decrypt), path)
    elif path.suffix == ".toml":
        _tree(inventory, trust(_toml(path)), path)
    else:
        text = _text(path)
        first = next((line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")), "")
        if path.suffix == "" and (first.strip() == "---" or re.match(r"[\w.-]+:\s*(#.*)?$", first)):
            _tree(inventory, yamlfile.read(path, decrypt=decrypt), path)
        else:
            ini.read(inventory, text, str(path))


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InventoryError(f"cannot read {path}: {error.strerror}", pos=Pos(str(path))) from None


def _text(path: Path) -> str:
    data = _bytes(path)
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InventoryError("this file is not UTF-8", pos=Pos(str(path), data.count(b"\n", 0, error.start) + 1), hint="save it as UTF-8") from None


def _is_program(path: Path) -> bool:
    return os.access(path, os.X_OK) and _bytes(path).startswith((b"#!", b"\x7fELF"))


def _toml(path: Path) -> dict[str, Any]:
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib  # type: ignore[import-not-found,unused-ignore]
    try:
        return dict(tomllib.loads(_text(path)))
    except tomllib.TOMLDecodeError as error:
        at = re.search(r"line (\d+), column (\d+)", str(error))
        pos = Pos(str(path), int(at.group(1)), int(at.group(2))) if at else Pos(str(path))
        raise InventoryError(f"this TOML cannot be read: {error}", pos=pos) from None


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
            check_connection(value, at)
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
        check_connection(variables or {}, at)
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
    """The names that a pattern with ranges means. Raises InventoryError for a range that is none, is empty, or is too large."""
    ranges = [_range(match.group(1), pos) for match in _RANGE.finditer(pattern)]
    if math.prod(map(len, ranges)) > _MOST:
        raise InventoryError(f"'{pattern}' means more than {_MOST} hosts", pos=pos)
    plain = _RANGE.split(pattern)[::2]
    return ["".join(chain.from_iterable(zip(plain, (*words, ""), strict=True))) for words in product(*ranges)]


def _range(text: str, pos: Pos | None) -> Sequence[str]:
    parts = text.split(":")
    step = parts.pop() if len(parts) == 3 else "1"
    if len(parts) != 2 or not parts[1] or not step.isdecimal() or not int(step):
        raise InventoryError(f"'[{text}]' is no range", pos=pos, hint="write [1:9], [01:50], [a:f] or [0:10:2]")
    first, last = parts[0] or "0", parts[1]
    letters = string.ascii_letters
    if first.isdecimal() and last.isdecimal():
        padded = len(first) > 1 and first.startswith("0")
        if padded and len(first) != len(last):
            raise InventoryError(f"'[{text}]': both ends of a padded range have the same length", pos=pos)
        numbers = range(int(first), int(last) + 1, int(step))
        if len(numbers) > _MOST:
            raise InventoryError(f"'[{text}]' means more than {_MOST} hosts", pos=pos)
        words = [str(number).zfill(len(first) if padded else 0) for number in numbers]
    elif len(first) == len(last) == 1 and first in letters and last in letters:
        words = list(letters[letters.index(first):letters.index(last) + 1:int(step)])
    else:
        raise InventoryError(f"'[{text}]' is no range", pos=pos, hint="its ends are two numbers or two letters")
    if not words:
        raise InventoryError(f"the range '[{text}]' is empty", pos=pos, hint="its first end is above its last")
    return words


# -- programs


def _executable(inventory: Inventory, path: Path) -> None:
    """Ask an inventory program: groups from --list; variables from its _meta.hostvars, or from --host NAME where it has no _meta."""
    pos = Pos(str(path))
    data = _run(path, "--list")
    if not isinstance(data, dict):
        raise InventoryError("its --list did not print a JSON mapping", pos=pos)
    meta = _mapping(data.pop("_meta", None), "_meta", pos).get("hostvars")
    known = _mapping(meta, "_meta.hostvars", pos)
    hosts: dict[str, None] = {}
    for name, body in data.items():
        hosts.update(dict.fromkeys(_program_group(inventory, name, body, pos)))
    for host in hosts:
        values = trust(_mapping(_run(path, "--host", host) if meta is None else known.get(host), f"the variables of '{host}'", pos))
        check_connection(values, pos)
        inventory.hosts[host].vars.update(values)
    for host in sorted(known.keys() - hosts.keys()):
        inventory.warnings.append(f"{path}: '{host}' has variables in _meta but is in no group, so it is no host")


def _program_group(inventory: Inventory, name: str, body: Any, pos: Pos) -> list[str]:
    """Add one group of a program's answer; its hosts."""
    if not isinstance(body, (list, dict)):
        raise InventoryError(f"the group '{name}' is neither a list nor a mapping", pos=pos)
    body = {"hosts": body} if isinstance(body, list) else body
    for key in body.keys() - {"hosts", "children", "vars"}:
        raise InventoryError(f"the group '{name}' has '{key}', which means nothing", pos=pos, hint="a group has hosts, children and vars")
    group = inventory.group(name, pos)
    values = trust(_mapping(body.get("vars"), f"vars of the group '{name}'", pos))
    check_connection(values, pos)
    group.vars.update(values)
    hosts = _names(body.get("hosts"), f"hosts of the group '{name}'", pos)
    for host in hosts:
        inventory.host(host, name, pos)
    for child in _names(body.get("children"), f"children of the group '{name}'", pos):
        inventory.child(name, child, pos)
    return hosts


def _mapping(value: Any, what: str, pos: Pos) -> dict[str, Any]:
    if value is not None and not isinstance(value, dict):
        raise InventoryError(f"{what}: a JSON object is wanted", pos=pos)
    return value or {}


def _names(value: Any, what: str, pos: Pos) -> list[str]:
    if value is not None and not (isinstance(value, list) and all(isinstance(each, str) for each in value)):
        raise InventoryError(f"{what}: a list of names is wanted", pos=pos)
    return value or []


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
