"""What is declared, written as libvirt's XML and read back."""

from __future__ import annotations

from typing import Any

import pytest

from fleet.errors import VirtError
from fleet.virt.identity import checked, mac_of, uuid_of
from fleet.virt.seed import digest, iso, meta_data, user_data
from fleet.virt.xml import Disk, Guest, Network, Nic, differences, guest_fields, guest_xml, network_fields, network_xml


def guest(**changed: Any) -> Guest:
    values: dict[str, Any] = {"name": "web1", "memory": 524288, "vcpus": 1, "accel": "tcg", "disks": [Disk("/p/web1.qcow2", "vda")],
                              "nics": [Nic(mac_of("web1"), network="lan")], "kernel": "/i/vmlinuz", "cmdline": "root=/dev/vda"}
    return Guest(**{**values, **changed})


@pytest.mark.parametrize(("changed", "wanted"), [
    ({}, []),
    ({"memory": 1048576}, [("memory", 524288, 1048576)]),
    ({"vcpus": 2}, [("vcpus", 1, 2)]),
    ({"accel": "kvm"}, [("accelerator", "tcg", "kvm")]),
    ({"cmdline": "root=/dev/vda quiet"}, [("cmdline", "root=/dev/vda", "root=/dev/vda quiet")]),
    ({"disks": [Disk("/p/web1.qcow2", "vda"), Disk("/p/d.raw", "vdb", "raw")]}, [("disk vdb", None, "/p/d.raw (raw)")]),
    ({"nics": []}, [("interface 0", f"{mac_of('web1')} on lan", None)]),
])
def test_guest_differences(changed: dict[str, Any], wanted: list[Any]) -> None:
    assert differences(guest_fields(guest_xml(guest())), guest_fields(guest_xml(guest(**changed)))) == wanted


def test_markup_in_values_stays_text() -> None:
    hostile = 'a"/><disk type="block"><source dev="/dev/sda"/></disk><x y="&'
    text = guest_xml(guest(cmdline=hostile, disks=[Disk(hostile, "vda")]))
    assert guest_fields(text)["cmdline"] == hostile
    assert [name for name in guest_fields(text) if name.startswith("disk")] == ["disk vda"]


def test_network_round_trip() -> None:
    network = Network("lan", "fl-lan", "192.168.150.1/24", ("192.168.150.10", "192.168.150.99"), reservations={"web1": "192.168.150.20"})
    assert network_fields(network_xml(network)) == {
        "forward": "nat", "bridge": "fl-lan", "domain": None, "address": "192.168.150.1/24", "dhcp": "192.168.150.10 - 192.168.150.99",
        f"reservation {mac_of('web1')}": "192.168.150.20 (web1)"}


@pytest.mark.parametrize("name", ["", "-x", "a/b", "../x", "a b", "a\nb", "$(x)", "a;b", "<x>", "x" * 80])
def test_hostile_names_are_refused(name: str) -> None:
    with pytest.raises(VirtError, match="cannot be the name"):
        checked(name, "guest")


def test_identity_follows_the_name() -> None:
    assert mac_of("web1") == mac_of("web1") != mac_of("web2")
    assert mac_of("web1").startswith("52:54:00:")
    assert uuid_of("guest", "web1") == uuid_of("guest", "web1") != uuid_of("network", "web1")


def test_seed_is_named_by_its_content() -> None:
    files = {"user-data": user_data("web1", ["ssh-ed25519 AAAA me"], ("PRIVATE", "PUBLIC"), {"packages": ["nginx"]})}
    files["meta-data"] = meta_data("web1", files["user-data"], None)
    assert digest(files) == digest(dict(files))
    assert digest(files) != digest({**files, "meta-data": "other"})
    data = iso(files)
    assert b"cidata" in data and b"ssh-ed25519 AAAA me" in data and b"nginx" in data
