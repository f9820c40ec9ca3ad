"""A libvirt volume on the task's host."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

from fleet.errors import VirtError
from fleet.runner.module import Change
from fleet.runner.spec import Opt, Ret, Spec
from fleet.virt import storage
from fleet.virt.connect import Hypervisor, hypervisor, said
from fleet.virt.identity import checked

PROTECTED = "/var/lib/fleet/protected"  # on the host: one file a protected volume, named by its path
SPEC = Spec(
    "volume", "Declare a disk volume on a hypervisor",
    {
        "name": Opt("str", "The volume's name, for a file with its extension.", required=True),
        "pool": Opt("str", "The directory it is in (a libvirt storage pool is made for it where there is none), or a pool's name.",
                    default=storage.DEFAULT_POOL),
        "size": Opt("bytes", "Its capacity, such as 10G; by default that of what it is made from."),
        "format": Opt("str", "Its format; by default that of `src` or `clone_of`, else qcow2, and raw where the pool has no files.",
                      choices=["qcow2", "raw", "vmdk", "vdi", "vpc", "qed"]),
        "allocation": Opt("str", "sparse: as it is written; metadata: of qcow2, its tables at once; full: all of it, as always where the pool has no files.",
                          default="sparse",
                          choices=["sparse", "metadata", "full"]),
        "backing": Opt("path", "A disk on the host of which this is a copy-on-write overlay: a clone that costs nothing."),
        "backing_format": Opt("str", "The format of `backing`.", default="qcow2", choices=["qcow2", "raw"]),
        "clone_of": Opt("str", "A volume of the same pool, or a path on the host, of which this is a copy of its own."),
        "src": Opt("path", "A file on the controller that it is made from."),
        "overwrite": Opt("bool", "Also write `src` to a volume that exists and has other content (by SHA-256).", default=False),
        "checksum": Opt("str", "sha256:HEX that the content must have, checked on the host after it was made from `src`."),
        "dest": Opt("path", "A file on the controller to write the volume's content to."),
        "protected": Opt("bool", "Removing it fails unless `force` is given."),
        "force": Opt("bool", "Remove it although it is protected.", default=False),
        "state": Opt("str", "present or absent.", default="present", choices=["present", "absent"]),
        "uri": Opt("str", "The libvirt to speak to; by default qemu:///system, or the host's fleet_libvirt_uri."),
    },
    returns={"path": Ret("str", "The file or device on the hypervisor."), "size": Ret("int", "Its capacity in bytes."),
             "format": Ret("str", "Its format.", "it exists"), "sha256": Ret("str", "Of its content.", "with dest")},
    mutually_exclusive=[["backing", "clone_of", "src"]],
    examples="""\
- volume: {name: data1.qcow2, size: 20G, protected: true}
- volume: {name: web1.qcow2, backing: /var/lib/fleet/images/debian/disk.qcow2}
- volume: {name: appliance.raw, src: files/appliance.raw, checksum: "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"}
""",
    notes=["A volume grows to a larger size, also while a guest runs on it; it is never shrunk, and never replaced because of another format or backing: "
           "those are errors.",
           "A volume that a guest has, or that is the backing of another, is not removed.",
           "Content is written under another name and takes its own when it is whole, so what a cut run leaves is not mistaken for the volume."],
)


def run(call: Any) -> Generator[Change, Any, dict[str, Any]]:
    args = call.args
    host = hypervisor(call)
    name = checked(args.name, "volume")
    if name.endswith(storage.PARTIAL):
        raise VirtError(f"'{name}' cannot be the name of a volume", hint=f"what ends in {storage.PARTIAL} is an unfinished one")
    source = call.find("files", args.src) if args.src else None
    found = said(call, "looking for the volume", storage.find_volume, host, args.pool, name)
    path = said(call, "volume", found.path) if found is not None else place(call, host, name)
    if found is None and args.pool.startswith("/") and lies_there(call, path):
        # No pool has that folder any more, or what is there is no volume.
        if said(call, "pool", storage.find_pool, host, args.pool) is None:
            yield Change(f"pool of {args.pool}", "absent", "present", lambda: said(call, f"pool of {args.pool}", storage.the_pool, host, args.pool))
        found = said(call, "looking for the volume", storage.find_volume, host, args.pool, name)
        if found is None and call.check:
            return {"path": path, "size": args.size or 0}
        if found is None:
            raise VirtError(f"{path} is there, and libvirt does not know it as a volume",
                            hint="look at what it is (a link, a folder, a file that is broken?) and take it away, or choose another name")
        call.warn(f"{path} was there already and is used as it is")
    if args.state == "absent":
        yield from absent(call, host, found, path)
        return {"path": path, "size": 0}
    result: dict[str, Any] = {"path": path, "size": args.size or 0}
    if found is None:
        if not (args.size or args.backing or args.clone_of or source):
            raise VirtError(f"the volume {name} does not exist, and neither size, backing, clone_of nor src says how large it is to be")
        found = yield Change(path, "absent", "present", lambda: make(call, host, name, path, source))
    elif source is not None and args.overwrite:
        there, here = content(call, path, source.stat().st_size), call.blocking(storage.sha256, source)
        if there != here:
            free(call, host, path)
            found = yield Change(f"content of {path}", there, here, lambda: make(call, host, name, path, source))
    if found is not None:
        now = said(call, "volume", storage.fields, found)
        settled(name, args, now, source)
        if args.size and args.size > now["size"]:
            yield Change("size", now["size"], args.size, lambda: said(call, f"grow {name}", storage.grow, host, found, args.size))
        result.update(size=max(args.size or 0, now["size"]), format=now["format"])
        yield from downloaded(call, host, found, path, result)
    yield from protection(call, path)
    return result


def place(call: Any, host: Hypervisor, name: str) -> str:
    """The path a volume that is not there will have."""
    if call.args.pool.startswith("/"):
        return f"{call.args.pool.rstrip('/')}/{name}"
    pool = said(call, "pool", storage.find_pool, host, call.args.pool)
    from xml.etree import ElementTree as ET
    folder = ET.fromstring(said(call, "pool", pool.XMLDesc, 0)).findtext("target/path") if pool else None
    return f"{folder or call.args.pool}/{name}"


def lies_there(call: Any, path: str) -> bool:
    """Whether there is anything at a path of the host."""
    return bool(call.module("stat", {"path": path, "get_checksum": False}, check=False).get("stat", {}).get("exists"))


def settled(name: str, args: Any, now: dict[str, Any], source: Path | None) -> None:
    """Raise VirtError for what an existing volume cannot become."""
    for what, wanted in (("format", args.format if not source else None), ("backing", args.backing)):
        if wanted and now[what] != wanted:
            raise VirtError(f"the volume {name} exists with {what} {now[what]}, not {wanted}", hint="remove it first if its data may go")
    if args.size and args.size < now["size"]:
        raise VirtError(f"the volume {name} has {now['size']} bytes; it is never shrunk to {args.size}")


# -- making one


def make(call: Any, host: Hypervisor, name: str, path: str, source: Path | None) -> Any:
    """Create it; what takes time to fill is filled under another name, and takes its own when it is whole."""
    args = call.args
    if source is None and not args.clone_of:
        plain = files(call, host)
        form = args.format or ("qcow2" if plain else "raw")
        # What has no files is not sparse: of LVM libvirt would make a snapshot that breaks when it is full.
        allocation = args.allocation if plain else "full"
        return said(call, f"create {name}", lambda: storage.make_volume(
            host, args.pool, name, size=args.size or 0, format=form, backing=args.backing, backing_format=args.backing_format, allocation=allocation))
    temporary = name + storage.PARTIAL
    left = said(call, "volume", storage.find_volume, host, args.pool, temporary)
    if left is not None:
        said(call, f"remove what was left of {name}", left.delete, 0)
    made = fill(call, host, temporary, source)
    if not files(call, host):
        raise VirtError(f"the pool {args.pool} has no files", hint="src and clone_of need a pool of files")
    done = call.module("command", {"argv": ["mv", "-T", "--", said(call, "volume", made.path), path]}, check=False)
    if done.get("failed"):
        raise VirtError(f"cannot name the finished volume {path}: {done.get('stderr') or done.get('msg')}")
    return said(call, "volume", storage.find_volume, host, args.pool, name)


def fill(call: Any, host: Hypervisor, name: str, source: Path | None) -> Any:
    """The volume `name`, a whole copy of what the task names; nothing where it cannot be had."""
    if source is None:
        return cloned(call, host, name)
    size = source.stat().st_size
    volume = said(call, f"create {name}", lambda: storage.make_volume(host, call.args.pool, name, size=size, format="raw"))
    try:
        sent = said(call, f"upload {source}", storage.send, host, volume, source)
        there = content(call, said(call, "volume", volume.path), size)
        wanted = (call.args.checksum or f"sha256:{sent}").partition(":")[2].lower()
        if there != sent or there != wanted:
            raise VirtError(f"the volume {call.args.name} came out with SHA-256 {there}, not {sent if there != sent else wanted}")
    except BaseException:
        call.blocking(storage.drop, host, volume)
        raise
    return volume


def cloned(call: Any, host: Hypervisor, name: str) -> Any:
    args = call.args
    original = said(call, "volume to clone", storage.by_path, host, args.clone_of) if args.clone_of.startswith("/") else \
        said(call, "volume to clone", storage.find_volume, host, args.pool, checked(args.clone_of, "volume"))
    if original is None:
        raise VirtError(f"there is no volume {args.clone_of} to clone on {host.name}", hint="a path is found only in a pool that libvirt knows")
    running = [guest for guest, target in said(call, "users", storage.users, host, said(call, "volume", original.path)).items() if target]
    if running:
        raise VirtError(f"{args.clone_of} is in use by {', '.join(running)}, so a copy would be torn", hint="take a guest_snapshot or a guest_backup")
    return said(call, f"clone {args.clone_of}", storage.clone_volume, host, args.pool, name, original)


def files(call: Any, host: Hypervisor) -> bool:
    """Whether the pool's volumes are files of a filesystem."""
    from xml.etree import ElementTree as ET
    pool = said(call, "pool", storage.the_pool, host, call.args.pool)
    return ET.fromstring(said(call, "pool", pool.XMLDesc, 0)).get("type") in ("dir", "fs", "netfs")


def content(call: Any, path: str, size: int) -> str:
    """The SHA-256 of a volume's first bytes, computed on the host."""
    answer = call.module("command", {"argv": ["/bin/sh", "-c", 'head -c "$1" -- "$2" | sha256sum', "sh", str(size), path]}, check=False)
    if answer.get("failed"):
        raise VirtError(f"cannot read {path}: {answer.get('stderr') or answer.get('msg')}")
    return str(answer["stdout"]).split()[0]


def downloaded(call: Any, host: Hypervisor, found: Any, path: str, result: dict[str, Any]) -> Iterator[Change]:
    if call.args.dest is None:
        return
    target = Path(call.args.dest).expanduser()
    physical = said(call, "volume", lambda: found.infoFlags(host.libvirt.VIR_STORAGE_VOL_GET_PHYSICAL)[2])
    here = call.blocking(storage.sha256, target) if target.exists() else None
    there = content(call, path, physical)
    if here != there:
        yield Change(f"content of {target} (controller)", here, there, lambda: said(call, f"download {path}", storage.receive, host, found, target))
    result["sha256"] = there


# -- removing one, or not


def free(call: Any, host: Hypervisor, path: str) -> None:
    """Raise VirtError when something would lose its disk."""
    guests = said(call, "users", storage.users, host, path)
    if guests:
        raise VirtError(f"{path} is a disk of {', '.join(guests)}", hint="take it off there first")
    above = said(call, "overlays", storage.overlays, host, path)
    if above:
        raise VirtError(f"{path} is the backing of {', '.join(above)}", hint="remove those first")


def mark(path: str) -> str:
    return f"{PROTECTED}/{quote(path, safe='')}"


def is_protected(call: Any, path: str) -> bool:
    answer = call.module("stat", {"path": mark(path), "get_checksum": False}, check=False)
    return bool(answer.get("stat", {}).get("exists"))


def protection(call: Any, path: str) -> Iterator[Change]:
    wanted = call.args.protected
    if wanted is None or is_protected(call, path) == wanted:
        return

    def carry_out() -> None:
        for each in ([{"path": PROTECTED, "state": "directory", "mode": "0700"}, {"path": mark(path), "state": "touch"}] if wanted
                     else [{"path": mark(path), "state": "absent"}]):
            answer = call.module("file", each, check=False)
            if answer.get("failed"):
                raise VirtError(f"cannot note the protection of {path}: {answer.get('msg')}")

    yield Change("protected", not wanted, wanted, carry_out)


def absent(call: Any, host: Hypervisor, found: Any, path: str) -> Iterator[Change]:
    left = said(call, "volume", storage.find_volume, host, call.args.pool, call.args.name + storage.PARTIAL)
    if left is not None:
        yield Change(path + storage.PARTIAL, "present", "absent", lambda: said(call, "remove", left.delete, 0))
    guarded = is_protected(call, path)
    if found is not None:
        free(call, host, path)
        if guarded and not call.args.force:
            raise VirtError(f"{path} is protected", hint="say force: true, if its data may go")
        yield Change(path, "present", "absent", lambda: said(call, "remove", found.delete, 0))
    if guarded:
        yield Change("protected", True, False, lambda: call.module("file", {"path": mark(path), "state": "absent"}, check=False))
