"""What a plan knows to come: guests and containers that this run would make are no unreachable hosts of it, they are not there yet."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_MAKERS = ("guest", "container")


class Planned:
    """Of one run in check mode: (the host it would live on, its name there) of all that would be made."""

    def __init__(self) -> None:
        self._coming: set[tuple[str, str]] = set()

    def note(self, action: str, host: str, result: Mapping[str, Any]) -> None:
        """Take what one task's result, or those of its loop items, would make."""
        if action not in _MAKERS:
            return
        for each in result.get("results") or [result]:
            name = each.get("name")
            if name and (each.get("changed") or each.get("not_yet")):
                self._coming.add((host, str(name)))

    def awaited(self, host: str, variables: Mapping[str, Any]) -> bool:
        """Whether an inventory host is one of those."""
        on = variables.get("fleet_on")
        name = variables.get("fleet_container") or variables.get("fleet_guest") or host
        return bool(on) and (str(on), str(name)) in self._coming


def not_yet(message: str, **fields: Any) -> dict[str, Any]:
    """The result of a task under check whose ground is laid only by an apply."""
    return {"changed": False, "failed": False, "skipped": True, "unpredicted": True, "not_yet": True, "msg": message, **fields}
