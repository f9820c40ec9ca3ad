"""Each row of the table, proved on QEMU: what a change of it does is what the table says, and what libvirt has afterwards is what was declared.

The guests have no system: what needs one to answer (memory, what is unplugged) is proved on a booted guest in test_guests.py.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fleet.virt.effects import Effect
from fleet.virt.parts import KINDS
from fleet.virt.table import GUEST
from tests.engine.harness import Seen, Site
from tests.virt.conftest import IMAGES, Hypervisor

pytestmark = pytest.mark.virt
LIVE, RESTART = str(Effect.LIVE), str(Effect.RESTART)
DATA = {"name": "data", "size": "1M"}
BIG = {"name": "data", "size": "8M"}
# (row, options before, options after, effect). Beside these every guest has BASE.
CASES: list[tuple[str, dict[str, Any], dict[str, Any], str]] = [
    ("description", {}, {"description": "Straße & <b>"}, LIVE),
    ("memory", {}, {"memory": "96M"}, RESTART),
    ("max_memory", {}, {"max_memory": "128M"}, RESTART),
    ("vcpus", {"max_vcpus": 3}, {"max_vcpus": 3, "vcpus": 2}, LIVE),
    ("max_vcpus", {}, {"max_vcpus": 2}, RESTART),
    ("cpu", {}, {"cpu": "Nehalem"}, RESTART),
    ("topology", {"vcpus": 2}, {"vcpus": 2, "cpu": {"cores": 2}}, RESTART),
    ("cpu_features", {"cpu": "Nehalem"}, {"cpu": {"model": "Nehalem", "features": {"popcnt": "disable"}}}, RESTART),
    ("pin", {}, {"cpu": {"pin": {0: "0"}}}, LIVE),
    ("cpu_shares", {}, {"cpu": {"shares": 512}}, LIVE),
    ("cpu_limit", {}, {"cpu": {"limit": 50}}, LIVE),
    ("numa", {"vcpus": 2}, {"vcpus": 2, "numa": [{"cpus": "0", "memory": "32M", "host": "0"}, {"cpus": "1", "memory": "32M"}]}, RESTART),
    ("machine", {}, {"machine": "pc"}, RESTART),
    ("firmware", {}, {"firmware": "uefi"}, RESTART),
    ("firmware", {"firmware": "uefi"}, {"firmware": "uefi-secure"}, RESTART),
    ("kernel", {}, {"kernel": "{image}/vmlinuz"}, RESTART),
    ("initrd", {"kernel": "{image}/vmlinuz"}, {"kernel": "{image}/vmlinuz", "initrd": "{image}/initrd"}, RESTART),
    ("cmdline", {"kernel": "{image}/vmlinuz"}, {"kernel": "{image}/vmlinuz", "cmdline": "quiet"}, RESTART),
    ("boot", {}, {"boot": ["network", "disk"]}, RESTART),
    ("clock", {}, {"clock": "localtime"}, RESTART),
    ("tpm", {}, {"tpm": "2.0"}, RESTART),
    ("rng", {}, {"rng": False}, RESTART),
    ("watchdog", {}, {"watchdog": "poweroff"}, RESTART),
    ("graphics", {}, {"graphics": "vnc"}, RESTART),
    ("console", {}, {"console": "pty"}, RESTART),
    ("agent", {}, {"agent": False}, RESTART),
    ("ignition", {}, {"ignition": {"ignition": {"version": "3.4.0"}}}, RESTART),
    ("autostart", {}, {"autostart": True}, LIVE),
    ("overlay", {}, {"xml": "<domain><features><pae/></features></domain>"}, RESTART),
    ("disk", {"disks": []}, {"disks": [DATA]}, LIVE),
    ("disk", {"disks": []}, {"disks": [{**DATA, "bus": "sata"}]}, RESTART),
    ("disk.path", {"disks": [{"name": "cd", "device": "cdrom"}]}, {"disks": [{"name": "cd", "device": "cdrom", "path": f"{IMAGES}/medium.iso"}]}, LIVE),
    ("disk.path", {"disks": [{"name": "d", "path": f"{IMAGES}/medium.iso"}]}, {"disks": [{"name": "d", "path": f"{IMAGES}/other.raw"}]}, RESTART),
    ("disk.format", {"disks": [{"name": "d", "path": f"{IMAGES}/form.qcow2", "format": "raw"}]},
     {"disks": [{"name": "d", "path": f"{IMAGES}/form.qcow2", "format": "qcow2"}]}, RESTART),
    ("disk.bus", {"disks": [DATA]}, {"disks": [{**DATA, "bus": "sata"}]}, RESTART),
    ("disk.size", {"disks": [DATA]}, {"disks": [BIG]}, LIVE),
    ("disk.readonly", {"disks": [DATA]}, {"disks": [{**DATA, "readonly": True}]}, RESTART),
    ("disk.cache", {"disks": [DATA]}, {"disks": [{**DATA, "cache": "writethrough"}]}, RESTART),
    ("disk.serial", {"disks": [DATA]}, {"disks": [{**DATA, "serial": "FL1"}]}, RESTART),
    ("disk.bandwidth", {"disks": [DATA]}, {"disks": [{**DATA, "bandwidth": {"read": "1M", "write_iops": 100}}]}, LIVE),
    ("disk.protected", {"disks": [DATA]}, {"disks": [{**DATA, "protected": True}]}, LIVE),
    ("network card", {}, {"networks": ["lan", "lan"]}, LIVE),
    ("network card.source", {}, {"networks": ["other"]}, LIVE),
    ("network card.model", {}, {"networks": [{"network": "lan", "model": "e1000e"}]}, RESTART),
    ("network card.link", {}, {"networks": [{"network": "lan", "link": "down"}]}, LIVE),
]
BASE: dict[str, Any] = {"name": "row", "memory": "64M", "vcpus": 1, "volume": f"{IMAGES}/row.qcow2", "networks": ["lan"], "accel": "tcg",
                        "force": True, "shutdown_timeout": 0.1}
# Rows that are not in CASES, and where or why.
ELSEWHERE = {
    "accel": "needs a machine where KVM works; its definition is in test_domain.py",
    "hugepages": "needs a host with huge pages; test_definitions_only",
    "network card.address": "test_addresses.py: it takes a network that serves DHCP",
    "seed": "test_guests.py: it takes a system that reads it", "disk.backing": "test_guests.py: a new image",
    "network card.bandwidth": "needs the host's kernel to have the sfq queue; test_definitions_only",
    "pci": "needs a device to give away; test_definitions_only", "usb": "needs a device to give away; test_definitions_only",
}


def rows() -> set[str]:
    found = {row.name for row in GUEST}
    for kind in KINDS:
        found.add(kind.field if kind.name.endswith("device") else kind.name)
        found |= {f"{kind.name}.{row.name}" for row in kind.rows}
    return found


def test_every_row_is_proved() -> None:
    assert rows() == {case[0] for case in CASES} | set(ELSEWHERE)


@pytest.fixture(scope="module")
def ground(hypervisors: dict[str, Hypervisor], image: str) -> Iterator[Hypervisor]:
    """Networks and volumes that the cases name."""
    host = hypervisors["hv1"]
    for name, net in (("lan", 77), ("other", 78)):
        if name not in [each.name() for each in host.connection.listAllNetworks()]:
            network = host.connection.networkDefineXML(
                f"<network><name>{name}</name><forward mode='nat'/><ip address='192.168.{net}.1' netmask='255.255.255.0'/></network>")
            network.create()
    Path("/tmp").chmod(0o1777)  # as it is anywhere but on some bare machines: swtpm makes its certificates there as its own user
    for name, form in (("row.qcow2", "qcow2"), ("form.qcow2", "qcow2"), ("medium.iso", "raw"), ("other.raw", "raw")):
        subprocess.run(["qemu-img", "create", "-q", "-f", form, str(host.images / name), "1M"], check=True)
    yield host


def play(site: Site, *tasks: dict[str, Any]) -> Seen:
    lines = "".join(f"    - {json.dumps({'guest': task})}\n" for task in tasks)
    return site.run(f"- hosts: hv1\n  gather_facts: false\n  tasks:\n{lines}")


@pytest.mark.parametrize(("row", "before", "after", "effect"), CASES, ids=[f"{case[0]} {number}" for number, case in enumerate(CASES)])
def test_row(site: Site, ground: Hypervisor, image: str, row: str, before: dict[str, Any], after: dict[str, Any], effect: str) -> None:
    def options(given: dict[str, Any]) -> dict[str, Any]:
        return {**BASE, **{name: value.format(image=image) if name in ("kernel", "initrd") else value for name, value in given.items()}}

    first, last = options(before), options(after)
    try:
        seen = play(site, first, last, last, {**last, "reboot": "pending"}, last)
        results = [each.result for each in seen.results()]
        assert seen.status == 0, results[-1].get("msg")
        changed = {each["what"]: each["effect"] for each in results[1]["effects"]}
        field = row.partition(".")[2] or row
        about = {what: said for what, said in changed.items() if what == field or what.endswith(f": {field}") or (what.startswith(f"{row} ") and ": " not in what)}
        assert about and set(about.values()) == {effect}, changed
        assert results[2]["changed"] is False, "second apply"
        waits = [each["what"] for each in results[1]["pending"]]
        if effect == LIVE:
            assert not waits, waits
            assert results[3]["changed"] is False
        else:
            assert set(about) <= set(waits), (about, waits)
            assert results[3]["rebooted"] == waits and results[3]["pending"] == [], "one reboot brings it all"
        assert results[4]["changed"] is False
    finally:
        assert play(site, {"name": "row", "state": "absent", "may_lose": ["data"], "force": True}).status == 0


@pytest.mark.parametrize("given", [{"hugepages": True}, {"pci": ["0000:00:1f.2"]}, {"usb": ["1d6b:0002"]}, {"accel": "kvm"},
                                   {"networks": [{"network": "lan", "bandwidth": {"in": "1M", "out": "2M"}}]}])
def test_definitions_only(site: Site, ground: Hypervisor, given: dict[str, Any]) -> None:
    """What this machine cannot start is defined, and stays as it is."""
    declared = {**BASE, "state": "defined", **given}
    try:
        seen = play(site, {**BASE, "state": "defined"}, declared, declared)
        results = [each.result for each in seen.results()]
        assert seen.status == 0, results[-1].get("msg")
        assert [result["changed"] for result in results] == [True, True, False]
    finally:
        assert play(site, {"name": "row", "state": "absent"}).status == 0
