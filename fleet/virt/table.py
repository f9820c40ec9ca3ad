"""The table: every field of a guest, where it is in libvirt's XML, what a change of it does, and how it is made live.

The fields of its devices are in fleet.virt.parts. docs/guests.md shows both; tests/virt/test_effects.py proves each row on QEMU.
"""

from __future__ import annotations

import hashlib
from typing import Any
from xml.etree import ElementTree as ET

from fleet.virt import live as change
from fleet.virt.drivers import Driver
from fleet.virt.effects import Effect, Row
from fleet.virt.guest import Cell
from fleet.virt.lens import Lens, attribute, device, drop, element, ensure, flag, note, text, yes
from fleet.virt.overlay import merge
from fleet.virt.view import URN

AGENT = "org.qemu.guest_agent.0"
_BOOT = {"disk": "hd", "cdrom": "cdrom", "network": "network"}
_PORTS = 14  # about half are taken by what a guest begins with
_MODES = ("host-passthrough", "host-model", "maximum")


# -- values

def cpus(text_: str) -> set[int]:
    """The numbers of a CPU set ("0-3,5"). ValueError for what is none."""
    found: set[int] = set()
    for part in text_.split(","):
        first, dash, last = part.strip().partition("-")
        numbers = range(int(first), int(last if dash else first) + 1)
        if not numbers or numbers[-1] > 4095:
            raise ValueError(text_)
        found.update(numbers)
    return found


def cpuset(numbers: set[int]) -> str:
    """A CPU set as libvirt writes it."""
    parts: list[list[int]] = []
    for number in sorted(numbers):
        if parts and parts[-1][1] == number - 1:
            parts[-1][1] = number
        else:
            parts.append([number, number])
    return ",".join(str(first) if first == last else f"{first}-{last}" for first, last in parts)


def family(machine: str | None) -> str | None:
    """q35 or pc for QEMU's versioned names (pc-q35-7.2), others as they are."""
    if machine is None:
        return None
    if machine == "q35" or machine.startswith("pc-q35"):
        return "q35"
    return "pc" if machine == "pc" or machine.startswith("pc-i440fx") else machine


def digest(value: str) -> str:
    return hashlib.sha256(value.encode()).hexdigest()[:16]


# -- effects that depend on the values

def _memory(before: Any, after: Any, live: ET.Element | None) -> Effect:
    if live is None or live.find("devices/memballoon[@model='none']") is not None or live.find("devices/memballoon") is None:
        return Effect.RESTART
    return Effect.LIVE if after <= int(live.findtext("memory") or 0) else Effect.RESTART


def _late(live: ET.Element, now: Any, wanted: Any) -> bool:
    """A guest has all its memory until its system is up far enough to give some back."""
    return bool(now > wanted and not any(each.get("state") == "connected" for each in live.iterfind("devices/channel/target")))


def _vcpus(before: Any, after: Any, live: ET.Element | None) -> Effect:
    now = _vcpu.read(live) if live is not None else 0
    return Effect.LIVE if live is not None and now < after <= int(live.findtext("vcpu") or 0) else Effect.RESTART


# -- lenses of more than one place

def _write_memory(root: ET.Element, value: int, driver: Driver) -> None:
    most = int(root.findtext("memory") or 0)
    together = root.find("currentMemory") is None or root.findtext("currentMemory") == root.findtext("memory")
    if together or most < value:
        _set_kib(root, "memory", value)
    _set_kib(root, "currentMemory", value)


def _set_kib(root: ET.Element, path: str, value: int) -> None:
    found = ensure(root, path)
    found.text = str(value)
    found.set("unit", "KiB")


def _write_most(root: ET.Element, value: int, driver: Driver) -> None:
    now = int(root.findtext("currentMemory") or root.findtext("memory") or value)
    _set_kib(root, "memory", value)
    _set_kib(root, "currentMemory", min(now, value))


def _write_vcpus(root: ET.Element, value: int, driver: Driver) -> None:
    found = ensure(root, "vcpu")
    drop(root, "vcpus")
    together = found.text is None or found.get("current") in (None, found.text)
    if together or int(found.text or 0) < value:
        found.text = str(value)
    found.attrib.pop("current", None)
    if found.text != str(value):
        found.set("current", str(value))


def _write_max_vcpus(root: ET.Element, value: int, driver: Driver) -> None:
    found = ensure(root, "vcpu")
    now = found.get("current") or found.text or str(value)
    found.text = str(value)
    drop(root, "vcpus")
    found.set("current", str(min(int(now), value)))


_vcpu = Lens(lambda root: int((found.get("current") or found.text or 0) if (found := root.find("vcpu")) is not None else 0), _write_vcpus)


def _read_cpu(root: ET.Element) -> str | None:
    mode = attribute("cpu", "mode").read(root)
    return mode if mode in _MODES else root.findtext("cpu/model")


def _write_cpu(root: ET.Element, value: str, driver: Driver) -> None:
    cpu = ensure(root, "cpu")
    for name in ("match", "check", "migratable"):
        cpu.attrib.pop(name, None)
    drop(root, "cpu/model")
    drop(root, "cpu/vendor")
    if value in _MODES:
        cpu.set("mode", value)
    else:
        cpu.set("mode", "custom")
        cpu.set("match", "exact")
        cpu.append(element("model", {"fallback": "forbid"}, text=value))


def _read_topology(root: ET.Element) -> Any:
    found = root.find("cpu/topology")
    return None if found is None else tuple(int(found.get(name) or 1) for name in ("sockets", "cores", "threads"))


def _write_topology(root: ET.Element, value: Any, driver: Driver) -> None:
    drop(root, "cpu/topology")
    if value:
        ensure(root, "cpu").append(element("topology", dict(zip(("sockets", "cores", "threads"), map(str, value), strict=True))))


def _write_features(root: ET.Element, value: dict[str, str], driver: Driver) -> None:
    cpu = ensure(root, "cpu")
    for name, policy in value.items():
        drop(root, f"cpu/feature[@name='{name}']")
        cpu.append(element("feature", {"policy": policy, "name": name}))


def _read_pin(root: ET.Element) -> dict[int, str]:
    return {int(each.get("vcpu") or 0): cpuset(cpus(each.get("cpuset") or "0")) for each in root.iterfind("cputune/vcpupin")}


def _write_pin(root: ET.Element, value: dict[int, str], driver: Driver) -> None:
    drop(root, "cputune/vcpupin")
    for cpu, places in sorted(value.items()):
        ensure(root, "cputune").append(element("vcpupin", {"vcpu": str(cpu), "cpuset": places}))


def _read_limit(root: ET.Element) -> int:
    quota = int(root.findtext("cputune/quota") or -1)
    return round(quota / 1000) if 0 < quota < 10 ** 9 else 0


def _write_limit(root: ET.Element, value: int, driver: Driver) -> None:
    drop(root, "cputune/quota")
    drop(root, "cputune/period")
    if value:
        ensure(root, "cputune/period").text = "100000"
        ensure(root, "cputune/quota").text = str(value * 1000)


def _read_numa(root: ET.Element) -> tuple[Cell, ...]:
    bound = {each.get("cellid"): each.get("nodeset") for each in root.iterfind("numatune/memnode")}
    return tuple(Cell(cpuset(cpus(each.get("cpus") or "0")), int(each.get("memory") or 0), bound.get(each.get("id"))) for each in root.iterfind("cpu/numa/cell"))


def _write_numa(root: ET.Element, value: tuple[Cell, ...], driver: Driver) -> None:
    drop(root, "cpu/numa")
    drop(root, "numatune/memnode")
    for number, cell in enumerate(value):
        ensure(root, "cpu/numa").append(element("cell", {"id": str(number), "cpus": cell.cpus, "memory": str(cell.memory), "unit": "KiB"}))
        if cell.host is not None:
            ensure(root, "numatune").append(element("memnode", {"cellid": str(number), "mode": "strict", "nodeset": cell.host}))


def _write_machine(root: ET.Element, value: str, driver: Driver) -> None:
    lens = attribute("os/type", "machine")
    if family(lens.read(root)) not in (None, family(value)):
        # Another board has other slots: what libvirt placed is placed anew.
        for holder in root.iterfind("devices/*"):
            for address in holder.findall("address"):
                if address.get("type") in ("pci", "drive"):
                    holder.remove(address)
        drop(root, "devices/controller")
    lens.write(root, value, driver)
    if driver.name == "qemu" and family(value) == "q35" and root.find("devices/controller[@type='pci']") is None:
        # Room to plug in what comes later: a PCI Express port takes one device.
        for index in range(_PORTS + 1):
            model = "pcie-root-port" if index else "pcie-root"
            ensure(root, "devices").append(element("controller", {"type": "pci", "index": str(index), "model": model}))


def _same_machine(now: Any, wanted: Any) -> bool:
    return bool(now == wanted or (wanted in ("q35", "pc") and family(now) == wanted))


def _read_firmware(root: ET.Element) -> str:
    loader = root.find("os/loader")
    if attribute("os", "firmware").read(root) != "efi" and (loader is None or loader.get("type") != "pflash"):
        return "bios"
    secure = root.find("os/firmware/feature[@name='secure-boot']")
    return "uefi-secure" if (secure is not None and yes(secure.get("enabled") or "")) or (loader is not None and yes(loader.get("secure") or "")) else "uefi"


def _write_firmware(root: ET.Element, value: str, driver: Driver) -> None:
    system = ensure(root, "os")
    system.attrib.pop("firmware", None)
    for tag in ("loader", "nvram", "firmware"):
        drop(system, tag)
    drop(root, "features/smm")
    if value == "bios":
        return
    system.set("firmware", "efi")
    secure = "yes" if value == "uefi-secure" else "no"
    system.append(element("firmware", None, *(element("feature", {"enabled": secure, "name": name}) for name in ("enrolled-keys", "secure-boot"))))
    if value == "uefi-secure":
        ensure(root, "features").append(element("smm", {"state": "on"}))


def _read_boot(root: ET.Element) -> tuple[str, ...]:
    names = {value: key for key, value in _BOOT.items()}
    return tuple(names.get(each.get("dev") or "", str(each.get("dev"))) for each in root.iterfind("os/boot"))


def _write_boot(root: ET.Element, value: tuple[str, ...], driver: Driver) -> None:
    drop(root, "os/boot")
    for holder in root.iterfind("devices/*"):
        for each in holder.findall("boot"):  # an order of devices and one of kinds exclude each other
            holder.remove(each)
    for name in value:
        ensure(root, "os").append(element("boot", {"dev": _BOOT[name]}))


def _tpm(value: str, driver: Driver) -> ET.Element:
    return element("tpm", {"model": "tpm-crb" if value == "2.0" else "tpm-tis"}, element("backend", {"type": "emulator", "version": value}))


def _rng(value: bool, driver: Driver) -> ET.Element:
    return element("rng", {"model": "virtio"}, element("backend", {"model": "random"}, text="/dev/urandom"))


def _read_graphics(found: ET.Element) -> str:
    listen = found.find("listen")
    return f"{found.get('type')} {found.get('listen') or (listen.get('address') if listen is not None else None) or '127.0.0.1'}"


def _graphics(value: str, driver: Driver) -> ET.Element:
    kind, listen = value.split(" ", 1)
    return element("graphics", {"type": kind, "port": "-1", "autoport": "yes", "listen": listen}, element("listen", {"type": "address", "address": listen}))


_screen = device("devices/graphics", _read_graphics, _graphics, "none")


def _write_graphics(root: ET.Element, value: str, driver: Driver) -> None:
    _screen.write(root, value, driver)
    if value == "none":
        drop(root, "devices/video")
        drop(root, "devices/audio")
    elif root.find("devices/video") is None:
        ensure(root, "devices").append(element("video", None, element("model", {"type": "vga"})))


def _read_console(root: ET.Element) -> str:
    found = root.find("devices/serial")
    if found is None:
        found = root.find("devices/console")
    if found is None:
        return "none"
    return "log" if found.get("type") == "pty" and found.find("log") is not None else str(found.get("type"))


def log_of(name: str) -> str:
    """Where libvirt keeps what a guest writes to its console."""
    return f"/var/log/libvirt/qemu/{name}-console.log"


def _write_console(root: ET.Element, value: str, driver: Driver) -> None:
    drop(root, "devices/serial")
    drop(root, "devices/console")
    if value == "none":
        return
    log = [element("log", {"file": log_of(root.findtext("name") or ""), "append": "off"})] if value == "log" else []
    if driver.os == "hvm":
        ensure(root, "devices").append(element("serial", {"type": "pty"}, *log, element("target", {"port": "0"})))
    else:
        ensure(root, "devices").append(element("console", {"type": "pty"}, element("target", {"type": "xen" if driver.os == "linux" else "lxc", "port": "0"})))


def _channels(root: ET.Element) -> list[ET.Element]:
    return [each for each in root.iterfind("devices/channel") if attribute("target", "name").read(each) == AGENT]


def _write_agent(root: ET.Element, value: bool, driver: Driver) -> None:
    devices = ensure(root, "devices")
    for each in _channels(root):
        devices.remove(each)
    if value:
        devices.append(element("channel", {"type": "unix"}, element("target", {"type": "virtio", "name": AGENT})))


_IGNITION = "opt/com.coreos/config"


def _read_ignition(root: ET.Element) -> str | None:
    found = root.find(f"sysinfo[@type='fwcfg']/entry[@name='{_IGNITION}']")
    return found.get("file") if found is not None else None


def _write_ignition(root: ET.Element, value: str, driver: Driver) -> None:
    drop(root, "sysinfo[@type='fwcfg']")
    root.append(element("sysinfo", {"type": "fwcfg"}, element("entry", {"name": _IGNITION, "file": value})))


def _write_overlay(root: ET.Element, value: str, driver: Driver) -> None:
    merge(root, value)
    note("overlay").write(root, digest(value), driver)


def _write_accel(root: ET.Element, value: str, driver: Driver) -> None:
    if not driver.type:
        root.set("type", "kvm" if value == "kvm" else "qemu")


# A limit comes after what it limits, so that a new guest is written in this order.
LIVE, BOOT, RESTART = Effect.LIVE, Effect.BOOT, Effect.RESTART
GUEST: tuple[Row, ...] = (
    Row("accel", "Accelerator: kvm, or tcg (emulation).", RESTART, Lens(lambda root: "kvm" if root.get("type") == "kvm" else "tcg", _write_accel)),
    Row("description", "Free text.", LIVE, text("description"), change.description, same=lambda now, wanted: (now or "") == wanted),
    Row("memory", "Memory, by its balloon.", _memory,
        Lens(lambda root: int(root.findtext("currentMemory") or root.findtext("memory") or 0), _write_memory), change.memory,
        when="live up to max_memory, else restart", unit="KiB", late=_late),
    Row("max_memory", "The most memory it can have while it runs.", RESTART, Lens(lambda root: int(root.findtext("memory") or 0), _write_most),
        unit="KiB"),
    Row("vcpus", "CPUs.", _vcpus, _vcpu, change.vcpus, when="live when more, up to max_vcpus; else restart"),
    Row("max_vcpus", "The most CPUs it can have while it runs.", RESTART, Lens(lambda root: int(root.findtext("vcpu") or 0), _write_max_vcpus)),
    Row("cpu", "CPU mode or model.", RESTART, Lens(_read_cpu, _write_cpu)),
    Row("topology", "Sockets, cores, threads.", RESTART, Lens(_read_topology, _write_topology)),
    Row("cpu_features", "CPU features and their policies.", RESTART,
        Lens(lambda root: {str(each.get("name")): str(each.get("policy") or "require") for each in root.iterfind("cpu/feature")}, _write_features),
        same=lambda now, wanted: all(now.get(name) == policy for name, policy in wanted.items())),
    Row("pin", "Which CPUs of the host each CPU runs on.", LIVE, Lens(_read_pin, _write_pin), change.pin),
    Row("cpu_shares", "Weight among guests when the host is busy.", LIVE, text("cputune/shares", int),
        change.scheduler("cpu_shares", int)),
    Row("cpu_limit", "Percent of a host's CPU that each CPU may use.", LIVE, Lens(_read_limit, _write_limit),
        change.scheduler("vcpu_quota", lambda value: value * 1000 or -1)),
    Row("numa", "Its NUMA nodes.", RESTART, Lens(_read_numa, _write_numa)),
    Row("hugepages", "Memory in the host's huge pages.", RESTART, flag("memoryBacking/hugepages")),
    Row("machine", "Machine type.", RESTART, Lens(attribute("os/type", "machine").read, _write_machine), same=_same_machine),
    Row("firmware", "bios, uefi or uefi-secure; its disk must have a loader for it.", RESTART, Lens(_read_firmware, _write_firmware)),
    Row("kernel", "Kernel booted without a loader.", RESTART, text("os/kernel"), same=lambda now, wanted: (now or "") == wanted),
    Row("initrd", "Its initrd.", RESTART, text("os/initrd"), same=lambda now, wanted: (now or "") == wanted),
    Row("cmdline", "Its command line.", RESTART, text("os/cmdline"), same=lambda now, wanted: (now or "") == wanted),
    Row("boot", "What it boots from, in order.", RESTART, Lens(_read_boot, _write_boot)),
    Row("clock", "Its hardware clock: utc or localtime.", RESTART, attribute("clock", "offset")),
    Row("tpm", "Emulated TPM; its state goes with it.", RESTART,
        device("devices/tpm", lambda found: attribute("backend", "version").read(found) or "2.0", _tpm, "none")),
    Row("rng", "Random numbers from the host.", RESTART, device("devices/rng", lambda found: True, _rng, False)),
    Row("watchdog", "What a watchdog does when the guest hangs.", RESTART,
        device("devices/watchdog[@model='i6300esb']", lambda found: found.get("action") or "reset",
               lambda value, driver: element("watchdog", {"model": "i6300esb", "action": value}), "none")),
    Row("graphics", "Screen: vnc or spice, and where it listens.", RESTART, Lens(_screen.read, _write_graphics)),
    Row("console", "Serial console: log keeps what it says, for when waiting fails.", RESTART, Lens(_read_console, _write_console)),
    Row("agent", "Channel of the guest agent.", RESTART, Lens(lambda root: bool(_channels(root)), _write_agent)),
    Row("ignition", "Ignition's file; read on a first boot only.", RESTART, Lens(_read_ignition, _write_ignition)),
    Row("autostart", "Starts with libvirtd.", LIVE, note("autostart", yes, False), beside=change.autostart),
    Row("seed", "First-boot data; fleet gives what changed in it to a running guest at once.", BOOT, note("seed"), noted=True),
    Row("overlay", "Raw XML laid over all of this.", RESTART, Lens(note("overlay").read, _write_overlay),
        same=lambda now, wanted: now == digest(wanted) or now == wanted),
)
__all__ = ["AGENT", "GUEST", "URN", "cpus", "cpuset", "digest", "family", "log_of"]
