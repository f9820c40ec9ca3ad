"""Waiting for cloud-init in a guest, and what it says itself when it fails. Read through the guest's agent, or over SSH as the inventory has the guest."""

from __future__ import annotations

import json
import time
from typing import Any

from fleet.errors import VirtError
from fleet.virt import qga
from fleet.virt.machine import Machine, Watch

FINISHED = "/run/cloud-init/result.json"  # a link made when a boot's run begins, to what is written at its end
STATUS = "/run/cloud-init/status.json"
LOG = "/var/log/cloud-init.log"
OUTPUT = "/var/log/cloud-init-output.log"
_LINES = 15
_SSH = 10.0  # seconds for one look over SSH
# Data that cloud-init could not read and went on without is a failure to whoever gave it; cloud-init itself only warns of it.
_LOST = ("Failed loading yaml blob", "Failed at merging in cloud config", "Unhandled non-multipart", "Unhandled unknown content-type",
         "failed to parse", "Failed to load cloud config")


def finished(call: Any, machine: Machine, end: float) -> str:
    """Until cloud-init has written its result: an empty text, or what went wrong in it. Raises VirtError when it has not finished in time."""
    with Watch(call, machine, every=2.0) as watch:
        while True:
            text = watch.until(lambda: qga.read(machine.domain, FINISHED), min(4.0, max(end - time.monotonic(), 0.1))) or _over_ssh(call, machine, FINISHED)
            if text:
                return failure(call, machine, text)
            if time.monotonic() > end:
                begun = look(call, machine, STATUS)
                raise VirtError("has not finished cloud-init" + ("" if begun else ", nor begun it as far as its agent or SSH can tell"))


def look(call: Any, machine: Machine, path: str, last: int = 65536) -> str:
    """The end of a file in the guest; empty where there is none, or no way to it."""
    found: str | None = call.blocking(lambda: qga.read(machine.domain, path, last))
    return found if found is not None else _over_ssh(call, machine, path, last)


def _over_ssh(call: Any, machine: Machine, path: str, last: int = 65536) -> str:
    if machine.name not in call.inventory.hosts:
        return ""
    inside = call.at(machine.name)
    answer = inside.attempt("command", {"argv": ["tail", "-c", str(last), path]}, _SSH)
    if isinstance(answer, str):
        inside.disconnect()
        return ""
    return "" if answer.get("rc") else str(answer.get("stdout", ""))


def failure(call: Any, machine: Machine, result: str) -> str:
    """What went wrong in cloud-init, in its own words: its errors, the data it could not read, and the end of what its commands said."""
    parts = errors(result)
    warned = warnings(look(call, machine, LOG, 1 << 20))
    parts += [each for each in warned if any(words in each for words in _LOST)]
    if not parts:
        for each in warned:
            call.warn(f"cloud-init in guest {machine.name}: {each}")
        return ""
    said = spoken(look(call, machine, OUTPUT, 8192))
    return "\n".join([*parts, *([f"its commands said at last:\n{said}"] if said else [])])


def spoken(output: str) -> str:
    """The last lines of a cloud-init-output.log that the commands in it wrote, without cloud-init's own."""
    own = ("ci-info: ", "Cloud-init v. ")
    lines = [line for line in output.splitlines() if line.strip() and not line.startswith(own) and ".py[" not in line]
    return "\n".join(lines[-_LINES:])


def errors(result: str) -> list[str]:
    """The errors of a result.json."""
    try:
        found = json.loads(result)["v1"]["errors"]
        return [str(each)[:500] for each in found][:20]
    except (ValueError, KeyError, TypeError):
        return ["its result.json cannot be read"]


def warnings(log: str) -> list[str]:
    """The distinct warnings in a cloud-init.log, without their time and place."""
    found = []
    for line in log.splitlines():
        for level in ("[WARNING]: ", "[ERROR]: ", "[CRITICAL]: "):
            if level in line:
                found.append(line.partition(level)[2].strip()[:500])
    return list(dict.fromkeys(found))[:20]


def so_far(call: Any, machine: Machine) -> list[str]:
    """What can be said of cloud-init when something else was waited for in vain."""
    text = look(call, machine, FINISHED)
    if not text:
        return []
    wrong = failure(call, machine, text)
    return [f"cloud-init failed in it: {wrong}"] if wrong else []
