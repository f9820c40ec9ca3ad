"""A guest moved from one hypervisor to another, running or not."""

from __future__ import annotations

import base64
import json
import tempfile
from collections.abc import Generator
from functools import partial
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

from fleet.errors import VirtError
from fleet.runner.module import Change
from fleet.runner.spec import Opt, Ret, Spec
from fleet.virt import certificates, identity, storage
from fleet.virt.connect import Hypervisor, hypervisor, said
from fleet.virt.xml import attribute

MOVES = "/var/lib/fleet/moves"  # on the source: one file a guest that is being moved, with the disks that are copied
SPEC = Spec(
    "guest_migrate", "Move a guest to another hypervisor",
    {
        "name": Opt("str", "The guest.", required=True),
        "to": Opt("str", "The inventory host it is to be on; the task's host is where it comes from.", required=True),
        "address": Opt("str", "Where the target's QEMU is reached from the source's; by default the target's ansible_host."),
        "storage": Opt("str", "shared: both hosts see its disks; copy: they are copied; auto: copied where the target does not see them.", default="auto",
                       choices=["auto", "shared", "copy"]),
        "bandwidth": Opt("int", "MiB a second at most."),
        "downtime": Opt("int", "Milliseconds the guest may stand still at the end.", default=300),
        "unsafe": Opt("bool", "Also with disks on shared storage whose cache mode may lose data in a move.", default=False),
        "encrypt": Opt("bool", "QEMU speaks with QEMU over TLS, memory and disks of a running guest. Where a host has no certificates in /etc/pki/qemu, it is "
                       "given some, by an authority of the controller's own; others are used as they are.", default=True),
        "uri": Opt("str", "The libvirt of both hosts; by default qemu:///system, or each host's fleet_libvirt_uri."),
    },
    returns={"name": Ret("str", "The guest."), "on": Ret("str", "Where it is."), "live": Ret("bool", "Whether it ran meanwhile.", "changed"),
             "copied": Ret("list", "Disks that were copied.", "changed", elements="str")},
    examples="- guest_migrate: {name: web1, to: hv2}\n",
    notes=["A running guest is moved live; a stopped one is defined on the target. On the source nothing of it is left. Its networks must be on the target, "
           "with the same names.",
           "QEMU speaks with QEMU directly; with `encrypt: false` in the clear.",
           "Where the inventory says `fleet_on` of the guest, the rest of the run reaches it on its new host; the inventory itself is yours to change."],
)


def run(call: Any) -> Generator[Change, Any, dict[str, Any]]:
    result = yield from moved(call)
    host = call.inventory.hosts.get(call.args.name)
    if host is not None and not call.check and call.run_.host_vars(host.name, "").get("fleet_on") not in (None, call.args.to):
        result["add_host"] = {"name": host.name, "vars": {"fleet_on": call.args.to}}  # the rest of the run reaches it there
    return result


def moved(call: Any) -> Generator[Change, Any, dict[str, Any]]:
    args = call.args
    name = identity.checked(args.name, "guest")
    there = call.at(args.to)
    source, target = hypervisor(call), hypervisor(there)
    if source is target:
        raise VirtError(f"{args.to} is where the task runs; a guest is moved to another host")
    domain = said(call, "looking for the guest", source.find, "lookupByName", name)
    arrived = said(call, "looking for the guest", target.find, "lookupByName", name)
    result: dict[str, Any] = {"name": name, "on": args.to}
    if domain is None:
        if arrived is None:
            raise VirtError(f"there is no guest {name} on {source.name} or {target.name}")
        for each in noted(call):
            if said(call, "volume", storage.by_path, source, each) is not None:
                yield Change(f"{each} on {source.name}", "left over from a move", "absent", partial(removed, call, source, each))
        if noted(call, True):
            yield Change(f"move of {name}", "under way", "done", lambda: ended(call, source, target))
        return result
    active = bool(said(call, "guest", domain.isActive))
    if arrived is not None:  # an earlier move was cut off after it was defined there
        if active and not said(call, "guest", handed_over, source, domain) and said(call, "guest", arrived.isActive):
            raise VirtError(f"the guest {name} runs on both {source.name} and {target.name}", hint="switch one of them off")
        whole(call, there, target, arrived)
        yield Change(f"guest {name} on {source.name}", "left over from a move", "absent", lambda: left_over(call, source, target, domain, active))
        return {**result, "live": False, "copied": []}
    root = ET.fromstring(said(call, "guest", domain.XMLDesc, 0))
    check(call, target, root, name)
    copied = disks_to_copy(call, there, source, root)
    what = f"guest {name}, {'running' if active else 'stopped'}" + (f", with {', '.join(copied)}" if copied else "")
    yield Change(what, f"on {source.name}", f"on {target.name}", lambda: move(call, there, source, target, domain, active, copied))
    return {**result, "live": active, "copied": copied}


def check(call: Any, target: Hypervisor, root: ET.Element, name: str) -> None:
    """Raise VirtError for what the target lacks, before anything is done."""
    for network in root.iterfind("devices/interface/source"):
        wanted = network.get("network")
        if wanted:
            found = said(call, "network", target.find, "networkLookupByName", wanted)
            if found is None or not said(call, "network", found.isActive):
                raise VirtError(f"{target.name} has no running network {wanted}, which {name} is on", hint="declare it there first")
    for path in root.iterfind("devices/hostdev"):
        raise VirtError(f"{name} has a device of its host ({path.get('type')}), so it cannot be moved", hint="take the device off first")


def disks_to_copy(call: Any, there: Any, source: Hypervisor, root: ET.Element) -> list[str]:
    """Files of its disks that the target does not see."""
    paths = [path for disk in root.iterfind("devices/disk") if (path := attribute(disk, "source", "file"))]
    paths += [path for tag in ("os/kernel", "os/initrd", "os/nvram") if (path := root.findtext(tag))]
    if call.args.storage == "shared":
        return []
    files = [path for disk in root.iterfind("devices/disk") if (path := attribute(disk, "source", "file"))]
    missing = [path for path in paths if not seen(call, there, path, call.args.storage)]
    if surplus := [path for path in missing if path not in files]:
        raise VirtError(f"{there.endpoint.name} has no {surplus[0]}, which the guest boots from", hint="build the image there first (the `image` module)")
    return [path for path in files if path in missing or call.args.storage == "copy"]


def seen(call: Any, there: Any, path: str, mode: str) -> bool:
    """Whether both hosts have the same file there: equal in size, time and inode."""
    def stat(where: Any) -> Any:
        found = where.module("stat", {"path": path, "get_checksum": False}, check=False).get("stat", {})
        return found and [found.get(key) for key in ("exists", "size", "mtime", "inode")]
    here = stat(call)
    return bool(here) and stat(there) == here


def move(call: Any, there: Any, source: Hypervisor, target: Hypervisor, domain: Any, active: bool, copied: list[str]) -> None:
    name = call.args.name
    note(call, copied)
    made: list[str] = []
    if active and call.args.encrypt:
        for each, host in ((call, source), (there, target)):
            certified(each, host)
    try:
        for path in copied:
            prepared(call, there, source, target, path, active, domain, made)
        if active:
            said(call, f"move {name} to {target.name}", live, call, there, source, target, domain, bool(copied))
        else:
            flags = source.libvirt.VIR_DOMAIN_XML_INACTIVE | source.libvirt.VIR_DOMAIN_XML_SECURE | source.libvirt.VIR_DOMAIN_XML_MIGRATABLE
            text = said(call, "guest", domain.XMLDesc, flags)
            said(call, f"define {name} on {target.name}", target.connection.defineXML, text)
            undefined(call, source, domain)
    except VirtError as error:
        if not arrived_after_all(call, source, target, made):
            raise
        call.warn(f"{name} is on {target.name}, although: {error}")
    for path in copied:
        removed(call, source, path)
    ended(call, source, target)


def arrived_after_all(call: Any, source: Hypervisor, target: Hypervisor, made: list[str]) -> bool:
    """After an error: whether the guest is on the target and only there. Where it is not there, what was made for it goes again."""
    name = call.args.name
    if said(call, "looking for the guest", target.find, "lookupByName", name) is not None:
        return said(call, "looking for the guest", source.find, "lookupByName", name) is None
    for path in made:
        volume = said(call, "volume", storage.by_path, target, path)
        if volume is not None:
            call.blocking(storage.drop, target, volume)
    if said(call, "looking for the guest", source.find, "lookupByName", name) is not None:
        forget(call)
    return False


def left_over(call: Any, source: Hypervisor, target: Hypervisor, domain: Any, active: bool) -> None:
    """Take what is left on the source away: the guest is on the target."""
    if active:
        said(call, "end what was handed over", domain.destroy)
    undefined(call, source, domain)
    for path in noted(call):
        removed(call, source, path)
    ended(call, source, target)


def handed_over(source: Hypervisor, domain: Any) -> bool:
    """Whether it stands still because its memory has gone to the target."""
    state, reason = domain.state()[:2]
    return bool(state == source.libvirt.VIR_DOMAIN_PAUSED and reason in (source.libvirt.VIR_DOMAIN_PAUSED_MIGRATION, source.libvirt.VIR_DOMAIN_PAUSED_POSTCOPY))


def whole(call: Any, there: Any, target: Hypervisor, arrived: Any) -> None:
    """Raise VirtError where the guest that is on both lacks a disk on the target."""
    for disk in ET.fromstring(said(call, "guest", arrived.XMLDesc, 0)).iterfind("devices/disk"):
        path = attribute(disk, "source", "file")
        if path and not there.module("stat", {"path": path, "get_checksum": False}, check=False).get("stat", {}).get("exists"):
            raise VirtError(f"{call.args.name} is on {target.name} too, from a move that was cut off, but its disk {path} is not",
                            hint=f"remove it there (virsh undefine {call.args.name}), and apply again")


# What is being moved is noted on the source, so that the next run knows which disks are left over when this one is cut off.

def note(call: Any, copied: list[str]) -> None:
    script = 'umask 077; mkdir -p "$1" && printf %s "$3" >"$1/$2.new" && mv -T "$1/$2.new" "$1/$2"'
    done = call.module("command", {"argv": ["sh", "-c", script, "sh", MOVES, call.args.name, json.dumps(copied)]}, check=False)
    if done.get("failed"):
        raise VirtError(f"cannot note the move in {MOVES}: {done.get('stderr') or done.get('msg')}")


def noted(call: Any, at_all: bool = False) -> list[str]:
    """The disks of the move under way; at_all: something, where there is one."""
    answer = call.module("slurp", {"src": f"{MOVES}/{call.args.name}"}, check=False)
    try:
        found = [str(each) for each in json.loads(base64.b64decode(answer["content"]))]
    except (KeyError, ValueError, TypeError):
        return []
    return found or ["none"] if at_all else found


def forget(call: Any) -> None:
    call.module("file", {"path": f"{MOVES}/{call.args.name}", "state": "absent"}, check=False)


def removed(call: Any, source: Hypervisor, path: str) -> None:
    """A disk that was copied, taken from the source; one that a guest there has stays."""
    left = said(call, "volume", storage.by_path, source, path)
    if left is not None and not said(call, "users", storage.users, source, path):
        said(call, f"remove {path} from {source.name}", left.delete, 0)


def ended(call: Any, source: Hypervisor, target: Hypervisor) -> None:
    identity.moved(call.args.name, source.name, target.name)
    forget(call)


def certified(call: Any, host: Hypervisor) -> None:
    """See that QEMU on a host has certificates: those that are there already, else ones of ours. Keys go by standard input."""
    def there(name: str) -> bytes:
        answer = call.module("slurp", {"src": f"{certificates.FOLDER}/{name}"}, check=False)
        return base64.b64decode(answer["content"]) if "content" in answer else b""

    known = there("ca-cert.pem")
    if known and (not certificates.ours(known) or certificates.lasts(there("server-cert.pem"))):
        return
    group = said(call, "capabilities", qemu_group, host)
    script = 'umask 077; mkdir -p -m 0755 "$1" && cat >"$1/$2.new" && chgrp "$3" "$1/$2.new" && chmod 0640 "$1/$2.new" && mv -T "$1/$2.new" "$1/$2"'
    for name, data in certificates.issue(host.name).items():  # the authority's certificate last: with it, they are all there
        done = call.module("command", {"argv": ["sh", "-c", script, "sh", certificates.FOLDER, name, group], "stdin": data.decode()}, check=False)
        if done.get("failed"):
            raise VirtError(f"cannot write {certificates.FOLDER}/{name} on {host.name}: {done.get('stderr') or done.get('msg')}",
                            hint="`encrypt: false` moves the guest in the clear")


def qemu_group(host: Hypervisor) -> str:
    """The number of the group that QEMU runs as."""
    root = ET.fromstring(host.connection.getCapabilities())
    label = next((each.text or "" for each in root.iterfind("host/secmodel/baselabel") if (each.text or "").startswith("+")), "+0:+0")
    return label.partition(":")[2].lstrip("+") or "0"


def undefined(call: Any, source: Hypervisor, domain: Any) -> None:
    flags = source.libvirt.VIR_DOMAIN_UNDEFINE_MANAGED_SAVE | source.libvirt.VIR_DOMAIN_UNDEFINE_KEEP_NVRAM | \
        source.libvirt.VIR_DOMAIN_UNDEFINE_SNAPSHOTS_METADATA | source.libvirt.VIR_DOMAIN_UNDEFINE_CHECKPOINTS_METADATA
    said(call, f"remove it from {source.name}", domain.undefineFlags, flags)


def prepared(call: Any, there: Any, source: Hypervisor, target: Hypervisor, path: str, active: bool, domain: Any,
             made: list[str]) -> None:
    """Make the volume on the target that a disk is copied to: an empty one for a running guest's, a copy of the file for all others. made: is added to
    before."""
    folder, _, name = path.rpartition("/")
    old = said(call, "volume", storage.find_volume, target, folder, name)
    if old is not None:  # of a move that was cut off: no guest of the target has it, or it would have arrived
        if said(call, "users", storage.users, target, path):
            raise VirtError(f"{path} on {target.name} is a disk of another guest there")
        said(call, "remove what was left of it", old.delete, 0)
    volume = said(call, "volume", storage.find_volume, source, folder, name)
    if volume is None:
        raise VirtError(f"{path} on {source.name} is in no pool")
    now = said(call, "volume", storage.fields, volume)
    backing = now["backing"]
    if backing and not seen(call, there, backing, "auto"):
        raise VirtError(f"{target.name} does not see {backing}, which {path} is an overlay of", hint="build the image there first, the same one")
    made.append(path)
    if active and writable(ET.fromstring(said(call, "guest", domain.XMLDesc, 0)), path):
        # libvirt fills it; of an overlay only what is its own.
        said(call, f"create {path} on {target.name}", lambda: storage.make_volume(
            target, folder, name, size=now["size"], format=now["format"], backing=backing))
        return
    with tempfile.TemporaryDirectory(prefix="fleet-move-") as temporary:
        file = Path(temporary) / "content"
        said(call, f"read {path} of {source.name}", storage.receive, source, volume, file)
        copy = said(call, f"create {path} on {target.name}", lambda: storage.make_volume(target, folder, name, size=file.stat().st_size, format="raw"))
        said(call, f"write {path} of {target.name}", storage.send, target, copy, file)
    said(call, "pool", storage.find_pool, target, folder)  # looked at anew, for the format of what is in it now


def writable(root: ET.Element, path: str) -> bool:
    return any(attribute(disk, "source", "file") == path and disk.find("readonly") is None for disk in root.iterfind("devices/disk"))


def live(call: Any, there: Any, source: Hypervisor, target: Hypervisor, domain: Any, copy: bool) -> None:
    libvirt, args = source.libvirt, call.args
    flags = libvirt.VIR_MIGRATE_LIVE | libvirt.VIR_MIGRATE_PERSIST_DEST | libvirt.VIR_MIGRATE_UNDEFINE_SOURCE | libvirt.VIR_MIGRATE_AUTO_CONVERGE
    flags |= libvirt.VIR_MIGRATE_NON_SHARED_INC if copy else 0
    flags |= libvirt.VIR_MIGRATE_UNSAFE if args.unsafe else 0
    params: dict[str, Any] = {}
    if args.encrypt:
        flags |= libvirt.VIR_MIGRATE_TLS
        params[libvirt.VIR_MIGRATE_PARAM_TLS_DESTINATION] = target.name
    address = args.address or there.endpoint.address
    if address:
        params[libvirt.VIR_MIGRATE_PARAM_URI] = f"tcp://{f'[{address}]' if ':' in address else address}"
        if copy:
            params[libvirt.VIR_MIGRATE_PARAM_LISTEN_ADDRESS] = address
    if args.bandwidth:
        params[libvirt.VIR_MIGRATE_PARAM_BANDWIDTH] = args.bandwidth
    domain.migrate3(target.connection, params, flags)
