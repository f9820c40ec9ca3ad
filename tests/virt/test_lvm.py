"""A pool of LVM, for real: device-mapper is in a guest's kernel, so libvirtd with its storage driver runs in a guest of nothing else.

The guest is the kernel of the tests' image and a ramdisk with this machine's libvirtd and lvm2, and it answers in some seconds; no system is booted.
"""

from __future__ import annotations

import os
import shutil
import socket
import stat
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import libvirt
import pytest

from tests.engine.harness import Site

pytestmark = pytest.mark.virt
LIBVIRT = Path("/usr/lib/x86_64-linux-gnu/libvirt")
PROGRAMS = ["/bin/sh", "/bin/mount", "/sbin/ip", "/sbin/lvm", "/usr/sbin/libvirtd", LIBVIRT / "connection-driver/libvirt_driver_storage.so",
            LIBVIRT / "storage-backend/libvirt_storage_backend_logical.so"]
LVM = ["vgcreate", "vgchange", "vgs", "lvs", "lvcreate", "lvremove", "lvextend", "lvchange", "pvs", "pvcreate", "pvscan", "vgscan", "vgremove", "pvremove"]
MODULES = ["drivers/virtio/virtio_ring", "drivers/virtio/virtio", "drivers/virtio/virtio_pci_legacy_dev", "drivers/virtio/virtio_pci_modern_dev",
           "drivers/virtio/virtio_pci", "drivers/block/virtio_blk", "net/core/failover", "drivers/net/net_failover", "drivers/net/virtio_net",
           "drivers/md/dm-mod"]
FILES = {
    "etc/passwd": "root:x:0:0:root:/:/bin/sh\n", "etc/group": "root:x:0:\nlibvirt:x:100:\n",
    "etc/lvm/lvm.conf": "activation { udev_sync=0 udev_rules=0 }\ndevices { obtain_device_list_from_udev=0 }\n",
    "etc/libvirt/libvirtd.conf": 'listen_tls = 0\nlisten_tcp = 1\nauth_tcp = "none"\nunix_sock_group = "root"\nhost_uuid = "6a2f1b86-3d0c-4b43-9a35-f1ee7000000a"\n',
    "init": "#!/bin/sh\nexport PATH=/sbin:/bin:/usr/sbin:/usr/bin\nmount -t devtmpfs d /dev; mount -t proc p /proc; mount -t sysfs s /sys; mount -t tmpfs t /run\n"
            "for round in 1 2; do for each in /modules/*; do insmod $each 2>/dev/null; done; done\n"  # each has those before it by the second
            "ip link set lo up; ip link set eth0 up; ip addr add 10.0.2.15/24 dev eth0; exec libvirtd --listen\n",
}


def copied(program: Path, root: Path, to: Path | None = None) -> None:
    """A program and the libraries it needs, in a root."""
    listed = subprocess.run(["ldd", str(program)], capture_output=True, text=True).stdout
    libraries = [line.split("=>")[-1].split()[0] for line in listed.splitlines() if "/" in line]
    for source, target in [(program, to or program), *((Path(each), Path(each)) for each in libraries)]:
        place = root / str(target).lstrip("/")
        if not place.exists():
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source.resolve(), place)


def ramdisk(root: Path, image: Path, file: Path) -> None:
    for program in PROGRAMS:
        copied(Path(program), root)
    for name in LVM:
        (root / "sbin" / name).symlink_to("lvm")
    for each in ("dev", "proc", "sys", "run", "tmp", "modules", "var/lib/libvirt", "var/cache/libvirt", "var/log/libvirt", "etc/libvirt/storage"):
        (root / each).mkdir(parents=True, exist_ok=True)
    raw = file.with_name("disk.raw")
    subprocess.run(["qemu-img", "convert", "-O", "raw", str(image / "disk.qcow2"), str(raw)], check=True)

    def debugfs(command: str) -> str:
        return subprocess.run(["debugfs", "-R", command, str(raw)], check=True, capture_output=True, text=True).stdout

    version = next(word for word in debugfs("ls -l /usr/lib/modules").split() if word.endswith("-amd64"))
    for number, each in enumerate(MODULES):
        debugfs(f"dump /usr/lib/modules/{version}/kernel/{each}.ko {root}/modules/{number:02}-{Path(each).name}.ko")
    debugfs(f"dump /usr/bin/kmod {file.with_name('kmod')}")
    file.with_name("kmod").chmod(0o755)
    copied(file.with_name("kmod"), root, Path("/sbin/insmod"))
    raw.unlink()
    for name, text in FILES.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    (root / "init").chmod(0o755)
    cpio(root, file)


def cpio(root: Path, file: Path) -> None:
    """An archive as the kernel unpacks it."""
    def entry(number: int, mode: int, name: str, data: bytes) -> bytes:
        path = name.encode() + b"\0"
        head = b"070701" + b"".join(b"%08X" % each for each in (number, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(path), 0))
        return head + path + bytes(-(len(head) + len(path)) % 4) + data + bytes(-len(data) % 4)

    with file.open("wb") as out:
        for number, path in enumerate(sorted(root.rglob("*")), 1):
            mode = path.lstat().st_mode
            data = os.readlink(path).encode() if stat.S_ISLNK(mode) else path.read_bytes() if stat.S_ISREG(mode) else b""
            out.write(entry(number, mode, str(path.relative_to(root)), data))
        out.write(entry(0, 0, "TRAILER!!!", b""))


@pytest.fixture
def site(image: str, tmp_path: Path) -> Iterator[Site]:
    """An inventory with the host lv, whose libvirt is the guest's."""
    ramdisk(tmp_path / "root", Path(image), tmp_path / "ramdisk")
    with (tmp_path / "disk").open("wb") as disk:
        disk.truncate(200 << 20)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with (tmp_path / "console").open("wb") as console:
        guest = subprocess.Popen(
            ["qemu-system-x86_64", "-M", "q35", "-accel", "tcg", "-m", "512", "-nographic", "-no-reboot", "-kernel", f"{image}/vmlinuz", "-initrd",
             str(tmp_path / "ramdisk"), "-append", "console=ttyS0 quiet net.ifnames=0 mitigations=off random.trust_cpu=on", "-drive",
             f"file={tmp_path / 'disk'},if=virtio,format=raw", "-netdev", f"user,id=n,restrict=on,hostfwd=tcp:127.0.0.1:{port}-:16509",
             "-device", "virtio-net-pci,netdev=n"], stdin=subprocess.DEVNULL, stdout=console, stderr=console)
    try:
        uri = f"storage+tcp://127.0.0.1:{port}/system"
        end = time.monotonic() + 120
        while True:
            try:
                libvirt.open(uri).close()
                break
            except libvirt.libvirtError:
                assert time.monotonic() < end and guest.poll() is None, (tmp_path / "console").read_text(errors="replace")
                time.sleep(0.2)
        found = Site(tmp_path)
        found.write("hosts", f"lv ansible_connection=local fleet_libvirt_uri={uri}\n")
        yield found
    finally:
        guest.kill()
        guest.wait()


def test_a_pool_of_lvm(site: Site) -> None:
    """A group made on an empty device, volumes in it made and removed; what is there is found again, also by a pool that was declared anew."""
    pool, data, more = ("pool: {name: vg0, type: logical, device: [/dev/vda]}", "volume: {name: data, pool: vg0, size: 16M}",
                        "volume: {name: more, pool: vg0, size: 8M}")
    tasks = [pool, pool, data, data, more, "volume: {name: data, pool: vg0, state: absent}", "pool: {name: vg0, state: absent}", pool, more]
    seen = site.run("- hosts: lv\n  gather_facts: false\n  tasks:\n" + "".join(f"    - {task}\n" for task in tasks))
    assert seen.status == 0, seen.results()[-1].result
    results = [each.result for each in seen.results()]
    assert [each["changed"] for each in results] == [True, False, True, False, True, True, True, True, False]
    assert results[1]["path"] == "/dev/vg0" and results[1]["capacity"] > 190 << 20
    assert results[3]["path"] == "/dev/vg0/data" and [results[number]["size"] for number in (3, 4)] == [16 << 20, 8 << 20]
    assert {results[number]["format"] for number in (2, 3, 4, 8)} == {"raw"}
    for task, words in (("{name: large, pool: vg0, size: 9G}", "insufficient free space"), ("{name: more, pool: vg0, size: 16M}", "libvirt does not grow")):
        seen = site.run(f"- hosts: lv\n  gather_facts: false\n  tasks:\n    - volume: {task}\n")
        assert seen.status == 2 and words in seen.results()[-1].result["msg"]
