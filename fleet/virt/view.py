"""A domain's XML with what fleet notes about it in place.

libvirt keeps for fleet, in the domain's metadata, what its XML has no room for: what disks are called, which of them are protected, what was said
about first boot. A view is the domain's tree with these notes, and with what libvirt knows beside the XML, as attributes of the elements they are
about; so a field is read and written in one way, wherever it is kept.
"""

from __future__ import annotations

from collections.abc import Iterator
from xml.etree import ElementTree as ET

URN = "urn:fleet:guest:1"
PREFIX = "fleet-"
# Notes of the guest, of a disk and of a network card; whatever else begins with the prefix is what libvirt knows, and is not stored.
GUEST_NOTES = ("devices", "seed", "applied", "overlay", "image", "before")
DISK_NOTES = ("name", "path", "protected", "made")
NIC_NOTES = ("address",)
ET.register_namespace("fleet", URN)
ET.register_namespace("qemu", "http://libvirt.org/schemas/domain/qemu/1.0")
ET.register_namespace("xen", "http://libvirt.org/schemas/domain/xen/1.0")
ET.register_namespace("lxc", "http://libvirt.org/schemas/domain/lxc/1.0")


def parse(text: str) -> ET.Element:
    """The view of a domain's XML."""
    root = ET.fromstring(text)
    notes = root.find(f"metadata/{{{URN}}}guest")
    if notes is not None:
        for name in GUEST_NOTES:
            if notes.get(name) is not None:
                root.set(PREFIX + name, str(notes.get(name)))
        for note in notes:
            about, names = (nic_at(root, note.get("mac") or ""), NIC_NOTES) if note.tag.endswith("}nic") else (disk_at(root, note.get("target") or ""), DISK_NOTES)
            for name in names:
                if about is not None and note.get(name) is not None:
                    about.set(PREFIX + name, str(note.get(name)))
    return root


def unparse(view: ET.Element) -> str:
    """The XML that libvirt is to store for a view."""
    root = ET.fromstring(ET.tostring(view))
    metadata = root.find("metadata")
    if metadata is not None:
        for old in metadata.findall(f"{{{URN}}}guest"):
            metadata.remove(old)
    else:
        metadata = ET.SubElement(root, "metadata")
    noted = _noted(root, f"{{{URN}}}")
    if noted.attrib or len(noted):
        metadata.append(noted)
    for element in root.iter():
        for name in [name for name in element.attrib if name.startswith(PREFIX)]:
            del element.attrib[name]
    return ET.tostring(root, encoding="unicode")


def notes(view: ET.Element) -> str:
    """What fleet notes in a view, as libvirt takes it for a domain's metadata."""
    return ET.tostring(_noted(view, ""), encoding="unicode")


def _noted(root: ET.Element, space: str) -> ET.Element:
    found = ET.Element(f"{space}guest", _notes(root, GUEST_NOTES))
    for disk in disks(root):
        kept = _notes(disk, DISK_NOTES)
        if kept:
            ET.SubElement(found, f"{space}disk", {"target": target(disk), **kept})
    for nic in root.iterfind("devices/interface"):
        kept, mac = _notes(nic, NIC_NOTES), nic.find("mac")
        if kept and mac is not None:
            ET.SubElement(found, f"{space}nic", {"mac": mac.get("address") or "", **kept})
    return found


def note_plugged(stored: ET.Element, live: ET.Element) -> None:
    """The notes of disks that were plugged in since the guest booted: they are written in the stored definition only."""
    named = {disk.get(PREFIX + "name") for disk in disks(live)}
    for disk in disks(live):
        lasting = disk_at(stored, target(disk))
        if disk.get(PREFIX + "name") is None and lasting is not None and lasting.get(PREFIX + "name") not in named:
            for name in DISK_NOTES:
                if lasting.get(PREFIX + name) is not None:
                    disk.set(PREFIX + name, str(lasting.get(PREFIX + name)))


def _notes(element: ET.Element, names: tuple[str, ...]) -> dict[str, str]:
    return {name: str(element.get(PREFIX + name)) for name in names if element.get(PREFIX + name) is not None}


def disks(root: ET.Element) -> Iterator[ET.Element]:
    return root.iterfind("devices/disk")


def target(disk: ET.Element) -> str:
    element = disk.find("target")
    return str(element.get("dev")) if element is not None else ""


def source(disk: ET.Element) -> str | None:
    """The file, device or volume a disk is now."""
    element = disk.find("source")
    if element is None:
        return None
    return element.get("file") or element.get("dev") or element.get("name") or element.get("volume")


def disk_at(root: ET.Element, dev: str) -> ET.Element | None:
    return next((disk for disk in disks(root) if target(disk) == dev), None)


def nic_at(root: ET.Element, mac: str) -> ET.Element | None:
    return next((nic for nic in root.iterfind("devices/interface") if nic.find(f"mac[@address='{mac}']") is not None), None)


def find_disk(root: ET.Element, name: str, path: str | None = None) -> ET.Element | None:
    """The disk a task calls so: by fleet's note, else by its target, else by its place."""
    for disk in disks(root):
        if disk.get(PREFIX + "name") == name:
            return disk
    for disk in disks(root):
        if disk.get(PREFIX + "name") is None and (target(disk) == name or (path is not None and source(disk) == path)):
            return disk
    return None
