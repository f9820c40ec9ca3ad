"""A pool on a real filesystem without a free block: what does not fit is said, nothing of it stays, and with room again it is made."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import libvirt_qemu
import pytest

from tests.engine.harness import Site
from tests.virt.conftest import Hypervisor

pytestmark = pytest.mark.virt
MB = 1024 * 1024
GUEST: dict[str, Any] = {"name": "cut", "memory": "32M", "accel": "tcg", "networks": [], "boot": ["network"], "force": True, "agent": False, "rng": False}


class Disk:
    """A small ext4 that is the same folder here and on hv2, the host of `apply`."""

    def __init__(self, host: Hypervisor, site: Site, path: Path) -> None:
        self.host, self.site, self.path = host, site, path
        image = path.with_name("disk")
        with image.open("wb") as file:
            file.truncate(16 * MB)
        subprocess.run(["mkfs.ext4", "-q", "-m", "0", "-O", "^has_journal", str(image)], check=True)
        self.device = subprocess.run(["losetup", "--find", "--show", str(image)], check=True, capture_output=True, text=True).stdout.strip()
        path.mkdir()
        self.there = ["nsenter", "--mount", "--target", host.socket.split("/")[2]]
        for where in ([], self.there):
            subprocess.run([*where, "mount", "-o", "nodelalloc", self.device, str(path)], check=True)
        (path / "lost+found").rmdir()

    def fill(self, but: int = 0) -> None:
        """Until nothing fits but so many bytes. What is removed and still open somewhere gives its room back later."""
        before = -1
        while before != (before := os.statvfs(self.path).f_bavail):
            time.sleep(0.1)
        block = bytes(4096)
        with (self.path / "filler").open("ab", buffering=0) as file:
            while True:
                try:
                    file.write(block)
                except OSError as error:
                    assert error.errno == errno.ENOSPC
                    break
            file.truncate(file.tell() - but)
        assert os.statvfs(self.path).f_bavail * os.statvfs(self.path).f_frsize <= but + 8192

    def free(self) -> None:
        (self.path / "filler").unlink(missing_ok=True)

    def files(self) -> list[str]:
        return sorted(each.name for each in self.path.iterdir() if each.name != "filler")

    def run(self, module: str, args: dict[str, Any]) -> Any:
        return self.site.run(f"- hosts: hv2\n  gather_facts: false\n  tasks:\n    - {json.dumps({module: args})}\n")

    def apply(self, module: str, args: dict[str, Any]) -> dict[str, Any]:
        seen = self.run(module, args)
        assert seen.status == 0, seen.results()[-1].result["msg"]
        return dict(seen.results()[-1].result)

    def fails(self, module: str, args: dict[str, Any]) -> str:
        seen = self.run(module, args)
        assert seen.status == 2, seen.results()[-1].result
        return str(seen.results()[-1].result["msg"])

    def write(self, megabytes: int) -> None:
        """Into the running guest's disk, as the guest would."""
        node = self.host.connection.lookupByName("cut").XMLDesc().split("<target dev='vda'")[1].split("<alias name='")[1].split("'")[0]
        for command in (f"write -P 7 0 {megabytes}M", "flush"):
            libvirt_qemu.qemuMonitorCommand(self.host.connection.lookupByName("cut"), f'qemu-io -d /machine/peripheral/{node}/virtio-backend "{command}"', 1)


@pytest.fixture
def disk(hypervisors: dict[str, Hypervisor], near: Site, tmp_path: Path) -> Iterator[Disk]:
    found = Disk(hypervisors["hv2"], near, tmp_path / "full")
    yield found
    found.apply("guest", {"name": "cut", "state": "absent", "force": True})
    for pool in found.host.connection.listAllStoragePools():
        if f"<path>{found.path}</path>" in pool.XMLDesc():
            pool.destroy()
            pool.undefine()
    for where in (found.there, []):
        subprocess.run([*where, "umount", str(found.path)], check=True)
    subprocess.run(["losetup", "--detach", found.device], check=True)


def test_volumes(disk: Disk, tmp_path: Path) -> None:
    pool = str(disk.path)
    source = tmp_path / "source"
    source.write_bytes(b"x" * 3 * MB)
    disk.apply("volume", {"name": "base.raw", "pool": pool, "src": str(source)})
    wanted: list[dict[str, Any]] = [
        {"size": "3M"}, {"size": "3M", "allocation": "metadata"}, {"size": "3M", "format": "raw", "allocation": "full"}, {"clone_of": "base.raw"},
        {"src": str(source)}, {"backing": f"{pool}/base.raw", "backing_format": "raw"}]
    for but in (0, 8192, 200 * 1024):
        disk.fill(but)
        for each in wanted:
            if but == 0 or "allocation" in each or "src" in each or "clone_of" in each:
                assert "space" in disk.fails("volume", {"name": "new", "pool": pool, **each})
                assert disk.files() == ["base.raw"], (but, each)
        disk.free()
    for each in wanted:
        assert disk.apply("volume", {"name": "new", "pool": pool, **each})["changed"]
        disk.apply("volume", {"name": "new", "pool": pool, "state": "absent"})


def test_a_guest(disk: Disk) -> None:
    declared = {**GUEST, "pool": str(disk.path), "hostname": "cut", "disks": [{"name": "data", "size": "1M"}, {"name": "more", "size": "1M"}]}
    for but in (0, 220 * 1024, 440 * 1024):  # nothing, one disk, both and half the seed
        disk.fill(but)
        seen = disk.run("guest", declared)
        assert "space" in str(seen.results()[-1].result.get("msg")), (but, os.statvfs(disk.path), [(each, each.stat()) for each in disk.path.iterdir()])
        assert disk.files() == [] and "cut" not in [each.name() for each in disk.host.connection.listAllDomains()]
        disk.free()
    disk.apply("guest", declared)
    assert disk.apply("guest", declared)["changed"] is False
    disk.fill()
    more = {**declared, "disks": [*declared["disks"], {"name": "third", "size": "1M"}]}
    assert "space" in disk.fails("guest", more)
    assert disk.files() == ["cut-data.qcow2", "cut-more.qcow2", "cut-seed.iso"] and disk.host.connection.lookupByName("cut").isActive()
    disk.free()
    disk.apply("guest", more)
    assert disk.apply("guest", more)["changed"] is False


def test_snapshots(disk: Disk) -> None:
    def snapshot(name: str, **more: Any) -> dict[str, Any]:
        return {"guest": "cut", "name": name, "kind": "external", **more}

    disk.apply("guest", {**GUEST, "pool": str(disk.path), "disks": [{"name": "data", "size": "4M"}]})
    domain = disk.host.connection.lookupByName("cut")
    disk.fill()
    assert "space" in disk.fails("guest_snapshot", snapshot("s1"))
    assert "space" in disk.fails("guest_snapshot", snapshot("s1", memory=True))
    assert disk.files() == ["cut-data.qcow2"] and domain.isActive() and domain.listAllSnapshots() == []
    disk.free()
    disk.apply("guest_snapshot", snapshot("s1"))
    disk.write(2)
    disk.fill()
    both = ["cut-data.qcow2", "cut-data.qcow2.fleet-s1"]
    assert "space" in disk.fails("guest_snapshot", snapshot("s1", state="reverted"))
    assert domain.isActive() and disk.files() == both, "it goes on"
    assert "is the filesystem full?" in disk.fails("guest_snapshot", snapshot("s1", state="absent"))
    assert domain.isActive() and disk.files() == both
    disk.free()
    disk.apply("guest_snapshot", snapshot("s1", state="absent"))
    assert disk.apply("guest_snapshot", snapshot("s1", state="absent"))["changed"] is False
    assert disk.files() == ["cut-data.qcow2"] and domain.isActive()
    domain.destroy()
    done = subprocess.run(["qemu-io", "-r", "-f", "qcow2", "-c", "read -P 7 0 2M", str(disk.path / "cut-data.qcow2")], capture_output=True, text=True)
    assert "failed" not in done.stdout and "read 2" in done.stdout, done


def test_a_backup(disk: Disk, tmp_path: Path) -> None:
    (tmp_path / "pool").mkdir()
    disk.apply("guest", {**GUEST, "pool": str(tmp_path / "pool"), "disks": [{"name": "data", "size": "4M"}]})
    disk.write(2)
    domain = disk.host.connection.lookupByName("cut")
    declared = {"guest": "cut", "dest": str(disk.path)}
    for but in (0, MB):
        disk.fill(but)
        assert "space" in disk.fails("guest_backup", declared)
        assert [each for each in disk.path.rglob("*") if each.is_file() and each.name != "filler"] == []
        assert domain.listAllCheckpoints() == [] and domain.jobInfo()[0] == 0
        disk.free()
    domain.destroy()
    disk.fill(MB)
    assert "space" in disk.fails("guest_backup", declared)
    assert [each for each in disk.path.rglob("*") if each.is_file() and each.name != "filler"] == []
    disk.free()
    assert disk.apply("guest_backup", declared)["full"]
    disk.apply("guest_backup", {**declared, "state": "verified"})
