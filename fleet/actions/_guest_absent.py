"""A guest removed, with the disks that fleet made for it, unless they are protected."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from fleet.actions import _guest_address, _guest_volumes, _guest_wait
from fleet.errors import VirtError
from fleet.runner.module import Change
from fleet.virt import identity, overlays
from fleet.virt.connect import said
from fleet.virt.machine import Machine, Seen
from fleet.virt.table import GUEST
from fleet.virt.view import PREFIX, disks, source, target


def absent(call: Any, machine: Machine) -> Generator[Change, Any, dict[str, Any]]:
    name = machine.name
    result: dict[str, Any] = {"name": name, "uuid": identity.uuid_of("guest", name), "pending": [], "pending_restart": False}
    seen = said(call, f"looking at {name}", machine.look)
    if seen is None:
        return result
    protected = [disk for disk in disks(seen.stored) if disk.get(PREFIX + "protected") == "yes" and _name(disk) not in call.args.may_lose]
    if protected:
        listed = ", ".join(f"{_name(disk)} ({source(disk)})" for disk in protected)
        raise VirtError(f"guest {name} has protected disks: {listed}", hint="name them in may_lose, or declare them without `protected` first")
    volumes, others = said(call, f"looking at the disks of {name}", _volumes, machine, seen)
    if seen.active:
        # A disk that stays must not be torn: its guest is shut down. One that goes with the guest need not wait for that.
        stop = _shut_down if others and not call.args.force else _switch_off
        yield Change("running", True, False, lambda: stop(call, machine))
    yield from _guest_address.release(call, machine, seen.stored)
    for path in volumes:
        yield Change(path, "present", "absent")
    yield Change(f"guest {name}", "present", "absent", lambda: _remove(call, machine, volumes))
    return result


def _name(disk: Any) -> str:
    return str(disk.get(PREFIX + "name") or target(disk))


def _volumes(machine: Machine, seen: Seen) -> tuple[list[str], list[str]]:
    """The volumes that fleet made, what snapshots made of them, and the writable disks that stay."""
    mine: list[str] = []
    others: list[str] = []
    for disk in disks(seen.stored):
        places = [place for place in (disk.get(PREFIX + "path"), source(disk)) if place]
        if disk.get(PREFIX + "made") == "yes":
            more = [each for place in places for each in overlays.volumes(machine.host, place)]
            mine += [place for place in dict.fromkeys([*places, *more]) if place not in mine]
            if seen.stored.get(PREFIX + "before") and _name(disk) == "root":
                mine.append(f"{source(disk)}.before")  # of a rollout that was cut off
        elif disk.find("readonly") is None:
            others += places
    ignition = next(row for row in GUEST if row.name == "ignition").lens.read(seen.stored)
    if ignition and f"/{seen.stored.findtext('name')}-ignition-" in ignition:
        mine.append(ignition)
    return mine, others


def _shut_down(call: Any, machine: Machine) -> None:
    _guest_wait.shut_down(call, machine)


def _switch_off(call: Any, machine: Machine) -> None:
    said(call, f"switch off {machine.name}", machine.power_off)


def _remove(call: Any, machine: Machine, volumes: list[str]) -> None:
    for path in volumes:
        said(call, f"remove {path}", _guest_volumes.remove, machine.host, path)
    said(call, f"remove {machine.name}", machine.undefine)
