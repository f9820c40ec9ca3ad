"""Guests written as libvirt's XML and read back."""

from __future__ import annotations

from typing import Any

import pytest

from fleet.virt.domain import Disk, Guest, Nic, guest_fields, guest_xml
from fleet.virt.identity import mac_of
from fleet.virt.xml import differences


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
