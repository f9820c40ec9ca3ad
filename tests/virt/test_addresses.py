"""Addresses of network cards: reserved in libvirt's networks, kept in step, given up; or network data of the first boot."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from xml.etree import ElementTree as ET

import libvirt
import pytest

from fleet.errors import VirtError
from fleet.virt import addresses
from fleet.virt.guest import Nic
from fleet.virt.identity import mac_of
from tests.virt.conftest import Apply, Hypervisor

NET = {"name": "fixed", "address": "192.168.81.1/24", "dhcp": ["192.168.81.100", "192.168.81.199"]}
XML = ET.fromstring("<network><name>lan</name><forward mode='nat'/><ip address='192.168.81.1' netmask='255.255.255.0'><dhcp>"
                    "<range start='192.168.81.100' end='192.168.81.199'/><host mac='52:54:00:00:00:09' name='web9' ip='192.168.81.9'/></dhcp></ip></network>")
QUIET = ET.fromstring("<network><name>quiet</name><forward mode='nat'/><ip address='192.168.82.1' prefix='24'/></network>")


@pytest.mark.parametrize(("address", "name", "words"), [
    ("192.168.81.9", "web1", r"is reserved for web9 \(52:54:00:00:00:09\)"), ("192.168.81.8", "web9", "the name has 192.168.81.9"),
    ("192.168.81.1", "web1", "is the host's own"), ("192.168.81.255", "web1", "the whole subnet"), ("10.0.0.1", "web1", "is in no subnet"),
    ("fd00::1", "web1", "DHCPv6|cannot be reserved"),
])
def test_what_cannot_be_reserved(address: str, name: str, words: str) -> None:
    with pytest.raises(VirtError, match=words):
        addresses.check(addresses.Claim("lan", "52:54:00:00:00:01", address, name), XML)


def test_what_is_there_is_left() -> None:
    """By whatever name: a `network` task of before may have made it."""
    assert list(addresses.updates(addresses.Claim("lan", "52:54:00:00:00:09", "192.168.81.9", "other"), XML)) == []
    assert [each[0] for each in addresses.updates(addresses.Claim("lan", "52:54:00:00:00:09", "192.168.81.10", "web9"), XML)] == ["MODIFY"]


@pytest.mark.parametrize(("network", "given", "wanted"), [
    (XML, {"address": "192.168.81.20"}, None),
    (QUIET, {"address": "192.168.82.20"}, {"addresses": ["192.168.82.20/24"], "routes": [{"to": "0.0.0.0/0", "via": "192.168.82.1"}],
                                            "nameservers": {"addresses": ["192.168.82.1"]}}),
    (None, {"address": "10.1.0.2/16"}, {"addresses": ["10.1.0.2/16"]}),
    (None, {"address": "fd00::2/64", "gateway": "fd00::1", "nameservers": ("fd00::3",)},
     {"addresses": ["fd00::2/64"], "routes": [{"to": "::/0", "via": "fd00::1"}], "nameservers": {"addresses": ["fd00::3"]}}),
])
def test_network_data(network: Any, given: dict[str, Any], wanted: Any) -> None:
    nic = Nic("52:54:00:00:00:01", ("network", "lan"), **given)
    found = addresses.static(nic, network)
    assert found == wanted
    other = Nic("52:54:00:00:00:02", ("network", "lan"))
    whole = addresses.network_data((nic, other), {nic.mac: found} if found else {})
    assert whole is None if not found else whole == {"version": 2, "ethernets": {
        "nic0": {"match": {"macaddress": nic.mac}, **found}, "nic1": {"match": {"macaddress": other.mac}, "dhcp4": True}}}


def test_a_prefix_is_needed_where_nothing_tells_it() -> None:
    with pytest.raises(VirtError, match="needs its prefix"):
        addresses.static(Nic("52:54:00:00:00:01", ("bridge", "br0"), address="10.1.0.2"), None)


# -- on libvirt

virt = pytest.mark.virt


def guest(name: str, address: str | None, **more: Any) -> dict[str, Any]:
    card = {"network": "fixed", **({"address": address} if address else {})}
    return {"name": name, "memory": "64M", "accel": "tcg", "disks": [], "boot": ["network"], "networks": [card], "state": "defined", **more}


@pytest.fixture
def fixed(apply: Apply, hypervisors: dict[str, Hypervisor]) -> Iterator[Any]:
    apply("network", NET)
    yield hypervisors["hv1"].connection.networkLookupByName("fixed")
    for name in ("a1", "a2"):
        apply.once("guest", {"name": name, "state": "absent", "force": True})
    apply.once("network", {**NET, "state": "absent", "force": True})


def hosts(network: Any) -> list[dict[str, tuple[str, str]]]:
    """The running network's reservations, and the stored one's."""
    return [addresses.reserved(ET.fromstring(network.XMLDesc(flags))) for flags in (0, libvirt.VIR_NETWORK_XML_INACTIVE)]


@virt
def test_reserved_kept_in_step_and_given_up(fixed: Any, apply: Apply) -> None:
    mac = mac_of("a1")
    assert ("reservation in the network fixed", None, f"192.168.81.20 for a1 ({mac})") in apply.plan("guest", guest("a1", "192.168.81.20"))
    assert hosts(fixed) == [{}, {}]
    apply("guest", guest("a1", "192.168.81.20", state="running"))
    assert hosts(fixed) == [{mac: ("192.168.81.20", "a1")}] * 2
    # The network's own task leaves it, and has its own beside it.
    apply("network", {**NET, "reservations": {"other": "192.168.81.30"}})
    assert hosts(fixed) == [{mac: ("192.168.81.20", "a1"), mac_of("other"): ("192.168.81.30", "other")}] * 2
    apply("network", NET)
    # Taken away by hand: put back by a task that says nothing of it.
    fixed.update(libvirt.VIR_NETWORK_UPDATE_COMMAND_DELETE, libvirt.VIR_NETWORK_SECTION_IP_DHCP_HOST, -1, f"<host mac='{mac}'/>",
                 libvirt.VIR_NETWORK_UPDATE_AFFECT_LIVE)
    assert hosts(fixed) == [{}, {mac: ("192.168.81.20", "a1")}]
    assert apply("guest", {"name": "a1", "state": "running"})["changed"]
    assert hosts(fixed) == [{mac: ("192.168.81.20", "a1")}] * 2
    # Changed, held by one only, given up, and gone with its guest.
    apply("guest", guest("a1", "192.168.81.21", state="running"))
    assert "192.168.81.21 on the network fixed is reserved for a1" in apply.fails("guest", guest("a2", "192.168.81.21"))
    assert "a2" not in str(apply.once("command", {"cmd": "virsh -q list --all --name"})["stdout"]), "refused before anything was made"
    assert "192.168.81.21 is to be reserved for b, and guest a1 has it" in apply.fails("network", {**NET, "reservations": {"b": "192.168.81.21"}})
    apply("guest", guest("a1", "none", state="running"))
    assert hosts(fixed) == [{}, {}]
    apply("guest", guest("a1", "192.168.81.22", state="running"))
    apply.once("guest", {"name": "a1", "state": "absent", "force": True})
    assert hosts(fixed) == [{}, {}]


@virt
def test_two_static_addresses_are_not_one(fixed: Any, apply: Apply) -> None:
    apply("network", {"name": "quiet", "forward": "isolated", "address": "192.168.80.1/24"})
    card = {"network": "quiet", "address": "192.168.80.9"}
    result = apply("guest", guest("a1", None, networks=[card]))
    assert result["changed"]
    assert "the address 192.168.80.9 on quiet is that of guest a1" in apply.fails("guest", guest("a2", None, networks=[card]))
    assert "there is no network nowhere on hv1" in apply.fails("guest", guest("a2", None, networks=[{**card, "network": "nowhere"}]))
