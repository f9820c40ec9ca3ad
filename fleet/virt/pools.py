"""Storage pools as libvirt's XML, and what of a host's pools can be had there."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any
from xml.etree import ElementTree as ET

from fleet.errors import VirtError
from fleet.virt.connect import Hypervisor
from fleet.virt.identity import checked, uuid_of
from fleet.virt.xml import add, attribute

# kind -> what it needs of: path (a directory there), device (block devices), host, source (a directory, export, dataset or volume group there).
KINDS: dict[str, tuple[str, ...]] = {
    "dir": ("path",), "fs": ("path", "device"), "netfs": ("path", "host", "source"), "logical": ("source",), "disk": ("path", "device"),
    "iscsi": ("path", "host", "device"), "scsi": ("path", "source"), "mpath": ("path",), "rbd": ("host", "source"), "zfs": ("source",),
    "gluster": ("host", "source"),
}
_TEXT = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:@/+-]*")
_PATH = re.compile(r"/[^\0-\x1f]*")


@dataclass
class Pool:
    """format: of a filesystem, export or partition table; where none is given, libvirt's own choice."""

    name: str
    kind: str
    path: str | None = None
    device: list[str] = field(default_factory=list)
    host: str | None = None
    source: str | None = None
    format: str | None = None


def declared(args: Any) -> Pool:
    """The pool of an action's arguments. Raises VirtError for what cannot be one."""
    pool = Pool(checked(args.name, "pool"), args.type, args.path and (args.path.rstrip("/") or "/"), args.device, args.host, args.source, args.format)
    if pool.kind == "logical" and pool.source is None:
        pool.source = pool.name
    needs = KINDS[pool.kind]
    for what in ("path", "device", "host", "source"):
        if what in needs and not getattr(pool, what):
            raise VirtError(f"the pool {pool.name} of type {pool.kind} needs {what}", hint=f"a {pool.kind} pool takes {', '.join(needs)}")
    if pool.kind == "logical":
        pool.path = pool.path or f"/dev/{pool.source}"
    for what, value in (("host", pool.host), ("source", pool.source), ("format", pool.format)):
        if value is not None and not _TEXT.fullmatch(value) and not (what == "source" and _PATH.fullmatch(value)):
            raise VirtError(f"the pool {pool.name}: '{value}' cannot be its {what}")
    for value in [*pool.device, *([pool.path] if pool.path else [])]:
        if not _PATH.fullmatch(value) and not (pool.kind == "iscsi" and _TEXT.fullmatch(value)):
            raise VirtError(f"the pool {pool.name}: '{value}' is not an absolute path")
    return pool


def supported(host: Hypervisor, kind: str) -> bool:
    """Whether libvirt there drives such pools. Drivers that do not say are taken to know directories only."""
    try:
        root = ET.fromstring(host.connection.getStoragePoolCapabilities())
    except host.libvirt.libvirtError:
        return kind == "dir"
    return any(each.get("type") == kind and each.get("supported") == "yes" for each in root.iterfind("pool"))


def by_hand(pool: Pool) -> bool:
    """Whether its filesystem is one that libvirt mounts and does not make."""
    return pool.kind == "fs" and pool.format == "btrfs"


def pool_xml(pool: Pool) -> str:
    root = ET.Element("pool", type=pool.kind)
    add(root, "name", pool.name)
    add(root, "uuid", uuid_of("pool", pool.name))
    if pool.device or pool.host or pool.source or pool.format:
        source = add(root, "source")
        if pool.host:
            add(source, "host", name=pool.host)
        for device in pool.device:
            add(source, "device", path=device)
        if pool.source:
            _source(source, pool)
        if pool.format:
            add(source, "format", type="auto" if by_hand(pool) else pool.format)
    if pool.path:
        add(add(root, "target"), "path", pool.path)
    return ET.tostring(root, encoding="unicode")


def _source(source: ET.Element, pool: Pool) -> None:
    if pool.kind in ("netfs", "gluster"):
        add(source, "dir", path=str(pool.source))
    elif pool.kind == "scsi":
        add(source, "adapter", type="scsi_host", name=str(pool.source))
    else:
        add(source, "name", pool.source)


def pool_fields(text: str) -> dict[str, Any]:
    """What is declared of a pool, as far as libvirt tells it."""
    root = ET.fromstring(text)
    adapter = attribute(root, "source/adapter", "name")
    return {"type": root.get("type"), "path": root.findtext("target/path"), "device": [str(each.get("path")) for each in root.iterfind("source/device")],
            "host": attribute(root, "source/host", "name"), "source": attribute(root, "source/dir", "path") or adapter or root.findtext("source/name"),
            "format": attribute(root, "source/format", "type")}
