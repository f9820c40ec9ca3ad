"""A libvirt volume on the task's host."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from fleet.errors import VirtError
from fleet.runner.module import Change
from fleet.runner.spec import Opt, Ret, Spec
from fleet.virt import storage
from fleet.virt.connect import hypervisor, said
from fleet.virt.identity import checked

SPEC = Spec(
    "volume", "Declare a disk volume on a hypervisor",
    {
        "name": Opt("str", "The volume's file name, with its extension.", required=True),
        "pool": Opt("path", "The directory it is in; a libvirt storage pool is made for it where there is none.", default=storage.DEFAULT_POOL),
        "size": Opt("bytes", "Its capacity, such as 10G; by default that of `backing`."),
        "format": Opt("str", "Its format.", default="qcow2", choices=["qcow2", "raw"]),
        "backing": Opt("path", "A disk on the host of which this is a copy-on-write overlay."),
        "backing_format": Opt("str", "The format of `backing`.", default="qcow2", choices=["qcow2", "raw"]),
        "state": Opt("str", "present or absent.", default="present", choices=["present", "absent"]),
    },
    returns={"path": Ret("str", "The file on the hypervisor."), "size": Ret("int", "Its capacity in bytes.")},
    examples="- volume: {name: data1.qcow2, size: 20G}\n",
    notes=["A volume grows to a larger size; it is never shrunk, and never replaced because of another format or backing: those are errors."],
)


def run(call: Any) -> Generator[Change, Any, dict[str, Any]]:
    args = call.args
    host = hypervisor(call)
    name = checked(args.name, "volume")
    path = f"{args.pool.rstrip('/')}/{name}"
    found = said(call, "looking for the volume", storage.find_volume, host, args.pool, name)
    if args.state == "absent":
        if found is not None:
            yield Change(path, "present", "absent", lambda: said(call, "remove", found.delete, 0))
        return {"path": path, "size": 0}
    if found is None:
        if not args.size and not args.backing:
            raise VirtError(f"the volume {name} does not exist, and neither size nor backing says how large it is to be")
        yield Change(path, "absent", "present", lambda: said(
            call, f"create {name}", lambda: storage.make_volume(host, args.pool, name, size=args.size or 0, format=args.format, backing=args.backing,
                                                                backing_format=args.backing_format)))
        return {"path": path, "size": args.size or 0}
    now = said(call, "volume", storage.fields, found)
    for what, wanted in (("format", args.format), ("backing", args.backing)):
        if wanted and now[what] != wanted:
            raise VirtError(f"the volume {name} exists with {what} {now[what]}, not {wanted}", hint="remove it first if its data may go")
    if args.size and args.size < now["size"]:
        raise VirtError(f"the volume {name} has {now['size']} bytes; it is never shrunk to {args.size}")
    if args.size and args.size > now["size"]:
        yield Change("size", now["size"], args.size, lambda: said(call, "grow", found.resize, args.size))
    return {"path": path, "size": max(args.size or 0, now["size"])}
