"""Fixed addresses of guests' network cards: a reservation where libvirt's network serves DHCP, else first-boot data.

A card's address is noted in its guest's definition, which is what claims a reservation: it is kept while the note is there, whatever else is declared
of the network, and goes with the card or the guest.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from xml.etree import ElementTree as ET

from fleet.errors import VirtError
from fleet.virt.guest import Nic
from fleet.virt.lens import attribute
from fleet.virt.view import PREFIX

NONE = "none"  # a declared address that is none: what was noted is given up


@dataclass(frozen=True)
class Claim:
    """A card's address on a network of libvirt's."""

    network: str
    mac: str
    address: str
    name: str  # of the reservation, and so in the network's DNS


def claims(view: ET.Element) -> list[Claim]:
    """What a guest's view notes, its first card on each network by the guest's own name."""
    found: list[Claim] = []
    seen: dict[str, int] = {}
    for nic in view.iterfind("devices/interface"):
        network, address = attribute("source", "network").read(nic), nic.get(PREFIX + "address")
        if not network:
            continue
        number = seen[network] = seen.get(network, -1) + 1
        if address:
            name = str(view.findtext("name")) + (f"-{number}" if number else "")
            found.append(Claim(network, str(attribute("mac", "address").read(nic)).lower(), plain(address), name))
    return found


def plain(address: str) -> str:
    """Without its prefix."""
    return address.partition("/")[0]


def serves(network: ET.Element) -> bool:
    """Whether libvirt leases addresses on a network."""
    return any(network.find(f"ip/dhcp/{tag}") is not None for tag in ("range", "host"))


def reserved(network: ET.Element) -> dict[str, tuple[str, str]]:
    """MAC -> (address, name) of a network's reservations."""
    return {str(each.get("mac")).lower(): (str(each.get("ip")), str(each.get("name"))) for each in network.iterfind("ip/dhcp/host") if each.get("mac")}


def subnet(network: ET.Element, address: str) -> ipaddress.IPv4Interface | ipaddress.IPv6Interface | None:
    """The host's own address on a network, of the subnet that `address` is in."""
    for ip in network.iterfind("ip"):
        own = ipaddress.ip_interface(f"{ip.get('address')}/{ip.get('prefix') or ip.get('netmask') or '32'}")
        if ipaddress.ip_address(address) in own.network:
            return own
    return None


def check(claim: Claim, network: ET.Element) -> None:
    """Refuse what cannot be reserved. Raises VirtError, which names who has the address."""
    def wrong(why: str, hint: str = "") -> VirtError:
        return VirtError(f"{claim.name}: {claim.address} on the network {claim.network} {why}", hint=hint)

    if ipaddress.ip_address(claim.address).version == 6:
        raise wrong("cannot be reserved by a network card's own address", "libvirt's DHCPv6 knows guests by other ids")
    own = subnet(network, claim.address)
    if own is None:
        raise wrong("is in no subnet of it")
    if claim.address in (str(own.ip), str(own.network.network_address), str(own.network.broadcast_address)):
        raise wrong("is the host's own" if claim.address == str(own.ip) else "stands for the whole subnet")
    for mac, (address, name) in reserved(network).items():
        if mac != claim.mac and address == claim.address:
            raise wrong(f"is reserved for {name} ({mac})", "give one of them another address")
        if mac != claim.mac and name == claim.name:
            raise wrong(f"cannot be reserved: the name has {address} ({mac}) there", "take that reservation away, or give the card that mac")


def updates(claim: Claim, network: ET.Element) -> Iterator[tuple[str, str]]:
    """(command, element) of libvirt's network update that makes the reservation; none where it is there, by whatever name."""
    now = reserved(network).get(claim.mac)
    if now is None or now[0] != claim.address:
        yield "ADD_LAST" if now is None else "MODIFY", element(claim)


def element(claim: Claim) -> str:
    return ET.tostring(ET.Element("host", mac=claim.mac, name=claim.name, ip=claim.address), encoding="unicode")


# -- where nothing serves them

def static(nic: Nic, network: ET.Element | None) -> dict[str, Any] | None:
    """The network data of a card that no DHCP serves; None for one that has no address of its own, or a reserved one. network: libvirt's, if it is on one."""
    if nic.address in (None, NONE) or (network is not None and serves(network)):
        return None
    own = subnet(network, plain(str(nic.address))) if network is not None else None
    address, gateway, servers = str(nic.address), nic.gateway, list(nic.nameservers)
    if "/" not in address:
        if own is None:
            raise VirtError(f"the address {address} needs its prefix, such as {address}/24: nothing serves DHCP on {nic.source[1]}")
        address = f"{address}/{own.network.prefixlen}"
    if own is not None and network is not None and network.find("forward") is not None:
        gateway = gateway or str(own.ip)
    if own is not None:
        servers = servers or [str(own.ip)]
    found: dict[str, Any] = {"addresses": [address]}
    if gateway:
        found["routes"] = [{"to": "0.0.0.0/0" if ipaddress.ip_address(gateway).version == 4 else "::/0", "via": gateway}]
    if servers:
        found["nameservers"] = {"addresses": servers}
    return found


def network_data(nics: tuple[Nic, ...], fixed: Mapping[str, Mapping[str, Any]]) -> dict[str, Any] | None:
    """cloud-init's network configuration (version 2) for cards of which some have `fixed` data (by MAC), the others DHCP; None where none has."""
    if not fixed:
        return None
    cards = {f"nic{number}": {"match": {"macaddress": nic.mac}, **(fixed.get(nic.mac) or {"dhcp4": True})} for number, nic in enumerate(nics)}
    return {"version": 2, "ethernets": cards}
