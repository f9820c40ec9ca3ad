"""A guest as libvirt has it: looked at in a few calls, defined, and taken from one state to another."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any
from xml.etree import ElementTree as ET

from fleet.errors import VirtError
from fleet.virt import view as views
from fleet.virt.connect import Hypervisor
from fleet.virt.guest import Disk
from fleet.virt.view import PREFIX

STATES = {0: "no state", 1: "running", 2: "running", 3: "paused", 4: "stopping", 5: "stopped", 6: "crashed", 7: "sleeping"}
_RUNNING = frozenset({"running", "paused", "stopping", "sleeping", "no state"})


@dataclass
class Seen:
    """A guest at one moment. stored, live: its views, live None where it does not run. state: of STATES, or suspended (off, its memory saved)."""

    libvirt: Any
    domain: Any
    stored: ET.Element
    live: ET.Element | None
    state: str

    @property
    def view(self) -> ET.Element:
        return self.live if self.live is not None else self.stored

    @property
    def active(self) -> bool:
        return self.live is not None


class Machine:
    """A guest of a hypervisor, by name. Its methods block."""

    def __init__(self, host: Hypervisor, name: str) -> None:
        self.host = host
        self.name = name
        self.libvirt = host.libvirt

    @property
    def domain(self) -> Any:
        """The domain on the connection there is now. Raises VirtError when it is gone."""
        found = self.host.find("lookupByName", self.name)
        if found is None:
            raise VirtError(f"there is no guest {self.name} on {self.host.name}")
        return found

    def look(self, disks: Iterable[Disk] = ()) -> Seen | None:
        """The guest now, or None. disks: those whose volumes are to be looked at too."""
        domain = self.host.find("lookupByName", self.name)
        return None if domain is None else look(self.host, domain, disks)

    def define(self, stored: ET.Element) -> None:
        text = views.unparse(stored)
        self.host.ask(lambda connection: connection.defineXML(text))

    def start(self, paused: bool = False) -> None:
        """Start it, or bring back its saved memory. That it runs already is as well."""
        domain = self.domain
        if not domain.isActive():
            try:
                domain.createWithFlags(self.libvirt.VIR_DOMAIN_START_PAUSED if paused and self.host.driver != "test" else 0)
            except self.libvirt.libvirtError:
                if not domain.isActive():
                    raise
        state = domain.state()[0]  # what was saved comes back as it was: paused, or not
        if paused and state == 1:
            domain.suspend()
        elif not paused and state in (3, 7):
            domain.resume()

    def power_off(self) -> None:
        domain = self.domain
        if domain.isActive():
            domain.destroy()
        if self.saved(domain):
            domain.managedSaveRemove()

    def saved(self, domain: Any) -> bool:
        try:
            return bool(domain.hasManagedSaveImage())
        except self.libvirt.libvirtError:
            return False  # the driver has none

    def undefine(self) -> None:
        lib, domain = self.libvirt, self.host.find("lookupByName", self.name)
        if domain is None:
            return
        try:
            domain.undefineFlags(lib.VIR_DOMAIN_UNDEFINE_MANAGED_SAVE | lib.VIR_DOMAIN_UNDEFINE_NVRAM | lib.VIR_DOMAIN_UNDEFINE_SNAPSHOTS_METADATA
                                 | lib.VIR_DOMAIN_UNDEFINE_CHECKPOINTS_METADATA)
        except lib.libvirtError as error:
            if error.get_error_code() not in (lib.VIR_ERR_INVALID_ARG, lib.VIR_ERR_NO_SUPPORT):
                raise
            domain.undefine()


def look(host: Hypervisor, domain: Any, disks: Iterable[Disk] = ()) -> Seen:
    """A domain's views and state."""
    lib = host.libvirt
    number = domain.state()[0]
    state = STATES.get(number, "no state")
    stored = views.parse(_xml(lib, domain, lib.VIR_DOMAIN_XML_INACTIVE))
    live = views.parse(_xml(lib, domain, 0)) if state in _RUNNING and domain.isActive() else None
    if live is None and state != "crashed":
        state = "suspended" if Machine(host, "").saved(domain) else "stopped"
    seen = Seen(lib, domain, stored, live, state)
    try:
        starts = "yes" if domain.autostart() else "no"
    except lib.libvirtError:
        starts = "no"
    for each in (stored, live):
        if each is not None:
            each.set(PREFIX + "autostart", starts)
    if live is not None:
        views.note_plugged(stored, live)
    measure(host, seen, disks)
    return seen


def measure(host: Hypervisor, seen: Seen, disks: Iterable[Disk]) -> Seen:
    """What libvirt knows of the volumes of some disks, noted in the views."""
    for disk in disks:
        _volume(host, seen, disk)
    return seen


def _xml(lib: Any, domain: Any, flags: int) -> str:
    """With what libvirt hides from others (passwords of screens), so that a definition keeps it."""
    try:
        return str(domain.XMLDesc(flags | lib.VIR_DOMAIN_XML_SECURE))
    except lib.libvirtError:
        return str(domain.XMLDesc(flags))


def _volume(host: Hypervisor, seen: Seen, disk: Disk) -> None:
    """A disk's capacity, and what it is an overlay of."""
    known: dict[str, tuple[str, str | None] | None] = {}
    for each in (seen.stored, seen.live):
        found = views.find_disk(each, disk.name, disk.path) if each is not None else None
        place = views.source(found) if found is not None else None
        if found is None or not place:
            continue
        if place not in known:
            volume = host.find("storageVolLookupByPath", place)
            tree = ET.fromstring(volume.XMLDesc()) if volume is not None else None
            known[place] = (tree.findtext("capacity") or "0", tree.findtext("backingStore/path")) if tree is not None else None
        facts = known[place]
        if facts is not None:
            found.set(PREFIX + "capacity", facts[0])
            if facts[1] and place == disk.path:
                found.set(PREFIX + "backing", facts[1])


def folder(path: str) -> str:
    return path.rpartition("/")[0] or "/"


class Watch:
    """Waits for what a guest does, woken by libvirt's events; used in the engine's thread.

        with Watch(call, machine) as watch:
            watch.until(lambda: not machine.domain.isActive(), 60)

    every: seconds after which it looks without an event, since one may be lost with a connection, and addresses have none.
    """

    def __init__(self, call: Any, machine: Machine, every: float = 5.0) -> None:
        self.call = call
        self.machine = machine
        self.every = every
        self._signal = call.signal()
        self._numbers: list[int] = []
        self._connection: Any = None

    def __enter__(self) -> Watch:
        self.call.blocking(self._register)
        return self

    def _register(self) -> None:
        lib = self.machine.libvirt
        domain = self.machine.domain
        self._connection = domain.connect()
        for event in (lib.VIR_DOMAIN_EVENT_ID_LIFECYCLE, lib.VIR_DOMAIN_EVENT_ID_AGENT_LIFECYCLE):
            try:
                self._numbers.append(self._connection.domainEventRegisterAny(domain, event, lambda *happened: self._signal.set(), None))
            except lib.libvirtError:
                pass  # the driver has no such event

    def until(self, done: Callable[[], Any], seconds: float) -> Any:
        """What `done` (made in the worker pool) gives once that is true, or a false value when it is not in time."""
        end = time.monotonic() + seconds
        while True:
            found = self.call.blocking(done)
            left = end - time.monotonic()
            if found or left <= 0:
                return found
            self._signal.wait(min(self.every, left))

    def __exit__(self, *exc: object) -> None:
        self.call.blocking(self._deregister)

    def _deregister(self) -> None:
        for number in self._numbers:
            try:
                self._connection.domainEventDeregisterAny(number)
            except self.machine.libvirt.libvirtError:
                pass
