"""Pools and volumes on a real libvirt."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fleet.virt import storage
from tests.virt.conftest import IMAGES, Apply, Hypervisor, Machine

pytestmark = pytest.mark.virt
MB = 1024 * 1024


@pytest.fixture
def pool(apply: Apply, hypervisors: dict[str, Hypervisor]) -> Iterator[str]:
    """A directory pool of its own, gone afterwards."""
    path = "/var/lib/libvirt/trial"
    yield path
    found = storage_pool(hypervisors, path)
    if found is not None:
        for volume in found.listAllVolumes():
            volume.delete(0)
        found.destroy()
        found.undefine()


def storage_pool(hypervisors: dict[str, Hypervisor], path: str) -> Any:
    for each in hypervisors["hv1"].connection.listAllStoragePools():
        if f"<path>{path}</path>" in each.XMLDesc():
            each.refresh()
            return each
    return None


def volumes(hypervisors: dict[str, Hypervisor], path: str) -> list[str]:
    found = storage_pool(hypervisors, path)
    return sorted(found.listVolumes()) if found else []


def test_directory_pool(apply: Apply, hypervisors: dict[str, Hypervisor]) -> None:
    declared = {"name": "trialdir", "path": "/var/lib/libvirt/trialdir"}
    result = apply("pool", declared)
    assert result["active"] and result["available"] > 0
    assert "exists with path" in apply.fails("pool", {**declared, "path": "/elsewhere"})
    apply.once("volume", {"name": "kept.raw", "pool": "trialdir", "size": "1M", "format": "raw"})
    apply("pool", {**declared, "state": "stopped"})
    apply("pool", {**declared, "state": "absent"})
    assert "kept.raw" in apply.once("command", {"cmd": "ls /var/lib/libvirt/trialdir"})["stdout"], "the content of a pool stays"


@pytest.mark.parametrize(("declared", "words"), [
    ({"name": "../x", "path": "/p"}, "cannot be the name"), ({"name": "x"}, "needs path"), ({"name": "x", "type": "fs", "path": "/p"}, "needs device"),
    ({"name": "x", "type": "netfs", "path": "/p", "host": "-oProxyCommand=x", "source": "/e"}, "cannot be its host"),
    ({"name": "x", "type": "zfs", "source": "tank"}, "has no driver for zfs pools"), ({"name": "x", "type": "rbd", "host": "h", "source": "p"}, "no driver for rbd"),
])
def test_pools_that_cannot_be(declared: dict[str, Any], words: str, apply: Apply) -> None:
    assert words in apply.fails("pool", declared)


def test_btrfs_on_a_device(apply: Apply, tmp_path: Path) -> None:
    """A filesystem is made once on an empty device, volumes are cloned on it by reflink, and a device with content is not overwritten."""
    image = tmp_path / "disk"
    with image.open("wb") as file:
        file.truncate(256 * MB)
    device = subprocess.run(["losetup", "--find", "--show", str(image)], capture_output=True, text=True, check=True).stdout.strip()
    try:
        declared = {"name": "butter", "type": "fs", "device": [device], "format": "btrfs", "path": "/var/lib/libvirt/butter"}
        apply("pool", declared)
        apply("volume", {"name": "one.raw", "pool": "butter", "size": "20M", "format": "raw", "allocation": "full"})
        apply("volume", {"name": "two.raw", "pool": "butter", "clone_of": "one.raw"})
        stored = apply.once("shell", {"cmd": "btrfs filesystem du -s --raw /var/lib/libvirt/butter/two.raw"})["stdout"]
        assert int(stored.splitlines()[-1].split()[1]) == 0, f"nothing of the clone is its own: {stored}"
        apply.once("pool", {**declared, "state": "absent"})
        assert apply.once("pool", declared)["active"]
        assert apply.plan("volume", {"name": "two.raw", "pool": "butter", "size": "20M", "format": "raw"}) == []
        apply.once("pool", {**declared, "state": "absent"})
        assert "define butter" in apply.fails("pool", {**declared, "format": "ext4"}), "it holds a filesystem of another kind"
    finally:
        subprocess.run(["losetup", "--detach", device], check=True)


def test_volumes(apply: Apply, pool: str, hypervisors: dict[str, Hypervisor]) -> None:
    base = {"name": "base.qcow2", "pool": pool, "size": "10M"}
    assert apply("volume", base) == {**apply.once("volume", base), "changed": True}
    assert apply.plan("volume", {**base, "size": "20M"}) == [("size", 10 * MB, 20 * MB)]
    assert apply("volume", {**base, "size": "20M"})["size"] == 20 * MB
    assert "never shrunk" in apply.fails("volume", base)
    assert "exists with format qcow2" in apply.fails("volume", {**base, "size": "20M", "format": "raw"})
    overlay = {"name": "over.qcow2", "pool": pool, "backing": f"{pool}/base.qcow2"}
    assert apply("volume", overlay)["size"] == 20 * MB
    assert "is the backing of" in apply.fails("volume", {"name": "base.qcow2", "pool": pool, "state": "absent"})
    full = apply("volume", {"name": "full.raw", "pool": pool, "size": "3M", "format": "raw", "allocation": "full"})
    assert storage_pool(hypervisors, pool).storageVolLookupByName("full.raw").info()[2] >= 3 * MB and full["format"] == "raw"
    clone = {"name": "clone.qcow2", "pool": pool, "clone_of": "base.qcow2", "size": "30M"}
    assert apply("volume", clone)["size"] == 30 * MB
    for name in ("over.qcow2", "base.qcow2", "full.raw", "clone.qcow2"):
        apply("volume", {"name": name, "pool": pool, "state": "absent"})
    assert volumes(hypervisors, pool) == []


@pytest.mark.parametrize(("declared", "words"), [
    ({"name": "../x", "size": "1M"}, "cannot be the name"), ({"name": "x"}, "neither size"), ({"name": "x.partial", "size": "1M"}, "unfinished"),
    ({"name": "x", "pool": "nosuch", "size": "1M"}, "no pool nosuch"), ({"name": "x", "size": "9000P"}, "create x"),
    ({"name": "x", "clone_of": "nosuch"}, "no volume nosuch"),
    ({"name": "x", "clone_of": f"{IMAGES}/g1.qcow2"}, "in use by g1"),
])
def test_volumes_that_cannot_be(declared: dict[str, Any], words: str, apply: Apply, guest: Machine, hypervisors: dict[str, Hypervisor]) -> None:
    assert words in apply.fails("volume", declared)
    assert "x" not in volumes(hypervisors, IMAGES)


def test_content(apply: Apply, pool: str, tmp_path: Path, hypervisors: dict[str, Hypervisor]) -> None:
    """Uploaded without its holes, checked by its hash, downloaded again the same."""
    source = tmp_path / "content.raw"
    with source.open("wb") as file:
        file.write(os.urandom(MB))
        file.seek(64 * MB)
        file.write(b"end")
    wanted = hashlib.sha256(source.read_bytes()).hexdigest()
    declared = {"name": "content.raw", "pool": pool, "src": str(source), "overwrite": True}
    apply("volume", {**declared, "checksum": f"sha256:{wanted}"})
    volume = storage_pool(hypervisors, pool).storageVolLookupByName("content.raw")
    assert volume.info()[2] < 8 * MB, "holes stay holes"
    target = tmp_path / "back.raw"
    assert apply("volume", {**declared, "dest": str(target)})["sha256"] == wanted
    assert hashlib.sha256(target.read_bytes()).hexdigest() == wanted and target.stat().st_blocks * 512 < 8 * MB
    with source.open("r+b") as file:
        file.write(b"other")
    assert [each[0] for each in apply.plan("volume", declared)] == [f"content of {pool}/content.raw"]
    assert apply.plan("volume", {**declared, "overwrite": False}) == []
    apply("volume", declared)
    assert "came out with SHA-256" in apply.fails("volume", {"name": "wrong.raw", "pool": pool, "src": str(source), "checksum": "sha256:" + "0" * 64})
    assert volumes(hypervisors, pool) == ["content.raw"]


def test_streams_are_bounded_in_memory(pool: str, hypervisors: dict[str, Hypervisor], tmp_path: Path) -> None:
    """Half a gigabyte goes up and down with little memory here."""
    source = tmp_path / "big.raw"
    with source.open("wb") as file:
        for _ in range(100):
            file.write(os.urandom(MB))
        file.truncate(512 * MB)
    inner = hypervisors["hv1"].connection.getURI()
    code = ("import sys, libvirt; from pathlib import Path; from fleet.virt import storage\n"
            "class H: pass\n"
            "h = H(); h.libvirt = libvirt; h.connection = libvirt.open(sys.argv[1]); h.name, h.pools = 'hv1', {}\n"
            "v = storage.make_volume(h, sys.argv[2], 'big.raw', size=1 << 29, format='raw')\n"
            "up = storage.send(h, v, Path(sys.argv[3])); down = storage.receive(h, v, Path(sys.argv[3] + '.back'))\n"
            "peak = next(line for line in open('/proc/self/status') if line.startswith('VmHWM'))  # getrusage counts the parent's before exec, too\n"
            "print(up == down, int(peak.split()[1]) // 1024)")
    out = subprocess.run([sys.executable, "-c", code, inner, pool, str(source)], capture_output=True, text=True, timeout=120)
    same, used = out.stdout.split() if out.stdout else ("", "0")
    assert same == "True" and int(used) < 200, out


def test_protected(apply: Apply, pool: str, guest: Machine) -> None:
    declared = {"name": "dear.qcow2", "pool": pool, "size": "1M", "protected": True}
    apply("volume", declared)
    assert "is protected" in apply.fails("volume", {"name": "dear.qcow2", "pool": pool, "state": "absent"})
    apply("volume", {"name": "dear.qcow2", "pool": pool, "state": "absent", "force": True})
    assert "is a disk of g1" in apply.fails("volume", {"name": "g1.qcow2", "state": "absent", "force": True})


def test_a_disk_in_use_grows_live(apply: Apply, fresh_guest: Machine) -> None:
    before = int(fresh_guest.sh("cat /sys/block/vda/size")) * 512
    apply("volume", {"name": "g1.qcow2", "size": before + 64 * MB})
    assert int(fresh_guest.sh("cat /sys/block/vda/size")) * 512 == before + 64 * MB


def test_a_full_pool_keeps_nothing_half_done(apply: Apply, tmp_path: Path, hypervisors: dict[str, Hypervisor]) -> None:
    apply.once("shell", {"cmd": "mkdir -p /var/lib/libvirt/small && mount -t tmpfs -o size=8m tmpfs /var/lib/libvirt/small"})
    source = tmp_path / "large.raw"
    source.write_bytes(os.urandom(16 * MB))
    path = "/var/lib/libvirt/small"
    for declared in ({"size": "16M", "format": "raw", "allocation": "full"}, {"src": str(source)}):
        assert "space" in apply.fails("volume", {"name": "large.raw", "pool": path, **declared}).lower()
        assert volumes(hypervisors, path) == []
    apply("volume", {"name": "large.raw", "pool": path, "size": "4M", "format": "raw", "allocation": "full"})
    apply.once("pool", {"name": storage_pool(hypervisors, path).name(), "state": "absent"})
    apply.once("command", {"cmd": f"umount {path}"})


def test_what_lies_there_already(apply: Apply, pool: str, hypervisors: dict[str, Hypervisor]) -> None:
    """A file that no pool knows, the pool itself being undefined: adopted where it is what is declared, else refused by name."""
    host = hypervisors["hv1"]
    host.sh(f"mkdir -p {pool}/folder.raw; cd {pool}; qemu-img create -q -f qcow2 one.qcow2 4M; qemu-img create -q -f raw one.raw 4M; ln -s nowhere link.raw")
    assert storage_pool(hypervisors, pool) is None
    assert [each[:2] for each in apply.plan("volume", {"name": "one.qcow2", "pool": pool, "size": "4M"})] == [(f"pool of {pool}", "absent")]
    assert "exists with format raw, not qcow2" in apply.fails("volume", {"name": "one.raw", "pool": pool, "size": "4M", "format": "qcow2"})
    assert apply("volume", {"name": "one.qcow2", "pool": pool, "size": "4M"})["size"] == 4 * MB
    for name, words in (("folder.raw", "exists with format dir"), ("link.raw", "does not know it as a volume")):
        assert words in apply.fails("volume", {"name": name, "pool": pool, "size": "4M", "format": "raw"})
    known = storage_pool(hypervisors, pool)
    known.destroy()
    known.undefine()
    guest = {"name": "cut", "memory": "32M", "accel": "tcg", "networks": [], "boot": ["network"], "state": "defined", "pool": pool}
    host.sh(f"cd {pool}; mv one.qcow2 cut-data.qcow2; mv one.raw cut-more.qcow2; qemu-io -f qcow2 -c 'write -P 5 0 512' cut-data.qcow2; mkdir cut-dir.qcow2")
    for wrong, words in (({"name": "more", "size": "4M"}, "cut-more.qcow2, is there already, with format raw and not qcow2"),
                         ({"name": "data", "size": "1M"}, "never shrunk"), ({"name": "dir", "size": "1M"}, "with format dir and not qcow2")):
        assert words in apply.fails("guest", {**guest, "disks": [wrong]})
        assert [each.name() for each in host.connection.listAllDomains() if each.name() == "cut"] == []
    seen = apply.run("guest", {**guest, "disks": [{"name": "data", "size": "6M"}]})
    assert seen.status == 0 and f"{pool}/cut-data.qcow2 was there already and is used as it is" in seen.results()[-1].result["warnings"]
    apply("guest", {**guest, "disks": [{"name": "data", "size": "6M"}]})
    assert "verification failed" not in host.sh(f"qemu-io -r -f qcow2 -c 'read -P 5 0 512' {pool}/cut-data.qcow2"), "its data is there"
    apply("guest", {"name": "cut", "state": "absent"})
    host.sh(f"rm -r {pool}/*dir* {pool}/folder.raw {pool}/link.raw")


@pytest.mark.parametrize("victim", ["controller", "libvirtd"])
def test_killed_while_a_volume_is_uploaded(victim: str, apply: Apply, pool: str, tmp_path: Path, hypervisors: dict[str, Hypervisor]) -> None:
    """What is left is not taken for the volume, and the next apply makes it whole and clears up."""
    source = tmp_path / "slow.raw"
    source.write_bytes(os.urandom(100 * MB))
    apply.once("volume", {"name": "first.raw", "pool": pool, "size": "1M", "format": "raw"})
    declared = {"name": "slow.raw", "pool": pool, "src": str(source)}
    apply.site.write("slow.yml", f"- hosts: hv1\n  gather_facts: false\n  tasks:\n    - volume: {{name: slow.raw, pool: {pool}, src: {source}}}\n")
    process = subprocess.Popen([sys.executable, "-m", "fleet", "apply", "--no-journal", "-i", "hosts", "slow.yml"], cwd=apply.site.path, stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT, text=True)
    partial = hypervisors["hv1"].var / "lib/libvirt/trial/slow.raw.partial"
    for _ in range(400):
        if partial.exists() and partial.stat().st_blocks > 2048:
            break
        time.sleep(0.02)
    assert partial.exists()
    if victim == "controller":
        process.kill()
    else:
        hypervisors["hv1"].kill_libvirtd()
    process.communicate(timeout=60)
    apply.once("hypervisor", {})
    hypervisors["hv1"].reopen()
    assert "slow.raw" not in volumes(hypervisors, pool)
    apply("volume", declared)
    assert volumes(hypervisors, pool) == ["first.raw", "slow.raw"]


def test_a_directory_becomes_one_pool_however_many_ask(hypervisors: dict[str, Hypervisor], pool: str) -> None:
    connection = hypervisors["hv1"].connection

    class Host:
        import libvirt
        name = "hv1"

    Host.connection = connection  # type: ignore[attr-defined]
    Host.pools = {}  # type: ignore[attr-defined]
    found: list[Any] = []
    threads = [threading.Thread(target=lambda: found.append(storage.the_pool(Host, pool).UUIDString())) for _ in range(8)]  # type: ignore[arg-type]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert len(found) == 8 and len(set(found)) == 1
