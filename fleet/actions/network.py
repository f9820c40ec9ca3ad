"""A libvirt network on the task's host."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from typing import Any
from xml.etree import ElementTree as ET

from fleet.errors import VirtError
from fleet.runner.module import Change
from fleet.runner.spec import Opt, Ret, Spec
from fleet.virt import addresses
from fleet.virt.connect import Hypervisor, hypervisor, said
from fleet.virt.network import EFFECTS, Network, Reservation, declared, effect, network_fields, network_xml, updates
from fleet.virt.view import parse
from fleet.virt.xml import differences

_LIVE = ", ".join(name for name, cost in EFFECTS.items() if cost == "live")
SPEC = Spec(
    "network", "Declare a libvirt network on a hypervisor",
    {
        "name": Opt("str", "The network's name.", required=True),
        "state": Opt("str", "running: defined and active; present: defined; stopped: defined and not active; absent: removed.",
                     default="running", choices=["running", "present", "stopped", "absent"]),
        "forward": Opt("str", "How guests reach the world: nat; route, without translation; open, as the host's firewall has it; isolated (or none), not at "
                       "all; bridge, by an existing bridge of the host.", default="nat", choices=["nat", "route", "open", "none", "isolated", "bridge"]),
        "bridge": Opt("str", "The bridge's name; by default made from the network's name."),
        "address": Opt("str", "The host's own address on it, with its prefix: 192.168.150.1/24."),
        "dhcp": Opt("list", "First and last address to lease.", elements="str"),
        "reservations": Opt("dict", "Guest name -> the fixed address of its first interface, or {address, nic: its number} or {address, mac}; all of them "
                            "beside those that guests declare themselves.", default={}),
        "domain": Opt("str", "DNS domain of the network's guests."),
        "dns": Opt("dict", "Further DNS names the network's server answers for -> their address.", default={}),
        "mtu": Opt("int", "MTU of the bridge and of guests' interfaces."),
        "vxlan": Opt("dict", "Join the networks of several hosts: those with the same `id` are one.", suboptions={
            "id": Opt("int", "VXLAN network identifier.", required=True),
            "peers": Opt("list", "Addresses of the hosts that have this network; the host's own may be among them.", elements="str", required=True),
            "port": Opt("int", "UDP port.", default=4789),
        }),
        "uplink": Opt("str", "An interface of the host to put on the bridge, without an address of its own; with `vlan`, its VLAN only."),
        "vlan": Opt("int", "VLAN tag that the network's frames carry on `uplink`."),
        "autostart": Opt("bool", "Start it when libvirtd starts.", default=True),
        "restart": Opt("bool", "Restart a running network where a change needs it, and put its guests' interfaces back on it; they are cut off for about a "
                       "second.", default=False),
        "force": Opt("bool", "Stop or remove it although guests are on it.", default=False),
        "uri": Opt("str", "The libvirt to speak to; by default qemu:///system, or the host's fleet_libvirt_uri."),
    },
    returns={
        "name": Ret("str", "The network."), "bridge": Ret("str", "Its bridge."), "active": Ret("bool", "Whether it is running."),
        "pending": Ret("list", "Fields of which the running network has not the declared value yet.", elements="str"),
        "pending_restart": Ret("bool", "Whether there are any."),
    },
    required_by={"vlan": ["uplink"]},
    mutually_exclusive=[["vxlan", "uplink"]],
    examples="""\
- network:
    name: lan
    address: 192.168.150.1/24
    dhcp: [192.168.150.10, 192.168.150.99]
    reservations: {web1: 192.168.150.20}
    dns: {repository.lan: 192.168.150.1}

- name: One network over all hypervisors; the first serves addresses
  network:
    name: shared
    forward: isolated
    address: "{{ '10.20.0.1/24' if inventory_hostname == 'hv1' else omit }}"
    dhcp: "{{ ['10.20.0.10', '10.20.0.99'] if inventory_hostname == 'hv1' else omit }}"
    mtu: 1450
    vxlan: {id: 20, peers: "{{ groups.hypervisors | map('extract', hostvars, 'ansible_host') | list }}"}
""",
    notes=[f"Changed on the running network at once: {_LIVE}. Everything else is stored and takes effect when the network is next started; until then "
           "`pending` names it, and `restart: true` does it now.",
           "A guest keeps its lease until it renews it, also when its reservation changes.",
           "What a `guest` task reserves by its cards' own `address` is that guest's: it stays, also where `reservations` does not name it."],
)


def run(call: Any) -> Generator[Change, Any, dict[str, Any]]:
    host = hypervisor(call)
    args, network = call.args, declared(call.args)
    found = said(call, "looking for the network", host.find, "networkLookupByName", network.name)
    active = bool(found) and bool(said(call, "network", found.isActive))
    result: dict[str, Any] = {"name": network.name, "bridge": network.bridge, "pending": [], "pending_restart": False}
    if args.state in ("stopped", "absent"):
        yield from ended(call, host, network, found, active)
        if args.state == "absent":
            return {**result, "active": False}
        active = False
    elif network.forward == "bridge":
        check_bridge(call, network.bridge)
    if found:
        network.reservations += claimed(call, host, network, found)
    text = network_xml(network, host.name)
    if not found:
        found = yield Change(f"network {network.name}", "absent", "present", lambda: said(call, f"define {network.name}", host.connection.networkDefineXML, text))
    else:
        pending = yield from changed(call, host, network, found, active, text)
        result["pending"] = pending
    if args.autostart != (bool(found) and bool(said(call, "autostart", found.autostart))):
        yield Change("autostart", not args.autostart, args.autostart, lambda: said(call, "autostart", found.setAutostart, args.autostart))
    if args.state == "running" and not active:
        yield Change("running", False, True, lambda: said(call, f"start {network.name}", found.create))
        active = True
    yield from port(call, network, "present" if active else "stopped")
    return {**result, "pending_restart": bool(result["pending"]), "active": active}


def check_bridge(call: Any, bridge: str) -> None:
    answer = call.module("stat", {"path": f"/sys/class/net/{bridge}/bridge", "get_checksum": False}, check=False)
    if not answer.get("stat", {}).get("exists"):
        raise VirtError(f"the host {call.endpoint.name} has no bridge {bridge}", hint="make it first, or let libvirt have one of its own (forward: nat)")


def changed(call: Any, host: Hypervisor, network: Network, found: Any, active: bool, text: str) -> Generator[Change, Any, list[str]]:
    """Bring the stored definition and, as far as can be, the running network to the declared XML. Returns the fields that still wait."""
    stored = said(call, "network", found.XMLDesc, host.libvirt.VIR_NETWORK_XML_INACTIVE)
    live = said(call, "network", found.XMLDesc, 0) if active else stored
    wanted = network_fields(text)
    to_store = differences(network_fields(stored), wanted)
    to_live = differences(network_fields(live), wanted)
    waits = [what for what, _, _ in to_live if effect(what) == "restart"]

    def carry_out() -> None:
        if to_store:
            said(call, f"redefine {network.name}", host.connection.networkDefineXML, text)
        if active and not (waits and call.args.restart):
            for command, section, element in updates(live, text):
                said(call, f"update {network.name}", found.update, getattr(host.libvirt, f"VIR_NETWORK_UPDATE_COMMAND_{command}"),
                     getattr(host.libvirt, f"VIR_NETWORK_SECTION_{section}"), -1, element, host.libvirt.VIR_NETWORK_UPDATE_AFFECT_LIVE)

    shown = {what: (before, after) for what, before, after in [*to_live, *to_store] if what not in waits or (what, before, after) in to_store}
    for number, (what, (before, after)) in enumerate(shown.items(), 1):  # one definition carries them all
        later = active and what in waits and not call.args.restart
        yield Change(f"{what} (when next started)" if later else what, before, after, carry_out if number == len(shown) else None)
    if not waits or not call.args.restart:
        return waits
    guests = connected(call, host, network.name)
    yield Change("running", f"with the old {', '.join(waits)}", "restarted" + (f", {named(guests)} put back on it" if guests else ""),
                 lambda: restart(call, host, network, found))
    return []


def claimed(call: Any, host: Hypervisor, network: Network, found: Any) -> list[Reservation]:
    """Reservations that are there, not declared here, and claimed by a guest's own definition: they stay."""
    def look() -> list[Reservation]:
        declared = {each.mac for each in network.reservations}
        there: dict[str, tuple[str, str]] = {}
        for flags in (host.libvirt.VIR_NETWORK_XML_INACTIVE, 0):
            there.update(addresses.reserved(ET.fromstring(found.XMLDesc(flags))))
        others = {mac: each for mac, each in there.items() if mac not in declared}
        kept = []
        for domain in host.connection.listAllDomains() if others else ():
            for each in addresses.claims(parse(domain.XMLDesc(host.libvirt.VIR_DOMAIN_XML_INACTIVE))):
                if each.network == network.name and others.get(each.mac, ("",))[0] == each.address:
                    kept.append(Reservation(others[each.mac][1], each.mac, each.address))
        taken = {each.address: each.name for each in network.reservations}
        for twice in kept:
            if twice.address in taken:
                raise VirtError(f"network {network.name}: {twice.address} is to be reserved for {taken[twice.address]}, and guest {twice.name} has it",
                                hint="give one of them another address")
        return kept
    return said(call, "reservations of guests", look)


def restart(call: Any, host: Hypervisor, network: Network, found: Any) -> None:
    """Stop it and start it again; the interfaces of running guests are put back on its bridge."""
    guests = connected(call, host, network.name)
    said(call, f"stop {network.name}", found.destroy)
    said(call, f"start {network.name}", found.create)
    mtu = ["mtu", str(network.mtu or 1500)]
    for name, interface in guests:
        device = interface.find("target")
        if moved(interface, network):
            said(call, f"put {name} back on {network.name}", reattach, host, name, interface)
        elif device is not None:  # libvirt sees no difference, so the tap is put back by hand
            answer = call.module("command", {"argv": ["ip", "link", "set", "dev", device.get("dev"), "master", network.bridge, *mtu, "up"]}, check=False)
            if answer.get("failed"):
                raise VirtError(f"cannot put {name} back on {network.name}: {answer.get('stderr') or answer.get('msg')}")


def moved(interface: ET.Element, network: Network) -> bool:
    source = interface.find("source")
    return source is not None and source.get("bridge") != network.bridge


def reattach(host: Hypervisor, guest: str, interface: ET.Element) -> None:
    """libvirt moves a tap device when its network is on another bridge than before."""
    source = interface.find("source")
    for name in ("portid", "bridge"):
        if source is not None:
            source.attrib.pop(name, None)
    host.connection.lookupByName(guest).updateDeviceFlags(ET.tostring(interface, encoding="unicode"), host.libvirt.VIR_DOMAIN_AFFECT_LIVE)


def connected(call: Any, host: Hypervisor, network: str) -> list[tuple[str, ET.Element]]:
    """Running guests that have an interface on it, with the interface as libvirt has it live."""
    def look() -> list[tuple[str, ET.Element]]:
        active = host.libvirt.VIR_CONNECT_LIST_DOMAINS_ACTIVE
        found = []
        for domain in host.connection.listAllDomains(active):
            for interface in ET.fromstring(domain.XMLDesc(0)).iterfind("devices/interface"):
                source = interface.find("source")
                if source is not None and source.get("network") == network:
                    found.append((domain.name(), interface))
        return sorted(found, key=lambda each: each[0])
    return said(call, "guests of the network", look)


def named(guests: list[tuple[str, ET.Element]]) -> str:
    return ", ".join(dict.fromkeys(name for name, _ in guests))


def ended(call: Any, host: Hypervisor, network: Network, found: Any, active: bool) -> Iterator[Change]:
    if active:
        guests = connected(call, host, network.name)
        if guests and not call.args.force:
            raise VirtError(f"the network {network.name} has running guests on it: {named(guests)}", hint="stop them first, or cut them off with force: true")
    yield from port(call, network, "absent" if call.args.state == "absent" else "stopped")
    if active:
        yield Change("running", True, False, lambda: said(call, f"stop {network.name}", found.destroy))
    if found and call.args.state == "absent":
        yield Change(f"network {network.name}", "present", "absent", lambda: said(call, f"remove {network.name}", found.undefine))


def port(call: Any, network: Network, state: str) -> Iterator[Change]:
    """The bridge's port to other hosts (see the module `network_port`). Its own check says what is to be done."""
    vxlan, uplink = call.args.vxlan, call.args.uplink
    args = {"network": network.name, "bridge": network.bridge, "state": state if vxlan or uplink else "absent", "vxlan": vxlan, "uplink": uplink,
            "vlan": call.args.vlan, "mtu": network.mtu}
    looked = asked(call, args, True)
    for each in looked.get("changes", ()):
        yield Change(each["what"], each["before"], each["after"], lambda: asked(call, args, False))


def asked(call: Any, args: dict[str, Any], check: bool) -> dict[str, Any]:
    answer: dict[str, Any] = call.module("network_port", args, check=check)
    if answer.get("failed"):
        raise VirtError(str(answer.get("msg")))
    return answer
