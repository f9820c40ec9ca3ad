"""A guest that is there, described as a task would declare it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from fleet.errors import FleetError
from fleet.virt import domain
from fleet.virt.drivers import Driver
from fleet.virt.guest import LIMITS, Guest
from fleet.virt.lens import attribute
from fleet.virt.machine import Seen
from fleet.virt.parts import NIC, PCI, USB
from fleet.virt.table import GUEST
from fleet.virt.view import PREFIX, disks, source, target

Meant = Callable[[Mapping[str, Any]], Guest]
_PLAIN = ("accel", "description", "vcpus", "max_vcpus", "machine", "firmware", "kernel", "initrd", "cmdline", "clock", "tpm", "rng", "watchdog", "console",
          "agent", "hugepages", "autostart")


def describe(seen: Seen, driver: Driver, meant: Meant) -> tuple[dict[str, Any], list[str]]:
    """(the options of a `guest` task, the options that could not be told).

    meant: what options mean. Each option is tried: one that would change the guest, or that no task can say, is left out, so that a plan of the
    task shows no change.
    """
    found: dict[str, Any] = {"name": seen.stored.findtext("name"), "state": seen.state if seen.state in ("running", "paused", "suspended") else "stopped"}
    left: list[str] = []
    for names, values in _options(seen, driver):
        trial = {**found, **values}
        try:
            guest = meant(trial)
            if driver.type and guest.accel is not None:
                raise FleetError("the driver has its own accelerator")
            wrong = domain.compare(guest, driver, seen.stored, None)
        except FleetError:
            wrong = [None]  # type: ignore[list-item]
        if wrong:
            left.append(names)
        else:
            found = trial
    return found, left


def _options(seen: Seen, driver: Driver) -> list[tuple[str, dict[str, Any]]]:
    """What the stored view says, in groups of options that are told together."""
    root = seen.stored
    values = {row.name: row.lens.read(root) for row in GUEST}
    told: list[tuple[str, dict[str, Any]]] = [("memory", {"memory": _mib(values["memory"]), "max_memory": _mib(values["max_memory"])})]
    told += [(name, {name: values[name]}) for name in _PLAIN if values[name] not in (None, "")]
    cpu: dict[str, Any] = {}
    if values["cpu"]:
        cpu["model"] = values["cpu"]
    if values["topology"]:
        cpu.update(zip(("sockets", "cores", "threads"), values["topology"], strict=True))
    for ours, theirs in (("features", "cpu_features"), ("pin", "pin"), ("shares", "cpu_shares"), ("limit", "cpu_limit")):
        if values[theirs]:
            cpu[ours] = values[theirs]
    if cpu:
        told.append(("cpu", {"cpu": cpu}))
    if values["numa"]:
        told.append(("numa", {"numa": [{"cpus": cell.cpus, "memory": _mib(cell.memory), **({"host": cell.host} if cell.host else {})}
                                       for cell in values["numa"]]}))
    if values["boot"]:
        told.append(("boot", {"boot": list(values["boot"])}))
    kind, _, listen = values["graphics"].partition(" ")
    told.append(("graphics", {"graphics": kind if listen in ("", "127.0.0.1") else {"type": kind, "listen": listen}}))
    told.append(("disks", {"disks": [_disk(disk) for disk in disks(root) if disk.get(PREFIX + "name") != "seed"]}))
    told.append(("networks", {"networks": [_nic(nic) for nic in NIC.all(root)]}))
    for each in (PCI, USB):
        if devices := [each.key(device) for device in each.all(root)]:
            told.append((each.field, {each.field: devices}))
    return told


def _mib(kib: int) -> str:
    return f"{kib // 1024}M" if kib % 1024 == 0 else f"{kib * 1024}"


def _disk(disk: Any) -> dict[str, Any]:
    found: dict[str, Any] = {"name": disk.get(PREFIX + "name") or target(disk), "path": disk.get(PREFIX + "path") or source(disk)}
    optional = {"format": attribute("driver", "type").read(disk), "bus": attribute("target", "bus").read(disk),
                "device": disk.get("device") if disk.get("device") == "cdrom" else None, "readonly": disk.find("readonly") is not None or None,
                "cache": attribute("driver", "cache").read(disk), "serial": disk.findtext("serial"),
                "protected": True if disk.get(PREFIX + "protected") == "yes" else None,
                "bandwidth": {ours: int(disk.findtext(f"iotune/{name}") or 0) for ours, name in LIMITS.items() if disk.findtext(f"iotune/{name}")} or None}
    return {**found, **{name: value for name, value in optional.items() if value is not None}}


def _nic(nic: Any) -> dict[str, Any]:
    rows = {row.name: row.lens.read(nic) for row in NIC.rows}
    kind, name = rows["source"]
    found = {kind: name, "mac": NIC.key(nic), "model": rows["model"]}
    if rows["bandwidth"]:
        found["bandwidth"] = {way: f"{value}K" for way, value in rows["bandwidth"].items()}
    if rows["address"]:
        found["address"] = rows["address"]
    if rows["link"] == "down":
        found["link"] = "down"
    return {name: value for name, value in found.items() if value is not None}
