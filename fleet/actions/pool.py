"""A libvirt storage pool on the task's host."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from fleet.errors import VirtError
from fleet.runner.module import Change
from fleet.runner.spec import Opt, Ret, Spec
from fleet.virt.connect import Hypervisor, hypervisor, said
from fleet.virt.pools import KINDS, Pool, by_hand, declared, pool_fields, pool_xml, supported

SPEC = Spec(
    "pool", "Declare a storage pool on a hypervisor",
    {
        "name": Opt("str", "The pool's name.", required=True),
        "state": Opt("str", "running: defined and active; present: defined; stopped: defined and not active; absent: forgotten, with what is in it left "
                     "where it is.", default="running", choices=["running", "present", "stopped", "absent"]),
        "type": Opt("str", "dir: a directory, on whatever filesystem; fs: a block device that is mounted at `path`; logical: an LVM volume group; "
                    "the others as libvirt has them.", default="dir", choices=list(KINDS)),
        "path": Opt("path", "The directory, or where the filesystem is mounted."),
        "device": Opt("list", "Block devices it is made of.", elements="str", default=[]),
        "host": Opt("str", "Server of a network filesystem or storage."),
        "source": Opt("str", "Export, volume group, dataset or adapter there."),
        "format": Opt("str", "Format of the filesystem (ext4, xfs, btrfs ...), export or partition table."),
        "build": Opt("bool", "Make what is missing: the directory, or a filesystem, volume group or label on devices that have none. What a device holds "
                     "is never overwritten.", default=True),
        "autostart": Opt("bool", "Start it when libvirtd starts.", default=True),
        "uri": Opt("str", "The libvirt to speak to; by default qemu:///system, or the host's fleet_libvirt_uri."),
    },
    returns={
        "name": Ret("str", "The pool."), "path": Ret("str", "Where its volumes are."), "active": Ret("bool", "Whether it is running."),
        "capacity": Ret("int", "Bytes in all.", "the pool is active"), "available": Ret("int", "Bytes free.", "the pool is active"),
    },
    examples="""\
- pool: {name: fast, path: /srv/fast}
- pool: {name: archive, type: fs, device: [/dev/sdb1], format: btrfs, path: /srv/archive}
- pool: {name: vg0, type: logical}
""",
    notes=["A type of pool that libvirt on the host has no driver for is refused by name.",
           "What an existing pool is made of is not changed: that is an error. Remove it first; its content stays."],
)


def run(call: Any) -> Generator[Change, Any, dict[str, Any]]:
    host = hypervisor(call)
    args, pool = call.args, declared(call.args) if call.args.state != "absent" else None
    found = said(call, "looking for the pool", host.find, "storagePoolLookupByName", args.name)
    active = bool(found) and bool(said(call, "pool", found.isActive))
    result: dict[str, Any] = {"name": args.name, "path": pool.path if pool else None, "active": False}
    if pool is None:
        if active:
            yield Change("running", True, False, lambda: said(call, "stop", found.destroy))
        if found:
            yield Change(f"pool {args.name}", "present", "absent", lambda: said(call, f"remove {args.name}", found.undefine))
        return result
    if not said(call, "pools", supported, host, pool.kind):
        raise VirtError(f"libvirt on {host.name} has no driver for {pool.kind} pools")
    text = pool_xml(pool)
    if not found:
        found = yield Change(f"pool {pool.name}", "absent", "present", lambda: create(call, host, pool, text))
    else:
        now, wanted = pool_fields(said(call, "pool", found.XMLDesc, 0)), pool_fields(text)
        for what in wanted:
            if wanted[what] and now[what] != wanted[what]:
                raise VirtError(f"the pool {pool.name} exists with {what} {now[what]}, not {wanted[what]}",
                                hint="remove it (state: absent) and declare it anew; what is in it stays")
    if args.autostart != (bool(found) and bool(said(call, "autostart", found.autostart))):
        yield Change("autostart", not args.autostart, args.autostart, lambda: said(call, "autostart", found.setAutostart, args.autostart))
    if args.state == "running" and not active:
        yield Change("running", False, True, lambda: said(call, f"start {pool.name}", found.create))
        active = True
    elif args.state == "stopped" and active:
        yield Change("running", True, False, lambda: said(call, f"stop {pool.name}", found.destroy))
        active = False
    if active and found and not call.check:
        _, result["capacity"], _, result["available"] = said(call, "pool", found.info)
    return {**result, "active": active}


def create(call: Any, host: Hypervisor, pool: Pool, text: str) -> Any:
    build = call.args.build
    if build and by_hand(pool):
        build = False
        for device in pool.device:
            make_btrfs(call, device)
        made = call.module("file", {"path": pool.path, "state": "directory"}, check=False)
        if made.get("failed"):
            raise VirtError(f"cannot make {pool.path}: {made.get('msg')}")
    return said(call, f"define {pool.name}", define, host, text, build)


def make_btrfs(call: Any, device: str) -> None:
    """On a device with no content; mkfs.btrfs refuses others by itself."""
    known = call.module("command", {"argv": ["blkid", "-p", "-s", "TYPE", "-o", "value", device]}, check=False)
    if known.get("stdout") == "btrfs":
        return
    made = call.module("command", {"argv": ["mkfs.btrfs", "-q", device]}, check=False)
    if made.get("failed"):
        raise VirtError(f"cannot make a btrfs filesystem on {device}: {made.get('stderr') or made.get('msg')}")


def define(host: Hypervisor, text: str, build: bool) -> Any:
    """Define and build it; a pool that cannot be built is not left behind."""
    pool = host.connection.storagePoolDefineXML(text)
    try:
        if build:
            kind = pool_fields(text)["type"]
            pool.build(host.libvirt.VIR_STORAGE_POOL_BUILD_NO_OVERWRITE if kind in ("fs", "disk", "logical") else 0)
    except host.libvirt.libvirtError as error:
        built = error.get_error_code() == host.libvirt.VIR_ERR_STORAGE_POOL_BUILT and "already formatted" in error.get_error_message()
        if not built and error.get_error_code() != host.libvirt.VIR_ERR_NO_SUPPORT:
            pool.undefine()
            raise
    return pool
