"""The addresses of a guest's network cards: looked up before anything is made, reserved in their networks, kept in step, given up."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from xml.etree import ElementTree as ET

from fleet.errors import NotYet, VirtError
from fleet.runner.module import Change
from fleet.virt import addresses
from fleet.virt import domain as domains
from fleet.virt.addresses import Claim
from fleet.virt.connect import Hypervisor, said
from fleet.virt.guest import Guest
from fleet.virt.machine import Machine, Seen
from fleet.virt.view import PREFIX, nic_at, parse


def network(call: Any, host: Hypervisor, name: str, stored: bool = False) -> ET.Element | None:
    """A libvirt network as it runs (or is stored), or None."""
    def look() -> ET.Element | None:
        found = host.find("networkLookupByName", name)
        return None if found is None else ET.fromstring(found.XMLDesc(host.libvirt.VIR_NETWORK_XML_INACTIVE if stored else 0))
    return said(call, f"network {name}", look)


def fixed(call: Any, host: Hypervisor, guest: Guest, seen: Seen | None) -> dict[str, Mapping[str, Any]]:
    """Network data, by MAC, of the cards whose address nothing serves. Raises VirtError for what another guest has."""
    found: dict[str, Mapping[str, Any]] = {}
    for nic in guest.nics or ():
        if nic.address in (None, addresses.NONE):
            continue
        there = network(call, host, nic.source[1]) if nic.source[0] == "network" else None
        if there is None and nic.source[0] == "network":
            raise NotYet(f"guest {guest.name}: there is no network {nic.source[1]} on {host.name}", hint="declare it with the `network` module first")
        data = addresses.static(nic, there)
        if data is not None:
            found[nic.mac] = data
            _alone(call, host, guest, nic.mac, nic.source, str(nic.address), seen)
        elif nic.gateway or nic.nameservers:
            raise VirtError(f"guest {guest.name}: the network {nic.source[1]} serves DHCP, and tells the gateway and nameservers itself")
    return found


def _alone(call: Any, host: Hypervisor, guest: Guest, mac: str, source: tuple[str, str], address: str, seen: Seen | None) -> None:
    """That no other guest has a static address, looked at when it is new."""
    if seen is not None and _noted(seen.stored, mac) == address:
        return

    def look() -> str | None:
        for domain in host.connection.listAllDomains():
            view = parse(domain.XMLDesc(host.libvirt.VIR_DOMAIN_XML_INACTIVE)) if domain.name() != guest.name else ET.Element("none")
            for nic in view.iterfind("devices/interface"):
                place = nic.find("source")
                same = place is not None and place.get(source[0]) == source[1]
                if same and addresses.plain(nic.get(PREFIX + "address") or "") == addresses.plain(address):
                    return str(domain.name())
        return None
    holder = said(call, "addresses of other guests", look)
    if holder is not None:
        raise VirtError(f"guest {guest.name}: the address {addresses.plain(address)} on {source[1]} is that of guest {holder}",
                        hint="give one of them another address")


def reserve(call: Any, machine: Machine, declared: Any, seen: Seen | None) -> list[Change]:
    """The changes from what the guest claims to what it will: reservations made, moved and taken away, in the running and the stored network.

    declared: the guest as wanted (fleet.actions._guest.Wanted). Raises VirtError for a claim that its network cannot give, before anything is made.
    """
    before = addresses.claims(seen.stored) if seen is not None else []
    if not before and not any(nic.address for nic in declared.guest.nics or ()):
        return []
    after = domains.build(declared.guest, declared.driver) if seen is None else domains.stored_as(declared.guest, declared.driver, seen.stored)
    wanted = {(each.network, each.mac): each for each in addresses.claims(after)}
    for mac in declared.fixed:
        if seen is not None and _noted(seen.stored, mac) != _noted(after, mac):
            call.warn(f"{_noted(after, mac)} of {machine.name}'s card {mac} is first-boot data: only a new guest reads it")
    found = [change for each in before if (each.network, each.mac) not in wanted for change in _released(call, machine.host, each)]
    return [*found, *(change for each in wanted.values() for change in _reserved(call, machine.host, each))]


def release(call: Any, machine: Machine, stored: ET.Element) -> Iterator[Change]:
    """All that a guest that goes has reserved."""
    for each in addresses.claims(stored):
        yield from _released(call, machine.host, each)


def _noted(view: ET.Element, mac: str) -> str | None:
    nic = nic_at(view, mac)
    return nic.get(PREFIX + "address") if nic is not None else None


def _reserved(call: Any, host: Hypervisor, claim: Claim) -> Iterator[Change]:
    steps, before = [], None
    for stored in (False, True):
        there = network(call, host, claim.network, stored)
        if there is None or not addresses.serves(there):
            return
        addresses.check(claim, there)
        before = before or addresses.reserved(there).get(claim.mac, (None,))[0]
        steps += [(command, stored) for command, _ in addresses.updates(claim, there)]
    if steps:
        yield Change(f"reservation in the network {claim.network}", before, f"{claim.address} for {claim.name} ({claim.mac})",
                     lambda: _update(call, host, claim, steps))


def _released(call: Any, host: Hypervisor, claim: Claim) -> Iterator[Change]:
    steps = []
    for stored in (False, True):
        there = network(call, host, claim.network, stored)
        if there is not None and addresses.reserved(there).get(claim.mac, ("",))[0] == claim.address:
            steps.append(("DELETE", stored))
    if steps:
        yield Change(f"reservation in the network {claim.network}", f"{claim.address} for {claim.name} ({claim.mac})", None,
                     lambda: _update(call, host, claim, steps))


def _update(call: Any, host: Hypervisor, claim: Claim, steps: list[tuple[str, bool]]) -> None:
    lib = host.libvirt

    def update() -> None:
        found = host.find("networkLookupByName", claim.network)
        active = found is not None and found.isActive()
        for command, stored in steps:
            if found is None or not (stored or active):
                continue  # a network that does not run has its stored definition only
            found.update(getattr(lib, f"VIR_NETWORK_UPDATE_COMMAND_{command}"), lib.VIR_NETWORK_SECTION_IP_DHCP_HOST, -1, addresses.element(claim),
                         lib.VIR_NETWORK_UPDATE_AFFECT_CONFIG if stored else lib.VIR_NETWORK_UPDATE_AFFECT_LIVE)
    said(call, f"reserve {claim.address} in {claim.network}", update)
