"""Waiting for a guest: that it is off, has an address, answers; and why it does not, when it does not."""

from __future__ import annotations

import time
from collections.abc import Generator
from pathlib import Path
from typing import Any

from fleet.actions import _guest_cloud
from fleet.errors import VirtError
from fleet.runner.module import Change
from fleet.virt import identity, qga
from fleet.virt.connect import said
from fleet.virt.machine import Machine, Watch
from fleet.virt.table import GUEST, log_of

_NOTICE = 30.0  # seconds that a guest may take to see what was plugged in
_TAIL = 4000  # bytes of the console shown


def shut_down(call: Any, machine: Machine) -> None:
    """Ask it to shut down and wait for that; the plug is pulled only where the task says `force`."""
    limit = call.args.shutdown_timeout
    with Watch(call, machine) as watch:
        end = time.monotonic() + limit
        off = False
        while not off and time.monotonic() < end:
            # Asked again now and then: a system that is only just starting does not hear the button.
            said(call, "shut down", _press, machine)
            off = watch.until(lambda: not machine.domain.isActive(), min(10.0, max(end - time.monotonic(), 0.1)))
        if off or not said(call, "guest", machine.domain.isActive):
            return
    if not call.args.force:
        raise VirtError(f"guest {machine.name} did not shut down within {limit:.0f} s and runs on", hint="force: true pulls its plug then")
    call.warn(f"{machine.name} did not shut down in time and was switched off")
    said(call, "switch off", machine.power_off)


def _press(machine: Machine) -> None:
    domain = machine.domain
    if not domain.isActive():
        return
    if domain.state()[0] == 3:
        domain.resume()  # a paused system cannot shut down
    try:
        domain.shutdown()
    except machine.libvirt.libvirtError:
        if domain.isActive():
            raise


def restart(call: Any, machine: Machine) -> None:
    """Shut down and start: a new machine, with all that is stored."""
    shut_down(call, machine)
    said(call, f"start {machine.name}", machine.start)


def wait(call: Any, machine: Machine, key: tuple[str, str] | None) -> Generator[Change, Any, dict[str, Any]]:
    """Whatever the task waits for; the address where that is known. key: its host key, to be known before the first connection."""
    what = call.args.wait
    if what == "none":
        return {}
    end = time.monotonic() + call.args.timeout
    if what == "agent":
        agent(call, machine, end)
        return {}
    found = address(call, machine, end)
    if key is not None:
        yield from known(call, found, key[1])
    if what == "ssh":
        ssh(call, machine, found, end)
    if what == "cloud-init":
        cloud_init(call, machine, end)
    return {"address": found}


def _left(end: float) -> float:
    return max(end - time.monotonic(), 0.1)


def address(call: Any, machine: Machine, end: float) -> str:
    """Its first IPv4 address, from the leases of its networks, else from the guest agent."""
    with Watch(call, machine, every=0.5) as watch:  # a lease is no event of libvirt's
        found = watch.until(lambda: _address(machine) or not machine.domain.isActive(), _left(end))
    if not found:
        raise failed(call, machine, f"got no address within {call.args.timeout:.0f} s")
    if found is True:
        raise failed(call, machine, "stopped while it was waited for")
    return str(found)


def _address(machine: Machine) -> str | None:
    domain = machine.domain
    for source in (machine.libvirt.VIR_DOMAIN_INTERFACE_ADDRESSES_SRC_LEASE, machine.libvirt.VIR_DOMAIN_INTERFACE_ADDRESSES_SRC_AGENT):
        try:
            found = domain.interfaceAddresses(source, 0)
        except machine.libvirt.libvirtError:
            continue  # no agent yet, or a network without DHCP of libvirt's
        for name, interface in (found or {}).items():
            for each in interface.get("addrs") or ():
                if each["type"] == 0 and name != "lo":
                    return str(each["addr"])
    return None


def ssh(call: Any, machine: Machine, place: str, end: float) -> None:
    """Until something answers as SSH at the address, seen from the hypervisor."""
    answer = call.module("wait_for", {"host": place, "port": 22, "search_regex": "SSH-", "timeout": max(int(_left(end)), 1)}, check=False)
    if answer.get("failed"):
        raise failed(call, machine, f"at {place} did not answer on SSH within {call.args.timeout:.0f} s")


def agent(call: Any, machine: Machine, end: float) -> None:
    with Watch(call, machine, every=2.0) as watch:
        if not watch.until(lambda: qga.answers(machine.domain), _left(end)):
            raise failed(call, machine, f"has no agent that answers after {call.args.timeout:.0f} s")


def cloud_init(call: Any, machine: Machine, end: float) -> None:
    try:
        wrong = _guest_cloud.finished(call, machine, end)
    except VirtError as error:
        raise failed(call, machine, f"{error.message} after {call.args.timeout:.0f} s") from None
    if wrong:
        raise VirtError("\n".join([f"cloud-init in guest {machine.name} failed: {wrong}", *_console(call, machine, 1500)]))


def own_view(call: Any, machine: Machine) -> list[tuple[str, Any, Any]]:
    """(what, given, seen) where the guest's own system sees something else than libvirt gives it, after a while to notice what is new.
    Nothing where no agent answers."""
    wrong: list[tuple[str, Any, Any]] = []

    def agrees() -> bool:
        wrong[:] = _unseen(machine)
        return not wrong

    with Watch(call, machine, every=1.0) as watch:
        watch.until(agrees, _NOTICE)
    return wrong


def _unseen(machine: Machine) -> list[tuple[str, Any, Any]]:
    seen = machine.look()
    if seen is None or seen.live is None or seen.state != "running":
        return []
    if not any(each.get("state") == "connected" for each in seen.live.iterfind("devices/channel/target")):
        return []
    wrong: list[tuple[str, Any, Any]] = []
    cpus = qga.asked(machine.domain, "guest-get-vcpus")
    given = next(row for row in GUEST if row.name == "vcpus").lens.read(seen.live)
    online = sum(bool(each.get("online")) for each in cpus) if isinstance(cpus, list) else given
    if online != given:
        wrong.append(("vcpus", given, online))
    cards = qga.asked(machine.domain, "guest-network-get-interfaces")
    if isinstance(cards, list):
        inside = {str(each.get("hardware-address")).lower() for each in cards}
        wrong += [("network card", each.get("address"), "none") for each in seen.live.iterfind("devices/interface/mac") if each.get("address") not in inside]
    return wrong


def failed(call: Any, machine: Machine, what: str) -> VirtError:
    """The error of a wait in vain, with what can be known of the cause."""
    return VirtError("\n".join([f"guest {machine.name} {what}", *_leases(call, machine), *_guest_cloud.so_far(call, machine), *_console(call, machine)]))


def _console(call: Any, machine: Machine, most: int = _TAIL) -> list[str]:
    tail = console(call, machine, most)
    return [f"its console says at last:\n{tail}"] if tail else []


def _leases(call: Any, machine: Machine) -> list[str]:
    def look() -> list[str]:
        seen = machine.look()
        found = []
        for nic in seen.stored.iterfind("devices/interface") if seen is not None else ():
            place, mac = nic.find("source"), nic.find("mac")
            name = place.get("network") if place is not None else None
            network = machine.host.find("networkLookupByName", name) if name else None
            if network is None or mac is None:
                continue
            leases = network.DHCPLeases()
            own = [each["ipaddr"] for each in leases if each["mac"] == mac.get("address")]
            others = len(leases) - len(own)
            found.append(f"network {name} has {'the lease ' + own[0] if own else 'no lease'} for {mac.get('address')}, and {others} others")
        return found
    try:
        return said(call, "leases", look)
    except VirtError:
        return []


def console(call: Any, machine: Machine, most: int = _TAIL) -> str:
    """The end of what the guest wrote to its console, where the host keeps it."""
    answer = call.module("command", {"argv": ["tail", "-c", str(most), log_of(machine.name)]}, check=False)
    return "" if answer.get("failed") or answer.get("rc") else str(answer.get("stdout", "")).strip()


def known(call: Any, place: str, public: str) -> Generator[Change, Any, None]:
    """The guest's host key, known on the controller before the first connection."""
    if call.args.known_hosts:
        path = Path(call.args.known_hosts).expanduser()
        if not identity.pinned(path, place, public):
            yield Change(f"host key of {place} in {path} (controller)", None, public, lambda: identity.pin(path, place, public))
