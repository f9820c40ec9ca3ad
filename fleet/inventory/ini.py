"""INI inventories, as Ansible documents them."""

from __future__ import annotations

import re
import shlex
import warnings
from ast import literal_eval
from typing import TYPE_CHECKING, Any

from fleet.errors import InventoryError, Pos, nearest
from fleet.inventory.names import check_connection
from fleet.trust import trust

if TYPE_CHECKING:
    from fleet.inventory.inventory import Inventory

_SECTION = re.compile(r"^\[([^\[\]]+?)(?::(\w+))?\]\s*(?:[#;].*)?$")
_SPECIAL = re.compile(r"""["'\\#]""")


def read(inventory: Inventory, text: str, path: str) -> None:
    """Add what the text says. Raises InventoryError at its line."""
    from fleet.inventory.load import hosts_of
    group, kind = "ungrouped", "hosts"
    undeclared: dict[str, Pos] = {}
    known = set(inventory.groups)
    for number, raw in enumerate(text.splitlines(), 1):
        line, pos = raw.strip(), Pos(path, number, 1)
        if not line or line[0] in "#;":
            continue
        if line.startswith("[") and _SECTION.match(line) and not re.match(r"^\[[^\]]*\]\S", line):
            match = _SECTION.match(line)
            assert match is not None
            group, kind = match.group(1), match.group(2) or "hosts"
            if kind not in ("hosts", "vars", "children"):
                raise InventoryError(f"there is no kind of section ':{kind}'", pos=pos, hint=nearest(kind, ("vars", "children")) or "there are :vars and :children")
            if kind == "vars":
                undeclared.setdefault(group, pos)
            else:
                known.add(group)
            inventory.group(group, pos)
        elif line.startswith("[") and "]" not in line:
            raise InventoryError("the '[' is not closed", pos=pos)
        elif kind == "hosts":
            words = _words(line, pos, inventory.warnings)
            values = {key: trust(_literal(value)) for key, value in (_pair(word, pos) for word in words[1:])}
            check_connection(values, pos)
            for name, port in hosts_of(words[0], pos):
                host = inventory.host(name, group, pos)
                if port:
                    host.vars["ansible_port"] = port
                host.vars.update(values)
        elif kind == "children":
            child, *rest = _words(line, pos, inventory.warnings)
            if rest:
                raise InventoryError(f"only a group's name stands in a line of [{group}:children], not '{rest[0]}'", pos=pos)
            inventory.child(group, child, pos)
            undeclared.setdefault(child, pos)
        else:
            key, equals, value = line.partition("=")
            if not equals:
                raise InventoryError(f"'{line}' is not NAME=VALUE", pos=pos)
            values = {key.strip(): trust(_literal(value.strip()))}
            check_connection(values, pos)
            inventory.group(group).vars.update(values)
    for name, pos in undeclared.items():
        if name not in known:
            raise InventoryError(f"there is no group '{name}'", pos=pos, hint=nearest(name, known - {"all", "ungrouped"}) or f"[{name}] declares it")


def _words(line: str, pos: Pos, warned: list[str]) -> list[str]:
    """The words of a line as a shell reads them; # begins a comment, also inside a word (which is worth a warning)."""
    if not _SPECIAL.search(line):
        return line.split()
    try:
        words = shlex.split(line, comments=True)
    except ValueError:
        raise InventoryError("a quote is not closed", pos=pos) from None
    try:
        if "#" in line and shlex.split(line)[len(words) - 1] != words[-1]:
            warned.append(f"{pos}: '{words[-1]}' ends at a '#', which begins a comment; put the value in quotes to keep it")
    except ValueError:  # a lone quote in the comment
        pass
    return words


def _pair(word: str, pos: Pos) -> tuple[str, str]:
    key, equals, value = word.partition("=")
    if not equals or not key:
        raise InventoryError(f"'{word}' after a host is not NAME=VALUE", pos=pos)
    return key, value


def _literal(value: str) -> Any:
    """A Python literal where it is one (numbers, True, lists, quoted strings), else the text."""
    if value.isidentifier() and value not in ("True", "False", "None"):
        return value
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what Python says about text like 1or2
            found = literal_eval(value)
    except (ValueError, SyntaxError, MemoryError, RecursionError, TypeError):
        return value
    if found is ... or isinstance(found, complex):
        return value
    return _plain(found)


def _plain(value: Any) -> Any:
    """What a literal means as data: sets and tuples are lists, bytes are text, and what no data has is its text."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "surrogateescape")
    if isinstance(value, (list, tuple, set)):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {_plain(key): _plain(item) for key, item in value.items()}
    if value is ...:
        return "..."
    return str(value) if isinstance(value, complex) else value
