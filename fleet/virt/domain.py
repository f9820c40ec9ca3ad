"""A declared guest made into a domain, and compared with one: everything here follows from the table (fleet.virt.table, fleet.virt.parts)."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from xml.etree import ElementTree as ET

from fleet.errors import VirtError
from fleet.virt import live as change
from fleet.virt.drivers import Driver
from fleet.virt.effects import Effect, Kind, Live, Row, readable
from fleet.virt.guest import Disk, Guest
from fleet.virt.identity import uuid_of
from fleet.virt.lens import element, ensure
from fleet.virt.parts import DISK, KINDS, settle
from fleet.virt.table import GUEST, cpus
from fleet.virt.view import PREFIX


@dataclass(frozen=True)
class Difference:
    """One field that is not as declared. where: stored, live or beside the XML. write(view) sets it in a view; act(live) in the running guest."""

    what: str
    before: Any
    after: Any
    effect: Effect
    where: str
    loses: str = ""
    write: Callable[[ET.Element], None] | None = None
    act: Callable[[Live], None] | None = None
    grows: bool = True  # a number that does not get smaller


# -- making

def defaults(guest: Guest, driver: Driver) -> Guest:
    """The guest with everything chosen that a new one needs and the task does not say."""
    virtio, qemu = guest.devices == "virtio", driver.name in ("qemu", "test")
    chosen: dict[str, Any] = {
        "accel": "tcg", "memory": 512 * 1024, "vcpus": 1, "machine": driver.machine or None,
        "cpu": None if driver.name != "qemu" else "host-passthrough" if guest.accel == "kvm" else "maximum",
        "boot": ("disk",) if driver.os == "hvm" and "boot" not in driver.refused and not guest.kernel else None,
        "clock": None if "clock" in driver.refused else "utc", "rng": virtio if qemu else None, "agent": virtio if qemu else None,
        "console": None if "console" in driver.refused else "log" if driver.name == "qemu" else "pty",
        "nics": (), "pci": (), "usb": ()}
    missing = {name: value for name, value in chosen.items() if getattr(guest, name) is None}
    return dataclasses.replace(guest, **missing)


def build(guest: Guest, driver: Driver) -> ET.Element:
    """The view of a new domain. Values are written as text and attributes, so nothing declared can become markup."""
    guest = defaults(guest, driver)
    root = element("domain", {"type": driver.type or "qemu", PREFIX + "devices": guest.devices})
    for tag, value in (("name", guest.name), ("uuid", uuid_of("guest", guest.name))):
        root.append(element(tag, text=value))
    _frame(root, guest, driver)
    for row in GUEST:
        value = getattr(guest, row.name)
        if value is not None and row.beside is None and not (value in (False, "none") and row.lens.read(root) == value):
            row.lens.write(root, value, driver)
    for kind in KINDS:
        for each in getattr(guest, kind.field) or ():
            _add(kind, each, guest, driver)(root)
    settle(root)
    return root


def _frame(root: ET.Element, guest: Guest, driver: Driver) -> None:
    """What every guest has and no option changes."""
    kinds = {"exe": {}, "linux": {"arch": "x86_64"}, "hvm": {"arch": "x86_64"}}
    ensure(root, "os").append(element("type", kinds[driver.os], text=driver.os))
    if driver.os == "exe":
        ensure(root, "os").append(element("init", text="/sbin/init"))
    if driver.os == "hvm":
        features = ensure(root, "features")
        features.extend([element("acpi"), element("apic")])
    for tag, action in (("on_poweroff", "destroy"), ("on_reboot", "restart"), ("on_crash", "destroy")):
        root.append(element(tag, text=action))
    devices = ensure(root, "devices")
    if driver.name in ("qemu", "test"):
        devices.append(element("memballoon", {"model": "virtio" if guest.devices == "virtio" else "none"}))



def _add(kind: Kind, device: Any, guest: Guest, driver: Driver) -> Callable[[ET.Element], None]:
    def write(root: ET.Element) -> None:
        made = kind.make(device, guest, driver, root)
        for row in kind.rows:
            value = getattr(device, row.name)
            if value is not None and row.beside is None and not (row.noted and row.name == "backing") and row.lens.read(made) != value:
                row.lens.write(made, value, driver)
    return write


# -- comparing

def compare(guest: Guest, driver: Driver, stored: ET.Element, live: ET.Element | None) -> list[Difference]:
    """What is not as declared: in the stored definition, and of what can change live in the running guest."""
    found: list[Difference] = []
    for row in GUEST:
        value = getattr(guest, row.name)
        if value is not None:
            found += _field(row, value, driver, stored, live, row.name, lambda root: root)
    for kind in KINDS:
        for each in getattr(guest, kind.field) or ():
            found += _device(kind, each, guest, driver, stored, live)
        found += _surplus(kind, guest, driver, stored, live)
    return found


def _field(row: Row, value: Any, driver: Driver, stored: ET.Element, live: ET.Element | None, what: str,
           locate: Callable[[ET.Element], ET.Element | None]) -> Iterator[Difference]:
    there = locate(stored)
    if there is None:
        return
    now = row.lens.read(there)
    running = locate(live) if live is not None else None
    if row.beside is not None:
        if now is not None and not row.equal(now, value):  # None: libvirt cannot tell
            def beside(context: Live) -> None:
                row.beside(context, running if running is not None else there, value)  # type: ignore[misc]
            yield Difference(what, row.show(now), row.show(value), row.of(now, value, live), "beside", act=beside,
                             grows=not isinstance(now, int) or now <= value)
        return
    current = row.lens.read(running) if running is not None else None
    effect = row.of(current if running is not None else now, value, live)
    if effect is Effect.LIVE and not driver.can(row.name):
        effect = Effect.RESTART
    loses = row.loses if effect is Effect.RECREATE else ""
    if not row.equal(now, value):
        def write(root: ET.Element) -> None:
            row.lens.write(locate(root), value, driver)  # type: ignore[arg-type]
        yield Difference(what, row.show(now), row.show(value), effect, "stored", loses, write)
    waited_for = row.late is not None and live is not None and row.equal(now, value) and row.late(live, current, value)
    if running is not None and row.live is not None and effect is Effect.LIVE and not row.equal(current, value) and not waited_for:
        def act(context: Live) -> None:
            row.live(context, locate(context.view), value)  # type: ignore[misc, arg-type]
        yield Difference(what, row.show(current), row.show(value), effect, "live", act=act)


def _device(kind: Kind, device: Any, guest: Guest, driver: Driver, stored: ET.Element, live: ET.Element | None) -> Iterator[Difference]:
    there = kind.find(stored, device)
    write = _add(kind, device, guest, driver)
    if there is None:
        trial = ET.fromstring(ET.tostring(stored))
        write(trial)
        settle(trial)
        there = kind.find(trial, device)
        assert there is not None
        yield Difference(kind.label(device), "absent", "present", kind.plug(there) if driver.can("devices") else Effect.RESTART, "stored", write=write)
    else:
        for row in kind.rows:
            value = getattr(device, row.name)
            if value is not None:
                yield from _field(row, value, driver, stored, live, f"{kind.label(device)}: {row.name}", lambda root: kind.find(root, device))
    if live is not None and kind.find(live, device) is None and not _same_place(kind, there, live) and kind.plug(there) is Effect.LIVE and driver.can("devices"):
        def act(context: Live) -> None:
            wanted = kind.find(context.stored, device)
            if wanted is not None:
                change.attach(context, wanted)
        yield Difference(kind.label(device), "absent", "present", Effect.LIVE, "live", act=act)


def _same_place(kind: Kind, element_: ET.Element, live: ET.Element) -> bool:
    return any(kind.key(each) == kind.key(element_) for each in kind.all(live))


def _surplus(kind: Kind, guest: Guest, driver: Driver, stored: ET.Element, live: ET.Element | None) -> Iterator[Difference]:
    """What is there and not declared, where the task says what all there is."""
    for there in list(kind.others(stored, guest)):
        key = kind.key(there)

        def write(root: ET.Element, key: str = key) -> None:
            for each in list(kind.all(root)):
                if kind.key(each) == key:
                    root.find("devices").remove(each)  # type: ignore[union-attr]
        yield Difference(kind.label(there), "present", "absent", kind.plug(there) if driver.can("devices") else Effect.RESTART, "stored", write=write)
    for running in list(kind.others(live, guest)) if live is not None else ():
        if kind.plug(running) is Effect.LIVE and driver.can("devices"):
            def act(context: Live, spot: str = kind.spot(running)) -> None:
                for each in list(kind.all(context.view)):
                    if kind.spot(each) == spot:
                        change.detach(context, each)
            yield Difference(kind.label(running), "present", "absent", Effect.LIVE, "live", act=act)


def stored_as(guest: Guest, driver: Driver, stored: ET.Element) -> ET.Element:
    """The stored view with everything in it as declared, but for what a recreation brings."""
    view = ET.fromstring(ET.tostring(stored))
    for _ in range(3):  # one field's change may move another (memory and its limit)
        writes = [each.write for each in compare(guest, driver, view, None) if each.write is not None and each.effect is not Effect.RECREATE]
        if not writes:
            break
        for write in writes:
            write(view)
        settle(view)
    fits(view)
    return view


def fits(view: ET.Element) -> None:
    """Refuse a definition whose parts contradict each other: those a task says now, and those it once said. Raises VirtError."""
    values = {row.name: row.lens.read(view) for row in GUEST if row.name in ("topology", "numa", "max_vcpus", "max_memory")}
    name, most = view.findtext("name"), values["max_vcpus"]
    topology, numa = values["topology"], values["numa"]
    if topology is not None and topology[0] * topology[1] * topology[2] != most:
        raise VirtError(f"guest {name} has a CPU of {topology[0]} sockets, {topology[1]} cores, {topology[2]} threads, and would have {most} vcpus",
                        hint="declare sockets, cores and threads of its `cpu` as well")
    if numa and (sum(cell.memory for cell in numa) != values["max_memory"] or sum(len(cpus(cell.cpus)) for cell in numa) != most):
        raise VirtError(f"the NUMA nodes of guest {name} do not fit its {most} vcpus and {readable(values['max_memory'], 'KiB')} of memory",
                        hint="declare `numa` as well; `numa: []` takes its nodes away")


# -- what waits

@dataclass(frozen=True)
class Waiting:
    """A field whose stored value the running guest does not have yet."""

    what: str
    running: Any
    stored: Any
    effect: Effect


def pending(stored: ET.Element, live: ET.Element) -> list[Waiting]:
    """What waits for a boot, and why: read from the two views alone, whoever made the change."""
    found = [Waiting(row.name, row.show(now), row.show(wanted), row.of(now, wanted, live)) for row in GUEST if row.beside is None
             for now, wanted in [(row.lens.read(live), row.lens.read(stored))] if _waits(row, now, wanted) and not (row.late and row.late(live, now, wanted))]
    for kind in KINDS:
        running = {kind.key(each): each for each in kind.all(live)}
        lasting = {kind.key(each): each for each in kind.all(stored)}
        for key in [*lasting, *(key for key in running if key not in lasting)]:
            before, after = running.get(key), lasting.get(key)
            if before is None or after is None:
                there = after if after is not None else before
                states = ("present", "absent") if after is None else ("absent", "present")
                found.append(Waiting(kind.label(there), *states, kind.plug(there)))  # type: ignore[arg-type]
                continue
            for row in kind.rows:
                now, wanted = row.lens.read(before), row.lens.read(after)
                if row.beside is None and not row.noted and _waits(row, now, wanted):
                    found.append(Waiting(f"{kind.label(after)}: {row.name}", row.show(now), row.show(wanted), row.of(now, wanted, live)))
    return found


def _waits(row: Row, now: Any, wanted: Any) -> bool:
    if row.name == "cpu" and wanted == "host-model":
        return now in ("host-passthrough", "maximum", None)  # a running guest's shows which model that came to
    if row.name == "firmware" and now == wanted:
        return False
    if wanted is None and row.name != "seed":
        return now is not None and not row.same
    return not row.equal(now, wanted)


def disk_of(guest: Guest, name: str) -> Disk | None:
    return next((disk for disk in guest.disks if disk.name == name), None)


__all__ = ["DISK", "Difference", "Waiting", "build", "compare", "defaults", "pending", "stored_as"]
