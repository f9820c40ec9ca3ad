"""The XML of guests for drivers that cannot run here, against libvirt's own schemas."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest

from fleet.virt import domain, drivers, view
from tests.virt.declarations import meant

SCHEMA = "/usr/share/libvirt/schemas/domain.rng"
COMMON: dict[str, Any] = {"name": "g", "memory": "1G", "vcpus": 2, "description": "a <b> & c"}
XEN: dict[str, Any] = {**COMMON, "max_memory": "2G", "max_vcpus": 4, "volume": "/v/g.qcow2", "networks": ["lan", {"bridge": "br0", "bandwidth": {"in": "1M"}}],
                       "disks": [{"name": "data", "size": "1G", "bandwidth": {"read": "1M"}}, {"name": "own", "path": "/dev/vg/own", "format": "raw"}],
                       "cpu": {"pin": {0: "0-1"}, "shares": 512}, "pci": ["0000:01:00.0"], "clock": "localtime"}
VMWARE: dict[str, Any] = {**COMMON, "volume": "[store] g/g.vmdk", "networks": [{"bridge": "VM-Network"}], "disks": [
    {"name": "data", "path": "[store] g/data.vmdk"}, {"name": "cd", "device": "cdrom", "path": "[store] iso/a.iso", "bus": "ide"}]}
GUESTS = [
    ("xen", {**XEN, "devices": "virtio", "kernel": "/k/vmlinuz", "initrd": "/k/initrd", "cmdline": "root=/dev/xvda"}, "xen", "linux"),
    ("xen", {**XEN, "devices": "emulated", "graphics": "vnc", "boot": ["cdrom", "disk"], "usb": ["046d:c52b"],
              "cpu": {"cores": 4, "model": "Nehalem"}}, "xen", "hvm"),
    ("vbox", {**COMMON, "devices": "virtio", "volume": "/v/g.vdi", "networks": ["lan"], "graphics": "vnc", "boot": ["disk", "network"]}, "vbox", "hvm"),
    ("vbox", {**COMMON, "devices": "emulated", "volume": "/v/g.vdi", "disks": [{"name": "cd", "device": "cdrom", "bus": "ide", "path": "/i/a.iso"}]}, "vbox", "hvm"),
    ("esx", {**VMWARE, "devices": "virtio"}, "vmware", "hvm"), ("vmwarews", {**VMWARE, "devices": "emulated"}, "vmware", "hvm"),
    ("lxc", {**COMMON, "networks": ["lan"]}, "lxc", "exe"),
    ("qemu", {**XEN, "tpm": "2.0", "firmware": "uefi-secure", "graphics": "spice", "watchdog": "pause", "hugepages": True,
              "xml": "<domain><features><hyperv><relaxed state='on'/></hyperv></features></domain>"}, "qemu", "hvm"),
    ("test", XEN, "test", "hvm"),
]


@pytest.mark.parametrize(("scheme", "given", "kind", "system"), GUESTS, ids=[f"{case[2]}-{number}" for number, case in enumerate(GUESTS)])
def test_valid(tmp_path: Path, scheme: str, given: dict[str, Any], kind: str, system: str) -> None:
    guest = meant(given)
    driver = drivers.driver(scheme, guest.devices)
    drivers.refuse(guest, driver)
    root = domain.build(guest, driver)
    assert (root.get("type"), root.findtext("os/type")) == (kind, system)
    path = tmp_path / "domain.xml"
    path.write_text(view.unparse(root))
    done = subprocess.run(["xmllint", "--noout", "--relaxng", SCHEMA, str(path)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr + path.read_text()
    again = view.parse(path.read_text())
    assert domain.compare(guest, driver, again, None) == [], "what was written is what is read"
