"""Host patterns: names, groups, globs, ~regular expressions, indices, unions (: or ,), intersections (:&) and exclusions (:!)."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from fleet.errors import InventoryError, nearest

if TYPE_CHECKING:
    from fleet.inventory.inventory import Inventory

_INDEX = re.compile(r"^(.+?)\[(-?\d+)(?:([:-])(-?\d+)?)?\]$|^(.+?)\[:(-?\d+)\]$")


def split(pattern: str) -> list[str]:
    """The parts of a pattern; an IPv6 address stays whole."""
    if "," in pattern:
        return [part for each in pattern.split(",") for part in split(each.strip()) if part]
    if pattern.startswith("~") or (pattern.count(":") > 1 and re.fullmatch(r"[0-9A-Fa-f:.]*::?[0-9A-Fa-f:.]*", pattern)):
        return [pattern]
    parts, depth, current = [], 0, ""
    for c in pattern:
        depth += (c == "[") - (c == "]")
        if c == ":" and depth == 0:
            parts.append(current)
            current = ""
        else:
            current += c
    return [part.strip() for part in [*parts, current] if part.strip()]


def match(inventory: Inventory, pattern: str | list[str]) -> list[str]:
    words = [part for each in ([pattern] if isinstance(pattern, str) else pattern) for part in split(str(each))]
    plain = [word for word in words if word[0] not in "!&"]
    found: dict[str, None] = {}
    for word in plain or (["all"] if words else []):
        found.update(dict.fromkeys(_one(inventory, word)))
    for word in words:
        if word[0] == "&":
            keep = set(_one(inventory, word[1:]))
            found = {name: None for name in found if name in keep}
    for word in words:
        if word[0] == "!":
            for name in _one(inventory, word[1:]):
                found.pop(name, None)
    return list(found)


def _one(inventory: Inventory, word: str) -> list[str]:
    if word in inventory.hosts:
        return [word]
    if word in inventory.groups:
        return inventory.group_hosts(word)
    if word.startswith("~"):
        regex = _regex(word[1:])
        return _by(inventory, lambda name: regex.match(name) is not None)
    index = _INDEX.match(word)
    if index:
        return _indexed(inventory, index, word)
    if any(c in word for c in "*?["):
        return _by(inventory, lambda name: fnmatch.fnmatchcase(name, word))
    from fleet.inventory.inventory import LOCAL
    if word in LOCAL:
        return [word]
    hint = nearest(word, [*inventory.hosts, *inventory.groups])
    text = f"no host or group is called '{word}'" + (f"; {hint}" if hint else "")
    if text not in inventory.warnings:
        inventory.warnings.append(text)
    return []


def _regex(text: str) -> re.Pattern[str]:
    try:
        return re.compile(text)
    except re.error as error:
        raise InventoryError(f"the host pattern '~{text}' is no regular expression: {error}") from None


def _by(inventory: Inventory, fits: Callable[[str], bool]) -> list[str]:
    """Hosts whose name fits, and those of groups whose name does."""
    found: dict[str, None] = {}
    for name in inventory.groups:
        if fits(name):
            found.update(dict.fromkeys(inventory.group_hosts(name)))
    for name in inventory.hosts:
        if fits(name):
            found[name] = None
    return sorted(found, key=inventory._order.__getitem__)


def _indexed(inventory: Inventory, index: re.Match[str], word: str) -> list[str]:
    base, first, colon, last, other, upto = index.groups()
    hosts = _one(inventory, base or other)
    if upto is not None:
        return hosts[:int(upto) + 1]
    if not colon:
        try:
            return [hosts[int(first)]]
        except IndexError:
            raise InventoryError(f"the pattern '{word}' asks for a host that is not there; '{base}' has {len(hosts)}") from None
    return hosts[int(first):int(last) + 1 if last is not None and last != "-1" else None]
