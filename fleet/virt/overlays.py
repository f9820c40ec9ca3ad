"""The files that external snapshots make of a guest's disks: a forest of overlays, of which what nothing needs is merged or removed.

A disk's first file is its stem; the overlays that fleet puts on it are beside it, as STEM.fleet-SNAPSHOT. Needed are the files that the guest has now
and those its snapshots go back to, with all that they are overlays of. So whatever a cut run leaves is found, by looking alone. Methods block.
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
from fleet.virt import storage
from fleet.virt.connect import Hypervisor
from fleet.virt.xml import attribute

Command = Callable[[list[str]], str]  # runs a command on the hypervisor; raises VirtError
MERGE = 1800.0  # seconds that merging a disk may take
MEMORY = ".memory"  # ends the name of a file with the memory of a snapshot
_LIST = 'for stem; do for each in "$stem" "$stem".fleet-*; do [ ! -f "$each" ] || echo "$each"; done; done'
_INFO = 'for each; do qemu-img info -U --output json "$each" 2>/dev/null || echo null; done'


@dataclass(frozen=True)
class Layer:
    """One file. base: what it is an overlay of; None for the first, and for one that was not finished."""

    path: str
    format: str
    base: str | None


@dataclass
class Forest:
    """layers: all files of ours by path; current: disk target -> its file now; held: files that snapshots go back to."""

    layers: dict[str, Layer]
    current: dict[str, str]
    held: set[str]
    memories: set[str]  # of snapshots that are gone

    def chain(self, path: str) -> list[str]:
        """A file and those of ours that it is an overlay of."""
        found = [path]
        while (layer := self.layers.get(found[-1])) and layer.base and layer.base not in found:
            found.append(layer.base)
        return found

    def above(self, path: str) -> list[str]:
        return [each.path for each in self.layers.values() if each.base == path]

    @property
    def roots(self) -> set[str]:
        return set(self.current.values()) | self.held

    def surplus(self) -> list[str]:
        """Files that nothing is on and nothing needs; of a disk's first file that is never said."""
        needed = {each for root in self.roots for each in self.chain(root)}
        return sorted(self.memories | {path for path in self.layers if path not in needed and path != stem(path)})

    def mergeable(self) -> list[tuple[str, str]]:
        """(overlay, base) where only the overlay needs its base as it is."""
        gone = set(self.surplus())
        found = []
        for path in self.layers:
            above = [each for each in self.above(path) if each not in gone]
            if path not in self.roots and path not in gone and len(above) == 1:
                found.append((above[0], path))
        return sorted(found)


def stem(path: str) -> str:
    """A disk's first file, of which the names of all its overlays are made."""
    return re.sub(r"[.]fleet-[^/]*$", "", path)


def disks(text: str) -> dict[str, str]:
    """The guest's own disks in a definition: target -> file."""
    found = {}
    for disk in ET.fromstring(text).iterfind("devices/disk"):
        path = attribute(disk, "source", "file")
        if path and disk.get("device", "disk") == "disk" and disk.find("readonly") is None:
            found[attribute(disk, "target", "dev") or ""] = path
    return found


def volumes(host: Hypervisor, path: str) -> list[str]:
    """The overlays and files of memory of a disk, as far as they are volumes of its pool."""
    folder, _, name = stem(path).rpartition("/")
    pool = storage.find_pool(host, folder)
    return sorted(f"{folder}/{each}" for each in pool.listVolumes() if each.startswith(f"{name}.fleet-")) if pool is not None else []


def beside(run: Command, paths: list[str]) -> list[str]:
    """The files of these disks: their first ones, and all that is named after those."""
    return run(["sh", "-c", _LIST, "sh", *dict.fromkeys(stem(path) for path in paths)]).splitlines()


def look(run: Command, current: dict[str, str], held: set[str], memories: set[str]) -> Forest:
    """The forest now. memories: files of memory that snapshots have."""
    files = beside(run, [*current.values(), *held])
    plain = [path for path in files if not path.endswith(MEMORY)]
    layers: dict[str, Layer] = {}
    if len(plain) > len({stem(path) for path in plain}):
        told, at = run(["sh", "-c", _INFO, "sh", *plain]), 0
        decoder = json.JSONDecoder()
        for path in plain:
            info, at = decoder.raw_decode(told, at + len(told[at:]) - len(told[at:].lstrip()))
            info = info or {}
            layers[path] = Layer(path, str(info.get("format", "raw")), info.get("full-backing-filename"))
    return Forest(layers, current, held, {path for path in files if path.endswith(MEMORY)} - memories)


class Merge:
    """What nothing needs, taken away. renamed: is told of a file that became another (old, new layer), before the old one is removed."""

    def __init__(self, host: Hypervisor, domain: Any, run: Command, renamed: Callable[[str, Layer], None]) -> None:
        self.host, self.domain, self.run, self.renamed = host, domain, run, renamed
        self.libvirt = host.libvirt

    def jobs(self) -> list[str]:
        """Disks with a merge that a cut run left to QEMU."""
        kinds = (self.libvirt.VIR_DOMAIN_BLOCK_JOB_TYPE_COMMIT, self.libvirt.VIR_DOMAIN_BLOCK_JOB_TYPE_ACTIVE_COMMIT)
        if not self.domain.isActive():
            return []
        return [target for target in disks(self.domain.XMLDesc(0)) if self.domain.blockJobInfo(target, 0).get("type") in kinds]

    def finish(self, target: str) -> None:
        """Wait for a merge, and have the guest use what it was merged into."""
        end = time.monotonic() + MERGE
        while time.monotonic() < end:
            job = self.domain.blockJobInfo(target, 0)
            if not job:
                return
            active = job["type"] == self.libvirt.VIR_DOMAIN_BLOCK_JOB_TYPE_ACTIVE_COMMIT
            if active and job["cur"] == job["end"] and job["end"] > 0 and "ready='yes'" in self.domain.XMLDesc(0).replace('"', "'"):
                self.domain.blockJobAbort(target, self.libvirt.VIR_DOMAIN_BLOCK_JOB_ABORT_PIVOT)
                return
            time.sleep(0.05)
        raise VirtError(f"merging the disk {target} takes longer than {MERGE:.0f} s; it goes on, and the next apply looks again")

    def remove(self, path: str) -> None:
        """Remove a file, unless something that libvirt does not know of has it open or is an overlay of it."""
        if not path.endswith(MEMORY):
            self.free(path)
        self.run(["rm", "-f", "--", path])

    def free(self, path: str, apart: str = "") -> None:
        others = [each for each in storage.overlays(self.host, path) if each != apart and stem(each) != stem(path)]
        if others:
            raise VirtError(f"{path} is the backing of {', '.join(others)}", hint="remove those first")
        if not apart:
            try:
                self.run(["qemu-img", "info", path])
            except VirtError as error:
                if "lock" in str(error):
                    raise VirtError(f"{path} is open in a QEMU, and libvirt does not know of it: {error}",
                                    hint="shut its guest down and look at what is in the file before it is removed") from None

    def merge(self, forest: Forest, overlay: str, base: str) -> None:
        """Put what an overlay holds into its base, and take the overlay out."""
        self.free(base, apart=overlay)
        into = forest.layers[base]
        target = next((target for target, path in forest.current.items() if overlay in forest.chain(path)), None)
        top = target is not None and forest.current[target] == overlay
        running = target is not None and self.domain.isActive()
        if running:
            self.domain.blockCommit(target, base, overlay, 0, self.libvirt.VIR_DOMAIN_BLOCK_COMMIT_ACTIVE if top else 0)
            self.finish(str(target))
            if f"'{overlay}'" in self.domain.XMLDesc(0).replace('"', "'"):  # QEMU gave up, and does not say why
                raise VirtError(f"QEMU could not merge {overlay} into {base}", hint="is the filesystem full? Nothing is lost, and the next apply tries again")
        else:
            self.run(["qemu-img", "commit", "-q", overlay])
        for each in forest.above(overlay):
            if not (running and each in forest.chain(forest.current[str(target)])):
                self.run(["qemu-img", "rebase", "-q", "-u", "-b", base, "-F", into.format, each])
        if top and not running:
            self._point(str(target), into)
        self.renamed(overlay, into)
        self.run(["rm", "-f", "--", overlay])

    def _point(self, target: str, into: Layer) -> None:
        """Have a stopped guest's disk be another file."""
        root = ET.fromstring(self.domain.XMLDesc(self.libvirt.VIR_DOMAIN_XML_INACTIVE | self.libvirt.VIR_DOMAIN_XML_SECURE))
        for disk in root.iterfind("devices/disk"):
            if attribute(disk, "target", "dev") == target:
                point(disk, into)
        self.host.connection.defineXML(ET.tostring(root, encoding="unicode"))


def point(disk: ET.Element, into: Layer) -> None:
    """Have a disk of a definition be another file."""
    source, driver = disk.find("source"), disk.find("driver")
    if source is not None:
        source.set("file", into.path)
    if driver is not None:
        driver.set("type", into.format)
