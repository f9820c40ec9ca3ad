"""A virtual machine on the task's host."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from typing import Any

from fleet.actions import _guest_absent, _guest_address, _guest_change, _guest_wait
from fleet.actions._guest import wanted
from fleet.errors import VirtError
from fleet.runner.module import Change
from fleet.runner.spec import Opt, Ret, Spec
from fleet.virt import identity, storage
from fleet.virt.connect import hypervisor, said
from fleet.virt.machine import Machine, Seen, measure
from fleet.virt.xml import attribute

SPEC = Spec(
    "guest", "Declare a virtual machine on a hypervisor",
    {
        "name": Opt("str", "The guest's name; its UUID, MAC addresses, instance id and SSH host key follow from it.", required=True),
        "state": Opt("str", "running; stopped (shut down); paused; suspended (its memory saved); defined or present (there, running or not); absent "
                     "(the disks that fleet made go with it).", default="running",
                     choices=["running", "stopped", "paused", "suspended", "defined", "present", "absent"]),
        "uri": Opt("str", "libvirt on the host; by default the variable fleet_libvirt_uri, else qemu:///system."),
        "profiles": Opt("list", "What the guest is made of, one on top of the other: names of mappings in the variable guest_profiles, or mappings. "
                        "The task's own options are on top.", elements="raw", default=[]),
        "image": Opt("path", "Directory of an image on the host, as the `image` module builds it; the guest's disk is a copy-on-write overlay."),
        "volume": Opt("str", "An existing volume as its disk, instead of an image."),
        "disk_size": Opt("bytes", "Capacity of its disk; by default the image's. It grows in place."),
        "disks": Opt("list", "All its other disks: volumes by path, or mappings of name, size, path, format, device, bus, readonly, cache, serial, "
                     "bandwidth, protected and backing. One named root says more of its own disk. A disk without a path is made by fleet.", elements="raw"),
        "pool": Opt("path", "Directory on the host for its disks and seed.", default=storage.DEFAULT_POOL),
        "memory": Opt("bytes", "Memory; 512M for a new guest."),
        "max_memory": Opt("bytes", "The most memory it can be given while it runs; by default what it begins with."),
        "vcpus": Opt("int", "Virtual CPUs; 1 for a new guest."),
        "max_vcpus": Opt("int", "The most it can be given while it runs; by default what it begins with."),
        "cpu": Opt("raw", "A mode (host-passthrough, host-model, maximum) or model, or a mapping of model, sockets, cores, threads, features, pin, shares "
                   "and limit."),
        "numa": Opt("list", "Its NUMA nodes, each with cpus, memory, and host (the host's nodes to take it from).", elements="dict"),
        "hugepages": Opt("bool", "Memory in the host's huge pages."),
        "networks": Opt("list", "All networks it is on, in order: libvirt networks by name, or mappings of network or bridge, mac, model, bandwidth, link "
                        "and address. An address is reserved in the network, live, and goes with the guest; where nothing serves DHCP it is first-boot "
                        "data, with gateway and nameservers. A new guest is on `default`.", elements="raw"),
        "bridges": Opt("list", "Bridges of the host to be on, after the networks.", elements="str"),
        "devices": Opt("str", "virtio (paravirtual) or emulated, for systems without virtio drivers. Of a new guest; virtio by default.",
                       choices=["virtio", "emulated"]),
        "machine": Opt("str", "Machine type: q35 for a new guest, or pc, or one with a version."),
        "firmware": Opt("str", "Firmware; bios for a new guest.", choices=["bios", "uefi", "uefi-secure"]),
        "boot": Opt("list", "What it boots from, in order.", elements="str", choices=["disk", "cdrom", "network"]),
        "kernel": Opt("path", "A kernel on the host to boot without a loader; by default the image's."),
        "initrd": Opt("path", "Its initrd."),
        "cmdline": Opt("str", "Added to the kernel command line of the image."),
        "accel": Opt("str", "kvm, tcg (emulation), or auto: a probe guest shows whether KVM works when the guest is made.",
                     choices=["auto", "kvm", "tcg"]),
        "tpm": Opt("str", "Version of an emulated TPM.", choices=["none", "1.2", "2.0"]),
        "rng": Opt("bool", "Random numbers from the host; on for a new guest with virtio devices."),
        "watchdog": Opt("str", "What a watchdog does when the guest hangs.", choices=["none", "reset", "poweroff", "pause", "shutdown"]),
        "graphics": Opt("raw", "none, vnc or spice, listening on 127.0.0.1, or a mapping of type and listen. A new guest has none."),
        "console": Opt("str", "Serial console; log keeps what it says on the host.", choices=["log", "pty", "none"]),
        "agent": Opt("bool", "Channel of the QEMU guest agent; on for a new guest with virtio devices."),
        "clock": Opt("str", "Hardware clock; utc for a new guest (Windows wants localtime).", choices=["utc", "localtime"]),
        "pci": Opt("list", "All PCI devices of the host it is given, such as 0000:01:00.0.", elements="str"),
        "usb": Opt("list", "All USB devices of the host it is given, as vendor:product.", elements="str"),
        "description": Opt("str", "Free text."),
        "xml": Opt("str", "Raw XML laid over the domain: a <domain> element with what no option says."),
        "autostart": Opt("bool", "Start it when libvirtd starts."),
        "hostname": Opt("str", "The guest's host name; by default its name."),
        "authorized_keys": Opt("list", "SSH public keys that may log in as root.", elements="str"),
        "user_data": Opt("raw", "cloud-init user data: a mapping merged on top of fleet's own, or a complete text."),
        "network_config": Opt("raw", "cloud-init network configuration (version 2), as a mapping."),
        "vendor_data": Opt("raw", "cloud-init vendor data: a mapping or a text."),
        "ignition": Opt("raw", "Ignition configuration (Fedora CoreOS, Flatcar): a mapping or JSON text, read on a first boot."),
        "unattended": Opt("str", "Answers of Windows' setup (autounattend.xml), on a drive of their own."),
        "known_hosts": Opt("path", "A known_hosts file on the controller to write the guest's host key to, so that strict checking works at once."),
        "wait": Opt("str", "What to wait for once it runs: its address, SSH, the guest agent, or that cloud-init has finished (through SSH or the agent).",
                    default="none", choices=["none", "address", "ssh", "agent", "cloud-init"]),
        "timeout": Opt("float", "Seconds to wait for that.", default=180.0),
        "shutdown_timeout": Opt("float", "Seconds the guest may take to shut down.", default=60.0),
        "force": Opt("bool", "Pull the plug of a guest that does not shut down in time.", default=False),
        "reboot": Opt("str", "pending: shut the guest down and start it once when changes wait for that; never: they go on waiting; always.",
                      default="never", choices=["never", "pending", "always"]),
        "may_lose": Opt("list", "Names of disks whose data the task may destroy: of a protected one when the guest is removed, of `root` when another image "
                        "means a new disk, of one that is no longer declared.", elements="str", default=[]),
    },
    returns={
        "name": Ret("str", "The guest."), "uuid": Ret("str", "Its UUID."), "mac": Ret("str", "The first network card's address."),
        "address": Ret("str", "Its address, once known.", "wait is not none"), "accel": Ret("str", "kvm or tcg."),
        "accel_reason": Ret("str", "Why that accelerator."),
        "effects": Ret("list", "Of each changed field: what, before, after, effect (live, next boot, restart, recreation) and loses.", elements="dict"),
        "pending": Ret("list", "What waits for a boot: what, running, stored and effect of each.", elements="dict"),
        "pending_restart": Ret("bool", "Whether anything does."),
        "rebooted": Ret("list", "What it was rebooted for.", "reboot=pending"),
        "kept": Ret("list", "Volumes of disks that are no longer declared, left on the host.", "there are any", elements="str"),
    },
    mutually_exclusive=[("image", "volume"), ("unattended", "user_data")],
    examples="""\
- guest:
    name: web1
    image: /var/lib/fleet/images/debian
    memory: 512M
    max_memory: 2G
    vcpus: 1
    max_vcpus: 4
    networks:
      - {network: lan, address: 192.168.150.20}
    disks:
      - {name: root, size: 10G}
      - {name: data, size: 20G, protected: true}
    authorized_keys: ["{{ lookup('file', '~/.ssh/id_ed25519.pub') }}"]
    wait: ssh
- name: Whatever waits for a boot, now
  guest: {name: web1, reboot: pending}
""",
    notes=["What is not said is chosen when the guest is made, and left as it is afterwards.",
           "A running guest is changed live where the field can be; the rest is stored and waits (`pending`, `fleet guest pending`): nothing is rebooted "
           "unless the task says so. docs/guests.md has the effect of every field.",
           "What changes in users, keys, packages, files and host name of the first-boot data is given to a running guest, as the inventory has "
           "it or through its agent."],
)


def run(call: Any) -> Generator[Change, Any, dict[str, Any]]:
    name = identity.checked(call.args.name, "guest")
    host = hypervisor(call)
    machine = Machine(host, name)
    if call.args.state == "absent":
        return (yield from _guest_absent.absent(call, machine))
    seen = said(call, f"looking at {name}", machine.look)
    declared = wanted(call, host, name, seen)
    if seen is not None and declared.looked_at:
        said(call, f"looking at the disks of {name}", measure, host, seen, declared.looked_at)
    result: dict[str, Any] = {"name": name, "uuid": identity.uuid_of("guest", name), "effects": [], "pending": [], "pending_restart": False}
    count = 0
    if seen is None:
        declared = declared.new(call)
        result.update(accel=declared.guest.accel, accel_reason=declared.accel_reason)
        addresses = _guest_address.reserve(call, machine, declared, None)
        steps = [_guest_change.create(call, machine, declared), addresses]
    else:
        result.update(uuid=seen.stored.findtext("uuid"))
        addresses = _guest_address.reserve(call, machine, declared, seen)
        steps = [addresses, _guest_change.change(call, machine, declared, seen, result)]
    for step in [*steps, power(call, machine, seen)]:
        for change in step:
            count += 1
            yield change
    after = seen if call.check or not count else said(call, f"looking at {name}", machine.look, declared.looked_at)
    if after is None:
        return {**result, "mac": declared.guest.nics[0].mac if declared.guest.nics else ""}
    yield from _guest_change.settle(call, machine, declared, after, result, call.args.reboot if seen is not None and seen.active else "never")
    result.setdefault("accel_reason", "chosen when the guest was made")
    result.setdefault("accel", "kvm" if after.stored.get("type") == "kvm" else "tcg")
    result["mac"] = attribute(after.stored, "devices/interface/mac", "address") or ""
    if call.args.state == "running" and not call.check:
        result.update((yield from _guest_wait.wait(call, machine, declared.key)))
    yield from _guest_change.living(call, machine, declared, after, result)
    return result


def power(call: Any, machine: Machine, seen: Seen | None) -> Iterator[Change]:
    """From the state it is in to the one declared."""
    args, name = call.args, machine.name
    state = seen.state if seen is not None else "stopped"
    active = seen is not None and seen.active

    def act(what: str, function: Any, *given: Any) -> Any:
        return lambda: said(call, f"{what} {name}", function, *given)

    if args.state == "running" and state != "running":
        yield Change("state", state, "running", act("start", machine.start))
    elif args.state == "paused" and state != "paused":
        yield Change("state", state, "paused", act("start", machine.start, True))
    elif args.state == "suspended" and state != "suspended":
        def suspend() -> None:
            if not active:
                said(call, f"start {name}", machine.start)
            said(call, f"suspend {name}", lambda: machine.domain.managedSave(0))
        yield Change("state", state, "suspended", suspend)
    elif args.state == "stopped" and state not in ("stopped", "crashed"):
        def stop() -> None:
            if not active:  # what is saved is brought back, to shut it down in order
                said(call, f"start {name}", machine.start)
            _guest_wait.shut_down(call, machine)
        yield Change("state", state, "stopped", stop)


__all__ = ["SPEC", "VirtError", "run"]
