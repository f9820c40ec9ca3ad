"""From a task's options to a declared guest: names and numbers checked, defaults of fleet's own applied, profiles composed. No host is asked here."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping, Sequence
from typing import Any

from fleet.errors import VirtError
from fleet.runner.spec import Opt, Spec
from fleet.validate import coerce, validate
from fleet.virt import overlay, parts, table
from fleet.virt.guest import LIMITS, Cell, Disk, Guest, Nic
from fleet.virt.identity import checked, mac_of

MIB = 1024  # KiB
_MOST = {"vcpus": 4096, "max_vcpus": 4096, "memory": 64 << 30, "max_memory": 64 << 30}  # KiB: 64 TiB
_MOST_DISK = 1 << 53  # bytes: 8 PiB, as qcow2 can address
_MAC = re.compile(r"[0-9a-f][02468ace](:[0-9a-f]{2}){5}", re.IGNORECASE)
_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.+-]{0,62}")

DISK = Spec("disk", "A disk of a guest.", {
    "name": Opt("str", "What the task calls it; `root` is the guest's own.", required=True),
    "path": Opt("str", "Where it is on the host; by default fleet makes POOL/GUEST-NAME.qcow2."),
    "size": Opt("bytes", "Capacity; a disk grows in place and never shrinks."),
    "format": Opt("str", "Format.", choices=["qcow2", "raw", "vmdk", "vdi"]),
    "device": Opt("str", "What the guest sees.", default="disk", choices=["disk", "cdrom"]),
    "bus": Opt("str", "What it is attached to.", choices=["virtio", "scsi", "sata", "ide", "usb", "xen"]),
    "readonly": Opt("bool", "The guest cannot write to it."),
    "cache": Opt("str", "The host's cache mode.", choices=["default", "none", "writeback", "writethrough", "directsync", "unsafe"]),
    "serial": Opt("str", "Serial number the guest sees."),
    "bandwidth": Opt("dict", "Limits a second.", suboptions={name: Opt("int" if "iops" in name else "bytes", "") for name in LIMITS}),
    "protected": Opt("bool", "Is destroyed only where the task names it in may_lose."),
    "backing": Opt("path", "Image on the host that a new one is a copy-on-write overlay of."),
})
NIC = Spec("network", "A network card of a guest.", {
    "network": Opt("str", "libvirt's network it is on."),
    "bridge": Opt("str", "The host's bridge it is on."),
    "mac": Opt("str", "Its address; by default made from the guest's name and the card's number."),
    "model": Opt("str", "Model.", choices=["virtio", "e1000", "e1000e", "rtl8139", "vmxnet3", "netfront", "82540EM"]),
    "bandwidth": Opt("dict", "Average bytes a second.", suboptions={"in": Opt("bytes", ""), "out": Opt("bytes", "")}),
    "link": Opt("str", "Its cable.", choices=["up", "down"]),
    "address": Opt("str", "Its fixed address, or none: reserved where libvirt's network serves DHCP, else first-boot data, with its prefix."),
    "gateway": Opt("str", "The way out, where nothing serves DHCP; by default the host's address on a libvirt network that goes anywhere."),
    "nameservers": Opt("list", "DNS servers, where nothing serves DHCP; by default the host's address on a libvirt network.", elements="str", default=[]),
}, required_one_of=[("network", "bridge")], mutually_exclusive=[("network", "bridge")])
CPU = Spec("cpu", "The guest's CPU.", {
    "model": Opt("str", "host-passthrough, host-model, maximum or a model's name."),
    "sockets": Opt("int", "Sockets."), "cores": Opt("int", "Cores a socket."), "threads": Opt("int", "Threads a core."),
    "features": Opt("dict", "Feature -> force, require, optional, disable or forbid."),
    "pin": Opt("dict", "CPU -> the host's CPUs it runs on, such as \"0-3,5\"."),
    "shares": Opt("int", "Weight when the host is busy."),
    "limit": Opt("int", "Percent of a host's CPU that each may use; 0 for all."),
})
CELL = Spec("numa", "A NUMA node of the guest.", {
    "cpus": Opt("str", "Its CPUs.", required=True), "memory": Opt("bytes", "Its memory.", required=True),
    "host": Opt("str", "Nodes of the host its memory comes from."),
})


def compose(profiles: Sequence[Any], known: Mapping[str, Any], given: Mapping[str, Any], options: Mapping[str, Opt]) -> dict[str, Any]:
    """Profiles one on top of the other, the task's own options on top: mappings are merged by key, lists are joined, of the rest the last counts.

    profiles: names of `known`, or mappings themselves. given: the task's validated options, None where not said.
    """
    result: dict[str, Any] = {}
    for profile in profiles:
        if isinstance(profile, str):
            if profile not in known:
                raise VirtError(f"there is no guest profile '{profile}'", hint=f"the variable guest_profiles has: {', '.join(map(str, known)) or 'none'}")
            profile = known[profile]
        if not isinstance(profile, Mapping):
            raise VirtError(f"a guest profile is a mapping of options, not {type(profile).__name__}")
        wrong = [name for name in profile if name not in options or name in ("name", "state", "profiles", "uri")]
        if wrong:
            raise VirtError(f"a guest profile cannot hold '{wrong[0]}'", hint="profiles hold the options of the guest module that say what it is made of")
        partial = validate(Spec("guest profile", "", {name: options[name] for name in profile}), profile)
        _lay(result, partial)
    _lay(result, {name: value for name, value in given.items() if value is not None})
    return {**dict.fromkeys(options), **result}


def _lay(below: dict[str, Any], above: Mapping[str, Any]) -> None:
    for name, value in above.items():
        before = below.get(name)
        if isinstance(before, list) and isinstance(value, list):
            names = {each.get("name") for each in value if isinstance(each, Mapping)} - {None}
            below[name] = [each for each in before if each not in value and not (isinstance(each, Mapping) and each.get("name") in names)] + value
        elif isinstance(before, Mapping) and isinstance(value, Mapping):
            below[name] = {**before, **value}
        else:
            below[name] = value


def declare(args: Mapping[str, Any], image: Mapping[str, Any], *, devices: str = "virtio") -> Guest:
    """The guest that options mean. image: the manifest of the image they name, or {}. Raises VirtError, before anything is asked or made."""
    name = checked(str(args["name"]), "guest")
    for option in ("cmdline", "description", "kernel", "initrd", "machine"):
        _printable(option, args.get(option))
    cpu = validate(CPU, args["cpu"]) if isinstance(args.get("cpu"), Mapping) else validate(CPU, {"model": args.get("cpu")})
    kernel = args.get("kernel") or image.get("kernel")
    cmdline = " ".join(text for text in (image.get("append"), args.get("cmdline")) if text) or None
    numa = tuple(_cell(each) for each in args["numa"]) if args.get("numa") is not None else None
    guest = Guest(
        name, accel=None if args.get("accel") in (None, "auto") else args["accel"], devices=args.get("devices") or devices,
        description=args.get("description"), memory=_kib("memory", args.get("memory")), max_memory=_kib("max_memory", args.get("max_memory")),
        vcpus=_count("vcpus", args.get("vcpus")), max_vcpus=_count("max_vcpus", args.get("max_vcpus")),
        cpu=_word("cpu", cpu.model), topology=_topology(cpu), cpu_features=_features(cpu.features), pin=_pin(cpu.pin),
        cpu_shares=_within("cpu shares", cpu.shares, 2, 262144), cpu_limit=_within("cpu limit", cpu.limit, 0, 100), numa=numa,
        hugepages=args.get("hugepages"), machine=_word("machine", args.get("machine")), firmware=args.get("firmware"),
        kernel=kernel, initrd=args.get("initrd") or image.get("initrd"), cmdline=cmdline if kernel else None,
        boot=tuple(args["boot"]) if args.get("boot") is not None else None, clock=args.get("clock"), tpm=args.get("tpm"), rng=args.get("rng"),
        watchdog=args.get("watchdog"), graphics=_graphics(args.get("graphics")), console=args.get("console"), agent=args.get("agent"),
        autostart=args.get("autostart"), disks=_disks(name, args, image), other_disks=args.get("disks") is not None,
        nics=_nics(name, args), pci=_addresses("pci", args.get("pci"), parts.PCI_ADDRESS, "0000:01:00.0"),
        usb=_addresses("usb", args.get("usb"), parts.USB_ID, "046d:c52b"), overlay=_overlay(args.get("xml")))
    _consistent(guest)
    return guest


def _consistent(guest: Guest) -> None:
    """What options say of each other."""
    def wrong(message: str, hint: str = "") -> VirtError:
        return VirtError(f"guest {guest.name}: {message}", hint=hint)

    if guest.memory is not None and guest.max_memory is not None and guest.memory > guest.max_memory:
        raise wrong("memory is more than max_memory")
    if guest.vcpus is not None and guest.max_vcpus is not None and guest.vcpus > guest.max_vcpus:
        raise wrong("vcpus is more than max_vcpus")
    most = guest.max_vcpus or guest.vcpus
    if guest.topology is not None:
        product = guest.topology[0] * guest.topology[1] * guest.topology[2]
        if product != most:
            raise wrong(f"its CPU has {product} threads and it has {most or 'an unknown number of'} vcpus", "sockets x cores x threads is max_vcpus, else vcpus")
    if guest.pin and most is not None and max(guest.pin) >= most:
        raise wrong(f"vcpu {max(guest.pin)} is pinned, and there are {most}")
    if guest.numa:
        whole = guest.max_memory or guest.memory
        if whole != sum(cell.memory for cell in guest.numa):
            raise wrong("its NUMA nodes do not add up to its memory", "memory (max_memory where it is given) is the sum of theirs")
        numbers = [cpu for cell in guest.numa for cpu in table.cpus(cell.cpus)]
        if sorted(numbers) != list(range(most or 0)):
            raise wrong("its NUMA nodes do not have each of its vcpus once")
    if guest.firmware == "uefi-secure" and guest.machine is not None and table.family(guest.machine) != "q35":
        raise wrong("Secure Boot needs the machine type q35")
    if guest.devices == "emulated" and (guest.rng or guest.agent):
        raise wrong(f"the {'rng' if guest.rng else 'agent'} is a virtio device", "with devices: emulated there are none")
    names = [disk.name for disk in guest.disks]
    if len(set(names)) != len(names):
        raise wrong("two disks have the same name")
    macs = [nic.mac.lower() for nic in guest.nics or ()]
    if len(set(macs)) != len(macs):
        raise wrong("two network cards have the same address")
    fixed = [(nic.source, nic.address.partition("/")[0]) for nic in guest.nics or () if nic.address not in (None, "none")]
    if len(set(fixed)) != len(fixed):
        raise wrong("two network cards have the same address on one network")


# -- disks and network cards

def own_path(pool: str, guest: str, disk: str, extension: str = "qcow2") -> str:
    """The volume that fleet makes for a disk."""
    return f"{pool.rstrip('/')}/{guest}.{extension}" if disk == "root" else f"{pool.rstrip('/')}/{guest}-{disk}.{extension}"


def _disks(guest: str, args: Mapping[str, Any], image: Mapping[str, Any]) -> tuple[Disk, ...]:
    given = [_disk(guest, args, each) for each in args.get("disks") or ()]
    root = next((disk for disk in given if disk.name == "root"), None)
    rest = [disk for disk in given if disk is not root]
    if args.get("image") or args.get("volume") or root is not None:
        base = root or Disk("root", None)
        path = base.path if base.path and not base.made else args.get("volume") or own_path(args["pool"], guest, "root")
        made = not (args.get("volume") or (base.path and not base.made))
        rest.insert(0, Disk("root", _printable("volume", path), base.format or ("qcow2" if made else None), base.device, base.bus,
                            _size(args.get("disk_size")) or base.size, base.readonly, base.cache, base.serial, base.bandwidth, base.protected, made,
                            image.get("disk") or base.backing, image.get("disk_format", "qcow2") if image else base.backing_format))
    return tuple(rest)


def _disk(guest: str, args: Mapping[str, Any], given: Any) -> Disk:
    if isinstance(given, str):
        stem = given.rpartition("/")[2].rpartition(".")[0] or given.rpartition("/")[2]
        given = {"name": re.sub(r"[^A-Za-z0-9_.-]", "-", stem) or "disk", "path": given}
    if not isinstance(given, Mapping):
        raise VirtError(f"guest {guest}: a disk is a path or a mapping, not {given!r}")
    disk = validate(DISK, given)
    name = checked(disk.name, "disk")
    if name == "seed":
        raise VirtError(f"guest {guest}: the name 'seed' is that of its first-boot data", hint="give the disk another name")
    path, made = disk.path, False
    if path is None and disk.device == "disk":
        if disk.size is None and disk.backing is None and name != "root":
            raise VirtError(f"guest {guest}: the disk {name} needs a size, a path or a backing image")
        extension = {"raw": "raw", "vmdk": "vmdk", "vdi": "vdi"}.get(disk.format or "qcow2", "qcow2")
        path, made = own_path(args["pool"], guest, name, extension), True
    return Disk(name, _printable("path", path), disk.format or ("qcow2" if made else None), disk.device, disk.bus, _size(disk.size), disk.readonly,
                disk.cache, _printable("serial", disk.serial), _limits(disk.bandwidth), disk.protected, made, disk.backing, "qcow2")


def _limits(given: Mapping[str, Any] | None) -> dict[str, int] | None:
    if given is None:
        return None
    found = {name: value for name, value in given.items() if value is not None}
    for name, value in found.items():
        _within(f"bandwidth {name}", value, 0, 1 << 50)
    for unit in ("", "_iops"):
        if found.get(f"total{unit}") and (found.get(f"read{unit}") or found.get(f"write{unit}")):
            raise VirtError(f"a disk's bandwidth has total{unit}, or read{unit} and write{unit}, not both")
    return found


def _nics(guest: str, args: Mapping[str, Any]) -> tuple[Nic, ...] | None:
    if args.get("networks") is None and args.get("bridges") is None:
        return None
    listed = [*(args.get("networks") or ()), *({"bridge": name} for name in args.get("bridges") or ())]
    return tuple(_nic(guest, number, each) for number, each in enumerate(listed))


def _nic(guest: str, number: int, given: Any) -> Nic:
    if isinstance(given, str):
        given = {"network": given}
    if not isinstance(given, Mapping):
        raise VirtError(f"guest {guest}: a network is a name or a mapping, not {given!r}")
    nic = validate(NIC, given)
    mac = nic.mac or mac_of(guest, number)
    if not _MAC.fullmatch(mac):
        raise VirtError(f"guest {guest}: '{mac}' is not the address of a network card", hint="six pairs of hexadecimal digits, not a multicast address")
    source = ("network", checked(nic.network, "network")) if nic.network else ("bridge", checked(nic.bridge, "bridge"))
    bandwidth = None
    if nic.bandwidth is not None:
        bandwidth = {way: -(-_within("bandwidth", value, 0, 1 << 41) // 1024) for way, value in nic.bandwidth.items() if value is not None}
    try:
        address = nic.address if nic.address in (None, "none") else str((ipaddress.ip_interface if "/" in nic.address else ipaddress.ip_address)(nic.address))
        gateway = None if nic.gateway is None else str(ipaddress.ip_address(nic.gateway))
        servers = tuple(str(ipaddress.ip_address(each)) for each in nic.nameservers)
    except ValueError as error:
        raise VirtError(f"guest {guest}: {error}") from None
    return Nic(mac.lower(), source, nic.model, bandwidth, nic.link, address, gateway, servers)


# -- single values

def _printable(option: str, value: Any) -> Any:
    """Text that XML can hold, on one line."""
    if value is not None and any(ord(letter) < 32 or 0xD800 <= ord(letter) <= 0xDFFF or letter in "\x7f\ufffe\uffff" for letter in value):
        raise VirtError(f"the option '{option}' of a guest holds a control character: {value!r}")
    return value


def _word(option: str, value: str | None) -> str | None:
    if value is not None and not _WORD.fullmatch(value):
        raise VirtError(f"'{value}' is not a {option} of a guest")
    return value


def _within(what: str, value: Any, least: int, most: int) -> Any:
    if value is not None and not least <= value <= most:
        raise VirtError(f"the {what} of a guest is from {least} to {most}, not {value}")
    return value


def _count(option: str, value: int | None) -> int | None:
    return _within(option, value, 1, _MOST[option])  # type: ignore[no-any-return]


def _kib(option: str, value: int | None) -> int | None:
    """A size in KiB, in whole MiB as machines have it."""
    if value is None:
        return None
    if not MIB * 1024 <= value <= _MOST["memory"] * 1024:
        raise VirtError(f"the {option} of a guest is from 1M to 64T, not {value} bytes")
    return -(-value // (1 << 20)) * MIB


def _size(value: int | None) -> int | None:
    if value is None:
        return None
    if not 512 <= value <= _MOST_DISK:
        raise VirtError(f"a disk has from 512 bytes to 8 PiB, not {value} bytes")
    return -(-value // 512) * 512


def _topology(cpu: Mapping[str, Any]) -> tuple[int, int, int] | None:
    given = [cpu[name] for name in ("sockets", "cores", "threads")]
    if given == [None, None, None]:
        return None
    sockets, cores, threads = (_within("number of " + name, 1 if value is None else value, 1, 4096)
                               for name, value in zip(("sockets", "cores", "threads"), given, strict=True))
    return sockets, cores, threads


def _features(given: Mapping[str, Any] | None) -> dict[str, str] | None:
    if given is None:
        return None
    for name, policy in given.items():
        _word("CPU feature", str(name))
        if policy not in ("force", "require", "optional", "disable", "forbid"):
            raise VirtError(f"the CPU feature {name} is force, require, optional, disable or forbid, not {policy!r}")
    return {str(name): str(policy) for name, policy in given.items()}


def _cpuset(what: str, given: Any) -> str:
    try:
        return table.cpuset(table.cpus(str(given)))
    except ValueError:
        raise VirtError(f"{what}: '{given}' is not a set of CPUs", hint="such as 0-3,5") from None


def _pin(given: Mapping[Any, Any] | None) -> dict[int, str] | None:
    if given is None:
        return None
    try:
        return {coerce("int", cpu): _cpuset("pin", places) for cpu, places in given.items()}
    except ValueError:
        raise VirtError(f"pin has the numbers of the guest's CPUs, not {', '.join(map(str, given))}") from None


def _cell(given: Any) -> Cell:
    if not isinstance(given, Mapping):
        raise VirtError(f"a NUMA node is a mapping of cpus and memory, not {given!r}")
    cell = validate(CELL, given)
    memory = _kib("memory", cell.memory)
    assert memory is not None
    return Cell(_cpuset("numa", cell.cpus), memory, _cpuset("numa", cell.host) if cell.host is not None else None)


def _graphics(given: Any) -> str | None:
    if given is None or given == "none":
        return given  # type: ignore[no-any-return]
    kind, listen = (given.get("type"), given.get("listen", "127.0.0.1")) if isinstance(given, Mapping) else (given, "127.0.0.1")
    if kind not in ("vnc", "spice") or (isinstance(given, Mapping) and set(given) - {"type", "listen"}):
        raise VirtError(f"graphics is none, vnc, spice or a mapping of type and listen, not {given!r}")
    try:
        return f"{kind} {ipaddress.ip_address(str(listen))}"
    except ValueError:
        raise VirtError(f"graphics listens on an address, not '{listen}'") from None


def _addresses(option: str, given: Sequence[Any] | None, pattern: re.Pattern[str], example: str) -> tuple[str, ...] | None:
    if given is None:
        return None
    found = tuple(str(each).lower() for each in given)
    for each in found:
        if not pattern.fullmatch(each):
            raise VirtError(f"'{each}' is not a {option} device of the host", hint=f"such as {example}")
    return found


def _overlay(given: str | None) -> str | None:
    if given is not None:
        overlay.parse(given)
    return given
