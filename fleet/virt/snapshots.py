"""Snapshots of guests: taken, reverted to and removed, inside the disks' qcow2 files or as files of their own.

An internal snapshot is in the qcow2 file itself. An external one leaves the disk's file as it was and puts an overlay on top; libvirt before 9.9
neither goes back to such a one nor removes it, so that is done here: going back puts a new overlay on the old file; removing merges what was put on it
(fleet.virt.overlays). Methods block.
"""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from typing import Any
from xml.etree import ElementTree as ET

from fleet.errors import VirtError
from fleet.virt import qga
from fleet.virt.connect import Hypervisor
from fleet.virt.overlays import MEMORY, Command, Forest, Layer, Merge, disks, look, point, stem
from fleet.virt.xml import add, attribute

_DAYS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}


@dataclass
class Snapshot:
    """created: seconds since the epoch; state: the guest's when it was taken; memory: whether its memory is in it."""

    name: str
    created: int
    state: str
    external: bool
    memory: bool
    current: bool
    text: str


class Snapshots:
    """Those of one guest. run: runs commands on the hypervisor."""

    def __init__(self, host: Hypervisor, guest: str, run: Command) -> None:
        self.host, self.guest, self.run = host, guest, run
        self.libvirt = host.libvirt

    @property
    def domain(self) -> Any:
        found = self.host.find("lookupByName", self.guest)
        if found is None:
            raise VirtError(f"there is no guest {self.guest} on {self.host.name}")
        return found

    def all(self) -> list[Snapshot]:
        """Oldest first."""
        found = [self._read(each) for each in self.domain.listAllSnapshots()]
        return sorted(found, key=lambda each: (each.created, each.name))

    def _read(self, snapshot: Any) -> Snapshot:
        text = snapshot.getXMLDesc(self.libvirt.VIR_DOMAIN_XML_SECURE)
        root = ET.fromstring(text)
        external = any(each.get("snapshot") == "external" for each in root.iterfind("disks/disk"))
        return Snapshot(snapshot.getName(), int(root.findtext("creationTime") or 0), root.findtext("state") or "", external,
                        (attribute(root, "memory", "snapshot") or "no") != "no", bool(snapshot.isCurrent()), text)

    # -- taking one

    def take(self, name: str, description: str | None, memory: bool, external: bool, quiesce: bool) -> None:
        flag = self.libvirt
        flags = flag.VIR_DOMAIN_SNAPSHOT_CREATE_ATOMIC
        active = self.domain.isActive()
        root = ET.Element("domainsnapshot")
        add(root, "name", name)
        if description:
            add(root, "description", description)
        if external:
            listed = add(root, "disks")
            for target, path in self.disks().items():
                disk = add(listed, "disk", name=target, snapshot="external", type="file")
                add(disk, "driver", type="qcow2")
                add(disk, "source", file=f"{stem(path)}.fleet-{name}")
            if memory and active:
                add(root, "memory", snapshot="external", file=f"{stem(next(iter(self.disks().values())))}.fleet-{name}{MEMORY}")
                flags |= flag.VIR_DOMAIN_SNAPSHOT_CREATE_LIVE
            else:
                flags |= flag.VIR_DOMAIN_SNAPSHOT_CREATE_DISK_ONLY
                flags |= flag.VIR_DOMAIN_SNAPSHOT_CREATE_QUIESCE if quiesce and active else 0
        self.domain.snapshotCreateXML(ET.tostring(root, encoding="unicode"), flags)

    def disks(self) -> dict[str, str]:
        """The guest's own disks: target -> file."""
        return disks(self.domain.XMLDesc(0))

    def check(self, external: bool, memory: bool, quiesce: bool = False) -> None:
        """Raise VirtError for what QEMU cannot do, before anything is made."""
        active = bool(self.domain.isActive())
        if quiesce and active and (memory or not external):
            raise VirtError("a snapshot with memory needs no quiesce: it has what is not written yet", hint="leave one of them out")
        self.quiescible(quiesce)
        if not external and active and not memory:
            raise VirtError(f"{self.guest} runs, and a snapshot inside its disks has its memory too",
                            hint="leave memory out, or take `kind: external` for the disks alone")
        if not external:
            for disk in ET.fromstring(self.domain.XMLDesc(0)).iterfind("devices/disk"):
                if attribute(disk, "driver", "type") != "qcow2" and disk.find("readonly") is None:
                    raise VirtError(f"the disk {attribute(disk, 'target', 'dev')} of {self.guest} is not qcow2, so a snapshot cannot be inside it",
                                    hint="take kind: external")

    def quiescible(self, quiesce: bool) -> None:
        """Raise VirtError when a running guest's filesystems are to be frozen, and no agent answers that could."""
        domain = self.domain
        if quiesce and domain.isActive() and not (qga.connected(domain.XMLDesc(0)) and qga.answers(domain)):
            raise VirtError(f"the agent of {self.guest} does not answer, so nothing can freeze its filesystems (quiesce)",
                            hint="install qemu-guest-agent in it (and `agent: true`), or leave quiesce out: it is then as after a power cut")

    # -- going back to one

    def revert(self, name: str) -> None:
        """The guest as it was, running if it ran. What was since then is lost, except what newer snapshots hold."""
        snapshot = self.domain.snapshotLookupByName(name)
        seen = self._read(snapshot)
        if not seen.external:
            self.domain.revertToSnapshot(snapshot, self.libvirt.VIR_DOMAIN_SNAPSHOT_REVERT_FORCE)
            return
        definition = self.definition(seen)
        self._branch(definition, name)
        if self.domain.isActive():
            self.domain.destroy()
        text = seen_text(definition)
        self.host.connection.defineXML(text)
        if seen.memory:
            self.host.connection.restoreFlags(attribute(ET.fromstring(seen.text), "memory", "file"), text, self.libvirt.VIR_DOMAIN_SAVE_RUNNING)
        elif seen.state in ("running", "paused", "disk-snapshot"):
            self.domain.create()
        self.tidy()

    def _branch(self, definition: ET.Element, name: str) -> None:
        """New overlays on the files of a definition; none where one of them cannot be made."""
        made: list[str] = []
        files = set(disks(seen_text(definition)).values())
        for disk in definition.iterfind("devices/disk"):
            path = attribute(disk, "source", "file")
            if path is None or path not in files:
                continue
            overlay = f"{stem(path)}.fleet-{name}.{int(time.time() * 1000) % 10**10}"
            made.append(overlay)
            try:
                self.run(["qemu-img", "create", "-q", "-f", "qcow2", "-b", path, "-F", attribute(disk, "driver", "type") or "raw", overlay])
            except VirtError:
                self.run(["rm", "-f", "--", *made])
                raise
            point(disk, Layer(overlay, "qcow2", path))

    def definition(self, snapshot: Snapshot) -> ET.Element:
        """The guest's definition in a snapshot, fit to be defined again."""
        root = ET.fromstring(snapshot.text).find("domain")
        if root is None:
            raise VirtError(f"the snapshot {snapshot.name} of {self.guest} has no definition of the guest in it")
        for disk in root.iterfind("devices/disk"):
            for each in disk.findall("backingStore"):
                disk.remove(each)
        return root

    # -- removing one, and what is left of those that are gone

    def remove(self, name: str) -> None:
        """Forgotten first, and then its files: so a snapshot that is there is always whole, and what a cut run leaves is found by `leftovers`."""
        snapshot = self.domain.snapshotLookupByName(name)
        if not self._read(snapshot).external:
            snapshot.delete(0)
            return
        self._orphan(name)
        snapshot.delete(self.libvirt.VIR_DOMAIN_SNAPSHOT_DELETE_METADATA_ONLY)
        self.tidy()

    def _orphan(self, name: str) -> None:
        """Have the snapshots taken after one be of the one before it. Else libvirt, when it forgets that one, takes their disks to be merged already."""
        above = ET.fromstring(next(each.text for each in self.all() if each.name == name)).findtext("parent/name")
        for each in self.all():
            root = ET.fromstring(each.text)
            parent = root.find("parent")
            if parent is not None and parent.findtext("name") == name:
                root.remove(parent)
                if above:
                    add(add(root, "parent"), "name", above)
                self._redefine(each, root)

    def leftovers(self) -> list[str]:
        """Files that no snapshot needs any more: of a run that was cut off."""
        forest, files = self.forest(), self._merge()
        jobs = [f"{forest.current[target]} (it is being merged)" for target in files.jobs() if target in forest.current]
        return jobs or [*forest.surplus(), *(overlay for overlay, _ in forest.mergeable())]

    def tidy(self) -> None:
        """Remove what nothing needs, and merge overlays into bases that nothing else needs, until there are none."""
        files = self._merge()
        for target in files.jobs():
            files.finish(target)
        while True:
            forest = self.forest()
            for path in forest.surplus():
                files.remove(path)
            merges = forest.mergeable()
            if not merges:
                return
            files.merge(forest, *merges[0])

    def forest(self) -> Forest:
        found, domain = self.all(), self.domain
        held = {path for each in found if each.external for path in disks(seen_text(self.definition(each))).values()}
        memories = {memory for each in found if (memory := attribute(ET.fromstring(each.text), "memory", "file"))}
        stored = disks(domain.XMLDesc(self.libvirt.VIR_DOMAIN_XML_INACTIVE))
        current = self.disks()
        return look(self.run, current, held | {path for target, path in stored.items() if current.get(target) != path}, memories)

    def _merge(self) -> Merge:
        return Merge(self.host, self.domain, self.run, self._renamed)

    def _renamed(self, old: str, new: Layer) -> None:
        """Snapshots that would go back to a file that was merged now go back to the one it was merged into."""
        for each in self.all():
            root = ET.fromstring(each.text)
            found = [disk for disk in root.iterfind("domain/devices/disk") if attribute(disk, "source", "file") == old]
            for disk in found:
                point(disk, new)
            if found:
                self._redefine(each, root)

    def _redefine(self, snapshot: Snapshot, root: ET.Element) -> None:
        """Have libvirt know something else of a snapshot."""
        flags = self.libvirt.VIR_DOMAIN_SNAPSHOT_CREATE_REDEFINE | (self.libvirt.VIR_DOMAIN_SNAPSHOT_CREATE_CURRENT if snapshot.current else 0)
        self.domain.snapshotCreateXML(seen_text(root), flags)


def seen_text(element: ET.Element) -> str:
    return ET.tostring(element, encoding="unicode")


def surplus(found: list[Snapshot], keep: int | None, max_age: float | None, now: float) -> list[Snapshot]:
    """Which to remove of those of one series (oldest first): beyond the newest `keep`, and older than max_age seconds. The newest one stays."""
    older = found[:-1]
    return [each for number, each in enumerate(older) if (keep is not None and len(found) - number > keep)
            or (max_age is not None and now - each.created > max_age)]


def seconds(text: str) -> float:
    """A duration such as 90s, 30m, 12h, 7d or 4w."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([smhdw])", text.strip())
    if not match:
        raise VirtError(f"'{text}' is not a duration", hint="such as 30m, 12h, 7d or 4w")
    return float(match[1]) * _DAYS[match[2]]
