"""Volumes in directory pools on the hypervisor."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree as ET

from fleet.virt.connect import Hypervisor
from fleet.virt.identity import uuid_of

DEFAULT_POOL = "/var/lib/libvirt/images"


def find_pool(hypervisor: Hypervisor, path: str) -> Any:
    """The pool of a directory, running and fresh, or None."""
    for pool in hypervisor.connection.listAllStoragePools():
        if ET.fromstring(pool.XMLDesc()).findtext("target/path") == path:
            if not pool.isActive():
                pool.create()
            pool.refresh()
            return pool
    return None


def make_pool(hypervisor: Hypervisor, path: str) -> Any:
    name = "fleet" + path.replace("/", "-")
    root = ET.Element("pool", type="dir")
    ET.SubElement(root, "name").text = name
    ET.SubElement(root, "uuid").text = uuid_of("pool", path)
    ET.SubElement(ET.SubElement(root, "target"), "path").text = path
    pool = hypervisor.connection.storagePoolDefineXML(ET.tostring(root, encoding="unicode"))
    pool.build()
    pool.create()
    pool.setAutostart(True)
    return pool


def find_volume(hypervisor: Hypervisor, pool: str, name: str) -> Any:
    found = find_pool(hypervisor, pool)
    if found is None or name not in found.listVolumes():
        return None
    return found.storageVolLookupByName(name)


def make_volume(hypervisor: Hypervisor, pool: str, name: str, *, size: int, format: str = "qcow2", backing: str | None = None,
                backing_format: str = "qcow2") -> Any:
    """Create a volume, a copy-on-write overlay where backing (an absolute path there) is given. size in bytes; 0 = the backing's."""
    root = ET.Element("volume")
    ET.SubElement(root, "name").text = name
    ET.SubElement(root, "capacity", unit="bytes").text = str(size)
    target = ET.SubElement(root, "target")
    ET.SubElement(target, "format", type=format)
    permissions = ET.SubElement(target, "permissions")
    ET.SubElement(permissions, "mode").text = "0600"
    if backing:
        store = ET.SubElement(root, "backingStore")
        ET.SubElement(store, "path").text = backing
        ET.SubElement(store, "format", type=backing_format)
    holder = find_pool(hypervisor, pool) or make_pool(hypervisor, pool)
    return holder.createXML(ET.tostring(root, encoding="unicode"), 0)


def upload(hypervisor: Hypervisor, volume: Any, data: bytes) -> None:
    stream = hypervisor.connection.newStream(0)
    volume.upload(stream, 0, len(data), 0)
    for start in range(0, len(data), 65536):
        stream.send(data[start:start + 65536])
    stream.finish()


def fields(volume: Any) -> dict[str, Any]:
    root = ET.fromstring(volume.XMLDesc())
    form = root.find("target/format")
    return {"size": int(root.findtext("capacity") or 0), "format": form.get("type") if form is not None else "raw",
            "backing": root.findtext("backingStore/path")}
