"""A partitioned disk that boots by itself, by BIOS and by UEFI: GPT, GRUB for both, and the root filesystem. Nothing is mounted and no device is used."""
import os
import shutil
import struct
from typing import Any, Dict

from fleet.modules import _image_disk as disk
from fleet.runner.module import Module

SECTOR = 512
MIB = 1 << 20
# name, type, start and size in MiB (None: the rest), unique id. BIOS loads GRUB from the first, UEFI from the second.
PARTITIONS = (
    ("bios", "21686148-6449-6E6F-744E-656564454649", 1, 1, "f1ee7000-0000-4000-8000-000000000011"),
    ("esp", "C12A7328-F81F-11D2-BA4B-00A0C93EC93B", 2, 16, "f1ee7000-0000-4000-8000-000000000012"),
    ("root", "4F68BCE3-E8CD-4DB1-96E7-FBCAF984B709", 18, None, "f1ee7000-0000-4000-8000-000000000013"),
)
DISK_ID = "f1ee7000-0000-4000-8000-000000000010"
ESP_ID = "f1ee7001"
MODULES = ["normal", "linux", "part_gpt", "ext2", "search", "search_fs_uuid", "search_label", "configfile", "echo", "serial", "terminal", "test"]
NEEDS = ("sfdisk", "grub-mkimage", "mformat", "mcopy", "mmd", "mke2fs", "qemu-img")
GRUB = "/usr/lib/grub"
# The root filesystem is found by its id, and the kernel and initrd in it.
CONFIG = """serial --unit=0 --speed=115200
terminal_input console serial
terminal_output console serial
search --no-floppy --fs-uuid --set=root %s
linux /boot/fleet-vmlinuz %s
initrd /boot/fleet-initrd
boot
"""
# Offsets in GRUB's boot.img and diskboot.img (GRUB, include/grub/i386/pc/boot.h).
KERNEL_SECTOR, DRIVE_CHECK, BOOT_CODE_END = 0x5c, 0x66, 440
BLOCK_LIST = SECTOR - 12


def make(m, tree, folder, size, form):
    # type: (Module, str, str, int, str) -> Dict[str, Any]
    missing = [name for name in NEEDS if not shutil.which(name)] + [GRUB + "/" + name for name in ("i386-pc", "x86_64-efi") if not os.path.isdir(GRUB + "/" + name)]
    if missing:
        m.fail("a disk that boots by itself needs %s on this host (Debian: grub-pc-bin grub-efi-amd64-bin grub-common mtools fdisk qemu-utils)"
               % ", ".join(missing))
    raw = os.path.join(folder, "image.raw")
    if not os.path.exists(raw):
        fill(m, tree, folder, raw, size)
    if form == "raw":
        return {"raw": "image.raw"}
    m.run(["qemu-img", "convert", "-O", "qcow2", raw, os.path.join(folder, "image.qcow2")], ok=[0])
    if "raw" not in m.args.formats:
        os.unlink(raw)
    return {"qcow2": "image.qcow2", "bootable": "image.qcow2"}


def fill(m, tree, folder, raw, size):
    # type: (Module, str, str, str, int) -> None
    size -= size % MIB
    with open(raw, "wb") as stream:
        stream.truncate(size)
    table(m, raw, size)
    boot = os.path.join(folder, ".boot")
    os.mkdir(boot)
    config = os.path.join(boot, "grub.cfg")
    append = disk.APPEND.replace("/dev/vda ", "/dev/vda3 ")
    with open(config, "w") as stream_:
        stream_.write(CONFIG % (disk.SEED, append))
    bios(m, raw, boot, config)
    uefi(m, raw, boot, config)
    start = PARTITIONS[2][2] * MIB
    disk.kernel_files(tree, boot)
    disk.filesystem(m, tree, raw, size - start - MIB, start)
    add_kernel(m, raw, start, boot)
    shutil.rmtree(boot)


def table(m, raw, size):
    # type: (Module, str, int) -> None
    lines = ["label: gpt", "label-id: " + DISK_ID]
    for name, kind, start, length, id_ in PARTITIONS:
        length = size // MIB - start - 1 if length is None else length
        lines.append("start=%d, size=%d, type=%s, uuid=%s, name=%s" % (start * MIB // SECTOR, length * MIB // SECTOR, kind, id_, name))
    m.run(["sfdisk", "--quiet", "--no-reread", "--no-tell-kernel", raw], input="\n".join(lines) + "\n", ok=[0])


def bios(m, raw, boot, config):
    # type: (Module, str, str, str) -> None
    """GRUB for BIOS: its first sector in the disk's, which loads the rest from the first partition."""
    core = os.path.join(boot, "core.img")
    m.run(["grub-mkimage", "-O", "i386-pc", "-o", core, "-p", "/boot/grub", "-c", config, "biosdisk"] + MODULES, ok=[0])
    start = PARTITIONS[0][2] * MIB // SECTOR
    with open(core, "rb") as stream:
        rest = bytearray(stream.read())
    if len(rest) > MIB:
        m.fail("GRUB's core image does not fit its partition")
    # Its own first sector names where the sectors behind it are: start, count, and the segment they go to.
    struct.pack_into("<QHH", rest, BLOCK_LIST, start + 1, (len(rest) + SECTOR - 1) // SECTOR - 1, 0x820)
    with open(os.path.join(GRUB, "i386-pc", "boot.img"), "rb") as stream:
        first = bytearray(stream.read(SECTOR))
    struct.pack_into("<Q", first, KERNEL_SECTOR, start)
    first[DRIVE_CHECK:DRIVE_CHECK + 2] = b"\x90\x90"  # what the BIOS says of the drive is right on disks
    with open(raw, "r+b") as out:
        out.write(first[:BOOT_CODE_END])
        out.seek(start * SECTOR)
        out.write(rest)


def uefi(m, raw, boot, config):
    # type: (Module, str, str, str) -> None
    """GRUB for UEFI, where firmware looks on a disk it does not know."""
    loader = os.path.join(boot, "bootx64.efi")
    m.run(["grub-mkimage", "-O", "x86_64-efi", "-o", loader, "-p", "/boot/grub", "-c", config] + MODULES, ok=[0])
    esp = os.path.join(boot, "esp")
    length = PARTITIONS[1][3] or 0
    with open(esp, "wb") as stream:
        stream.truncate(length * MIB)
    quiet = {"MTOOLS_SKIP_CHECK": "1"}
    m.run(["mformat", "-i", esp, "-v", "ESP", "-N", ESP_ID, "::"], ok=[0], env=quiet)
    m.run(["mmd", "-i", esp, "::/EFI", "::/EFI/BOOT"], ok=[0], env=quiet)
    m.run(["mcopy", "-i", esp, loader, "::/EFI/BOOT/BOOTX64.EFI"], ok=[0], env=quiet)
    with open(esp, "rb") as source, open(raw, "r+b") as out:
        out.seek(PARTITIONS[1][2] * MIB)
        shutil.copyfileobj(source, out, MIB)


def add_kernel(m, raw, start, boot):
    # type: (Module, str, int, str) -> None
    """The kernel and the small initrd into the root filesystem, under names that stay."""
    place = "%s?offset=%d" % (raw, start)
    commands = "".join("write %s/%s /boot/fleet-%s\n" % (boot, name, name) for name in ("vmlinuz", "initrd"))
    m.run(["debugfs", "-w", "-f", "-", place], input=commands, ok=[0])
