"""Secrets taken out of whatever is shown or stored."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

HIDDEN = "********"
SHORTEST = 3  # shorter secrets would hide half of every text


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
