"""A libvirt network on the task's host."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from fleet.errors import VirtError
from fleet.runner.module import Change
from fleet.runner.spec import Opt, Ret, Spec
from fleet.virt.connect import hypervisor, said
from fleet.virt.identity import checked
from fleet.virt.network import Network, network_fields, network_xml
from fleet.virt.xml import differences

SPEC = Spec(
    "network", "Declare a libvirt network on a hypervisor",
    {
        "name": Opt("str", "The network's name.", required=True),
        "state": Opt("str", "running: defined and active; present: defined; stopped: defined and not active; absent: removed.",
                     default="running", choices=["running", "present", "stopped", "absent"]),
        "bridge": Opt("str", "The bridge's name; by default made from the network's name."),
        "address": Opt("str", "The host's own address on it, with its prefix: 192.168.150.1/24."),
        "dhcp": Opt("list", "First and last address to lease.", elements="str"),
        "forward": Opt("str", "How guests reach the world.", default="nat", choices=["nat", "route", "open", "none"]),
        "domain": Opt("str", "DNS domain of the network's guests."),
        "reservations": Opt("dict", "Guest name -> its fixed address.", default={}),
        "autostart": Opt("bool", "Start it when libvirtd starts.", default=True),
    },
    returns={
        "name": Ret("str", "The network."), "bridge": Ret("str", "Its bridge."), "active": Ret("bool", "Whether it is running."),
    },
    examples="""\
- network:
    name: lan
    address: 192.168.150.1/24
    dhcp: [192.168.150.10, 192.168.150.99]
    reservations: {web1: 192.168.150.20}
""",
    notes=["A changed definition of a running network is stored, and the new reservations are added to the running one at once; other changes "
           "take effect when it is next started (`pending_restart` says so), because a restart would cut its guests off."],
)


def declared(args: Any) -> Network:
    dhcp = args.dhcp
    if dhcp is not None and len(dhcp) != 2:
        raise VirtError("dhcp takes two addresses, the first and the last")
    name = checked(args.name, "network")
    try:
        network = Network(name, args.bridge or f"fl-{name}"[:15], args.address, (dhcp[0], dhcp[1]) if dhcp else None, args.forward, args.domain,
                          {checked(str(guest), "guest"): str(address) for guest, address in args.reservations.items()})
        network_xml(network)
    except ValueError as error:
        raise VirtError(f"network {name}: {error}") from None
    return network


def run(call: Any) -> Generator[Change, Any, dict[str, Any]]:
    host = hypervisor(call)
    network = declared(call.args)
    state = call.args.state
    found = said(call, "looking for the network", host.find, "networkLookupByName", network.name)
    active = bool(found) and bool(said(call, "network", found.isActive))
    result: dict[str, Any] = {"name": network.name, "bridge": network.bridge, "pending_restart": False}

    def act(what: str, function: Any, *args: Any) -> Any:
        return lambda: said(call, f"network {network.name}: {what}", function, *args)

    if state == "absent":
        if active:
            yield Change("running", True, False, act("stop", found.destroy))
        if found:
            yield Change(f"network {network.name}", "present", "absent", act("remove", found.undefine))
        return {**result, "active": False}
    text = network_xml(network)
    if not found:
        found = yield Change(f"network {network.name}", "absent", "present", act("define", host.connection.networkDefineXML, text))
    else:
        stored = said(call, "network", found.XMLDesc, host.libvirt.VIR_NETWORK_XML_INACTIVE)
        wanted = network_fields(text)
        changes = differences(network_fields(stored), wanted)
        only_new = all(what.startswith("reservation") and before is None for what, before, _ in changes)
        result["pending_restart"] = active and not only_new

        def redefine() -> None:
            host.connection.networkDefineXML(text)
            if active:
                _add_reservations(host, found, stored, text)

        for number, (what, before, after) in enumerate(changes, 1):  # one definition carries them all
            yield Change(what, before, after, act("redefine", redefine) if number == len(changes) else None)
    if call.args.autostart != (bool(found) and bool(said(call, "autostart", found.autostart))):
        yield Change("autostart", not call.args.autostart, call.args.autostart, act("autostart", lambda: found.setAutostart(call.args.autostart)))
    if state == "running" and not active:
        yield Change("running", False, True, act("start", lambda: found.create()))
    elif state == "stopped" and active:
        yield Change("running", True, False, act("stop", found.destroy))
    return {**result, "active": state == "running" or (active and state == "present")}


def _add_reservations(host: Any, network: Any, before: str, after: str) -> None:
    """Give a running network its new DHCP reservations without restarting it."""
    from xml.etree import ElementTree as ET
    known = {each.get("mac") for each in ET.fromstring(before).iterfind("ip/dhcp/host")}
    library = host.libvirt
    for each in ET.fromstring(after).iterfind("ip/dhcp/host"):
        if each.get("mac") not in known:
            network.update(library.VIR_NETWORK_UPDATE_COMMAND_ADD_LAST, library.VIR_NETWORK_SECTION_IP_DHCP_HOST, -1,
                           ET.tostring(each, encoding="unicode"), library.VIR_NETWORK_UPDATE_AFFECT_LIVE)
