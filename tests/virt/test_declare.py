"""What a task may say of a guest, and what is refused before anything is made."""

from __future__ import annotations

from typing import Any

import pytest

from fleet.actions.guest import SPEC
from fleet.errors import FleetError, VirtError
from fleet.virt import drivers
from fleet.virt.declare import compose
from fleet.virt.guest import Cell, Disk
from tests.virt.declarations import meant


@pytest.mark.parametrize(("option", "value", "words"), [
    ("name", "../x", "cannot be the name"), ("name", "a b", "cannot be the name"), ("name", "-x", "cannot be the name"), ("name", "<x/>", "cannot be the name"),
    ("memory", 0, "from 1M to 64T"), ("memory", "900P", "from 1M to 64T"), ("vcpus", 0, "from 1 to 4096"), ("vcpus", -3, "from 1 to 4096"),
    ("vcpus", 10**9, "from 1 to 4096"), ("max_vcpus", 10**9, "from 1 to 4096"),
    ("cmdline", "a\nb", "control character"), ("cmdline", "a\x00b", "control character"), ("description", "\ud800", "control character"),
    ("machine", "q35,accel=kvm", "not a machine"), ("cpu", "host,+vmx", "not a cpu"), ("cpu", {"model": "a b"}, "not a cpu"),
    ("cpu", {"features": {"a b": "require"}}, "not a CPU feature"), ("cpu", {"features": {"vmx": "maybe"}}, "force, require"),
    ("cpu", {"pin": {"x": "0"}}, "numbers of the guest's CPUs"), ("cpu", {"pin": {0: "5-1"}}, "not a set of CPUs"), ("cpu", {"limit": 101}, "from 0 to 100"),
    ("cpu", {"pin": {0: "0-99999999999"}}, "not a set of CPUs"), ("cpu", {"sockets": 3}, "threads and it has"), ("cpu", {"cores": -1}, "from 1 to 4096"),
    ("disks", [{"name": "../d", "size": "1G"}], "cannot be the name of a disk"), ("disks", [{"name": "d"}], "needs a size"),
    ("disks", [{"name": "seed", "size": "1G"}], "first-boot data"), ("disks", [{"name": "d", "size": "1P"}, {"name": "d", "size": "1G"}], "same name"),
    ("disks", [{"name": "d", "size": 1}], "512 bytes"), ("disks", [{"name": "d", "size": "900P"}], "8 PiB"), ("disks", [7], "path or a mapping"),
    ("disks", [{"name": "d", "path": "/a\nb"}], "control character"), ("disks", [{"name": "d", "size": "1G", "sice": 1}], "parameters for .disk. module: sice"),
    ("disks", [{"name": "d", "size": "1G", "bandwidth": {"total": 5, "read": 5}}], "not both"),
    ("networks", ["a;b"], "cannot be the name of a network"), ("networks", [{"network": "a", "bridge": "b"}], "mutually exclusive"),
    ("networks", [{"network": "a", "mac": "01:00:5e:00:00:01"}], "not the address"), ("networks", [{"network": "a", "mac": "x"}], "not the address"),
    ("networks", [{"network": "a", "mac": "52:54:00:00:00:01"}, {"network": "b", "mac": "52:54:00:00:00:01"}], "same address"),
    ("bridges", ["br0/../x"], "cannot be the name of a bridge"),
    ("graphics", {"type": "vnc", "listen": "evil.example"}, "listens on an address"), ("graphics", "x11", "none, vnc, spice"),
    ("pci", ["01:00.0"], "not a pci device"), ("usb", ["046d"], "not a usb device"),
    ("numa", [{"cpus": "0", "memory": "1G"}], "do not add up"),
    ("xml", "<domain><name>x</name></domain>", "cannot set its name"), ("xml", "<network/>", "is a <domain> element"), ("xml", "<domain>", "cannot be read"),
    ("xml", "<!DOCTYPE d [<!ENTITY x SYSTEM '/etc/passwd'>]><domain>&x;</domain>", "entities"),
])
def test_refused(option: str, value: Any, words: str) -> None:
    with pytest.raises(FleetError, match=words):
        meant({"name": "g", "memory": "512M", "vcpus": 1, option: value})


@pytest.mark.parametrize("given", [
    {"memory": "2G", "max_memory": "1G"}, {"vcpus": 3, "max_vcpus": 2}, {"firmware": "uefi-secure", "machine": "pc"}, {"devices": "emulated", "rng": True},
])
def test_contradictions_are_refused(given: dict[str, Any]) -> None:
    with pytest.raises(VirtError):
        meant({"name": "g", **given})


def test_disks() -> None:
    guest = meant({"name": "g", "pool": "/p", "volume": "/v/own.raw", "disks": [
        "/d/extra.raw", {"name": "data", "size": "1G", "protected": True, "bandwidth": {"read": "1M"}}, {"name": "root", "bus": "sata", "size": 1000},
        {"name": "cd", "device": "cdrom"}]})
    assert guest.disks == (
        Disk("root", "/v/own.raw", bus="sata", size=1024), Disk("extra", "/d/extra.raw"),
        Disk("data", "/p/g-data.qcow2", "qcow2", size=1 << 30, bandwidth={"read": 1 << 20}, protected=True, made=True, backing_format="qcow2"),
        Disk("cd", None, device="cdrom")) or [disk.name for disk in guest.disks] == ["root", "extra", "data", "cd"]
    assert guest.other_disks


def test_numa_and_pins() -> None:
    guest = meant({"name": "g", "memory": "1G", "vcpus": 4, "cpu": {"pin": {"1": "3,0-1"}},
                   "numa": [{"cpus": "0,1", "memory": "512M", "host": "0"}, {"cpus": "2-3", "memory": "512M"}]})
    assert guest.numa == (Cell("0-1", 524288, "0"), Cell("2-3", 524288))
    assert guest.pin == {1: "0-1,3"}


def test_profiles_compose() -> None:
    known = {"small": {"memory": "512M", "cpu": {"model": "maximum"}, "disks": [{"name": "root", "size": "5G"}], "authorized_keys": ["a"]},
             "db": {"memory": "2G", "cpu": {"limit": 50}, "disks": [{"name": "data", "size": "9G"}, {"name": "root", "size": "8G"}]}}
    from fleet.validate import validate
    given = validate(SPEC, {"name": "g", "vcpus": 2, "authorized_keys": ["b"]})
    made = compose(["small", "db", {"tpm": "2.0"}], known, given, SPEC.options)
    assert (made["memory"], made["vcpus"], made["tpm"], made["authorized_keys"]) == (2 << 30, 2, "2.0", ["a", "b"])
    assert made["cpu"] == {"model": "maximum", "limit": 50}
    assert made["disks"] == [{"name": "data", "size": "9G"}, {"name": "root", "size": "8G"}]


@pytest.mark.parametrize(("profiles", "known", "words"), [
    (["tiny"], {"small": {}}, "no guest profile 'tiny'"), (["p"], {"p": {"memori": 1}}, "cannot hold 'memori'"), (["p"], {"p": {"name": "x"}}, "cannot hold 'name'"),
    (["p"], {"p": {"vcpus": "many"}}, "integer"), ([5], {}, "a mapping of options"),
])
def test_wrong_profiles(profiles: list[Any], known: dict[str, Any], words: str) -> None:
    with pytest.raises(FleetError, match=words):
        compose(profiles, known, {}, SPEC.options)


@pytest.mark.parametrize(("scheme", "given", "words"), [
    ("xen", {"tpm": "2.0", "watchdog": "reset"}, "xen cannot do this for guest g: tpm, watchdog"),
    ("vbox", {"cpu": {"pin": {0: "0"}}}, "vbox cannot do this for guest g: pin"),
    ("esx", {"volume": "/p/x.vmdk"}, "needs a place such as"),
    ("qemu", {"volume": "[ds] x.vmdk"}, "needs an absolute path"),
    ("esx", {"firmware": "uefi"}, "vmware cannot do this for guest g: firmware"),
    ("test", {"ignition": {}}, "test cannot do this"),
])
def test_drivers_refuse_by_name(scheme: str, given: dict[str, Any], words: str) -> None:
    import dataclasses
    ignition = given.pop("ignition", None)
    guest = dataclasses.replace(meant({"name": "g", "vcpus": 1, **given}), ignition="/x" if ignition is not None else None)
    with pytest.raises(VirtError, match=words.replace("[", r"\[")):
        drivers.refuse(guest, drivers.driver(scheme, guest.devices))


def test_unknown_drivers() -> None:
    with pytest.raises(VirtError, match="'bhyve' are not supported"):
        drivers.driver("bhyve")
