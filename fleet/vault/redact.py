"""Secrets taken out of whatever is shown or stored."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

import yaml

HIDDEN = "********"
SHORTEST = 3  # shorter secrets would hide half of every text
SHORTEST_IN_FILE = 4  # a whole encrypted file also holds values that are no secrets


class Redactor:
    """Knows a run's secrets; false while there are none."""

    def __init__(self, secrets: Iterable[str]) -> None:
        self._secrets: set[str] = set()
        self._pattern: re.Pattern[str] | None = None
        for secret in secrets:
            self.add(secret)

    def add(self, secret: str) -> None:
        """A secret, and each of its lines (a key's text is shown line by line)."""
        text = "".join(secret)
        found = {part for part in (text, text.strip(), *(line.strip() for line in text.splitlines())) if len(part) >= SHORTEST}
        if not found <= self._secrets:
            self._secrets |= found
            self._pattern = re.compile("|".join(re.escape(each) for each in sorted(self._secrets, key=len, reverse=True)))

    def learn(self, text: str) -> None:
        """What vault text came to: a secret, or a YAML file of which every value is one."""
        try:
            data = yaml.load(text, yaml.BaseLoader) if ":" in text or "- " in text else text  # strings, lists and dicts only
        except (yaml.YAMLError, RecursionError):
            data = text
        if not isinstance(data, (dict, list)) or "\n" not in text.strip():
            self.add(text)
        for leaf in _leaves(data, set()):
            if len(leaf) >= SHORTEST_IN_FILE and leaf.lower() not in ("true", "false", "null") and not (leaf.isdigit() and len(leaf) < 6):
                self.add(leaf)

    def __bool__(self) -> bool:
        return self._pattern is not None

    def clean(self, data: Any) -> Any:
        """The same data with every secret inside its strings (keys as well) replaced."""
        pattern = self._pattern
        if pattern is None:
            return data
        if isinstance(data, str):
            return pattern.sub(HIDDEN, data)
        if isinstance(data, dict):
            return {self.clean(key): self.clean(value) for key, value in data.items()}
        if isinstance(data, (list, tuple)):
            return [self.clean(item) for item in data]
        return data


def _leaves(data: Any, seen: set[int]) -> Iterator[str]:
    """Every string among the values; what an alias repeats is read once."""
    if isinstance(data, str):
        yield data
    elif id(data) not in seen:
        seen.add(id(data))
        for item in data.values() if isinstance(data, dict) else data:
            yield from _leaves(item, seen)
