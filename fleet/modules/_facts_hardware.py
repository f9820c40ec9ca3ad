"""Facts about processors, memory, disks and mounts, from /proc and /sys."""
import os
import re
import threading
import time
from typing import Any, Dict, List

from fleet.modules._facts_system import Facts, read


def processors():
    # type: () -> Facts
    """processor: [number, vendor, model, ...]; counts of sockets, cores a socket, threads a core; vcpus: all of them."""
    listed = []  # type: List[str]
    sockets = {}  # type: Dict[str, int]
    count, siblings = 0, 0
    where = ""
    for line in read("/proc/cpuinfo").splitlines():
        name, _colon, value = line.partition(":")
        name, value = name.strip(), value.strip()
        if name == "processor":
            count += 1
            listed.append(value)
            where = "0"
        elif name in ("vendor_id", "model name", "cpu", "Processor", "CPU implementer", "uarch", "isa"):
            listed.append(value)
        elif name == "physical id":
            where = value
            sockets.setdefault(value, 1)
        elif name == "cpu cores":
            sockets[where] = int(value)
        elif name == "siblings":
            siblings = int(value)
    number = len(sockets) or count or 1
    cores = next(iter(sockets.values()), 1)
    threads = max(siblings // cores, 1) if siblings else 1
    try:
        usable = len(os.sched_getaffinity(0))
    except (AttributeError, OSError):
        usable = os.cpu_count() or count
    return {"processor": listed, "processor_count": number, "processor_cores": cores, "processor_threads_per_core": threads,
            "processor_vcpus": number * cores * threads if sockets else count or 1, "processor_nproc": usable}


def memory():
    # type: () -> Facts
    sizes = {}  # type: Dict[str, int]
    for line in read("/proc/meminfo").splitlines():
        name, _colon, rest = line.partition(":")
        words = rest.split()
        if words:
            sizes[name] = int(words[0]) // 1024
    total, free = sizes.get("MemTotal", 0), sizes.get("MemFree", 0)
    swap, swap_free, cached = sizes.get("SwapTotal", 0), sizes.get("SwapFree", 0), sizes.get("SwapCached", 0)
    spare = free + sizes.get("Cached", 0) + sizes.get("Buffers", 0)
    return {"memtotal_mb": total, "memfree_mb": free, "swaptotal_mb": swap, "swapfree_mb": swap_free, "memory_mb": {
        "real": {"total": total, "used": total - free, "free": free}, "nocache": {"free": spare, "used": total - spare},
        "swap": {"total": swap, "free": swap_free, "used": swap - swap_free, "cached": cached}}}


def uptime():
    # type: () -> Facts
    seconds = read("/proc/uptime").split(".")[0]
    return {"uptime_seconds": int(seconds) if seconds.isdigit() else 0, "boot_id": read("/proc/sys/kernel/random/boot_id")}


_DMI = (("bios_date", "bios_date"), ("bios_vendor", "bios_vendor"), ("bios_version", "bios_version"), ("board_name", "board_name"),
        ("board_serial", "board_serial"), ("board_vendor", "board_vendor"), ("board_version", "board_version"),
        ("board_asset_tag", "board_asset_tag"), ("chassis_serial", "chassis_serial"), ("chassis_vendor", "chassis_vendor"),
        ("chassis_version", "chassis_version"), ("chassis_asset_tag", "chassis_asset_tag"), ("product_name", "product_name"),
        ("product_serial", "product_serial"), ("product_uuid", "product_uuid"), ("product_version", "product_version"),
        ("system_vendor", "sys_vendor"))
_FORMS = ("Unknown Other Unknown Desktop Low-Profile-Desktop Pizza-Box Mini-Tower Tower Portable Laptop Notebook Hand-Held "  # noqa: SIM905
          "Docking-Station All-In-One Sub-Notebook Space-saving Lunch-Box Main-Server-Chassis Expansion-Chassis Sub-Chassis "
          "Bus-Expansion-Chassis Peripheral-Chassis RAID-Chassis Rack-Mount-Chassis Sealed-case-PC Multi-system CompactPCI AdvancedTCA "
          "Blade").split()


def dmi():
    # type: () -> Facts
    facts = {fact: read("/sys/class/dmi/id/" + name, "NA") for fact, name in _DMI}  # type: Facts
    form = read("/sys/class/dmi/id/chassis_type")
    number = int(form) if form.isdigit() else 0
    facts["form_factor"] = _FORMS[number].replace("-", " ") if 0 < number < len(_FORMS) else "NA"
    return facts


def human(size):
    # type: (float) -> str
    for unit in ("Bytes", "KB", "MB", "GB", "TB", "PB"):
        if size < 1024 or unit == "PB":
            return "%.2f %s" % (size, unit)
        size /= 1024.0
    return ""


def _links():
    # type: () -> Dict[str, Dict[str, List[str]]]
    """/dev/disk/by-* by device name: {"sda1": {"uuids": [...], "labels": [...], "ids": [...]}}."""
    found = {}  # type: Dict[str, Dict[str, List[str]]]
    for kind in ("id", "label", "uuid"):
        folder = "/dev/disk/by-" + kind
        try:
            names = sorted(os.listdir(folder))
        except OSError:
            continue
        for name in names:
            device = os.path.basename(os.path.realpath(os.path.join(folder, name)))
            found.setdefault(device, {}).setdefault(kind + "s", []).append(name)
    return found


def _about(name, links):
    # type: (str, Dict[str, Dict[str, List[str]]]) -> Dict[str, Any]
    kinds = links.get(name, {})
    return {"ids": kinds.get("ids", []), "uuids": kinds.get("uuids", []), "labels": kinds.get("labels", []), "masters": []}


def devices():
    # type: () -> Facts
    """Block devices with their partitions; sizes as people read them, sectors in 512 bytes."""
    top = "/sys/block"
    links = _links()
    found = {}  # type: Dict[str, Any]
    try:
        names = sorted(os.listdir(top))
    except OSError:
        names = []
    for name in names:
        base = os.path.join(top, name)
        sectors = int(read(base + "/size", "0") or 0)
        if not sectors and name.startswith(("loop", "ram", "nbd", "fd", "zram")):
            continue
        scheduler = re.search(r"\[(.*?)\]", read(base + "/queue/scheduler"))
        block = int(read(base + "/queue/logical_block_size", "512") or 512)
        found[name] = {
            "virtual": 1 if "/virtual/" in os.path.realpath(base) else 0, "links": _about(name, links),
            "vendor": read(base + "/device/vendor") or None,
            "model": read(base + "/device/model") or None, "sas_address": None, "sas_device_handle": None,
            "serial": read(base + "/device/serial") or read(base + "/serial") or None, "removable": read(base + "/removable"),
            "support_discard": read(base + "/queue/discard_granularity"), "rotational": read(base + "/queue/rotational"),
            "scheduler_mode": scheduler.group(1) if scheduler else "", "sectors": str(sectors), "sectorsize": str(block),
            "size": human(sectors * 512), "host": "", "holders": _listdir(base + "/holders"),
            "partitions": {part: _partition(base, part, links) for part in _listdir(base) if part.startswith(name)}}
    return {"devices": found, "device_links": {
        kind: {device: kinds[kind] for device, kinds in sorted(links.items()) if kind in kinds} for kind in ("ids", "labels", "uuids")}}


def _listdir(path):
    # type: (str) -> List[str]
    try:
        return sorted(os.listdir(path))
    except OSError:
        return []


def _partition(base, part, links):
    # type: (str, str, Dict[str, Dict[str, List[str]]]) -> Dict[str, Any]
    sectors = int(read("%s/%s/size" % (base, part), "0") or 0)
    uuids = links.get(part, {}).get("uuids", [])
    return {"start": read("%s/%s/start" % (base, part)), "sectors": str(sectors), "sectorsize": 512, "size": human(sectors * 512),
            "uuid": uuids[0] if uuids else None, "holders": _listdir("%s/%s/holders" % (base, part)), "links": _about(part, links)}


_NO_SIZE = frozenset(("proc", "sysfs", "devtmpfs", "devpts", "cgroup", "cgroup2", "securityfs", "debugfs", "tracefs", "pstore", "bpf", "mqueue",
                      "hugetlbfs", "configfs", "fusectl", "autofs", "binfmt_misc", "rpc_pipefs", "nsfs", "efivarfs", "selinuxfs"))


def mounts(limit):
    # type: (float) -> Facts
    """File systems on devices or remote ones. One that does not answer within `limit` seconds (a dead NFS server) has only a `note`."""
    links = _links()
    found = []  # type: List[Dict[str, Any]]
    waiting = []  # type: List[threading.Thread]
    for line in read("/proc/self/mounts").splitlines():
        words = [re.sub(r"\\([0-7]{3})", lambda hit: chr(int(hit.group(1), 8)), word) for word in line.split()]
        if len(words) < 6 or words[2] in _NO_SIZE or not (words[0].startswith(("/", "\\")) or ":/" in words[0] or words[2] in ("btrfs", "zfs")):
            continue
        device, mount, kind, flags, dump, order = words[:6]
        uuids = links.get(os.path.basename(os.path.realpath(device)), {}).get("uuids", [])
        entry = {"device": device, "mount": mount, "fstype": kind, "options": flags, "dump": int(dump), "passno": int(order),
                 "uuid": uuids[0] if uuids else "N/A"}  # type: Dict[str, Any]
        found.append(entry)
        if device.startswith("/dev/"):
            _sizes(entry)  # a local disk answers, or the whole machine hangs
            continue
        entry["note"] = "Timed out while attempting to get extra information."
        thread = threading.Thread(target=_sizes, args=(entry,), daemon=True)
        thread.start()
        waiting.append(thread)
    end = time.time() + limit
    for thread in waiting:
        thread.join(max(0.0, end - time.time()))
    return {"mounts": [dict(entry) for entry in found]}


def _sizes(entry):
    # type: (Dict[str, Any]) -> None
    try:
        now = os.statvfs(entry["mount"])
    except OSError as error:
        entry["note"] = str(error.strerror)
        return
    entry.update(size_total=now.f_frsize * now.f_blocks, size_available=now.f_frsize * now.f_bavail, block_size=now.f_bsize,
                 block_total=now.f_blocks, block_available=now.f_bavail, block_used=now.f_blocks - now.f_bavail, inode_total=now.f_files,
                 inode_available=now.f_favail, inode_used=now.f_files - now.f_favail)
    entry.pop("note", None)


def load_average():
    # type: () -> Facts
    try:
        one, five, fifteen = os.getloadavg()
    except OSError:
        return {}
    return {"loadavg": {"1m": one, "5m": five, "15m": fifteen}}


def hardware(limit):
    # type: (float) -> Facts
    facts = {}  # type: Facts
    for part in (processors, memory, uptime, dmi, devices):
        facts.update(part())
    facts.update(mounts(limit))
    return facts
