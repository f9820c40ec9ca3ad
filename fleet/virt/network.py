"""Declared networks as libvirt's XML, and back: what can be compared is read out of both sides' XML by the same functions.

EFFECTS says what a changed field costs on a running network; it is the only place that says so.
"""

from __future__ import annotations

import hashlib
import ipaddress
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from xml.etree import ElementTree as ET

from fleet.errors import VirtError
from fleet.virt.identity import checked, mac_of, uuid_of
from fleet.virt.xml import add, attribute

# field -> live: changed on the running network; restart: only when it is started again, with its guests' interfaces put back on.
EFFECTS = {
    "reservation": "live", "dhcp": "live", "dns": "live",
    "forward": "restart", "bridge": "restart", "address": "restart", "domain": "restart", "mtu": "restart",
}
_DOMAIN = re.compile(r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*")
_BRIDGE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,14}")
_MAC = re.compile(r"[0-9a-f]{2}(:[0-9a-f]{2}){5}")


@dataclass
class Reservation:
    """The fixed address of an interface."""

    name: str
    mac: str
    address: str


@dataclass
class Network:
    """address: the host's own in CIDR form (192.168.150.1/24) or None; dhcp: (first, last) or None; forward: nat, route, open, bridge or none;
    dns: further names -> their address."""

    name: str
    bridge: str
    address: str | None = None
    dhcp: tuple[str, str] | None = None
    forward: str = "nat"
    domain: str | None = None
    reservations: list[Reservation] = field(default_factory=list)
    dns: Mapping[str, str] = field(default_factory=dict)
    mtu: int | None = None


def declared(args: Any) -> Network:
    """The network of an action's arguments. Raises VirtError for what cannot be one, before anything is made."""
    name = checked(args.name, "network")
    try:
        network = Network(name, args.bridge or bridge_of(name), args.address, _span(args.dhcp), "none" if args.forward == "isolated" else args.forward,
                          args.domain, [_reservation(guest, value) for guest, value in args.reservations.items()],
                          {_dns_name(str(each)): str(ipaddress.ip_address(str(address))) for each, address in args.dns.items()}, args.mtu)
        _consistent(network)
    except ValueError as error:
        raise VirtError(f"network {name}: {error}") from None
    return network


def bridge_of(name: str) -> str:
    """The name of a network's bridge: at most 15 letters, and another one for each network."""
    plain = f"fl-{name}"
    return plain if len(plain) <= 15 else f"fl-{name[:6]}{hashlib.sha256(name.encode()).hexdigest()[:6]}"


def _span(dhcp: list[str] | None) -> tuple[str, str] | None:
    if dhcp is None:
        return None
    if len(dhcp) != 2:
        raise ValueError("dhcp takes two addresses, the first and the last")
    return str(ipaddress.ip_address(dhcp[0])), str(ipaddress.ip_address(dhcp[1]))


def _reservation(guest: Any, value: Any) -> Reservation:
    name = checked(str(guest), "guest")
    given = value if isinstance(value, Mapping) else {"address": value}
    unknown = set(given) - {"address", "mac", "nic"}
    if unknown or "address" not in given:
        raise ValueError(f"the reservation of {name} takes an address, or a mapping of address, mac and nic")
    mac = str(given.get("mac") or mac_of(name, int(given.get("nic") or 0))).lower()
    if not _MAC.fullmatch(mac):
        raise ValueError(f"'{mac}' is not a MAC address")
    return Reservation(name, mac, str(ipaddress.ip_address(str(given["address"]))))


def _dns_name(name: str) -> str:
    if not _DOMAIN.fullmatch(name) or len(name) > 253:
        raise ValueError(f"'{name}' is not a DNS name")
    return name


def _consistent(network: Network) -> None:
    if not _BRIDGE.fullmatch(network.bridge):
        raise ValueError(f"'{network.bridge}' cannot be the name of a bridge; it takes up to 15 letters, digits, '.', '_' and '-'")
    if network.domain:
        _dns_name(network.domain)
    if network.mtu is not None and not 68 <= network.mtu <= 65535:
        raise ValueError(f"an MTU is from 68 to 65535, not {network.mtu}")
    served = {"address": network.address, "dhcp": network.dhcp, "reservations": network.reservations, "dns": network.dns, "domain": network.domain}
    if network.forward == "bridge":
        given = [name for name, value in served.items() if value]
        if given:
            raise ValueError(f"on an existing bridge libvirt serves nothing: {', '.join(given)} cannot be given")
    if not network.address:
        if network.dhcp or network.reservations:
            raise ValueError("dhcp and reservations need an address of the host on the network")
        return
    subnet = ipaddress.ip_interface(network.address).network
    addresses = [*(network.dhcp or ()), *(each.address for each in network.reservations)]
    for address in addresses:
        if ipaddress.ip_address(address) not in subnet:
            raise ValueError(f"{address} is not in {subnet}")
    if network.dhcp and ipaddress.ip_address(network.dhcp[0]) > ipaddress.ip_address(network.dhcp[1]):  # type: ignore[operator]
        raise ValueError(f"dhcp begins at {network.dhcp[0]} after it ends at {network.dhcp[1]}")
    for what in ("mac", "address"):
        values = [getattr(each, what) for each in network.reservations]
        if twice := next((value for value in values if values.count(value) > 1), None):
            raise ValueError(f"{twice} is reserved twice")


def network_xml(network: Network, host: str = "") -> str:
    """host: the hypervisor's name, since the bridges of one network on several hosts need addresses of their own."""
    root = ET.Element("network")
    add(root, "name", network.name)
    add(root, "uuid", uuid_of("network", network.name))
    if network.forward != "none":
        add(root, "forward", mode=network.forward)
    if network.forward == "bridge":
        add(root, "bridge", name=network.bridge)
        return ET.tostring(root, encoding="unicode")
    add(root, "bridge", name=network.bridge, stp="off")  # with STP a guest's port would be silent for its first four seconds
    if network.mtu:
        add(root, "mtu", size=str(network.mtu))
    add(root, "mac", address=mac_of(f"network {network.name} {host}"))
    if network.domain:
        add(root, "domain", name=network.domain, localOnly="yes")
    if network.dns:
        dns = add(root, "dns")
        for element in _dns_hosts(network).values():
            dns.append(element)
    if network.address:
        interface = ipaddress.ip_interface(network.address)
        ip = add(root, "ip", family=f"ipv{interface.version}", address=str(interface.ip), prefix=str(interface.network.prefixlen))
        if network.dhcp or network.reservations:
            dhcp = add(ip, "dhcp")
            if network.dhcp:
                add(dhcp, "range", start=network.dhcp[0], end=network.dhcp[1])
            for each in network.reservations:
                add(dhcp, "host", mac=each.mac, name=each.name, ip=each.address)
    return ET.tostring(root, encoding="unicode")


def _dns_hosts(network: Network) -> dict[str, ET.Element]:
    """libvirt wants one element an address."""
    found: dict[str, ET.Element] = {}
    for name, address in network.dns.items():
        if address not in found:
            found[address] = ET.Element("host", ip=address)
        add(found[address], "hostname", name)
    return found


def network_fields(text: str) -> dict[str, Any]:
    """What is declared of a network, by the names of EFFECTS."""
    root = ET.fromstring(text)
    forward, ip = root.find("forward"), root.find("ip")
    mtu = attribute(root, "mtu", "size")
    found: dict[str, Any] = {
        "forward": (forward.get("mode") or "nat") if forward is not None else "none", "bridge": attribute(root, "bridge", "name"),
        "domain": attribute(root, "domain", "name"), "mtu": int(mtu) if mtu else None, "address": None, "dhcp": None,
    }
    for host in root.iterfind("dns/host"):
        for each in host.iterfind("hostname"):
            found[f"dns {each.text}"] = host.get("ip")
    if ip is not None:
        mask = ip.get("netmask") or ip.get("prefix") or "32"
        found["address"] = str(ipaddress.ip_interface(f"{ip.get('address')}/{mask}"))
        span = ip.find("dhcp/range")
        found["dhcp"] = f"{span.get('start')} - {span.get('end')}" if span is not None else None
        for host in ip.iterfind("dhcp/host"):
            found[f"reservation {host.get('mac')}"] = f"{host.get('ip')} ({host.get('name')})"
    return found


def effect(what: str) -> str:
    return EFFECTS[what.split(" ", 1)[0]]


def updates(live: str, wanted: str) -> Iterator[tuple[str, str, str]]:
    """What brings the running network's live fields to those of another XML: (command, section, element's XML) as libvirt's network update names
    them, deletions first so that an address may move from one name to another."""
    old, new = ET.fromstring(live), ET.fromstring(wanted)
    for section, path, key in (("IP_DHCP_RANGE", "ip/dhcp/range", "start end"), ("IP_DHCP_HOST", "ip/dhcp/host", "mac ip name"), ("DNS_HOST", "dns/host", "ip")):
        before, after = _by(old, path, key), _by(new, path, key)
        for name, element in before.items():
            if after.get(name) != element:
                yield "DELETE", section, element
        for name, element in after.items():
            if before.get(name) != element:
                yield "ADD_LAST", section, element


def _by(root: ET.Element, path: str, key: str) -> dict[str, str]:
    found = {}
    for element in root.iterfind(path):
        clean = ET.Element(element.tag, {name: element.get(name, "") for name in ("start", "end", "mac", "name", "ip") if element.get(name)})
        for each in element.iterfind("hostname"):
            add(clean, "hostname", each.text)
        found[" ".join(element.get(name) or "" for name in key.split())] = ET.tostring(clean, encoding="unicode")
    return found
