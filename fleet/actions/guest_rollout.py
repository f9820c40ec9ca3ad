"""Guests moved to a newer build of their image, batch by batch, as long as they are well.

A guest keeps its definition and all its other disks; its root disk is put aside for an overlay of the new image. A note in the definition says so from
before the first step until the old disk is given up, so that the next rollout goes on from wherever this one was cut off.
"""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Generator
from dataclasses import dataclass
from typing import Any

from fleet.actions import _guest_change, _guest_volumes, _guest_wait, _rollout
from fleet.errors import FleetError, VirtError
from fleet.image.source import must
from fleet.runner.module import Change
from fleet.runner.spec import Opt, Spec
from fleet.virt import storage
from fleet.virt.connect import Hypervisor, hypervisor, said
from fleet.virt.drivers import driver
from fleet.virt.machine import Machine, Seen, folder, look
from fleet.virt.table import GUEST
from fleet.virt.view import PREFIX, find_disk, source

SPEC = Spec(
    "guest_rollout", "Replace guests by clones of a newer image, in batches, and stop at the first bad one",
    {
        **_rollout.options("guests"),
        "wait": Opt("str", "What must be reached of each new guest before the next batch, as the `guest` module waits for it.", default="agent",
                    choices=["none", "address", "ssh", "agent", "cloud-init"]),
        "timeout": Opt("float", "Seconds it may take.", default=180.0),
        "shutdown_timeout": Opt("float", "Seconds a guest may take to shut down.", default=60.0),
        "force": Opt("bool", "Pull the plug of one that does not shut down in time.", default=False),
        "uri": Opt("str", "libvirt on the host; by default the variable fleet_libvirt_uri, else qemu:///system."),
    },
    returns=_rollout.returns("guests"),
    examples="""\
- guest_rollout:
    image: web
    batch: 25%
    check: [systemctl, is-active, nginx]
""",
    notes=["A guest's root disk is made anew, and its first-boot data applied to it: what was written there is lost. Its UUID, addresses, host key and all "
           "other disks stay. One that did not run is replaced and not started.",
           "The old disk is kept beside the new one until the guest is well; then there is no way back.",
           "`check` is run through the guest's connection where the inventory has one of its name, else by its agent.",
           "Guests with snapshots, a protected root disk, or one that fleet did not make are refused before anything is done.",
           "Put before the `guest` tasks it has them find their image as declared."],
)
_ID = re.compile(r"/sha256/([0-9a-f]{64})/")
_CONNECT = 20.0  # seconds that one try of a check may take to be answered


@dataclass
class Member:
    """A guest as it is. path: its root disk; state: running or stopped; disk: what that is an overlay of; image: the manifest of the image of that;
    begun: it was being replaced when a rollout was cut off."""

    machine: Machine
    path: str
    state: str
    disk: str
    image: dict[str, Any]
    begun: bool

    @property
    def name(self) -> str:
        return self.machine.name


def run(call: Any) -> Generator[Change, Any, dict[str, Any]]:
    args = call.args
    image = _rollout.image(call, "disk", "guests")
    host = hypervisor(call)
    listed = must(call.module("_image_list", {"store": args.store, "brief": True}, check=False))["images"]
    members = said(call, "looking at the guests", known, host, {each["id"]: each for each in listed}, image, args.guests)
    for member in members:
        refuse(member, image)
    done: list[str] = []
    batches = _rollout.split(members, args.batch)
    for number, batch in enumerate(batches, 1):
        for member in batch:
            yield Change(f"guest {member.name}", str(member.image.get("id") or member.disk)[:12], image["id"][:12])
        if call.check:
            continue
        wrong = replaced(call, batch, image)
        if wrong:
            back = rolled_back(call, batch, image) if args.rollback else []
            rest = [member.name for later in batches[number:] for member in later]
            raise _rollout.stopped("guests", wrong, number, batches, image["id"], done, back, rest)
        for member in batch:
            settled(call, member)
        done += [member.name for member in batch]
    return {"id": image["id"], "replaced": done}


# -- who

def known(host: Hypervisor, images: dict[str, dict[str, Any]], image: dict[str, Any], names: list[str] | None) -> list[Member]:
    """The guests to be replaced: of those named, else of all that are of any build of the image, those that are of another one; with those begun."""
    found: dict[str, Member | None] = {}
    for domain in host.connection.listAllDomains():
        name = domain.name()
        if names is not None and name not in names:
            continue
        member = found[name] = _member(host, name, look(host, domain), images)
        if member is None or member.begun:
            continue
        ours = names is not None or set(member.image.get("names") or ()) & set(image["names"])
        if not ours or member.image.get("id") == image["id"]:
            del found[name]
    missing = [name for name in names or () if name not in found and host.find("lookupByName", name) is None]
    if missing:
        raise VirtError(f"there is no guest {', '.join(sorted(missing))} on {host.name}")
    without = [name for name, member in found.items() if member is None]
    if names is not None and without:
        raise VirtError(f"guest {without[0]} has no root disk that is an overlay of an image of this store")
    order = names if names is not None else sorted(found)
    return [member for member in map(found.get, order) if member is not None]


def _member(host: Hypervisor, name: str, seen: Seen, images: dict[str, dict[str, Any]]) -> Member | None:
    """A guest of an image of the store, or None."""
    root = find_disk(seen.stored, "root")
    path = source(root) if root is not None else None
    if path is None:
        return None
    state, _, disk = (seen.stored.get(PREFIX + "before") or "").partition(" ")
    if not disk:
        volume = host.find("storageVolLookupByPath", path)
        disk = (storage.fields(volume)["backing"] if volume is not None else None) or ""
    id_ = _ID.search(disk)
    if id_ is None or id_.group(1) not in images:
        return None
    return Member(Machine(host, name), path, state or ("running" if seen.active else "stopped"), disk, images[id_.group(1)], bool(state))


def refuse(member: Member, image: dict[str, Any]) -> None:
    """What cannot be replaced, or not be made what it was. Raises VirtError."""
    if member.begun:
        return
    seen = member.machine.look()
    root = find_disk(seen.stored, "root") if seen is not None else None
    if seen is None or root is None:
        raise VirtError(f"the guest {member.name} went away meanwhile")
    if root.get(PREFIX + "made") != "yes" or root.get(PREFIX + "path") not in (None, member.path):
        raise VirtError(f"guest {member.name}: its root disk {member.path} is not as fleet made it", hint="an external snapshot has a disk of its own")
    if root.get(PREFIX + "protected") == "yes":
        raise VirtError(f"guest {member.name}: its root disk is protected", hint="declare it without `protected` first")
    if seen.domain.snapshotNum(0):
        raise VirtError(f"guest {member.name} has snapshots, which are of its root disk", hint="remove them with `guest_snapshot` first, or name other guests")
    kernel = seen.stored.findtext("os/kernel")
    if kernel and kernel == member.image.get("kernel") and not image.get("kernel") and not image.get("to_come"):
        raise VirtError(f"guest {member.name} boots the kernel of its image, and the new one has none for it", hint="build it with `disk` among its formats")


# -- replaced

def replaced(call: Any, batch: list[Member], image: dict[str, Any]) -> str:
    """Make a batch anew, all at once; what is wrong with it, or an empty text."""
    member = None
    try:
        for member in batch:
            replace(call, member, image)
        for member in batch:
            if member.state == "running":
                well(call, member)
    except FleetError as error:
        return f"{member.name}: {error.message}" if member is not None else error.message
    return ""


def replace(call: Any, member: Member, image: dict[str, Any]) -> None:
    machine, path = member.machine, member.path
    if member.begun and finished(call, member, image):
        return start(call, member)
    said(call, f"note {member.name}", point, machine, member.image, member.image, f"{member.state} {member.disk}")
    if said(call, "guest", machine.domain.isActive):
        _guest_wait.shut_down(call, machine)
    size = capacity(call, image["disk"])
    must(call.module("_volume_aside", {"path": path, "op": "aside"}, check=False))
    size = max(size, capacity(call, path + ".before"))
    said(call, "the pool", storage.find_pool, machine.host, folder(path))  # it is to see that the name is free
    said(call, f"create {path}", lambda: storage.make_volume(machine.host, folder(path), path.rpartition("/")[2], size=size, backing=image["disk"],
                                                             backing_format=image.get("disk_format") or "qcow2"))
    said(call, f"redefine {member.name}", point, machine, member.image, image)
    start(call, member)


def finished(call: Any, member: Member, image: dict[str, Any]) -> bool:
    """Whether a rollout that was cut off had already given up the old disk: the guest was well."""
    if must(call.module("_volume_aside", {"path": member.path}, check=False))["kept"]:
        return False
    volume = said(call, "volume", _guest_volumes.at, member.machine.host, member.path)
    return volume is not None and said(call, "volume", storage.fields, volume)["backing"] == image.get("disk")


def start(call: Any, member: Member) -> None:
    if member.state == "running":
        said(call, f"start {member.name}", member.machine.start)


def capacity(call: Any, path: str) -> int:
    """A disk's size in bytes."""
    answer = must(call.module("command", {"argv": ["qemu-img", "info", "-U", "--output", "json", path]}, check=False))
    return int(json.loads(answer["stdout"])["virtual-size"])


def point(machine: Machine, before: dict[str, Any], after: dict[str, Any], note: str | None = None) -> None:
    """Have a definition boot what is of an image in place of what is of the one before; what the user gave it stays. note: of the rollout, "" for none
    any more."""
    seen = machine.look()
    if seen is None:
        raise VirtError(f"the guest {machine.name} went away meanwhile")
    view = seen.stored
    rows = {row.name: row.lens for row in GUEST}
    chosen = driver(machine.host.driver, "virtio")
    for name in ("kernel", "initrd"):
        now = rows[name].read(view)
        if now and now == before.get(name) and after.get(name):
            rows[name].write(view, after[name], chosen)
    line, own = str(rows["cmdline"].read(view) or ""), str(before.get("append") or "")
    if own and after.get("append") and (line + " ").startswith(own + " "):
        rows["cmdline"].write(view, after["append"] + line[len(own):], chosen)
    if view.get(PREFIX + "seed"):
        view.set(PREFIX + "applied", str(view.get(PREFIX + "seed")))
    if note:
        view.set(PREFIX + "before", note)
    elif note is not None:
        view.attrib.pop(PREFIX + "before", None)
    machine.define(view)


# -- proven

def well(call: Any, member: Member) -> None:
    """Until it is reached and its check succeeds. Raises VirtError."""
    args, machine = call.args, member.machine
    for _ in _guest_wait.wait(call, machine, None):
        pass
    if not args.check:
        return
    seen = said(call, "guest", machine.look)
    inside = _guest_change.place(call, machine, seen.live) if seen is not None and seen.live is not None else None
    if inside is None:
        raise VirtError("its check cannot be run: the inventory has no host of that name, and its agent does not answer")
    there = copy.copy(call)
    there.endpoint, there.pipe, there.diff = inside, None, False
    trouble = ""
    for attempt in range(max(args.retries, 1)):
        if attempt:
            call.sleep(args.delay)
        if attempt == 0 or trouble.startswith("no answer"):
            there.disconnect()  # what was open before ended with the system that was there
        answer = there.attempt("command", {"argv": args.check}, _CONNECT)
        if isinstance(answer, dict) and not answer.get("failed"):
            return
        trouble = f"no answer: {answer}" if isinstance(answer, str) else str(answer.get("stderr") or answer.get("stdout") or answer.get("msg"))
    raise VirtError(f"its check fails: {trouble[-500:].strip()}")


def settled(call: Any, member: Member) -> None:
    """The new guest stays: its old disk goes."""
    must(call.module("_volume_aside", {"path": member.path, "op": "drop"}, check=False))
    said(call, "note", point, member.machine, member.image, member.image, "")


def rolled_back(call: Any, batch: list[Member], image: dict[str, Any]) -> list[str]:
    """The names of those that are again what they were."""
    found = []
    for member in batch:
        machine, path = member.machine, member.path
        seen = said(call, "guest", machine.look)
        if seen is None or not seen.stored.get(PREFIX + "before"):
            continue
        try:
            if must(call.module("_volume_aside", {"path": path}, check=False))["kept"]:
                said(call, f"switch off {member.name}", machine.power_off)
                must(call.module("_volume_aside", {"path": path, "op": "back"}, check=False))
                said(call, "the pool", storage.find_pool, machine.host, folder(path))
            said(call, f"redefine {member.name}", point, machine, image, member.image, "")
            start(call, member)
        except FleetError as error:
            call.warn(f"{member.name} could not be made what it was: {error.message}")
            continue
        found.append(member.name)
    return found
