"""The volumes of a guest's disks: made, adopted where a file is there already and fits, written, removed."""

from __future__ import annotations

from typing import Any

from fleet.actions._guest import Wanted
from fleet.errors import VirtError
from fleet.virt import seed, storage
from fleet.virt.connect import Hypervisor, said
from fleet.virt.guest import Disk
from fleet.virt.machine import folder


def make(call: Any, host: Hypervisor, declared: Wanted, disk: Disk, begun: list[str] | None = None) -> None:
    """Make a disk's volume where it is missing. begun: is added to before, since libvirtd may go away with its answer."""
    path = str(disk.path)
    said(call, "pool", storage.the_pool, host, folder(path), storage.FRESH)
    there = said(call, "volume", at, host, path)
    if there is None and begun is not None:
        begun.append(path)
    if disk.name == "seed" and declared.seed is not None:
        said(call, "write the seed", write, host, path, seed.iso(declared.seed.files, declared.seed.label), there)
    elif there is not None:
        adopt(call, host, disk, there)
    else:
        said(call, f"create {path}", lambda: storage.make_volume(
            host, folder(path), path.rpartition("/")[2], size=disk.size or 0, format=disk.format or "qcow2", backing=disk.backing,
            backing_format=disk.backing_format or "qcow2"))


def adopt(call: Any, host: Hypervisor, disk: Disk, found: Any) -> None:
    """Use what is there already, with its data, as the disk. Raises VirtError where it is something else than the disk is to be."""
    path = str(disk.path)
    now = said(call, "volume", storage.fields, found)
    others = said(call, "users", storage.users, host, path)
    hint = f"remove it, if its data may go (volume: {{name: {path.rpartition('/')[2]}, pool: {folder(path)}, state: absent}}), or declare the disk as it is"
    for what, wanted in (("format", disk.format or "qcow2"), ("backing", disk.backing)):
        if wanted and now[what] != wanted:
            raise VirtError(f"the file of the disk {disk.name}, {path}, is there already, with {what} {now[what] or 'none'} and not {wanted}", hint=hint)
    if disk.size and now["size"] > disk.size:
        raise VirtError(f"the file of the disk {disk.name}, {path}, is there already, with {now['size']} bytes; it is never shrunk to {disk.size}", hint=hint)
    if disk.size and now["size"] < disk.size and not any(others.values()):
        said(call, f"grow {path}", found.resize, disk.size)
    call.warn(f"{path} was there already and is used as it is")


def at(host: Hypervisor, path: str) -> Any:
    """The volume of a path, looked for in its pool's folder too when no pool knows it yet; or None."""
    return host.find("storageVolLookupByPath", path) or storage.find_volume(host, folder(path), path.rpartition("/")[2], storage.FRESH)


def write(host: Hypervisor, path: str, data: bytes, volume: Any) -> None:
    """A raw volume with this content, grown to it; written in place, so that a guest that has it open reads it on its next boot.

    volume: the one that is there, or None.
    """
    if volume is None:
        volume = storage.make_volume(host, folder(path), path.rpartition("/")[2], size=len(data), format="raw")
    elif volume.info()[1] < len(data):
        volume.resize(len(data), 0)
    storage.upload(host, volume, data)


def written(call: Any, host: Hypervisor, path: str, data: bytes) -> None:
    there = said(call, "volume", at, host, path)
    said(call, f"write {path}", write, host, path, data, there)


def ignition(call: Any, host: Hypervisor, declared: Wanted) -> None:
    written(call, host, str(declared.guest.ignition), declared.ignition or b"")


def remove(host: Hypervisor, path: str) -> None:
    volume = at(host, path)
    if volume is not None:
        volume.delete(0)
