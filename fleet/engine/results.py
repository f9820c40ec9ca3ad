"""The shape of results: what a module returned, completed as playbooks expect it; loops summed up; what an event may show."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fleet.errors import FleetError

_PRIVATE = ("_ansible_verbose_always",)
CENSORED = "the output has been hidden because 'no_log: true' was specified for this result"


def complete(result: dict[str, Any]) -> dict[str, Any]:
    """Add what every result has: changed, failed, and *_lines beside stdout and stderr."""
    for name in ("stdout", "stderr"):
        text = result.get(name)
        if isinstance(text, str) and name + "_lines" not in result:
            result[name + "_lines"] = text.splitlines()
    result["changed"] = bool(result.get("changed"))
    result["failed"] = bool(result.get("failed"))
    return result


def status_of(result: Mapping[str, Any]) -> str:
    if result.get("unreachable"):
        return "unreachable"
    if result.get("failed"):
        return "failed"
    if result.get("skipped"):
        return "skipped"
    return "changed" if result.get("changed") else "ok"


def skipped(reason: str, condition: Any = None) -> dict[str, Any]:
    result: dict[str, Any] = {"changed": False, "failed": False, "skipped": True, "skip_reason": reason}
    if condition is not None:
        result["false_condition"] = condition if isinstance(condition, bool) else str(condition)
    return result


def failure(message: str, **fields: Any) -> dict[str, Any]:
    return {"changed": False, "failed": True, "msg": message, "exception": message, **fields}


def broken(error: FleetError) -> dict[str, Any]:
    """The failure of a task that could not be made ready; what to do about it stands beside the message where no source line is shown."""
    if error.pos is not None:
        return failure(error.render())
    return failure(error.message, **({"hint": error.hint} if error.hint else {}))


def sum_up(items: list[dict[str, Any]]) -> dict[str, Any]:
    """A loop's result from those of its items."""
    failed = any(item.get("failed") for item in items)
    result: dict[str, Any] = {"results": items, "changed": any(item.get("changed") for item in items), "failed": failed}
    if not items:
        return {**result, "skipped": True, "skipped_reason": "No items in the list", "skip_reason": "No items in the list"}
    if all(item.get("skipped") for item in items):
        result.update(skipped=True, msg="All items skipped")
    else:
        result["msg"] = "One or more items failed" if failed else "All items completed"
    if any(item.get("unpredicted") for item in items):
        result["unpredicted"] = True
    if any(item.get("unreachable") for item in items):
        result["unreachable"] = True
    warnings = [text for item in items for text in item.get("warnings", ())]
    if warnings:
        result["warnings"] = list(dict.fromkeys(warnings))
    return result


def visible(result: Mapping[str, Any], no_log: bool, diff: bool) -> dict[str, Any]:
    """What an event may carry of a result, before secrets are redacted."""
    if no_log:
        kept = {name: result[name] for name in ("changed", "failed", "skipped", "unreachable", "attempts") if name in result}
        return {"censored": CENSORED, **kept}
    return {name: value for name, value in result.items() if name not in _PRIVATE and name != "results" and (diff or name != "diff")}
