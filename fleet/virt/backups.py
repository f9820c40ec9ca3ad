"""Backups of guests: a folder each on the hypervisor, incremental ones as qcow2 overlays of the one before.

QEMU copies a running guest's disks as they were at one moment and remembers with a checkpoint what is written from then on, so the next backup
holds only that. A backup's folder has its own name only when it is whole. Methods block.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any
from xml.etree import ElementTree as ET

from fleet.errors import VirtError
from fleet.virt import qga
from fleet.virt.connect import Hypervisor
from fleet.virt.snapshots import Snapshots
from fleet.virt.xml import add

Command = Callable[[list[str]], str]
PARTIAL = ".partial"


@dataclass(frozen=True)
class Backup:
    """parent: the one it is an overlay of, None for a whole one; disks: target -> SHA-256 of its file; paths: target -> where the disk was."""

    id: str
    created: int
    parent: str | None
    disks: dict[str, str]
    paths: dict[str, str]


class Backups:
    """Those of one guest in a folder on the hypervisor. run: runs a command there, and gives its output."""

    def __init__(self, host: Hypervisor, guest: str, folder: str, run: Command) -> None:
        self.host, self.guest, self.run = host, guest, run
        self.libvirt = host.libvirt
        self.folder = f"{folder.rstrip('/')}/{guest}"

    def all(self) -> list[Backup]:
        """Oldest first. Folders without a manifest of ours are not backups, nor are those that were not finished."""
        script = 'for each in "$1"/*/manifest.json; do case $each in *.partial/*) ;; *) [ ! -f "$each" ] || { cat "$each" && echo; } ;; esac; done'
        text = self.run(["sh", "-c", script, "sh", self.folder])
        found = []
        for line in text.splitlines():
            try:
                found.append(Backup(**json.loads(line)))
            except (ValueError, TypeError):
                continue
        return sorted(found, key=lambda each: (each.created, each.id))

    def disks(self) -> dict[str, str]:
        return Snapshots(self.host, self.guest, self.run).disks()

    # -- taking one

    def base(self, found: list[Backup], full_every: int) -> Backup | None:
        """The backup the next one can be an overlay of: the newest, where QEMU still knows what was written since, and its chain is not too long."""
        domain = self.host.find("lookupByName", self.guest)
        if domain is None or not domain.isActive() or not found:
            return None
        names = {each.getName() for each in domain.listAllCheckpoints()}
        chain = len(lineage(found, found[-1]))
        return found[-1] if found[-1].id in names and chain < full_every and found[-1].paths == self.disks() else None

    def take(self, name: str, base: Backup | None, quiesce: bool = False) -> None:
        """quiesce: the guest's agent freezes its filesystems at the moment that the backup is of, where it runs."""
        domain = self.host.connection.lookupByName(self.guest)
        work = f"{self.folder}/{name}{PARTIAL}"
        self._end(name)
        self.run(["sh", "-c", 'rm -rf -- "$1"/*.partial && mkdir -p -m 0711 -- "$1" && mkdir -m 0711 -- "$2"', "sh", self.folder, work])
        paths = self.disks()
        created = int(time.time())
        try:
            if domain.isActive():
                self._push(domain, name, base, work, paths, quiesce)
            else:
                for target, path in paths.items():
                    self.run(["qemu-img", "convert", "-q", "-O", "qcow2", path, f"{work}/{target}.qcow2"])
            if base is not None:
                for target in paths:
                    self.run(["qemu-img", "rebase", "-q", "-u", "-f", "qcow2", "-F", "qcow2", "-b", f"../{base.id}/{target}.qcow2", f"{work}/{target}.qcow2"])
            hashes = {target: self.run(["sha256sum", f"{work}/{target}.qcow2"]).split()[0] for target in paths}
            backup = Backup(name, created, base.id if base else None, hashes, paths)
            definition = domain.XMLDesc(self.libvirt.VIR_DOMAIN_XML_INACTIVE | self.libvirt.VIR_DOMAIN_XML_SECURE)
            for file, text in (("domain.xml", definition), ("manifest.json", json.dumps(asdict(backup)))):
                self.run(["sh", "-c", 'umask 077; printf %s "$1" >"$2"', "sh", text, f"{work}/{file}"])
            self.run(["sh", "-c", 'sync && mv -T -- "$1" "$2"', "sh", work, f"{self.folder}/{name}"])
        except BaseException:
            self._undo(name, work)
            raise
        for each in domain.listAllCheckpoints() if domain.isActive() else ():
            if each.getName() != name:
                each.delete(0)

    def _undo(self, name: str, work: str) -> None:
        """Take a backup back that failed, as far as can be. What is left is removed by the next one."""
        try:
            self._end(name)
        except (VirtError, self.libvirt.libvirtError):
            pass
        self.run(["rm", "-rf", "--", work])

    def _end(self, name: str) -> None:
        """End the backup of a run that was cut off, which QEMU goes on with; have the guest write again; forget the checkpoint of that name."""
        domain = self.host.connection.lookupByName(self.guest)
        qga.thaw(domain)
        if domain.isActive() and domain.jobStats().get("operation") == self.libvirt.VIR_DOMAIN_JOB_OPERATION_BACKUP:
            domain.abortJob()
            while domain.jobStats().get("type", 0) != self.libvirt.VIR_DOMAIN_JOB_NONE:
                time.sleep(0.05)
        for each in domain.listAllCheckpoints() if domain.isActive() else ():
            if each.getName() == name:
                each.delete(0)

    def _push(self, domain: Any, name: str, base: Backup | None, work: str, paths: dict[str, str], quiesce: bool) -> None:
        root = ET.Element("domainbackup")
        if base is not None:
            add(root, "incremental", base.id)
        disks = add(root, "disks")
        checkpoint = ET.Element("domaincheckpoint")
        add(checkpoint, "name", name)
        marks = add(checkpoint, "disks")
        for disk in ET.fromstring(domain.XMLDesc(0)).iterfind("devices/disk/target"):
            target = disk.get("dev", "")
            ours = target in paths
            add(marks, "disk", name=target, checkpoint="bitmap" if ours else "no")
            if not ours:
                add(disks, "disk", name=target, backup="no")
                continue
            each = add(disks, "disk", name=target, backup="yes", type="file")
            add(each, "driver", type="qcow2")
            add(each, "target", file=f"{work}/{target}.qcow2")
        marked = all(self._marks(path) for path in paths.values())
        if quiesce:
            domain.fsFreeze()
        try:
            domain.backupBegin(ET.tostring(root, encoding="unicode"), ET.tostring(checkpoint, encoding="unicode") if marked else None, 0)
        finally:  # the moment is taken; what is written from now on is not in the backup
            if quiesce:
                domain.fsThaw()
        self._finished(domain)

    def _marks(self, path: str) -> bool:
        """Whether a disk can remember what is written to it: qcow2 of version 3. Without, every backup is a whole one."""
        told = json.loads(self.run(["qemu-img", "info", "-U", "--output", "json", path]))
        return bool(told.get("format") == "qcow2" and told["format-specific"]["data"]["compat"] != "0.10")

    def _finished(self, domain: Any) -> None:
        while domain.jobStats().get("type", 0) != self.libvirt.VIR_DOMAIN_JOB_NONE:
            time.sleep(0.1)
        done = domain.jobStats(self.libvirt.VIR_DOMAIN_JOB_STATS_COMPLETED)
        if done.get("type") != self.libvirt.VIR_DOMAIN_JOB_COMPLETED or done.get("success") is False:
            raise VirtError(f"the backup of {self.guest} failed: {done.get('errmsg') or 'QEMU did not finish it'}")

    # -- going back to one

    def verify(self, found: list[Backup], backup: Backup) -> None:
        """Raise VirtError when a file of it, or of those it builds on, is not what was written."""
        for each in lineage(found, backup):
            for target, digest in each.disks.items():
                file = f"{self.folder}/{each.id}/{target}.qcow2"
                if self.run(["sha256sum", file]).split()[0] != digest:
                    raise VirtError(f"the backup {each.id} is damaged: {file} is not what was written")

    def restore(self, found: list[Backup], backup: Backup) -> None:
        """The guest with the disks of then; it runs afterwards if it did before. It is switched off for it."""
        self.verify(found, backup)
        domain = self.host.find("lookupByName", self.guest)
        ran = bool(domain is not None and domain.isActive())
        for target, path in backup.paths.items():
            self.run(["qemu-img", "convert", "-q", "-O", "qcow2", f"{self.folder}/{backup.id}/{target}.qcow2", path + PARTIAL])
        if domain is None:
            text = self.run(["cat", f"{self.folder}/{backup.id}/domain.xml"])
            domain = self.host.connection.defineXML(text)
        if ran:
            domain.destroy()
        for each in domain.listAllCheckpoints():  # what they count from is gone
            each.delete(self.libvirt.VIR_DOMAIN_CHECKPOINT_DELETE_METADATA_ONLY)
        for path in backup.paths.values():
            self.run(["mv", "-T", "--", path + PARTIAL, path])
        if ran:
            domain.create()

    def remove(self, backup: Backup) -> None:
        self.run(["rm", "-rf", "--", f"{self.folder}/{backup.id}"])


def lineage(found: list[Backup], backup: Backup) -> list[Backup]:
    """A backup and those it builds on, the whole one last. Raises VirtError when one is missing."""
    known = {each.id: each for each in found}
    chain = [backup]
    while chain[-1].parent is not None:
        parent = known.get(chain[-1].parent)
        if parent is None or parent in chain:
            raise VirtError(f"the backup {backup.id} builds on {chain[-1].parent}, which is not there")
        chain.append(parent)
    return chain


def surplus(found: list[Backup], keep: int) -> list[Backup]:
    """Which to remove, newest first, so that the newest `keep` stay, and whatever those build on."""
    needed = {each.id for kept in found[-keep:] for each in lineage(found, kept)}
    return [each for each in reversed(found) if each.id not in needed]
