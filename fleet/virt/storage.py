"""Volumes on the hypervisor: found, made, grown, and their content as streams."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO
from xml.etree import ElementTree as ET

from fleet.errors import VirtError
from fleet.virt.connect import Hypervisor
from fleet.virt.identity import uuid_of
from fleet.virt.pools import Pool, pool_xml
from fleet.virt.xml import add, attribute

DEFAULT_POOL = "/var/lib/libvirt/images"
CHUNK = 256 * 1024
FRESH = 2.0  # seconds; many guests that are made at once look into one pool
PARTIAL = ".partial"  # ends the name of what is being written; it has its own name only when it is whole


def find_pool(hypervisor: Hypervisor, name: str, fresh: float = 0.0) -> Any:
    """The pool of a directory (a name that begins with /) or of that name, running and fresh, or None.

    fresh: seconds for which what was read of it before is good enough. Reading it anew takes as long as it has volumes, and has to wait while one is made.
    """
    connection = hypervisor.connection
    known = hypervisor.pools.get(name)
    if known is not None and known[0] is connection and time.monotonic() - known[2] < fresh:
        return known[1]
    for pool in connection.listAllStoragePools():
        if pool.name() == name if not name.startswith("/") else ET.fromstring(pool.XMLDesc()).findtext("target/path") == name:
            _start(pool)
            pool.refresh()
            hypervisor.pools[name] = (connection, pool, time.monotonic())
            return pool
    return None


def _start(pool: Any) -> None:
    try:
        if not pool.isActive():
            pool.create()
    except Exception:
        if not pool.isActive():  # it may be that another one was quicker
            raise


def make_pool(hypervisor: Hypervisor, path: str) -> Any:
    """A pool for a directory. Several that make it at once get the same one."""
    name = "fleet" + path.replace("/", "-")
    text = pool_xml(Pool(name, "dir", path)).replace(uuid_of("pool", name), uuid_of("pool", path))
    try:
        pool = hypervisor.connection.storagePoolDefineXML(text)
        pool.build()
    except hypervisor.libvirt.libvirtError:
        pool = hypervisor.connection.storagePoolLookupByName(name)
    _start(pool)
    pool.setAutostart(True)
    return pool


def the_pool(hypervisor: Hypervisor, name: str, fresh: float = 0.0) -> Any:
    """The pool, made where it is a directory. Raises VirtError for a name that no pool has."""
    found = find_pool(hypervisor, name, fresh)
    if found is None and not name.startswith("/"):
        raise VirtError(f"there is no pool {name} on {hypervisor.name}", hint="declare it with the `pool` module, or give a directory")
    return found or make_pool(hypervisor, name)


def find_volume(hypervisor: Hypervisor, pool: str, name: str, fresh: float = 0.0) -> Any:
    found = find_pool(hypervisor, pool, fresh)
    if found is None or name not in found.listVolumes():
        return None
    return found.storageVolLookupByName(name)


def volume_xml(name: str, size: int, format: str, backing: str | None = None, backing_format: str = "qcow2", full: bool = False) -> str:
    root = ET.Element("volume")
    add(root, "name", name)
    add(root, "capacity", str(size), unit="bytes")
    if not full:
        add(root, "allocation", "0", unit="bytes")
    target = add(root, "target")
    add(target, "format", type=format)
    if format == "qcow2":
        add(target, "compat", "1.1")  # older ones hold no checkpoints, so there would be no incremental backups
    add(add(target, "permissions"), "mode", "0600")
    if backing:
        store = add(root, "backingStore")
        add(store, "path", backing)
        add(store, "format", type=backing_format)
    return ET.tostring(root, encoding="unicode")


def make_volume(hypervisor: Hypervisor, pool: str, name: str, *, size: int, format: str = "qcow2", backing: str | None = None,
                backing_format: str = "qcow2", allocation: str = "sparse") -> Any:
    """Create a volume, a copy-on-write overlay where backing (an absolute path there) is given.

    size in bytes; 0 = the backing's. allocation: sparse, metadata (qcow2 only) or full.
    """
    text = volume_xml(name, size, format, backing, backing_format, allocation == "full")
    flags = hypervisor.libvirt.VIR_STORAGE_VOL_CREATE_PREALLOC_METADATA if allocation == "metadata" else 0
    holder = the_pool(hypervisor, pool, FRESH)  # whoever makes one has looked for it just now
    try:
        return holder.createXML(text, flags)
    except hypervisor.libvirt.libvirtError as error:
        if error.get_error_code() != hypervisor.libvirt.VIR_ERR_STORAGE_VOL_EXIST and "exists" not in error.get_error_message():
            raise
        raise VirtError(f"{name} is there already in {pool} on {hypervisor.name}, and libvirt does not know it as a volume: {error.get_error_message()}",
                        hint="look at what it is (a link, a folder, a file that is broken?) and take it away, or choose another name") from None


def clone_volume(hypervisor: Hypervisor, pool: str, name: str, source: Any) -> Any:
    """A copy of a volume of its own, by reflink where the filesystem can."""
    form = fields(source)["format"]
    text = volume_xml(name, source.info()[1], form)
    holder = the_pool(hypervisor, pool)
    try:
        return holder.createXMLFrom(text, source, hypervisor.libvirt.VIR_STORAGE_VOL_CREATE_REFLINK)
    except hypervisor.libvirt.libvirtError:
        return holder.createXMLFrom(text, source, 0)


def drop(hypervisor: Hypervisor, volume: Any) -> None:
    """Remove what could not be finished, where libvirt still answers; else the next apply finds and removes it."""
    try:
        volume.delete(0)
    except hypervisor.libvirt.libvirtError:
        pass


def by_path(hypervisor: Hypervisor, path: str) -> Any:
    """The volume of a path, or None."""
    return hypervisor.find("storageVolLookupByPath", path)


def fields(volume: Any) -> dict[str, Any]:
    root = ET.fromstring(volume.XMLDesc())
    return {"size": int(root.findtext("capacity") or 0), "allocation": int(root.findtext("allocation") or 0),
            "format": attribute(root, "target/format", "type") or "raw", "backing": root.findtext("backingStore/path")}


# -- who uses it


def users(hypervisor: Hypervisor, path: str) -> dict[str, str | None]:
    """Guests with that disk -> the disk's target where it runs, else None."""
    found: dict[str, str | None] = {}
    for domain in _domains(hypervisor):
        for disk in ET.fromstring(domain.XMLDesc(0)).iterfind("devices/disk"):
            source = disk.find("source")
            if source is not None and path in (source.get("file"), source.get("dev")):
                found[domain.name()] = attribute(disk, "target", "dev") if domain.isActive() else None
    return found


def _domains(hypervisor: Hypervisor) -> list[Any]:
    try:
        return list(hypervisor.connection.listAllDomains())
    except hypervisor.libvirt.libvirtError as error:
        if error.get_error_code() != hypervisor.libvirt.VIR_ERR_NO_SUPPORT:
            raise
        return []  # a driver of storage alone has no guests


def overlays(hypervisor: Hypervisor, path: str) -> list[str]:
    """Volumes in the host's active pools that are copy-on-write overlays of a disk."""
    found = []
    for pool in hypervisor.connection.listAllStoragePools(hypervisor.libvirt.VIR_CONNECT_LIST_STORAGE_POOLS_ACTIVE):
        pool.refresh()
        found += [volume.path() for volume in pool.listAllVolumes() if fields(volume)["backing"] == path]
    return sorted(found)


def grow(hypervisor: Hypervisor, volume: Any, size: int) -> None:
    """Make it larger in place, through the guest that has it in use where one has. size in bytes."""
    for name, target in users(hypervisor, volume.path()).items():
        if target is not None:
            hypervisor.connection.lookupByName(name).blockResize(target, size, hypervisor.libvirt.VIR_DOMAIN_BLOCK_RESIZE_BYTES)
            return
    try:
        volume.resize(size)
    except hypervisor.libvirt.libvirtError as error:
        if error.get_error_code() != hypervisor.libvirt.VIR_ERR_NO_SUPPORT:
            raise
        raise VirtError(f"libvirt does not grow {volume.path()}: {error.get_error_message()}",
                        hint="of LVM it does none: `lvextend` on the host does, and the next apply finds it done") from None


# -- content


def upload(hypervisor: Hypervisor, volume: Any, data: bytes) -> None:
    """Write a volume's whole content."""
    stream = hypervisor.connection.newStream(0)
    volume.upload(stream, 0, len(data), 0)
    for start in range(0, len(data), CHUNK):
        stream.send(data[start:start + CHUNK])
    stream.finish()


def send(hypervisor: Hypervisor, volume: Any, path: Path) -> str:
    """Stream a controller file into a volume, in bounded memory and without its holes. Returns the file's SHA-256."""
    digest = hashlib.sha256()
    stream = hypervisor.connection.newStream(0)
    size = path.stat().st_size
    with path.open("rb") as file:
        volume.upload(stream, 0, size, hypervisor.libvirt.VIR_STORAGE_VOL_UPLOAD_SPARSE_STREAM)
        try:
            for start, end, hole in _extents(file, size):
                if hole:
                    stream.sendHole(end - start, 0)
                for data in _pieces(file, start, end, hole):
                    digest.update(data)
                    if not hole:
                        _send_all(stream, data)
            stream.finish()
        except BaseException:
            stream.abort()
            raise
    return digest.hexdigest()


def _send_all(stream: Any, data: bytes) -> None:
    while data:
        sent = stream.send(data)
        if sent < 0:
            raise VirtError("the stream to libvirt broke off")
        data = data[sent:]


def _pieces(file: BinaryIO, start: int, end: int, hole: bool) -> Iterator[bytes]:
    file.seek(start)
    while start < end:
        data = bytes(min(CHUNK, end - start)) if hole else file.read(min(CHUNK, end - start))
        if not data:
            raise VirtError(f"{file.name} became shorter while it was sent")
        yield data
        start += len(data)


def _extents(file: BinaryIO, size: int) -> Iterator[tuple[int, int, bool]]:
    """(start, end, is it a hole) over a file."""
    at = 0
    while at < size:
        try:
            data = os.lseek(file.fileno(), at, os.SEEK_DATA)
        except OSError:
            yield at, size, True
            return
        if data > at:
            yield at, data, True
        at = min(os.lseek(file.fileno(), data, os.SEEK_HOLE), size)
        yield data, at, False


def receive(hypervisor: Hypervisor, volume: Any, path: Path) -> str:
    """Stream a volume's content into a controller file, replaced when all is there. Returns its SHA-256."""
    digest = hashlib.sha256()
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    stream = hypervisor.connection.newStream(0)
    try:
        with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600), "wb") as file:
            volume.download(stream, 0, 0, 0)
            while data := stream.recv(CHUNK):
                if isinstance(data, int):
                    raise VirtError("the stream from libvirt broke off")
                digest.update(data)
                if data.count(0) == len(data):
                    file.seek(len(data), os.SEEK_CUR)
                else:
                    file.write(data)
            stream.finish()
            file.truncate()
            file.flush()
            os.fsync(file.fileno())
        temporary.rename(path)
    finally:
        temporary.unlink(missing_ok=True)
    return digest.hexdigest()


def sha256(path: Path) -> str:
    """A controller file's."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while data := file.read(CHUNK):
            digest.update(data)
    return digest.hexdigest()


def format_of(path: Path) -> str:
    """qcow2 or raw, by the file's first bytes."""
    with path.open("rb") as file:
        return "qcow2" if file.read(4) == b"QFI\xfb" else "raw"
