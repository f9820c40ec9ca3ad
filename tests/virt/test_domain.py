"""Guests written as libvirt's XML, read back, and compared; without any libvirt."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree as ET

import pytest

from fleet.errors import VirtError
from fleet.virt import domain, drivers, view
from fleet.virt.effects import Effect
from tests.virt.declarations import meant

QEMU = drivers.driver("qemu")
DECLARED: dict[str, Any] = {"name": "web1", "memory": "512M", "vcpus": 1, "volume": "/p/web1.qcow2", "networks": ["lan"], "kernel": "/i/vmlinuz",
                            "cmdline": "root=/dev/vda"}


def stored(**changed: Any) -> ET.Element:
    """What libvirt would keep: through text, so that only what is written counts."""
    return view.parse(view.unparse(domain.build(meant({**DECLARED, **changed}), QEMU)))


@pytest.mark.parametrize(("changed", "shown"), [
    ({}, []),
    ({"memory": "1G"}, [("memory", "512 MiB", "1 GiB")]),
    ({"memory": "1G", "max_memory": "4G"}, [("memory", "512 MiB", "1 GiB"), ("max_memory", "512 MiB", "4 GiB")]),
    ({"vcpus": 2}, [("vcpus", 1, 2)]),
    ({"cmdline": "root=/dev/vda quiet"}, [("cmdline", "root=/dev/vda", "root=/dev/vda quiet")]),
    ({"disks": [{"name": "data", "size": "1G"}]}, [("disk data", "absent", "present")]),
    ({"networks": []}, [("network card 52:54:00:68:c4:b0", "present", "absent")]),
    ({"networks": ["lan", "dmz"]}, [("network card 52:54:00:39:9d:c5", "absent", "present")]),
    ({"networks": ["dmz"]}, [("network card 52:54:00:68:c4:b0: source", "network, lan", "network, dmz")]),
    ({"pci": ["0000:01:00.0"]}, [("pci device 0000:01:00.0", "absent", "present")]),
    ({"tpm": "2.0", "clock": "localtime"}, [("clock", "utc", "localtime"), ("tpm", "none", "2.0")]),
    ({"cpu": {"model": "Nehalem", "pin": {0: "0-1"}, "limit": 50}}, [("cpu", "maximum", "Nehalem"), ("pin", "none", "0=0-1"), ("cpu_limit", 0, 50)]),
])
def test_differences(changed: dict[str, Any], shown: list[Any]) -> None:
    guest = meant({**DECLARED, **changed})
    found = domain.compare(guest, QEMU, stored(), None)
    names = [(each.what, each.before, each.after) for each in found]
    macs = {nic.mac for nic in guest.nics or ()} | {nic.mac for nic in meant(DECLARED).nics or ()}
    assert len(names) == len(shown)
    for (what, before, after), wanted in zip(names, shown, strict=True):
        assert (before, after) == wanted[1:]
        assert what == wanted[0] or any(mac in what for mac in macs)
    assert domain.compare(guest, QEMU, domain.stored_as(guest, QEMU, stored()), None) == []


def test_what_is_not_said_is_left_alone() -> None:
    there = stored(watchdog="reset", disks=[{"name": "data", "path": "/p/d.qcow2"}], networks=["lan", "dmz"])
    assert domain.compare(meant({"name": "web1", "memory": "512M"}), QEMU, there, None) == []


def test_a_disk_keeps_its_name_when_a_snapshot_moves_it_to_another_file() -> None:
    guest = meant({**DECLARED, "disks": [{"name": "data", "size": "1G"}]})
    there = view.parse(view.unparse(domain.build(guest, QEMU)))
    for disk in view.disks(there):
        disk.find("source").set("file", view.source(disk) + ".snap")  # type: ignore[union-attr, operator]
    assert domain.compare(guest, QEMU, view.parse(view.unparse(there)), None) == []


def test_an_order_of_disks_does_not_matter() -> None:
    one = [{"name": "a", "path": "/p/a.qcow2"}, {"name": "b", "path": "/p/b.qcow2"}]
    assert domain.compare(meant({**DECLARED, "disks": one[::-1]}), QEMU, stored(disks=one), None) == []
    removed = domain.compare(meant({**DECLARED, "disks": one[1:]}), QEMU, stored(disks=one), None)
    assert [(each.what, each.after) for each in removed] == [("disk a", "absent")]


@pytest.mark.parametrize(("before", "after", "effect"), [
    ({"max_memory": "2G"}, {"memory": "1G", "max_memory": "2G"}, Effect.LIVE), ({}, {"memory": "1G"}, Effect.RESTART),
    ({"max_vcpus": 4}, {"vcpus": 2, "max_vcpus": 4}, Effect.LIVE), ({"vcpus": 2, "max_vcpus": 4}, {"vcpus": 1, "max_vcpus": 4}, Effect.RESTART),
    ({}, {"vcpus": 2}, Effect.RESTART), ({}, {"disks": [{"name": "d", "size": "1G"}]}, Effect.LIVE),
    ({}, {"disks": [{"name": "d", "size": "1G", "bus": "sata"}]}, Effect.RESTART), ({}, {"machine": "pc"}, Effect.RESTART),
])
def test_effects_that_depend_on_the_values(before: dict[str, Any], after: dict[str, Any], effect: Effect) -> None:
    found = domain.compare(meant({**DECLARED, **after}), QEMU, stored(**before), stored(**before))
    assert {each.effect for each in found} == {effect}


def test_what_waits_is_read_from_the_two_definitions() -> None:
    waiting = domain.pending(stored(memory="1G", watchdog="reset", disks=[{"name": "d", "path": "/p/d.raw", "bus": "sata"}]), stored())
    assert [(each.what, each.running, each.stored, str(each.effect)) for each in waiting] == [
        ("memory", "512 MiB", "1 GiB", "restart"), ("max_memory", "512 MiB", "1 GiB", "restart"), ("watchdog", "none", "reset", "restart"),
        ("disk d", "absent", "present", "restart")]
    assert domain.pending(stored(), stored()) == []


@pytest.mark.parametrize("field", ["cmdline", "description", "volume", "kernel"])
def test_markup_in_values_stays_text(field: str) -> None:
    hostile = '/a"/><disk type="block"><source dev="/dev/sda"/></disk><x y="&'
    there = stored(**{field: hostile})
    assert len(list(view.disks(there))) == 1
    assert domain.compare(meant({**DECLARED, field: hostile}), QEMU, there, None) == []


@pytest.mark.parametrize(("before", "changed", "words"), [
    ({"cpu": {"sockets": 2}, "vcpus": 2}, {"vcpus": 3}, "2 sockets"),
    ({"numa": [{"cpus": "0", "memory": "512M"}]}, {"memory": "1G"}, "NUMA nodes of guest web1 do not fit"),
])
def test_what_was_said_before_is_not_contradicted_unseen(before: dict[str, Any], changed: dict[str, Any], words: str) -> None:
    with pytest.raises(VirtError, match=words):
        domain.stored_as(meant({"name": "web1", **changed}), QEMU, stored(**before))


def test_raw_xml_is_laid_over() -> None:
    overlay = "<domain><features><hyperv><relaxed state='on'/></hyperv></features><devices><sound model='ich9'/></devices></domain>"
    there = stored(xml=overlay)
    assert there.find("features/hyperv/relaxed") is not None and there.find("features/acpi") is not None
    assert len(there.findall("devices/sound")) == 1
    again = domain.stored_as(meant({**DECLARED, "xml": overlay}), QEMU, there)
    assert ET.tostring(again) == ET.tostring(there)
