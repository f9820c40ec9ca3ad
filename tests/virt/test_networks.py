"""Networks on a real libvirt with a running guest on them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from xml.etree import ElementTree as ET

import libvirt
import pytest

from fleet.virt.network import EFFECTS
from tests.virt.conftest import NETWORK, Apply, Hypervisor, Machine, succeeded

pytestmark = pytest.mark.virt
# What is changed for each row of the table, and where the running network shows it: (options, path, attribute, value).
CHANGED: dict[str, tuple[dict[str, Any], str, str, str]] = {
    "reservation": ({"reservations": {"g1": "192.168.77.10", "other": "192.168.77.11"}}, "ip/dhcp/host[2]", "ip", "192.168.77.11"),
    "dhcp": ({"dhcp": ["192.168.77.120", "192.168.77.130"]}, "ip/dhcp/range", "start", "192.168.77.120"),
    "dns": ({"dns": {"repository.lan": "192.168.77.1"}}, "dns/host", "ip", "192.168.77.1"),
    "forward": ({"forward": "route"}, "forward", "mode", "route"),
    "bridge": ({"bridge": "other0"}, "bridge", "name", "other0"),
    "address": ({"address": "192.168.77.2/24"}, "ip", "address", "192.168.77.2"),
    "domain": ({"domain": "example"}, "domain", "name", "example"),
    "mtu": ({"mtu": 1400}, "mtu", "size", "1400"),
}


@pytest.fixture
def lan(apply: Apply, guest: Machine) -> Iterator[Any]:
    """The network of the guest; it is as it was afterwards."""
    yield guest.hypervisor.connection.networkLookupByName("lan")
    apply.once("network", {**NETWORK, "restart": True})


def shown(lan: Any, flags: int = 0) -> ET.Element:
    return ET.fromstring(lan.XMLDesc(flags))


def test_the_table_is_proved_wholly() -> None:
    assert set(CHANGED) == set(EFFECTS)


@pytest.mark.parametrize("what", EFFECTS)
def test_effect(what: str, apply: Apply, lan: Any, guest: Machine) -> None:
    options, path, name, value = CHANGED[what]
    declared = {**NETWORK, **options}
    planned = apply.plan("network", declared)
    assert [each[0].split()[0] for each in planned] == [what] and ("when next started" in planned[0][0]) == (EFFECTS[what] == "restart"), planned
    result = apply("network", declared)
    live, stored = shown(lan).find(path), shown(lan, libvirt.VIR_NETWORK_XML_INACTIVE).find(path)
    assert stored is not None and stored.get(name) == value
    if EFFECTS[what] == "live":
        assert live is not None and live.get(name) == value and not result["pending_restart"]
    else:
        assert (live is None or live.get(name) != value) and result["pending"] == [what]
        planned = apply.plan("network", {**declared, "restart": True})
        assert "g1 put back on it" in str(planned)
        assert not apply("network", {**declared, "restart": True})["pending_restart"]
        live = shown(lan).find(path)
        assert live is not None and live.get(name) == value
    address = shown(lan).find("ip").get("address")  # type: ignore[union-attr]
    guest.sh(f"for n in 1 2 3 4 5 6 7 8; do busybox ping -c 1 -W 1 {address} && exit; done; exit 1")


def test_names_are_answered_at_once(apply: Apply, lan: Any, guest: Machine) -> None:
    apply("network", {**NETWORK, "dns": {"repository.lan": "192.168.77.99"}})
    assert "192.168.77.99" in guest.sh("busybox nslookup repository.lan 192.168.77.1")


def test_guests_on_it_protect_it(apply: Apply, lan: Any, guest: Machine) -> None:
    for state in ("absent", "stopped"):
        assert "has running guests on it: g1" in apply.fails("network", {**NETWORK, "state": state})
    assert lan.isActive()


@pytest.mark.parametrize("forward", ["nat", "route", "open", "isolated"])
def test_kinds(forward: str, apply: Apply, hypervisors: dict[str, Hypervisor]) -> None:
    declared = {"name": "kind", "forward": forward, "address": "192.168.78.1/24"}
    assert apply("network", declared)["active"]
    found = ET.fromstring(hypervisors["hv1"].connection.networkLookupByName("kind").XMLDesc()).find("forward")
    assert (found.get("mode") if found is not None else "isolated") == forward
    apply("network", {**declared, "state": "stopped"})
    apply("network", {**declared, "state": "absent"})
    assert "kind" not in hypervisors["hv1"].connection.listDefinedNetworks() + hypervisors["hv1"].connection.listNetworks()


def test_an_existing_bridge(apply: Apply) -> None:
    declared = {"name": "given", "forward": "bridge", "bridge": "given0"}
    assert "has no bridge given0" in apply.fails("network", declared)
    apply.once("command", {"cmd": "ip link add given0 type bridge"})
    apply("network", declared)
    apply("network", {**declared, "state": "absent"})
    apply.once("command", {"cmd": "ip link delete given0"})


def test_two_hosts_over_vxlan(apply: Apply, hypervisors: dict[str, Hypervisor]) -> None:
    """One network over both hypervisors: its own addresses there reach each other; libvirt's restart of it brings the port back."""
    play = json.dumps({"network": {
        "name": "shared", "forward": "isolated", "address": "{{ {'hv1': '10.20.0.1/24', 'hv2': '10.20.0.2/24'}[inventory_hostname] }}", "mtu": 1400,
        "vxlan": {"id": 20, "peers": "{{ groups.lab | map('extract', hostvars, 'ansible_host') | list }}"}, "state": "{{ state }}"}})
    connect = "import socket; socket.create_connection(('10.20.0.2', 22), 5)"
    ping = json.dumps({"command": {"argv": ["python3", "-c", connect]}, "when": "inventory_hostname == 'hv1'"})
    text = f"- hosts: hv1:hv2\n  gather_facts: false\n  tasks:\n    - {play}\n"
    succeeded(apply.site.run(text + f"    - {ping}\n", extra_vars=("state=running",)))
    again = apply.site.run(text, extra_vars=("state=running",), diff=True)
    assert [event.status for event in again.results()] == ["ok", "ok"], again.results()
    apply.once("command", {"cmd": "virsh -q net-destroy shared"})
    apply.once("network", {"name": "shared", "forward": "isolated", "address": "10.20.0.1/24", "mtu": 1400,
                           "vxlan": {"id": 20, "peers": [str(host) for host in ("10.0.0.1",)]}})
    assert "10.0.0.1" in apply.once("command", {"cmd": "bridge fdb show dev vx20"})["stdout"], "changed peers make a new port"
    succeeded(apply.site.run(text, extra_vars=("state=absent",)))
    assert "vx20" not in apply.once("command", {"cmd": "ip link"})["stdout"]
    assert apply.once("shell", {"cmd": "ls /etc/libvirt/hooks/network.d"})["stdout"] == ""


def test_a_vlan_is_refused_where_the_kernel_has_none(apply: Apply) -> None:
    """The kernel of the tests' machine has no 802.1Q; the guest's has."""
    declared = {"name": "tagged", "forward": "isolated", "uplink": "eth0", "vlan": 42}
    assert "cannot make a VLAN interface" in apply.fails("network", declared)
    apply("network", {"name": "tagged", "state": "absent"})


def test_a_vlan_in_a_guest_with_a_whole_kernel(apply: Apply, guest: Machine) -> None:
    port = {"network": "tagged", "bridge": "br0", "uplink": "port0", "vlan": 42}
    guest.sh("ip link add br0 type bridge && ip link set br0 up && ip link add port0 type veth peer name port1")
    apply("network_port", port, host="g1")
    assert "master br0" in guest.sh("ip link show dev port0.42")
    apply("network_port", {"network": "tagged", "bridge": "br0", "state": "absent"}, host="g1")
    assert "port0.42" not in guest.sh("ip link; ls /etc/libvirt/hooks/network.d; ip link delete br0; ip link delete port0")
