"""What a guest task refuses, keeps and says, on guests without a system."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fleet.virt.identity import mac_of, uuid_of
from tests.virt.conftest import IMAGES, NETWORK, Apply, Hypervisor

pytestmark = pytest.mark.virt
BASE: dict[str, Any] = {"name": "ruled", "memory": "64M", "accel": "tcg", "networks": [], "shutdown_timeout": 0.1}


@pytest.fixture
def ruled(hypervisors: dict[str, Hypervisor], apply: Apply) -> Iterator[Hypervisor]:
    yield hypervisors["hv1"]
    apply.once("guest", {"name": "ruled", "state": "absent", "force": True, "may_lose": ["root", "data"]})


def images(folder: Path, *names: str) -> list[str]:
    """Image directories with an empty disk each."""
    for name in names:
        place = folder / name
        place.mkdir()
        subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", str(place / "disk.qcow2"), "1M"], check=True)
        (place / "manifest.json").write_text(json.dumps({"disk": str(place / "disk.qcow2"), "disk_format": "qcow2"}))
    return [str(folder / name) for name in names]


def test_a_protected_disk_is_lost_only_by_name(ruled: Hypervisor, apply: Apply) -> None:
    apply("guest", {**BASE, "disks": [{"name": "data", "size": "1M", "protected": True}], "state": "defined"})
    assert "protected disks: data" in apply.fails("guest", {"name": "ruled", "state": "absent"})
    assert (ruled.images / "ruled-data.qcow2").exists()
    apply("guest", {"name": "ruled", "state": "absent", "may_lose": ["data"]})
    assert not list(ruled.images.glob("ruled*"))


def test_another_image_means_a_new_disk_only_by_name_and_the_same_guest(ruled: Hypervisor, apply: Apply, tmp_path: Path) -> None:
    one, two = images(tmp_path, "one", "two")
    declared = {**BASE, "image": one, "state": "defined", "networks": ["lan"], "disks": [{"name": "data", "size": "1M"}]}
    apply.once("network", NETWORK)
    apply("guest", declared)
    keys = ruled.connection.lookupByName("ruled").UUIDString()
    message = apply.fails("guest", {**declared, "image": two})
    assert "all data of the disk is lost" in message and "may_lose: [root]" in message
    changed = {**declared, "image": two, "may_lose": ["root"]}
    assert [what for what, _, _ in apply.plan("guest", changed)] == ["disk root: backing (recreation: loses all data of the disk)"]
    result = apply("guest", changed)
    assert result["uuid"] == keys == uuid_of("guest", "ruled") and result["mac"] == mac_of("ruled")
    assert two in subprocess.run(["qemu-img", "info", str(ruled.images / "ruled.qcow2")], check=True, capture_output=True, text=True).stdout


def test_the_plug_is_pulled_only_on_request(ruled: Hypervisor, apply: Apply) -> None:
    apply("guest", {**BASE, "disks": [], "boot": ["network"]})
    assert "did not shut down within" in apply.fails("guest", {"name": "ruled", "state": "stopped", "shutdown_timeout": 0.1})
    assert ruled.connection.lookupByName("ruled").isActive()
    apply("guest", {"name": "ruled", "state": "stopped", "shutdown_timeout": 0.1, "force": True})


def test_waiting_in_vain_says_why(ruled: Hypervisor, apply: Apply, image: str) -> None:
    """A kernel without a root disk never asks for an address."""
    apply.once("network", NETWORK)
    message = apply.fails("guest", {**BASE, "memory": "128M", "networks": ["lan"], "kernel": f"{image}/vmlinuz", "cmdline": "console=ttyS0 panic=0",
                                    "wait": "address", "timeout": 25})
    assert "got no address within 25 s" in message
    assert f"network lan has no lease for {mac_of('ruled')}" in message
    assert "its console says at last:" in message and "Kernel panic" in message


def test_what_it_is_made_of_must_be_said(apply: Apply) -> None:
    assert "nothing says what it is made of" in apply.fails("guest", {"name": "nowhere", "state": "running"})
    assert IMAGES and "there is no image at /nonexistent" in apply.fails("guest", {"name": "nowhere", "image": "/nonexistent"})
