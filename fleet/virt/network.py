"""Declared networks as libvirt's XML, and back: what can be compared is read out of both sides' XML by the same functions."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from xml.etree import ElementTree as ET

from fleet.virt.identity import mac_of, uuid_of
from fleet.virt.xml import add, attribute


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
    add(root, "name", network.name)
    add(root, "uuid", uuid_of("network", network.name))
    if network.forward != "none":
        add(root, "forward", mode=network.forward)
    add(root, "bridge", name=network.bridge, stp="off")
    add(root, "mac", address=mac_of(f"network {network.name}"))
    if network.domain:
        add(root, "domain", name=network.domain, localOnly="yes")
    if network.address:
        interface = ipaddress.ip_interface(network.address)
        ip = add(root, "ip", address=str(interface.ip), netmask=str(interface.netmask))
        if network.dhcp or network.reservations:
            dhcp = add(ip, "dhcp")
            if network.dhcp:
                add(dhcp, "range", start=network.dhcp[0], end=network.dhcp[1])
            for guest, address in network.reservations.items():
                add(dhcp, "host", mac=mac_of(guest), name=guest, ip=address)
    return ET.tostring(root, encoding="unicode")


def network_fields(text: str) -> dict[str, Any]:
    root = ET.fromstring(text)
    forward, bridge, ip = root.find("forward"), root.find("bridge"), root.find("ip")
    found: dict[str, Any] = {
        "forward": (forward.get("mode") or "nat") if forward is not None else "none",
        "bridge": bridge.get("name") if bridge is not None else None,
        "domain": attribute(root, "domain", "name"),
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
