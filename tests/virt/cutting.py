"""A guest made, changed and removed, to be cut off in the middle; and what must be true of it whenever that was."""

from __future__ import annotations

import json
from typing import Any

import libvirt

from tests.engine.harness import Site
from tests.virt.conftest import IMAGES, Hypervisor

STEPS = 60  # more than any of these runs has: each test goes on until one is not cut off
NETWORK = {"name": "cutnet", "address": "192.168.79.1/24", "dhcp": ["192.168.79.100", "192.168.79.199"]}
BASE: dict[str, Any] = {"name": "cut", "memory": "64M", "accel": "tcg", "networks": [], "pool": IMAGES, "force": True, "shutdown_timeout": 0.1}
MADE = {**BASE, "disks": [{"name": "data", "size": "1M"}, {"name": "more", "size": "1M"}], "hostname": "cut"}
CHANGED = {**BASE, "vcpus": 2, "watchdog": "reset", "hostname": "other", "autostart": True, "disks": [
    {"name": "data", "size": "2M"}, {"name": "more", "size": "1M"}, {"name": "third", "size": "1M"}]}
OFF = {**MADE, "state": "defined"}
ADDRESSED = {**BASE, "state": "defined", "networks": [{"network": "cutnet", "address": "192.168.79.10"}]}
# What is there, what is then declared, and the volumes that are there at the end.
CASES: dict[str, tuple[list[dict[str, Any]], dict[str, Any], set[str]]] = {
    "made": ([], MADE, {"cut-data.qcow2", "cut-more.qcow2", "cut-seed.iso"}),
    "changed": ([MADE], CHANGED, {"cut-data.qcow2", "cut-more.qcow2", "cut-third.qcow2", "cut-seed.iso"}),
    "a disk lost": ([OFF], {**OFF, "disks": [{"name": "data", "size": "1M"}], "may_lose": ["more"]}, {"cut-data.qcow2", "cut-seed.iso"}),
    "addressed": ([], ADDRESSED, set()),
    "removed": ([MADE], {"name": "cut", "state": "absent", "force": True}, set()),
}


def book(*tasks: dict[str, Any]) -> str:
    return "- hosts: hv2\n  gather_facts: false\n  tasks:\n" + "".join(f"    - {json.dumps({'guest': task})}\n" for task in tasks)


def apply(site: Site, *tasks: dict[str, Any]) -> list[dict[str, Any]]:
    seen = site.run(book(*tasks))
    assert seen.status == 0, [event.result.get("msg") for event in seen.results()]
    return [dict(event.result) for event in seen.results()]


def networks(site: Site, task: dict[str, Any]) -> None:
    assert site.run(f"- hosts: hv2\n  gather_facts: false\n  tasks:\n    - {json.dumps({'network': task})}\n").status == 0


def volumes(host: Hypervisor) -> set[str]:
    return {path.name for path in host.images.glob("cut*")}


def whole(host: Hypervisor) -> None:
    """No volume and no address without a defined guest that names it, no definition that is not complete."""
    names = [each.name() for each in host.connection.listAllDomains()]
    left = volumes(host)
    assert not left or "cut" in names, f"orphans: {left}"
    network = host.connection.networkLookupByName("cutnet")
    reserved = any("192.168.79.10'" in network.XMLDesc(flags) for flags in (0, libvirt.VIR_NETWORK_XML_INACTIVE))
    assert not reserved or "cut" in names, "its address is still reserved"
    if "cut" in names:
        text = host.connection.lookupByName("cut").XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE)
        lost = {name for name in left if name not in text}
        assert not lost, f"no disk of the guest: {lost}"
