"""INI inventories, as Ansible documents them."""

from __future__ import annotations

import re
from ast import literal_eval
from typing import TYPE_CHECKING, Any

from fleet.errors import InventoryError, Pos, nearest
from fleet.trust import trust

if TYPE_CHECKING:
    from fleet.inventory.inventory import Inventory

_SECTION = re.compile(r"^\[([^\[\]]+?)(?::(\w+))?\]\s*(?:[#;].*)?$")
_WORD = re.compile(r"""(?:[^\s"'#]|"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|(?<=\S)#)+""")


def read(inventory: Inventory, text: str, path: str) -> None:
    from fleet.inventory.load import hosts_of

    group, kind = "ungrouped", "hosts"
    declared: dict[str, Pos] = {}
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
                declared.setdefault(group, pos)
            else:
                declared.pop(group, None)
            inventory.group(group, pos)
        elif kind == "hosts":
            words = _words(line, pos)
            values = [_pair(word, pos) for word in words[1:]]
            for name, port in hosts_of(words[0], pos):
                host = inventory.host(name, group, pos)
                if port:
                    host.vars["ansible_port"] = port
                for key, value in values:
                    host.vars[key] = trust(_literal(_unquoted(value)))
        elif kind == "children":
            inventory.child(group, _words(line, pos)[0], pos)
            declared.pop(_words(line, pos)[0], None)
        else:
            key, equals, value = line.partition("=")
            if not equals:
                raise InventoryError(f"'{line}' is not NAME=VALUE", pos=pos)
            inventory.group(group).vars[key.strip()] = trust(_literal(value.strip()))


def _words(line: str, pos: Pos) -> list[str]:
    words: list[str] = []
    at = 0
    while at < len(line):
        if line[at].isspace():
            at += 1
        elif line[at] == "#":
            break
        else:
            match = _WORD.match(line, at)
            if match is None:
                raise InventoryError("a quote is not closed", pos=Pos(pos.file, pos.line, at + 1))
            words.append(match.group())
            at = match.end()
    return words


def _pair(word: str, pos: Pos) -> tuple[str, str]:
    key, equals, value = word.partition("=")
    if not equals or not key:
        raise InventoryError(f"'{word}' after a host is not NAME=VALUE", pos=pos)
    return key, value


def _unquoted(value: str) -> str:
    """Quotes around a word or inside it, taken away as a shell does."""
    return re.sub(r""""((?:\\.|[^"\\])*)"|'((?:\\.|[^'\\])*)'""", lambda m: m.group(1) if m.group(1) is not None else m.group(2), value)


def _literal(value: str) -> Any:
    """A Python literal where it is one (numbers, True, lists, quoted strings), else the text."""
    try:
        return literal_eval(value)
    except (ValueError, SyntaxError, MemoryError, RecursionError, TypeError):
        return value
