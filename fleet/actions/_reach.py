"""Waiting until a target can be reached."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from fleet.actions import Call


def until(call: Call, good: Callable[[dict[str, Any]], bool], name: str, args: dict[str, Any], seconds: float, connect: float, pause: float) -> str | None:
    """Ask with a module until a good answer comes: None; after `seconds` without one, the last trouble in words.

    connect: seconds one attempt may take; pause: between the first two, growing to 10 times as much.
    """
    end = time.monotonic() + seconds
    trouble, wait = "no attempt was made", pause
    while True:
        found = call.attempt(name, args, connect)
        if isinstance(found, str):
            trouble = found
        elif found.get("failed"):
            trouble = str(found.get("msg"))
        elif good(found):
            return None
        else:
            trouble = "it answers as before"
        if time.monotonic() >= end:
            return trouble
        call.disconnect()
        call.sleep(min(wait, max(end - time.monotonic(), 0)))
        wait = min(wait * 1.5, pause * 10)
