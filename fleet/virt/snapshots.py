"""Snapshots of guests: taken, reverted to and removed, inside the disks' qcow2 files or as files of their own.

An internal snapshot is in the qcow2 file itself. An external one leaves the disk's file as it was and puts an overlay on top; libvirt before 9.9
neither goes back to such a one nor removes it, so that is done here: going back puts a new overlay on the old file; removing merges the overlay
into it. Methods block.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from xml.etree import ElementTree as ET

from fleet.errors import VirtError
from fleet.virt.connect import Hypervisor
from fleet.virt.xml import add, attribute

Command = Callable[[list[str]], str]  # runs a command on the hypervisor; raises VirtError
MERGE = 1800.0  # seconds that merging a disk may take
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
            disks = add(root, "disks")
            for target, path in self.disks().items():
                disk = add(disks, "disk", name=target, snapshot="external", type="file")
                add(disk, "driver", type="qcow2")
                add(disk, "source", file=f"{_stem(path)}.fleet-{name}")
            if memory and active:
                add(root, "memory", snapshot="external", file=f"{_stem(next(iter(self.disks().values())))}.fleet-{name}.memory")
                flags |= flag.VIR_DOMAIN_SNAPSHOT_CREATE_LIVE
            else:
                flags |= flag.VIR_DOMAIN_SNAPSHOT_CREATE_DISK_ONLY
                flags |= flag.VIR_DOMAIN_SNAPSHOT_CREATE_QUIESCE if quiesce and active else 0
        self.domain.snapshotCreateXML(ET.tostring(root, encoding="unicode"), flags)

    def disks(self, text: str | None = None) -> dict[str, str]:
        """The guest's own disks: target -> file."""
        found = {}
        for disk in ET.fromstring(text or self.domain.XMLDesc(0)).iterfind("devices/disk"):
            path = attribute(disk, "source", "file")
            if path and disk.get("device", "disk") == "disk" and disk.find("readonly") is None:
                found[attribute(disk, "target", "dev") or ""] = path
        return found

    def check(self, external: bool, memory: bool) -> None:
        """Raise VirtError for what QEMU cannot do, before anything is made."""
        active = bool(self.domain.isActive())
        if not external and active and not memory:
            raise VirtError(f"{self.guest} runs, and a snapshot inside its disks has its memory too",
                            hint="leave memory out, or take `kind: external` for the disks alone")
        if not external:
            for disk in ET.fromstring(self.domain.XMLDesc(0)).iterfind("devices/disk"):
                if attribute(disk, "driver", "type") != "qcow2" and disk.find("readonly") is None:
                    raise VirtError(f"the disk {attribute(disk, 'target', 'dev')} of {self.guest} is not qcow2, so a snapshot cannot be inside it",
                                    hint="take kind: external")

    # -- going back to one

    def revert(self, name: str) -> None:
        """The guest as it was, running if it ran. What was since then is lost, except what newer snapshots hold."""
        snapshot = self.domain.snapshotLookupByName(name)
        seen = self._read(snapshot)
        if not seen.external:
            self.domain.revertToSnapshot(snapshot, self.libvirt.VIR_DOMAIN_SNAPSHOT_REVERT_FORCE)
            return
        definition = self.definition(seen)
        if self.domain.isActive():
            self.domain.destroy()
        for disk in definition.iterfind("devices/disk"):
            source, path = disk.find("source"), attribute(disk, "source", "file")
            if source is None or path not in self.disks(seen_text(definition)).values() or path is None:
                continue
            overlay = f"{_stem(path)}.fleet-{name}.{int(time.time() * 1000) % 10**10}"
            form = attribute(disk, "driver", "type") or "raw"
            self.run(["qemu-img", "create", "-q", "-f", "qcow2", "-b", path, "-F", form, overlay])
            source.set("file", overlay)
            driver = disk.find("driver")
            if driver is not None:
                driver.set("type", "qcow2")
        text = ET.tostring(definition, encoding="unicode")
        self.host.connection.defineXML(text)
        if seen.memory:
            self.host.connection.restoreFlags(attribute(ET.fromstring(seen.text), "memory", "file"), text, self.libvirt.VIR_DOMAIN_SAVE_RUNNING)
        elif seen.state in ("running", "paused", "disk-snapshot"):
            self.domain.create()
        self.sweep()

    def definition(self, snapshot: Snapshot) -> ET.Element:
        """The guest's definition in a snapshot, fit to be defined again."""
        root = ET.fromstring(snapshot.text).find("domain")
        if root is None:
            raise VirtError(f"the snapshot {snapshot.name} of {self.guest} has no definition of the guest in it")
        for disk in root.iterfind("devices/disk"):
            for each in disk.findall("backingStore"):
                disk.remove(each)
        return root

    def held(self) -> set[str]:
        """Files that snapshots need: where each would go back to."""
        return {path for each in self.all() if each.external for path in self.disks(seen_text(self.definition(each))).values()}

    # -- removing one

    def remove(self, name: str) -> None:
        snapshot = self.domain.snapshotLookupByName(name)
        seen = self._read(snapshot)
        if not seen.external:
            snapshot.delete(0)
            return
        others = self.held_by_others(name)
        for target, base in self.disks(seen_text(self.definition(seen))).items():
            if base not in others:
                self.merge(target, base)
        self.domain.snapshotLookupByName(name).delete(self.libvirt.VIR_DOMAIN_SNAPSHOT_DELETE_METADATA_ONLY)
        self.sweep()

    def sweep(self) -> None:
        """Remove files of ours that nothing needs any more: what was written after a snapshot that was gone back to, and what a cut run left."""
        needed = {memory for each in self.all() if (memory := attribute(ET.fromstring(each.text), "memory", "file"))}
        for path in self.held() | set(self.disks().values()):
            needed |= set(self.files(path))
        for stem in {_stem(path) for path in self.disks().values()}:
            there = self.run(["sh", "-c", 'for each in "$1".fleet-*; do [ -f "$each" ] && echo "$each"; done; true', "sh", stem]).splitlines()
            for path in there:
                if path not in needed:
                    self.run(["rm", "-f", "--", path])

    def held_by_others(self, name: str) -> set[str]:
        return {path for each in self.all() if each.external and each.name != name for path in self.disks(seen_text(self.definition(each))).values()}

    def merge(self, target: str, base: str) -> None:
        """Put what the overlay on `base` holds into it, and take the overlay out of the chain. A base that is in no chain any more is removed."""
        chain = self.chain(target)
        if base not in chain:
            self.run(["rm", "-f", "--", base])
            return
        at = chain.index(base)
        if at == 0:
            return  # nothing was put on it
        overlay = chain[at - 1]
        if self.domain.isActive():
            self._commit(target, base, overlay, at == 1)
        else:
            self.run(["qemu-img", "commit", "-q", overlay])
            if at > 1:
                self.run(["qemu-img", "rebase", "-q", "-u", "-b", base, "-F", "qcow2", chain[at - 2]])
            else:
                self._point(target, base)
        self._renamed(overlay, base)
        self.run(["rm", "-f", "--", overlay])

    def chain(self, target: str) -> list[str]:
        """A disk's files, the one written to first."""
        return self.files(self.disks()[target])

    def files(self, path: str) -> list[str]:
        """A file and those it is an overlay of."""
        told = json.loads(self.run(["qemu-img", "info", "-U", "--backing-chain", "--output", "json", path]))
        return [str(each["filename"]) for each in told]

    def _commit(self, target: str, base: str, overlay: str, active: bool) -> None:
        flags = self.libvirt.VIR_DOMAIN_BLOCK_COMMIT_ACTIVE if active else 0
        domain = self.domain
        domain.blockCommit(target, base, overlay, 0, flags)
        end = time.monotonic() + MERGE
        while time.monotonic() < end:
            job = domain.blockJobInfo(target, 0)
            if not job:
                return
            if active and job["cur"] == job["end"] and job["end"] > 0 and 'ready="yes"' in domain.XMLDesc(0).replace("'", '"'):
                domain.blockJobAbort(target, self.libvirt.VIR_DOMAIN_BLOCK_JOB_ABORT_PIVOT)
                return
            time.sleep(0.05)
        raise VirtError(f"merging {overlay} into {base} took longer than {MERGE:.0f} s; it goes on, and the next apply looks again")

    def _point(self, target: str, path: str) -> None:
        """Have a stopped guest's disk be another file."""
        root = ET.fromstring(self.domain.XMLDesc(self.libvirt.VIR_DOMAIN_XML_INACTIVE | self.libvirt.VIR_DOMAIN_XML_SECURE))
        for disk in root.iterfind("devices/disk"):
            source = disk.find("source")
            if attribute(disk, "target", "dev") == target and source is not None:
                source.set("file", path)
        self.host.connection.defineXML(ET.tostring(root, encoding="unicode"))

    def _renamed(self, old: str, new: str) -> None:
        """Snapshots that would go back to a file that was merged now go back to the one it was merged into."""
        for each in self.all():
            if f"'{old}'" in each.text:
                flags = self.libvirt.VIR_DOMAIN_SNAPSHOT_CREATE_REDEFINE | (self.libvirt.VIR_DOMAIN_SNAPSHOT_CREATE_CURRENT if each.current else 0)
                root = ET.fromstring(each.text)
                for source in root.iterfind("domain/devices/disk/source"):
                    if source.get("file") == old:
                        source.set("file", new)
                self.domain.snapshotLookupByName(each.name).delete(self.libvirt.VIR_DOMAIN_SNAPSHOT_DELETE_METADATA_ONLY)
                self.domain.snapshotCreateXML(ET.tostring(root, encoding="unicode"), flags)


def _stem(path: str) -> str:
    """A disk's first file, of which the names of all its overlays are made."""
    return re.sub(r"[.]fleet-[^/]*$", "", path)


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
