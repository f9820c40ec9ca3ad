"""What a guest task wants: its options and profiles, the image on the host, the driver, and the first-boot data, in one value."""

from __future__ import annotations

import base64
import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

from fleet.actions import _guest_address
from fleet.errors import NotYet, VirtError
from fleet.virt import addresses, drivers, identity, seed
from fleet.virt import ignition as ignitions
from fleet.virt.connect import Hypervisor
from fleet.virt.declare import compose, declare, own_path
from fleet.virt.drivers import Driver
from fleet.virt.guest import Disk, Guest, Nic
from fleet.virt.machine import Seen
from fleet.virt.view import PREFIX

# The options that make first-boot data.
_SEEDING = ("image", "hostname", "authorized_keys", "user_data", "network_config", "vendor_data", "unattended")


@dataclass(frozen=True)
class Wanted:
    """A guest as wanted on one hypervisor. seed: its first-boot data, or None where the task says nothing of it."""

    args: Mapping[str, Any]
    guest: Guest
    driver: Driver
    image: Mapping[str, Any]
    key: tuple[str, str] | None = None
    seed: FirstBoot | None = None
    ignition: bytes | None = None
    fixed: Mapping[str, Any] = field(default_factory=dict)  # network data of cards whose address nothing serves, by MAC
    accel_reason: str = ""

    @property
    def looked_at(self) -> list[Disk]:
        """The disks whose volumes matter."""
        return [disk for disk in self.guest.disks if disk.made or disk.size is not None or disk.backing is not None]

    def new(self, call: Any) -> Wanted:
        """What a guest that is made needs to be told beside."""
        guest = self.guest
        if not guest.disks and not guest.kernel and "network" not in (guest.boot or ()) and call.args.state not in ("defined", "present"):
            raise VirtError(f"there is no guest {guest.name} on {call.endpoint.name}, and nothing says what it is made of",
                            hint="give an image, a volume, disks, a kernel, or boot: [network]")
        changed: dict[str, Any] = {}
        reason = "as declared"
        if guest.accel is None and not self.driver.type:
            changed["accel"], reason = accelerator(call, guest, self.image)
        if guest.nics is None:
            nic = Nic(identity.mac_of(guest.name), ("network", "default"))
            changed["nics"] = (nic,) if self.driver.name == "qemu" else ()
        return dataclasses.replace(self, guest=dataclasses.replace(guest, **changed), accel_reason=reason)


@dataclass(frozen=True)
class FirstBoot:
    """files: on the seed's volume; data: the cloud-config as a mapping, {} where it is a text of the user's own."""

    files: Mapping[str, str]
    label: str
    path: str
    device: str
    data: Mapping[str, Any] = field(default_factory=dict)

    @property
    def digest(self) -> str:
        return seed.digest(self.files)


def wanted(call: Any, host: Hypervisor, name: str, seen: Seen | None) -> Wanted:
    """Everything a task says, checked. seen: the guest as it is. Raises VirtError before anything is made."""
    from fleet.actions.guest import SPEC
    args = call.args
    if args.profiles:
        known = call.vars.get("guest_profiles") or {}
        args = {**compose(args.profiles, call.render(known), args, SPEC.options), "name": name}
    image = manifest(call, args["image"]) if args["image"] else {}
    devices = args["devices"] or (seen.stored.get(PREFIX + "devices") if seen is not None else None) or "virtio"
    guest = declare(args, image, devices=devices)
    chosen = drivers.driver(host.driver, guest.devices)
    if chosen.type and guest.accel is not None:
        guest = dataclasses.replace(guest, accel=None)  # the driver has its own
    drivers.refuse(guest, chosen)
    key = identity.host_key(name, call.endpoint.name) if args["image"] or args["authorized_keys"] or isinstance(args["user_data"], Mapping) else None
    fixed = _guest_address.fixed(call, host, guest, seen)
    found = first_boot(args, guest, key, fixed)
    ignition = None
    if args["ignition"] is not None:
        text = ignitions.text(args["ignition"])
        ignition = text.encode()
        guest = dataclasses.replace(guest, ignition=own_path(args["pool"], name, f"ignition-{seed.digest({'': text})}", "ign"))
    if found is not None:
        drive = Disk("seed", found.path, "raw", found.device, readonly=True, made=True)
        guest = dataclasses.replace(guest, disks=(*guest.disks, drive))
    return Wanted(args, guest, chosen, image, key, found, ignition, fixed)


def first_boot(args: Mapping[str, Any], guest: Guest, key: tuple[str, str] | None, fixed: Mapping[str, Any]) -> FirstBoot | None:
    """The files of the seed. fixed: network data of cards whose address nothing serves."""
    if not any(args[name] is not None for name in _SEEDING) and not fixed:
        return None
    if fixed and (args["network_config"] or args["unattended"]):
        raise VirtError(f"guest {guest.name}: the address {next(iter(fixed.values()))['addresses'][0]} would be written into its network_config, "
                        "and that is given whole" if args["network_config"] else f"guest {guest.name}: unattended answers carry no addresses of network cards",
                        hint="write the address there, or have DHCP serve its network")
    path = own_path(args["pool"], guest.name, "seed", "iso")
    if args["unattended"] is not None:
        return FirstBoot({"autounattend.xml": seed.answers(args["unattended"])}, "UNATTEND", path, "cdrom")
    hostname = args["hostname"] or guest.name
    # Whoever gives more data than what makes the guest itself finds all of it done when the guest answers on SSH.
    early = key is not None and bool(args["image"]) and not fixed and not any(args[name] for name in ("user_data", "vendor_data", "network_config"))
    text = seed.user_data(hostname, args["authorized_keys"] or (), key, args["user_data"], early)
    files = {"user-data": text, "meta-data": seed.meta_data(hostname, identity.uuid_of("guest", guest.name))}
    if early and key is not None:
        files.update(seed.identity(args["authorized_keys"] or (), key))
    network = args["network_config"] or addresses.network_data(guest.nics or (), fixed)
    if network:
        files["network-config"] = json.dumps(network, sort_keys=True)
    if args["vendor_data"]:
        given = args["vendor_data"]
        files["vendor-data"] = given if isinstance(given, str) else seed.cloud_config(given)
    data = {} if isinstance(args["user_data"], str) else yaml.safe_load(text)
    return FirstBoot(files, "cidata", path, "disk" if guest.devices == "virtio" else "cdrom", data)


def manifest(call: Any, image: str) -> Mapping[str, Any]:
    """An image's manifest, read on the hypervisor once a run. Its paths are used there only."""
    kept: dict[tuple[Any, str], Mapping[str, Any]] = call.run_.shared.setdefault("image-manifests", {})
    key = (call.endpoint, image)
    if key not in kept:
        path = f"{image.rstrip('/')}/manifest.json"
        answer = call.module("slurp", {"src": path}, check=False)
        if answer.get("failed"):
            raise NotYet(f"there is no image at {image} on {call.endpoint.name}: {answer.get('msg', '')}", hint="build it with the `image` module first")
        data = json.loads(base64.b64decode(answer["content"]))
        if not isinstance(data, dict) or not data.get("disk"):
            raise VirtError(f"the image {image} has no disk", hint="build it with `formats: [disk]`")
        kept[key] = data
    return kept[key]


def accelerator(call: Any, guest: Guest, image: Mapping[str, Any]) -> tuple[str, str]:
    """kvm or tcg, and why."""
    kernel = image.get("kernel") or guest.kernel
    if not kernel:
        return "tcg", "without a kernel there is no probe guest to prove KVM with"
    answer = call.module("accelerator", {"kernel": kernel}, check=False)
    if answer.get("failed"):
        raise VirtError(f"cannot find out the accelerator: {answer.get('msg')}")
    return str(answer["accel"]), str(answer["reason"])
