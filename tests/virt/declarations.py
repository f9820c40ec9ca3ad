"""Random guests, as a task would declare them."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from fleet.virt.declare import declare
from fleet.virt.guest import Guest

MIB = 1 << 20
POOL = "/var/lib/libvirt/images"
names = st.from_regex(r"[a-z][a-z0-9]{0,5}", fullmatch=True).filter(lambda name: name not in ("root", "seed"))
words = st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=1, max_size=12)


@st.composite
def disks(draw: st.DrawFn, buses: tuple[str, ...]) -> dict[str, Any]:
    device = draw(st.sampled_from(["disk", "disk", "disk", "cdrom"]))
    disk: dict[str, Any] = {"name": draw(names), "device": device}
    if device == "cdrom":
        disk["path"] = draw(st.sampled_from([None, "/isos/a.iso"]))
    elif draw(st.booleans()):
        disk["size"] = draw(st.integers(1, 100)) * MIB
    else:
        disk["path"] = f"/data/{disk['name']}.qcow2"
    optional: dict[str, Any] = {
        "bus": st.sampled_from(buses if device == "disk" else ("sata",)), "serial": st.from_regex(r"[A-Z0-9]{1,12}", fullmatch=True),
        "protected": st.booleans(), "cache": st.sampled_from(["none", "writeback", "unsafe"]),
        "bandwidth": st.fixed_dictionaries({}, optional={"read": st.integers(0, 10) .map(lambda n: n * MIB), "write_iops": st.integers(0, 1000)})}
    return {**disk, **draw(st.fixed_dictionaries({}, optional=optional if device == "disk" else {"bus": optional["bus"]}))}


def nics() -> st.SearchStrategy[Any]:
    # libvirt's limits of traffic are in KiB, and of what is below one it keeps nothing
    size = st.integers(1, 1000).map(lambda n: n * 1024)
    detailed = st.fixed_dictionaries({"network": st.just("default")}, optional={
        "model": st.sampled_from(["virtio", "e1000e", "rtl8139"]), "link": st.sampled_from(["up", "down"]),
        "bandwidth": st.fixed_dictionaries({}, optional={"in": size, "out": size})})
    return st.one_of(st.just("default"), detailed, st.just({"bridge": "br0"}))


@st.composite
def cpu_parts(draw: st.DrawFn, models: tuple[str, ...]) -> dict[str, Any]:
    """CPUs, their topology and NUMA nodes, that agree with each other."""
    sockets, cores, threads = draw(st.integers(1, 2)), draw(st.integers(1, 3)), draw(st.integers(1, 2))
    most = sockets * cores * threads
    found: dict[str, Any] = {"vcpus": draw(st.integers(1, most)), "max_vcpus": most}
    cpu: dict[str, Any] = {}
    if draw(st.booleans()):
        cpu.update(sockets=sockets, cores=cores, threads=threads)
    if draw(st.booleans()):
        cpu["model"] = draw(st.sampled_from(models))
    if draw(st.booleans()):
        cpu["features"] = draw(st.dictionaries(st.sampled_from(["aes", "avx", "vmx"]), st.sampled_from(["require", "disable"]), max_size=2))
        cpu.setdefault("model", models[0])
    if draw(st.booleans()):
        cpu["pin"] = draw(st.dictionaries(st.integers(0, most - 1), st.sampled_from(["0", "0-1", "1"]), max_size=most))
    cpu.update(draw(st.fixed_dictionaries({}, optional={"shares": st.integers(2, 10000), "limit": st.integers(1, 100)})))
    if cpu:
        found["cpu"] = cpu
    if draw(st.integers(0, 3)) == 0 and most > 1 and "features" not in cpu:
        half = most // 2
        found["numa"] = [{"cpus": f"0-{half - 1}", "memory": 128 * MIB}, {"cpus": f"{half}-{most - 1}", "memory": 256 * MIB}]
        found["memory"] = found["max_memory"] = 384 * MIB
    else:
        found["memory"] = draw(st.integers(16, 4096)) * MIB + draw(st.integers(0, 5))
        found["max_memory"] = found["memory"] + draw(st.integers(0, 1024)) * MIB
    return found


@st.composite
def declarations(draw: st.DrawFn, qemu: bool, name: str = "g") -> dict[str, Any]:
    """A task's options. qemu: for QEMU definitions; else for the test driver."""
    devices = draw(st.sampled_from(["virtio", "emulated"]))
    buses = ("virtio", "scsi", "sata", "usb") if devices == "virtio" else ("sata", "usb")
    given: dict[str, Any] = {"name": name, "devices": devices, **draw(cpu_parts(("Nehalem", "qemu64") if not qemu else ("maximum", "host-model", "Nehalem")))}
    optional: dict[str, st.SearchStrategy[Any]] = {
        "description": words, "console": st.sampled_from(["log", "pty", "none"]), "clock": st.sampled_from(["utc", "localtime"]),
        "watchdog": st.sampled_from(["none", "reset", "poweroff", "pause"]), "graphics": st.sampled_from(["none", "vnc", {"type": "vnc", "listen": "0.0.0.0"}]),
        "boot": st.lists(st.sampled_from(["disk", "cdrom", "network"]), unique=True, min_size=1), "autostart": st.booleans(),
        "firmware": st.sampled_from(["bios", "uefi", "uefi-secure"]), "tpm": st.sampled_from(["none", "2.0"]),
        "networks": st.lists(nics(), max_size=3), "disks": st.lists(disks(buses), max_size=4, unique_by=lambda disk: disk["name"]),
        "hugepages": st.booleans(), "volume": st.just("/data/own.qcow2"), "cmdline": words, "kernel": st.just("/boot/vmlinuz"),
        "initrd": st.just("/boot/initrd"), "machine": st.just("q35"), "pci": st.lists(st.sampled_from(["0000:01:00.0", "0000:02:00.1"]), unique=True),
        "usb": st.lists(st.just("046d:c52b"), unique=True), "xml": st.just("<domain><features><pae/></features></domain>")}
    if devices == "virtio":
        optional.update(rng=st.booleans(), agent=st.booleans())
    found = {**given, **draw(st.fixed_dictionaries({}, optional=optional))}
    if qemu and found.get("firmware") != "uefi-secure" and draw(st.integers(0, 4)) == 0:
        found["machine"] = "pc"
    return found


def meant(given: dict[str, Any]) -> Guest:
    """The guest that a task with these options means."""
    from fleet.actions.guest import SPEC
    from fleet.validate import validate
    return declare(validate(SPEC, given), {}, devices="virtio")
