"""A virtual machine on the task's host."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Generator, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from fleet.errors import VirtError
from fleet.runner.module import Change
from fleet.runner.spec import Opt, Ret, Spec
from fleet.virt import identity, seed, storage
from fleet.virt.connect import Hypervisor, hypervisor, said
from fleet.virt.domain import Disk, Guest, Nic, guest_fields, guest_xml
from fleet.virt.xml import differences

SPEC = Spec(
    "guest", "Declare a virtual machine on a hypervisor",
    {
        "name": Opt("str", "The guest's name; its UUID, MAC addresses and SSH host key follow from it.", required=True),
        "state": Opt("str", "running, stopped, present (defined, running or not) or absent (its own disk and seed go with it).",
                     default="running", choices=["running", "present", "stopped", "absent"]),
        "image": Opt("path", "Directory of an image on the host, as the `image` module builds it; the guest's disk is a copy-on-write overlay."),
        "disk_size": Opt("bytes", "Capacity of its disk; by default the image's."),
        "disks": Opt("list", "Further volumes, by absolute path on the host (see the `volume` module).", elements="path", default=[]),
        "pool": Opt("path", "Directory on the host for its disk and seed.", default=storage.DEFAULT_POOL),
        "memory": Opt("bytes", "Memory.", default="512M"),
        "vcpus": Opt("int", "Virtual CPUs.", default=1),
        "networks": Opt("list", "libvirt networks to be on, in order.", elements="str", default=["default"]),
        "bridges": Opt("list", "Bridges of the host to be on, after the networks.", elements="str", default=[]),
        "accel": Opt("str", "auto boots a probe guest to see whether KVM works.", default="auto", choices=["auto", "kvm", "tcg"]),
        "cmdline": Opt("str", "Added to the kernel command line of the image."),
        "hostname": Opt("str", "The guest's host name; by default its name."),
        "authorized_keys": Opt("list", "SSH public keys that may log in as root.", elements="str", default=[]),
        "user_data": Opt("raw", "cloud-init user data: a mapping merged on top of fleet's own, or a complete text."),
        "network_config": Opt("raw", "cloud-init network configuration (version 2), as a mapping."),
        "known_hosts": Opt("path", "A known_hosts file on the controller to write the guest's host key to, so that strict checking works at once."),
        "autostart": Opt("bool", "Start it when libvirtd starts.", default=False),
        "wait": Opt("str", "What to wait for once it runs.", default="none", choices=["none", "address", "ssh"]),
        "timeout": Opt("float", "Seconds to wait for that, and for a guest to shut down before it is switched off.", default=180.0),
    },
    returns={
        "name": Ret("str", "The guest."), "uuid": Ret("str", "Its UUID."), "mac": Ret("str", "The first interface's MAC address."),
        "address": Ret("str", "Its address, once known.", "wait is address or ssh"), "accel": Ret("str", "kvm or tcg."),
        "accel_reason": Ret("str", "Why that accelerator.", "accel=auto"),
        "pending_restart": Ret("bool", "A change takes effect when the guest is next started."),
    },
    examples="""\
- guest:
    name: web1
    image: /var/lib/fleet/images/debian
    memory: 512M
    networks: [lan]
    authorized_keys: ["{{ lookup('file', '~/.ssh/id_ed25519.pub') }}"]
    wait: ssh
""",
    notes=["Changed hardware of a running guest is stored and takes effect when it is next started: `pending_restart` says so, nothing is rebooted."],
)


class Declared:
    """What the arguments and the image come to."""

    def __init__(self, call: Any) -> None:
        args = call.args
        self.args = args
        self.name = identity.checked(args.name, "guest")
        self.hostname = args.hostname or self.name
        self.image = manifest(call, args.image) if args.image else {}
        self.disk = f"{self.name}.qcow2"
        self.key = identity.host_key(self.name, call.endpoint.name)
        user = seed.user_data(self.hostname, args.authorized_keys, self.key, args.user_data)
        network = json.dumps(args.network_config) if args.network_config else None
        self.files = {"user-data": user, "meta-data": seed.meta_data(self.hostname, user, network)}
        if network:
            self.files["network-config"] = network
        self.seed = f"{self.name}-seed-{seed.digest(self.files)}.iso"

    def guest(self, accel: str) -> Guest:
        args, pool = self.args, self.args.pool.rstrip("/")
        disks = [Disk(f"{pool}/{self.disk}", "vda")] if self.image else []
        disks.append(Disk(f"{pool}/{self.seed}", f"vd{'ab'[len(disks)]}", "raw", readonly=True))
        disks += [Disk(path, f"vd{chr(ord('a') + len(disks) + number)}", "raw" if path.endswith((".raw", ".iso")) else "qcow2")
                  for number, path in enumerate(args.disks)]
        nics = [Nic(identity.mac_of(self.name, number), network=name) for number, name in enumerate(args.networks)]
        nics += [Nic(identity.mac_of(self.name, len(nics) + number), bridge=name) for number, name in enumerate(args.bridges)]
        cmdline = " ".join(text for text in (self.image.get("append"), args.cmdline) if text) or None
        return Guest(self.name, args.memory // 1024, args.vcpus, accel, disks, nics, self.image.get("kernel"), self.image.get("initrd"),
                     cmdline if self.image.get("kernel") else None)


def manifest(call: Any, image: str) -> dict[str, Any]:
    """An image's manifest, read on the hypervisor. Its paths are used there only."""
    path = f"{image.rstrip('/')}/manifest.json"
    answer = call.module("slurp", {"src": path}, check=False)
    if answer.get("failed"):
        raise VirtError(f"there is no image at {image} on {call.endpoint.name}: {answer.get('msg', '')}",
                        hint="build it with the `image` module first")
    data = json.loads(base64.b64decode(answer["content"]))
    if not isinstance(data, dict) or not data.get("disk"):
        raise VirtError(f"the image {image} has no disk", hint="build it with `formats: [disk]`")
    return data


def accelerator(call: Any, image: dict[str, Any]) -> tuple[str, str]:
    if call.args.accel != "auto":
        return call.args.accel, "as declared"
    if not image.get("kernel"):
        return "tcg", "without an image's kernel there is no probe guest to prove KVM with"
    answer = call.module("accelerator", {"kernel": image["kernel"]}, check=False)
    if answer.get("failed"):
        raise VirtError(f"cannot find out the accelerator: {answer.get('msg')}")
    return str(answer["accel"]), str(answer["reason"])


def run(call: Any) -> Generator[Change, Any, dict[str, Any]]:
    host = hypervisor(call)
    name = identity.checked(call.args.name, "guest")
    domain = said(call, "looking for the guest", host.find, "lookupByName", name)
    if call.args.state == "absent":
        yield from absent(call, host, domain, name)
        return {"name": name, "uuid": identity.uuid_of("guest", name), "pending_restart": False}
    declared = Declared(call)
    accel, reason = accelerator(call, declared.image)
    guest = declared.guest(accel)
    active = bool(domain) and bool(said(call, "guest", domain.isActive))
    yield from disks(call, host, declared)
    text = guest_xml(guest)
    pending = False
    if not domain:
        domain = yield Change(f"guest {name}", "absent", "present", lambda: said(call, f"define {name}", host.connection.defineXML, text))
    else:
        stored = said(call, "guest", domain.XMLDesc, host.libvirt.VIR_DOMAIN_XML_INACTIVE)
        changes = differences(guest_fields(stored), guest_fields(text))
        pending = active and bool(changes)
        for number, (what, before, after) in enumerate(changes, 1):  # one definition carries them all
            yield Change(what, before, after,
                         (lambda: said(call, f"redefine {name}", host.connection.defineXML, text)) if number == len(changes) else None)
    yield from power(call, host, domain, name, active)
    result = {"name": name, "uuid": identity.uuid_of("guest", name), "mac": guest.nics[0].mac if guest.nics else "", "accel": accel,
              "accel_reason": reason, "pending_restart": pending}
    if call.args.state == "running" and call.args.wait != "none" and domain and not call.check:
        result["address"] = address = wait_address(call, domain)
        if call.args.wait == "ssh":
            wait_ssh(call, address)
        yield from known(call, address, declared.key[1])
    return result


def disks(call: Any, host: Hypervisor, declared: Declared) -> Iterator[Change]:
    """The overlay and the seed, where they are missing."""
    args, image = call.args, declared.image
    if image and said(call, "disk", storage.find_volume, host, args.pool, declared.disk) is None:
        yield Change(f"{args.pool}/{declared.disk}", "absent", "present", lambda: said(
            call, "create the disk", lambda: storage.make_volume(host, args.pool, declared.disk, size=args.disk_size or 0, backing=image["disk"],
                                                                 backing_format=image.get("disk_format", "qcow2"))))
    if said(call, "seed", storage.find_volume, host, args.pool, declared.seed) is None:
        def make() -> None:
            data = seed.iso(declared.files)
            storage.upload(host, storage.make_volume(host, args.pool, declared.seed, size=len(data), format="raw"), data)
        yield Change(f"{args.pool}/{declared.seed}", "absent", "present", lambda: said(call, "write the seed", make))


def power(call: Any, host: Hypervisor, domain: Any, name: str, active: bool) -> Iterator[Change]:
    wanted = call.args.autostart
    if wanted != (bool(domain) and bool(said(call, "autostart", domain.autostart))):
        yield Change("autostart", not wanted, wanted, lambda: said(call, "autostart", domain.setAutostart, wanted))
    if call.args.state == "running" and not active:
        yield Change("running", False, True, lambda: said(call, f"start {name}", domain.create))
    elif call.args.state == "stopped" and active:
        yield Change("running", True, False, lambda: stop(call, host, domain))


def absent(call: Any, host: Hypervisor, domain: Any, name: str) -> Iterator[Change]:
    if domain:
        if said(call, "guest", domain.isActive):
            yield Change("running", True, False, lambda: said(call, f"switch off {name}", domain.destroy))
        flags = host.libvirt.VIR_DOMAIN_UNDEFINE_MANAGED_SAVE | host.libvirt.VIR_DOMAIN_UNDEFINE_NVRAM | \
            host.libvirt.VIR_DOMAIN_UNDEFINE_SNAPSHOTS_METADATA
        yield Change(f"guest {name}", "present", "absent", lambda: said(call, f"remove {name}", domain.undefineFlags, flags))
    pool = said(call, "pool", storage.find_pool, host, call.args.pool)
    for volume in said(call, "volumes", pool.listVolumes) if pool else ():
        if volume == f"{name}.qcow2" or (volume.startswith(f"{name}-seed-") and volume.endswith(".iso")):
            found = said(call, "volume", pool.storageVolLookupByName, volume)
            yield Change(f"{call.args.pool}/{volume}", "present", "absent", partial(said, call, "remove its volume", found.delete, 0))


def stop(call: Any, host: Hypervisor, domain: Any) -> None:
    """Ask it to shut down; switch it off when it does not in time."""
    said(call, "shut down", domain.shutdown)
    end = time.monotonic() + min(call.args.timeout, 60.0)
    while time.monotonic() < end:
        if not said(call, "guest", domain.isActive):
            return
        call.sleep(0.5)
    call.warn("it did not shut down in time and was switched off")
    said(call, "switch off", domain.destroy)


def wait_address(call: Any, domain: Any) -> str:
    """Its first IPv4 address, from the leases of its networks, else from the guest agent."""
    end = time.monotonic() + call.args.timeout
    while time.monotonic() < end:
        for source in (0, 1):
            try:
                found = call.blocking(domain.interfaceAddresses, source, 0)
            except Exception:
                continue  # no agent yet
            for name, interface in (found or {}).items():
                for each in interface.get("addrs") or ():
                    if each["type"] == 0 and name != "lo":
                        return str(each["addr"])
        if not said(call, "guest", domain.isActive):
            raise VirtError(f"the guest {call.args.name} stopped while it was waited for", hint=f"virsh console {call.args.name} shows why")
        call.sleep(0.5)
    raise VirtError(f"the guest {call.args.name} got no address within {call.args.timeout:.0f} s", hint="is its network's DHCP on?")


def wait_ssh(call: Any, address: str) -> None:
    """Until something answers as SSH at the address, seen from the hypervisor."""
    answer = call.module("wait_for", {"host": address, "port": 22, "search_regex": "SSH-", "timeout": int(call.args.timeout)}, check=False)
    if answer.get("failed"):
        raise VirtError(f"the guest {call.args.name} at {address} did not answer on SSH within {call.args.timeout:.0f} s")


def known(call: Any, address: str, public: str) -> Iterator[Change]:
    if call.args.known_hosts:
        path = Path(call.args.known_hosts).expanduser()
        if not identity.pinned(path, address, public):
            yield Change(f"host key of {address} in {path} (controller)", None, public, lambda: identity.pin(path, address, public))
