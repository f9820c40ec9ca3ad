"""The devices of which a guest has several: disks, network cards, devices of the host; and the rows of their fields (see fleet.virt.table)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any
from xml.etree import ElementTree as ET

from fleet.virt import live as change
from fleet.virt.drivers import Driver
from fleet.virt.effects import Effect, Kind, Row
from fleet.virt.guest import LIMITS, Disk, Guest, Nic
from fleet.virt.lens import Lens, attribute, drop, element, ensure, flag, note, text, yes
from fleet.virt.view import PREFIX, disk_at, disks, find_disk, source, target

LIVE, RESTART = Effect.LIVE, Effect.RESTART
# The beginnings of target names by bus; a bus not named here has sd.
_LETTERS = {"virtio": "vd", "ide": "hd", "xen": "xvd", "fdc": "fd"}
_HOT = frozenset({"virtio", "scsi", "usb", "xen"})


# -- disks

def free_target(root: ET.Element, bus: str) -> str:
    letters = _LETTERS.get(bus, "sd")
    taken = {target(disk) for disk in disks(root)}
    number = 0
    while f"{letters}{_letter(number)}" in taken:
        number += 1
    return f"{letters}{_letter(number)}"


def _letter(number: int) -> str:
    return chr(ord("a") + number) if number < 26 else _letter(number // 26 - 1) + chr(ord("a") + number % 26)


def _make_disk(disk: Disk, guest: Guest, driver: Driver, root: ET.Element) -> ET.Element:
    bus = disk.bus or ("sata" if disk.device == "cdrom" and driver.name in ("qemu", "test") else driver.bus(guest.devices))
    made = element("disk", {"type": "file", "device": disk.device}, element("target", {"dev": free_target(root, bus), "bus": bus}))
    made.set(PREFIX + "name", disk.name)
    if disk.made:
        made.set(PREFIX + "made", "yes")
    if driver.images:
        kind = disk.format or ("raw" if disk.device == "cdrom" or str(disk.path).endswith((".raw", ".iso", ".img")) else "qcow2")
        made.append(element("driver", {"name": driver.images, "type": kind}))
    if disk.device == "cdrom":
        made.append(element("readonly"))
    ensure(root, "devices").append(made)
    return made


def _read_path(disk: ET.Element) -> str | None:
    """Where the task says the disk is. Snapshots and copies move a disk on to other files; that is not the task's change."""
    return disk.get(PREFIX + "path") or source(disk)


def _write_path(disk: ET.Element, value: str | None, driver: Driver) -> None:
    for tag in ("source", "backingStore"):
        drop(disk, tag)
    disk.attrib.pop(PREFIX + "path", None)
    if value is not None:
        block = value.startswith("/dev/")
        disk.set("type", "block" if block else "file")
        disk.set(PREFIX + "path", value)
        disk.append(element("source", {"dev" if block else "file": value}))


def _insert(live: Any, disk: ET.Element, value: Any) -> None:
    """Another medium in a running guest's drive."""
    drive = ET.fromstring(ET.tostring(disk))
    from fleet.virt.drivers import QEMU
    _write_path(drive, value, QEMU)
    change.update(live, drive)


def _path_effect(before: Any, after: Any, live: ET.Element | None) -> Effect:
    drive = live is not None and any(disk.get("device") == "cdrom" and _read_path(disk) == before for disk in disks(live))
    return LIVE if drive else RESTART


def _write_bus(disk: ET.Element, value: str, driver: Driver) -> None:
    place = ensure(disk, "target")
    if place.get("bus") != value:
        place.set("bus", value)
        place.set("dev", "")  # given anew when the view is complete: see settle
        drop(disk, "address")


def settle(root: ET.Element) -> None:
    """Targets for the disks that changed their bus."""
    for disk in disks(root):
        if target(disk) == "":
            place = ensure(disk, "target")
            place.set("dev", free_target(root, place.get("bus") or ""))


def _read_limits(disk: ET.Element) -> dict[str, int]:
    found = {ours: int(disk.findtext(f"iotune/{name}") or 0) for ours, name in LIMITS.items()}
    return {name: value for name, value in found.items() if value}


def _write_limits(disk: ET.Element, value: dict[str, int], driver: Driver) -> None:
    drop(disk, "iotune")
    for name, limit in value.items():
        if limit:
            ensure(disk, f"iotune/{LIMITS[name]}").text = str(limit)


def _plug_disk(disk: ET.Element) -> Effect:
    place = disk.find("target")
    return LIVE if place is not None and place.get("bus") in _HOT and disk.get("device", "disk") == "disk" else RESTART


def _nonzero(now: Any, wanted: Any) -> bool:
    return bool({k: v for k, v in now.items() if v} == {k: v for k, v in wanted.items() if v})


def _other_disks(root: ET.Element, guest: Guest) -> Iterator[ET.Element]:
    """Disks that nothing declares. A guest's own disk and seed are declared by other options, so they are never among these."""
    if not guest.other_disks:
        return
    named = [find_disk(root, disk.name, disk.path) for disk in guest.disks]
    for number, disk in enumerate(disks(root)):
        own = disk.get(PREFIX + "name") in ("root", "seed") or (number == 0 and disk.get(PREFIX + "name") is None)
        if not own and not any(disk is each for each in named):
            yield disk


def disk_label(disk: Any) -> str:
    return f"disk {disk.name}" if isinstance(disk, Disk) else f"disk {disk.get(PREFIX + 'name') or target(disk)}"


DISK = Kind(
    "disk", "disks", "A disk or drive.",
    (
        Row("path", "Its volume; the data of the one before stays where it is.", _path_effect, Lens(_read_path, _write_path), _insert,
            when="live for the medium of a cdrom, else restart"),
        Row("format", "Format of the volume.", RESTART, attribute("driver", "type")),
        Row("bus", "What it is attached to.", RESTART, Lens(attribute("target", "bus").read, _write_bus)),
        Row("size", "Capacity; it only grows.", LIVE, note("capacity", int), beside=change.size, unit="bytes"),
        Row("readonly", "Cannot be written to.", RESTART, flag("readonly")),
        Row("cache", "Cache mode of the host.", RESTART, attribute("driver", "cache"), same=lambda now, wanted: (now or "default") == wanted),
        Row("serial", "Serial number the guest sees.", RESTART, text("serial")),
        Row("bandwidth", "Limits of bytes and operations a second.", LIVE, Lens(_read_limits, _write_limits), change.limits, same=_nonzero),
        Row("protected", "Is only destroyed where the task names it in may_lose.", LIVE, note("protected", yes, False), noted=True),
        Row("backing", "The image it is an overlay of.", Effect.RECREATE, note("backing"), loses="all data of the disk", noted=True,
            same=lambda now, wanted: now is None or now == wanted),
    ),
    find=lambda root, disk: find_disk(root, disk.name, disk.path),
    make=_make_disk, others=_other_disks, all=disks, label=disk_label,
    key=lambda disk: disk.get(PREFIX + "name") or target(disk), spot=target, plug=_plug_disk, when="live on virtio, scsi and usb; restart on ide and sata")


# -- network cards

def _nics(root: ET.Element) -> Iterator[ET.Element]:
    return root.iterfind("devices/interface")


def _mac(nic: ET.Element) -> str:
    return str(attribute("mac", "address").read(nic) or "").lower()


def _read_source(nic: ET.Element) -> tuple[str, str]:
    kind = str(nic.get("type"))
    place = nic.find("source")
    return kind, str((place.get(kind) or "") if place is not None else "")


def _write_source(nic: ET.Element, value: tuple[str, str], driver: Driver) -> None:
    drop(nic, "source")
    nic.set("type", value[0])
    nic.append(element("source", {value[0]: value[1]}))


def _read_traffic(nic: ET.Element) -> dict[str, int]:
    found = {ours: int(attribute(f"bandwidth/{way}", "average").read(nic) or 0) for ours, way in (("in", "inbound"), ("out", "outbound"))}
    return {name: value for name, value in found.items() if value}


def _write_traffic(nic: ET.Element, value: dict[str, int], driver: Driver) -> None:
    drop(nic, "bandwidth")
    for ours, way in (("in", "inbound"), ("out", "outbound")):
        if value.get(ours):
            ensure(nic, "bandwidth").append(element(way, {"average": str(value[ours])}))


def _updated(lens_write: Callable[[ET.Element, Any, Driver], None]) -> Callable[[Any, ET.Element, Any], None]:
    def live(context: Any, nic: ET.Element, value: Any) -> None:
        from fleet.virt.drivers import QEMU
        wanted = ET.fromstring(ET.tostring(nic))
        for tag in ("target", "alias"):
            drop(wanted, tag)
        lens_write(wanted, value, QEMU)
        change.update(context, wanted)
    return live


def _make_nic(nic: Nic, guest: Guest, driver: Driver, root: ET.Element) -> ET.Element:
    made = element("interface", {"type": nic.source[0]}, element("mac", {"address": nic.mac}), element("model", {"type": driver.nic(guest.devices)}))
    ensure(root, "devices").append(made)
    return made


def _other_nics(root: ET.Element, guest: Guest) -> Iterator[ET.Element]:
    known = {nic.mac.lower() for nic in guest.nics or ()}
    return (nic for nic in _nics(root) if guest.nics is not None and _mac(nic) not in known)


def _write_address(nic: ET.Element, value: str, driver: Driver) -> None:
    note("address").write(nic, None if value == "none" else value, driver)


_link = attribute("link", "state", default="up")
NIC = Kind(
    "network card", "nics", "A network card.",
    (
        Row("source", "The network or bridge it is on.", LIVE, Lens(_read_source, _write_source), _updated(_write_source)),
        Row("model", "Model.", RESTART, attribute("model", "type")),
        Row("bandwidth", "Average traffic in and out.", LIVE, Lens(_read_traffic, _write_traffic), change.traffic, same=_nonzero, unit="KiB"),
        Row("link", "Whether its cable is plugged in.", LIVE, _link, _updated(_link.write)),
        Row("address", "Its fixed address: the reservation; the guest takes it up when it renews its lease or boots.", LIVE,
            Lens(note("address").read, _write_address), noted=True, same=lambda now, wanted: (now or "none") == wanted,
            when="live where the network serves DHCP; else on a first boot only"),
    ),
    find=lambda root, nic: next((each for each in _nics(root) if _mac(each) == nic.mac.lower()), None),
    make=_make_nic, others=_other_nics, all=_nics,
    label=lambda nic: f"network card {nic.mac if isinstance(nic, Nic) else _mac(nic)}",
    key=_mac, spot=_mac, plug=lambda nic: LIVE)


# -- devices of the host

PCI_ADDRESS = re.compile(r"([0-9a-f]{4}):([0-9a-f]{2}):([0-9a-f]{2})\.([0-7])")
USB_ID = re.compile(r"([0-9a-f]{4}):([0-9a-f]{4})")


def _hostdevs(kind: str) -> Callable[[ET.Element], Iterator[ET.Element]]:
    return lambda root: root.iterfind(f"devices/hostdev[@type='{kind}']")


def _pci(device: ET.Element) -> str:
    address = device.find("source/address")
    if address is None:
        return ""
    domain, bus, slot, function = (int(address.get(name) or "0", 0) for name in ("domain", "bus", "slot", "function"))
    return f"{domain:04x}:{bus:02x}:{slot:02x}.{function:x}"


def _usb(device: ET.Element) -> str:
    return ":".join(f"{int(attribute(f'source/{part}', 'id').read(device) or '0', 0):04x}" for part in ("vendor", "product"))


def _make_pci(name: str, guest: Guest, driver: Driver, root: ET.Element) -> ET.Element:
    match = PCI_ADDRESS.fullmatch(name)
    assert match is not None  # checked when declared
    address = {part: f"0x{value}" for part, value in zip(("domain", "bus", "slot", "function"), match.groups(), strict=True)}
    made = element("hostdev", {"mode": "subsystem", "type": "pci", "managed": "yes"}, element("source", None, element("address", address)))
    ensure(root, "devices").append(made)
    return made


def _make_usb(name: str, guest: Guest, driver: Driver, root: ET.Element) -> ET.Element:
    vendor, product = name.split(":")
    made = element("hostdev", {"mode": "subsystem", "type": "usb", "managed": "yes"},
                   element("source", None, element("vendor", {"id": f"0x{vendor}"}), element("product", {"id": f"0x{product}"})))
    ensure(root, "devices").append(made)
    return made


def _hostdev(kind: str, doc: str, key: Callable[[ET.Element], str], make: Callable[[str, Guest, Driver, ET.Element], ET.Element]) -> Kind:
    every = _hostdevs(kind)
    return Kind(f"{kind} device", kind, doc, (), find=lambda root, name: next((each for each in every(root) if key(each) == name), None), make=make,
                others=lambda root, guest: (each for each in every(root) if getattr(guest, kind) is not None and key(each) not in getattr(guest, kind)),
                all=every, label=lambda device: f"{kind} device {device if isinstance(device, str) else key(device)}", key=key, spot=key, plug=lambda device: LIVE)


PCI = _hostdev("pci", "A PCI device of the host, by its address.", _pci, _make_pci)
USB = _hostdev("usb", "A USB device of the host, by vendor and product.", _usb, _make_usb)
KINDS = (DISK, NIC, PCI, USB)
__all__ = ["DISK", "KINDS", "NIC", "PCI", "USB", "disk_at", "settle"]
