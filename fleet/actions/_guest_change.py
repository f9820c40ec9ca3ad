"""A guest made, and changed in place: what is shown comes from the table, what is done is one list of steps in an order that leaves nothing half-made.

A guest is defined before its volumes are made, and they are removed before it is undefined: so whenever a run is cut off, every volume belongs to a
defined guest, and the next run goes on from there.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any
from xml.etree import ElementTree as ET

from fleet.actions import _guest_volumes, _guest_wait
from fleet.actions._guest import Wanted
from fleet.connection.base import Endpoint
from fleet.errors import FleetError, VirtError
from fleet.runner.module import Change
from fleet.virt import domain as domains
from fleet.virt import living as live_seed
from fleet.virt import seed
from fleet.virt import view as views
from fleet.virt.connect import said
from fleet.virt.domain import Difference, Waiting
from fleet.virt.effects import Effect
from fleet.virt.guest import Disk, Guest
from fleet.virt.machine import Machine, Seen
from fleet.virt.table import AGENT
from fleet.virt.view import PREFIX, find_disk, source

Steps = list[Callable[[], Any]]


# -- made

def create(call: Any, machine: Machine, declared: Wanted) -> Iterator[Change]:
    """A new guest: all of it, or nothing."""
    guest = declared.guest
    volumes = [disk for disk in guest.disks if disk.made]
    for disk in volumes:
        yield Change(str(disk.path), "absent", "present")
    if declared.ignition is not None:
        yield Change(str(guest.ignition), "absent", "present")
    yield Change(f"guest {guest.name}", "absent", "present", lambda: _create(call, machine, declared, volumes))
    if guest.autostart:
        yield Change("autostart", False, True, lambda: said(call, "autostart", lambda: machine.domain.setAutostart(1)))


def _create(call: Any, machine: Machine, declared: Wanted, volumes: list[Disk]) -> None:
    host, guest = machine.host, declared.guest
    view = domains.build(guest, declared.driver)
    begun: list[str] = []
    said(call, f"define {guest.name}", machine.define, view)
    try:
        for disk in volumes:
            _guest_volumes.make(call, host, declared, disk, begun)
        if declared.ignition is not None:
            begun.append(str(guest.ignition))
            _guest_volumes.ignition(call, host, declared)
        if declared.seed is not None and declared.driver.notes:  # only now: a seed that was not written wholly is not the one that is noted
            said(call, "note the seed", _notes, machine, view, declared.seed.digest)
    except FleetError:
        # Not an error of ours alone: a full pool, say. What was begun goes, so that nothing of a guest is there that is not whole.
        _undo(call, machine, begun)
        raise


def _undo(call: Any, machine: Machine, begun: list[str]) -> None:
    """Where libvirt does not answer for that either, the guest stays defined with what there is, and the next run goes on from it."""
    try:
        for path in begun:
            said(call, "remove", _guest_volumes.remove, machine.host, path)
        said(call, "remove", machine.undefine)
    except FleetError as error:
        call.warn(f"what was begun of {machine.name} is still there: {error}")


def _notes(machine: Machine, view: ET.Element, digest: str) -> None:
    """Write down for a guest just made which first-boot data its seed holds."""
    view.set(PREFIX + "seed", digest)
    view.set(PREFIX + "applied", digest)
    lib = machine.libvirt
    machine.domain.setMetadata(lib.VIR_DOMAIN_METADATA_ELEMENT, views.notes(view), "fleet", views.URN, lib.VIR_DOMAIN_AFFECT_CONFIG)


def _note_seed(call: Any, machine: Machine, digest: str, applied: bool) -> None:
    """Write down which first-boot data the seed holds, and the guest has been given."""
    def note() -> None:
        seen = machine.look()
        if seen is not None:
            seen.stored.set(PREFIX + "seed", digest)
            if applied or seen.stored.get(PREFIX + "applied") is None:
                seen.stored.set(PREFIX + "applied", digest)
            machine.define(seen.stored)
    said(call, "note the seed", note)


# -- changed

def change(call: Any, machine: Machine, declared: Wanted, seen: Seen, result: dict[str, Any]) -> Iterator[Change]:
    """A guest that is there, made as declared."""
    differences = compared(declared, seen)
    refuse(call, machine, differences)
    lines: dict[str, Change] = {}
    for each in differences:
        if each.what not in lines:
            lines[each.what] = Change(shown(each, seen.active), each.before, each.after)
            result["effects"].append({"what": each.what, "before": each.before, "after": each.after, "effect": str(each.effect), "loses": each.loses})
    missing = [disk for disk in declared.looked_at if disk.made and _is_missing(seen, disk)]
    for disk in missing:
        lines.setdefault(str(disk.path), Change(str(disk.path), "absent", "present"))
    lost = removed(declared, seen)
    result["kept"] = [path for name, path in lost if name not in call.args.may_lose]
    if not result["kept"]:
        del result["kept"]
    for name, path in lost:
        if name in call.args.may_lose:
            lines[path] = Change(path, "present", "absent")
    ordered = list(lines.values())
    if ordered:
        yield from ordered[:-1]
        last = ordered[-1]
        last.apply = lambda: _change(call, machine, declared, differences, missing, [path for name, path in lost if name in call.args.may_lose])
        yield last


def noted(declared: Wanted) -> Guest:
    """The guest with what its seed holds."""
    return declared.guest if declared.seed is None else dataclasses.replace(declared.guest, seed=declared.seed.digest)


def compared(declared: Wanted, seen: Seen) -> list[Difference]:
    return domains.compare(noted(declared), declared.driver, seen.stored, seen.live)


def shown(each: Difference, active: bool) -> str:
    if each.effect is Effect.RECREATE:
        return f"{each.what} ({each.effect}: loses {each.loses})"
    return f"{each.what} ({each.effect})" if active else each.what


def refuse(call: Any, machine: Machine, differences: list[Difference]) -> None:
    """What a task must name before it is done, and what is never done. Raises VirtError before anything changes."""
    for each in differences:
        name = each.what.rpartition(":")[0].removeprefix("disk ")
        if each.effect is Effect.RECREATE and name not in call.args.may_lose:
            raise VirtError(f"guest {machine.name}: {each.what} is {each.before}, not {each.after}; that means a new disk, and {each.loses} is lost",
                            hint=f"may_lose: [{name}] allows it; UUID, addresses and host key stay")
        if each.what.endswith(": size") and not each.grows:
            raise VirtError(f"guest {machine.name}: the {each.what.removesuffix(': size')} has {each.before}; it is never shrunk to {each.after}")


def _is_missing(seen: Seen, disk: Disk) -> bool:
    """Whether a disk that is to be fleet's has no volume: it is new, or a run was cut off before it was made."""
    found = find_disk(seen.stored, disk.name, disk.path)
    return found is None or (found.get(PREFIX + "capacity") is None and source(found) == disk.path)


def removed(declared: Wanted, seen: Seen) -> list[tuple[str, str]]:
    """(name, path) of the disks made by fleet that are no longer declared."""
    kind = domains.DISK
    return [(str(each.get(PREFIX + "name")), str(each.get(PREFIX + "path"))) for each in kind.others(seen.stored, declared.guest)
            if each.get(PREFIX + "made") == "yes" and each.get(PREFIX + "path")]


def _change(call: Any, machine: Machine, declared: Wanted, differences: list[Difference], missing: list[Disk], lost: list[str]) -> None:
    host = machine.host
    recreated = [each for each in differences if each.effect is Effect.RECREATE]
    if recreated and said(call, "guest", machine.domain.isActive):
        _guest_wait.shut_down(call, machine)
    # A disk that goes for good is noted in the definition until its volume is gone.
    goes = [each for each in differences if each.act is not None and each.after == "absent"]
    for each in goes:
        said(call, f"{machine.name}: {each.what}", _act, machine, declared, each)
    for path in lost:
        said(call, f"remove {path}", _guest_volumes.remove, host, path)
    if any(each.what == "seed" for each in differences) and declared.seed is not None:
        _guest_volumes.written(call, host, declared.seed.path, seed.iso(declared.seed.files, declared.seed.label))
    if declared.ignition is not None and any(each.what == "ignition" for each in differences):
        _guest_volumes.ignition(call, host, declared)
    if any(each.write is not None and each.effect is not Effect.RECREATE for each in differences):
        said(call, f"redefine {machine.name}", _redefine, machine, declared)
    for each in recreated:
        _recreate(call, machine, declared, each)
    for disk in missing:
        _guest_volumes.make(call, host, declared, disk)
    for each in differences:
        if each.act is not None and each not in goes:
            said(call, f"{machine.name}: {each.what}", _act, machine, declared, each)


def _redefine(machine: Machine, declared: Wanted) -> None:
    seen = machine.look(declared.looked_at)
    if seen is None:
        raise VirtError(f"the guest {machine.name} went away meanwhile")
    view = domains.stored_as(noted(declared), declared.driver, seen.stored)
    if declared.args.get("devices"):
        view.set(PREFIX + "devices", declared.guest.devices)
    if declared.seed is not None and view.get(PREFIX + "applied") is None:
        view.set(PREFIX + "applied", "none")
    machine.define(view)


@dataclasses.dataclass
class _Live:
    libvirt: Any
    domain: Any
    view: ET.Element
    stored: ET.Element


def _act(machine: Machine, declared: Wanted, each: Difference) -> None:
    seen = machine.look(declared.looked_at)
    if seen is not None and each.act is not None:
        each.act(_Live(machine.libvirt, seen.domain, seen.view, seen.stored))


def _recreate(call: Any, machine: Machine, declared: Wanted, each: Difference) -> None:
    """A new disk in place of the old; everything else of the guest stays, and its first-boot data is taken up again."""
    disk = next(disk for disk in declared.guest.disks if each.what.startswith(f"disk {disk.name}:"))
    said(call, f"remove {disk.path}", _guest_volumes.remove, machine.host, str(disk.path))
    _guest_volumes.make(call, machine.host, declared, disk)
    if declared.seed is not None and disk.name == "root":
        _note_seed(call, machine, declared.seed.digest, applied=True)


# -- checked, and what waits

def settle(call: Any, machine: Machine, declared: Wanted, seen: Seen, result: dict[str, Any], reboot: str) -> Iterator[Change]:
    """That all is as declared, in libvirt's own words; what waits for a boot; and that boot, where the task asks for it."""
    differences = compared(declared, seen)
    if not call.check:
        disagree(call, machine, differences, changed=bool(result["effects"]))
    waiting = []
    if seen.live is not None:
        now = {each.what for each in differences if each.where == "live"}
        waiting = [each for each in domains.pending(domains.stored_as(noted(declared), declared.driver, seen.stored), seen.live) if each.what not in now]
    running = seen.live is not None and call.args.state == "running"
    if running and (reboot == "always" or (waiting and reboot == "pending")):
        yield Change("reboot", None, ", ".join(each.what for each in waiting) or "as asked", lambda: _guest_wait.restart(call, machine))
        result["rebooted"] = [each.what for each in waiting]
        if not call.check:
            after = said(call, "guest", machine.look, declared.looked_at)
            if after is not None and after.live is not None:
                waiting = domains.pending(after.stored, after.live)
    result["pending"] = [as_dict(each) for each in waiting]
    result["pending_restart"] = bool(waiting)


def as_dict(each: Waiting) -> dict[str, Any]:
    return {"what": each.what, "running": each.running, "stored": each.stored, "effect": str(each.effect)}


def disagree(call: Any, machine: Machine, differences: list[Difference], changed: bool) -> None:
    """Raise where libvirt does not have, stored or running, what was just declared; or the guest itself sees something else."""
    for each in differences:
        hint = "does its system have a balloon driver?" if each.what == "memory" else ""
        raise VirtError(f"guest {machine.name}: after the change {each.what} is {each.before} ({each.where}), not {each.after}", hint=hint)
    for what, wanted, found in _guest_wait.own_view(call, machine) if changed else ():
        raise VirtError(f"guest {machine.name}: libvirt gives it {wanted} {what}, and its own system sees {found}")


# -- first-boot data given to a guest that runs

def living(call: Any, machine: Machine, declared: Wanted, seen: Seen, result: dict[str, Any]) -> Iterator[Change]:
    """What changed in users, keys, packages and files of the first-boot data, by the modules that do such things anywhere."""
    first = declared.seed
    if first is None or not first.data:
        return
    if seen.live is None or seen.stored.get(PREFIX + "applied") == first.digest:
        return
    inside = place(call, machine, seen.live)
    if inside is None:
        result["unconverged"] = "the guest is not in the inventory and its agent does not answer, so what changed in its first-boot data waits"
        return
    before = call.check
    for what, module, args in live_seed.tasks(first.data):
        answer = call.elsewhere(inside, module, args, check=True)
        if answer.get("failed") or answer.get("unreachable"):
            raise VirtError(f"in guest {machine.name}: {what}: {answer.get('msg')}")
        if answer.get("changed"):
            yield Change(f"in the guest: {what}", None, None, partial(_within, call, machine, inside, what, module, args))
    left = live_seed.left_out(first.data)
    if left:
        call.warn(f"only a first boot carries out {', '.join(left)}")
    if not before:
        _note_seed(call, machine, first.digest, applied=True)


def _within(call: Any, machine: Machine, place: Any, what: str, module: str, args: dict[str, Any]) -> None:
    answer = call.elsewhere(place, module, args, check=False)
    if answer.get("failed"):
        raise VirtError(f"in guest {machine.name}: {what}: {answer.get('msg')}")


def place(call: Any, machine: Machine, live: ET.Element) -> Any:
    """The guest as a target of its own: as the inventory has it, else through its agent."""
    if machine.name in call.inventory.hosts:
        return call.run_.through(machine.name)
    if any(each.get("name") == AGENT and each.get("state") == "connected" for each in live.iterfind("devices/channel/target")):
        host = dataclasses.replace(call.endpoint, become=())
        return Endpoint(machine.name, "guest", via=host, guest=(machine.host.uri, machine.name))
    return None
