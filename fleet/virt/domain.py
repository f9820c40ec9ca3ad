"""Declared guests as libvirt's XML, and back: what can be compared is read out of both sides' XML by the same functions."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from xml.etree import ElementTree as ET

from fleet.virt.identity import uuid_of
from fleet.virt.xml import add


@dataclass
class Disk:
    """path: on the hypervisor; target: vda, vdb ...; format: qcow2 or raw."""

    path: str
    target: str
    format: str = "qcow2"
    readonly: bool = False


@dataclass
class Nic:
    """network: a libvirt network's name, or bridge: a bridge of the host."""

    mac: str
    network: str | None = None
    bridge: str | None = None
    model: str = "virtio"


@dataclass
class Guest:
    """A machine as declared. memory in KiB. accel: "kvm" or "tcg"."""

    name: str
    memory: int
    vcpus: int
    accel: str
    disks: list[Disk] = field(default_factory=list)
    nics: list[Nic] = field(default_factory=list)
    kernel: str | None = None
    initrd: str | None = None
    cmdline: str | None = None
    machine: str = "q35"


def guest_xml(guest: Guest) -> str:
    """The domain's XML. Every value goes in as text or attribute, so nothing declared can become markup."""
    root = ET.Element("domain", type="kvm" if guest.accel == "kvm" else "qemu")
    add(root, "name", guest.name)
    add(root, "uuid", uuid_of("guest", guest.name))
    add(root, "memory", str(guest.memory), unit="KiB")
    add(root, "currentMemory", str(guest.memory), unit="KiB")
    add(root, "vcpu", str(guest.vcpus))
    system = add(root, "os")
    add(system, "type", "hvm", arch="x86_64", machine=guest.machine)
    for tag, value in (("kernel", guest.kernel), ("initrd", guest.initrd), ("cmdline", guest.cmdline)):
        if value:
            add(system, tag, value)
    if not guest.kernel:
        add(system, "boot", dev="hd")
    features = add(root, "features")
    add(features, "acpi")
    add(features, "apic")
    add(root, "cpu", mode="host-passthrough" if guest.accel == "kvm" else "maximum")
    add(root, "clock", offset="utc")
    add(root, "on_poweroff", "destroy")
    add(root, "on_reboot", "restart")
    add(root, "on_crash", "destroy")
    _devices(add(root, "devices"), guest)
    return ET.tostring(root, encoding="unicode")


def _devices(devices: ET.Element, guest: Guest) -> None:
    for disk in guest.disks:
        element = add(devices, "disk", type="file", device="disk")
        add(element, "driver", name="qemu", type=disk.format, **({} if disk.readonly else {"cache": "unsafe" if guest.accel == "tcg" else "none"}))
        add(element, "source", file=disk.path)
        add(element, "target", dev=disk.target, bus="virtio")
        if disk.readonly:
            add(element, "readonly")
    for nic in guest.nics:
        element = add(devices, "interface", type="bridge" if nic.bridge else "network")
        add(element, "mac", address=nic.mac)
        if nic.bridge:
            add(element, "source", bridge=nic.bridge)
        else:
            add(element, "source", network=nic.network or "default")
        add(element, "model", type=nic.model)
    serial = add(devices, "serial", type="pty")
    add(serial, "target", port="0")
    channel = add(devices, "channel", type="unix")
    add(channel, "target", type="virtio", name="org.qemu.guest_agent.0")
    rng = add(devices, "rng", model="virtio")
    add(rng, "backend", "/dev/urandom", model="random")
    add(devices, "memballoon", model="none")


def guest_fields(text: str) -> dict[str, Any]:
    """What is declared about a guest, read from its XML; equal dicts mean nothing to change."""
    root = ET.fromstring(text)
    found: dict[str, Any] = {
        "accelerator": "kvm" if root.get("type") == "kvm" else "tcg",
        "memory": int(root.findtext("memory") or 0),
        "vcpus": int(root.findtext("vcpu") or 0),
    }
    for tag in ("kernel", "initrd", "cmdline"):
        found[tag] = root.findtext(f"os/{tag}")
    for disk in root.iterfind("devices/disk"):
        source, target, driver = disk.find("source"), disk.find("target"), disk.find("driver")
        if target is not None:
            found[f"disk {target.get('dev')}"] = (f"{source.get('file') if source is not None else None} "
                                                  f"({driver.get('type') if driver is not None else None})")
    for number, nic in enumerate(root.iterfind("devices/interface")):
        source, mac = nic.find("source"), nic.find("mac")
        place = (source.get("network") or source.get("bridge")) if source is not None else None
        found[f"interface {number}"] = f"{mac.get('address') if mac is not None else None} on {place}"
    return found
