"""`async` and `poll`: a task that is left running on its target, or one that has so many seconds."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Any

from fleet import registry
from fleet.errors import SourceError
from fleet.model import Task

POLL = 15.0  # seconds; that a task is waited for is all that its size means here


class Background:
    """What a task says of it. seconds: 0 without `async`; job: the name of the job to start, empty for a task that is waited for.

    number(value, default, name) gives a keyword's templated number. Raises SourceError where the task's module cannot run in the background.
    """

    def __init__(self, task: Task, number: Callable[[Any, float, str], float], check: bool) -> None:
        self.seconds = number(task.seconds, 0, "async")
        self.job, self.left = "", False
        if not self.seconds:
            return
        if registry.action(task.action) is not None or task.action == "raw":
            raise SourceError(f"This action ({task.action}) does not support async.")
        self.left = not number(task.poll, POLL, "poll")
        if self.left and not check:
            self.job = f"j{secrets.randbelow(10 ** 12):012d}.{secrets.randbelow(10 ** 5)}"

    def told(self, result: dict[str, Any], limit: float | None) -> dict[str, Any]:
        """The result, as of a job, or of a task that had `limit` seconds. Nothing is started in a plan: its jobs have ended at once, and have no name."""
        if result.get("cancelled") and result.get("msg") == "timed out" and limit:
            result.update(msg=f"Timed out after {limit:g} second(s).", timedout={"period": limit})
        if not self.seconds or self.job:
            return result
        if "timedout" in result:
            result["msg"] = f"async task did not complete within the requested time - {self.seconds:g}s"
        return {**result, "started": True, "finished": True, **({"ansible_job_id": ""} if self.left else {})}
