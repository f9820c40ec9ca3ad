"""Declared guests and networks as libvirt's XML, and back: what can be compared is read out of both sides' XML by the same functions."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from xml.etree import ElementTree as ET

from fleet.virt.identity import mac_of, uuid_of


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


def _add(parent: ET.Element, tag: str, text: str | None = None, **attributes: str) -> ET.Element:
    element = ET.SubElement(parent, tag, {name.rstrip("_"): value for name, value in attributes.items()})
    element.text = text
    return element


def guest_xml(guest: Guest) -> str:
    """The domain's XML. Every value goes in as text or attribute, so nothing declared can become markup."""
    root = ET.Element("domain", type="kvm" if guest.accel == "kvm" else "qemu")
    _add(root, "name", guest.name)
    _add(root, "uuid", uuid_of("guest", guest.name))
    _add(root, "memory", str(guest.memory), unit="KiB")
    _add(root, "currentMemory", str(guest.memory), unit="KiB")
    _add(root, "vcpu", str(guest.vcpus))
    system = _add(root, "os")
    _add(system, "type", "hvm", arch="x86_64", machine=guest.machine)
    for tag, value in (("kernel", guest.kernel), ("initrd", guest.initrd), ("cmdline", guest.cmdline)):
        if value:
            _add(system, tag, value)
    if not guest.kernel:
        _add(system, "boot", dev="hd")
    features = _add(root, "features")
    _add(features, "acpi")
    _add(features, "apic")
    _add(root, "cpu", mode="host-passthrough" if guest.accel == "kvm" else "maximum")
    _add(root, "clock", offset="utc")
    _add(root, "on_poweroff", "destroy")
    _add(root, "on_reboot", "restart")
    _add(root, "on_crash", "destroy")
    _devices(_add(root, "devices"), guest)
    return ET.tostring(root, encoding="unicode")


def _devices(devices: ET.Element, guest: Guest) -> None:
    for disk in guest.disks:
        element = _add(devices, "disk", type="file", device="disk")
        _add(element, "driver", name="qemu", type=disk.format, **({} if disk.readonly else {"cache": "unsafe" if guest.accel == "tcg" else "none"}))
        _add(element, "source", file=disk.path)
        _add(element, "target", dev=disk.target, bus="virtio")
        if disk.readonly:
            _add(element, "readonly")
    for nic in guest.nics:
        element = _add(devices, "interface", type="bridge" if nic.bridge else "network")
        _add(element, "mac", address=nic.mac)
        if nic.bridge:
            _add(element, "source", bridge=nic.bridge)
        else:
            _add(element, "source", network=nic.network or "default")
        _add(element, "model", type=nic.model)
    serial = _add(devices, "serial", type="pty")
    _add(serial, "target", port="0")
    channel = _add(devices, "channel", type="unix")
    _add(channel, "target", type="virtio", name="org.qemu.guest_agent.0")
    rng = _add(devices, "rng", model="virtio")
    _add(rng, "backend", "/dev/urandom", model="random")
    _add(devices, "memballoon", model="none")


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


@dataclass
class Network:
    """address: the host's own in CIDR form (192.168.150.1/24) or None; dhcp: (first, last) or None; forward: nat, route, open or none."""

    name: str
    bridge: str
    address: str | None = None
    dhcp: tuple[str, str] | None = None
    forward: str = "nat"
    domain: str | None = None
    reservations: Mapping[str, str] = field(default_factory=dict)


def network_xml(network: Network) -> str:
    root = ET.Element("network")
    _add(root, "name", network.name)
    _add(root, "uuid", uuid_of("network", network.name))
    if network.forward != "none":
        _add(root, "forward", mode=network.forward)
    _add(root, "bridge", name=network.bridge, stp="on", delay="0")
    _add(root, "mac", address=mac_of(f"network {network.name}"))
    if network.domain:
        _add(root, "domain", name=network.domain, localOnly="yes")
    if network.address:
        interface = ipaddress.ip_interface(network.address)
        ip = _add(root, "ip", address=str(interface.ip), netmask=str(interface.netmask))
        if network.dhcp or network.reservations:
            dhcp = _add(ip, "dhcp")
            if network.dhcp:
                _add(dhcp, "range", start=network.dhcp[0], end=network.dhcp[1])
            for guest, address in network.reservations.items():
                _add(dhcp, "host", mac=mac_of(guest), name=guest, ip=address)
    return ET.tostring(root, encoding="unicode")


def network_fields(text: str) -> dict[str, Any]:
    root = ET.fromstring(text)
    forward, bridge, ip = root.find("forward"), root.find("bridge"), root.find("ip")
    found: dict[str, Any] = {
        "forward": (forward.get("mode") or "nat") if forward is not None else "none",
        "bridge": bridge.get("name") if bridge is not None else None,
        "domain": _attribute(root, "domain", "name"),
        "address": None, "dhcp": None,
    }
    if ip is not None:
        mask = ip.get("netmask") or ip.get("prefix") or "32"
        found["address"] = str(ipaddress.ip_interface(f"{ip.get('address')}/{mask}"))
        span = ip.find("dhcp/range")
        found["dhcp"] = f"{span.get('start')} - {span.get('end')}" if span is not None else None
        for host in ip.iterfind("dhcp/host"):
            found[f"reservation {host.get('mac')}"] = f"{host.get('ip')} ({host.get('name')})"
    return found


def _attribute(root: ET.Element, tag: str, name: str) -> str | None:
    element = root.find(tag)
    return element.get(name) if element is not None else None


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[tuple[str, Any, Any]]:
    """(field, before, after) for every field that differs."""
    keys: Sequence[str] = list(dict.fromkeys([*after, *before]))
    return [(key, before.get(key), after.get(key)) for key in keys if before.get(key) != after.get(key)]
