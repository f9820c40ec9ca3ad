"""What a host can do as a hypervisor, from /proc and /sys and by asking what is installed."""
import os
import re
import shutil
from typing import Any, Dict, List, Optional

from fleet.modules import _kvm
from fleet.modules.hypervisor import answers
from fleet.runner.module import Module
from fleet.runner.spec import Opt, Ret, Spec

SPEC = Spec(
    "hypervisor_facts", "Gather what a host can do as a hypervisor",
    {
        "kernel": Opt("path", "A Linux kernel image on the host. With it a probe guest proves whether KVM works; without, only an earlier proof counts."),
        "timeout": Opt("float", "Seconds the probe may take.", default=10.0),
        "paths": Opt("list", "Directories whose free space is told.", elements="path", default=["/var/lib/libvirt/images"]),
    },
    returns={"ansible_facts": Ret("dict", "`hypervisor`: cpu_virtualization (vmx, svm or null), kvm (device, works: true, false or null where nothing proved "
                                  "it, reason), nested, iommu (enabled, groups), hugepages (size_kb, total and free of each size), cpus, numa_nodes, "
                                  "memory_mb (total, available), storage (path, total and free bytes), qemu, libvirt (installed, answers), firmware (uefi, "
                                  "secure_boot), tpm, networking (bridge, vlan, vxlan), device_mapper.")},
    examples="""\
- hypervisor_facts:
- debug: {msg: "{{ inventory_hostname }} has {{ ansible_facts.hypervisor.memory_mb.available }} MB for guests"}
- hypervisor_facts: {kernel: /var/lib/fleet/images/debian/vmlinuz}      # proves KVM by booting a guest
""",
    notes=["It changes nothing, and runs under check as well."],
)
UEFI = ("/usr/share/OVMF", "/usr/share/edk2/ovmf", "/usr/share/edk2/x64", "/usr/share/qemu")


def run(m):
    # type: (Module) -> Dict[str, Any]
    flags = cpu_flags()
    facts = {
        "cpu_virtualization": "vmx" if "vmx" in flags else "svm" if "svm" in flags else None,
        "kvm": kvm(m), "nested": nested(), "iommu": iommu(), "hugepages": hugepages(), "cpus": os.cpu_count(),
        "numa_nodes": count("/sys/devices/system/node", r"node\d+$") or 1, "memory_mb": memory(),
        "storage": [space(path) for path in m.args.paths], "qemu": which("qemu-system-x86_64", "/usr/libexec/qemu-kvm"),
        "libvirt": {"installed": which("libvirtd", "virtqemud") is not None, "answers": answers("/run/libvirt/libvirt-sock")},
        "firmware": firmware(), "tpm": which("swtpm"), "networking": networking(), "device_mapper": os.path.exists("/dev/mapper/control"),
    }
    return {"ansible_facts": {"hypervisor": facts}}


def read(path):
    # type: (str) -> str
    try:
        with open(path) as file:
            return file.read()
    except OSError:
        return ""


def cpu_flags():
    # type: () -> List[str]
    found = re.search(r"^flags\s*:(.*)$", read("/proc/cpuinfo"), re.M)
    return found.group(1).split() if found else []


def kvm(m):
    # type: (Module) -> Dict[str, Any]
    proof = _kvm.proved(m, m.args.kernel, m.args.timeout) if m.args.kernel else _kvm.known()
    return {"device": os.path.exists("/dev/kvm"), "works": proof["accel"] == "kvm" if proof else None,
            "reason": proof["reason"] if proof else "nothing was booted to prove it"}


def nested():
    # type: () -> Optional[bool]
    for name in ("kvm_intel", "kvm_amd"):
        text = read("/sys/module/%s/parameters/nested" % name).strip()
        if text:
            return text in ("Y", "1")
    return None


def count(folder, pattern):
    # type: (str, str) -> int
    try:
        return sum(1 for name in os.listdir(folder) if re.match(pattern, name))
    except OSError:
        return 0


def iommu():
    # type: () -> Dict[str, Any]
    groups = count("/sys/kernel/iommu_groups", r"\d+$")
    return {"enabled": groups > 0, "groups": groups}


def hugepages():
    # type: () -> List[Dict[str, int]]
    folder, found = "/sys/kernel/mm/hugepages", []
    for name in sorted(os.listdir(folder)) if os.path.isdir(folder) else ():
        size = re.match(r"hugepages-(\d+)kB$", name)
        if size:
            found.append({"size_kb": int(size.group(1)), "total": int(read("%s/%s/nr_hugepages" % (folder, name)) or 0),
                          "free": int(read("%s/%s/free_hugepages" % (folder, name)) or 0)})
    return found


def memory():
    # type: () -> Dict[str, int]
    sizes = dict(re.findall(r"^(\w+):\s+(\d+)", read("/proc/meminfo"), re.M))
    return {"total": int(sizes.get("MemTotal", 0)) // 1024, "available": int(sizes.get("MemAvailable", 0)) // 1024}


def space(path):
    # type: (str) -> Dict[str, Any]
    """Of the filesystem a directory is, or would be, on."""
    place = path
    while not os.path.isdir(place):
        place = os.path.dirname(place)
    found = shutil.disk_usage(place)
    return {"path": path, "total": found.total, "free": found.free}


def which(*programs):
    # type: (str) -> Optional[str]
    path = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"
    return next((found for found in (shutil.which(each, path=path) for each in programs) if found), None)


def firmware():
    # type: () -> Dict[str, bool]
    names = [name.lower() for folder in UEFI if os.path.isdir(folder) for name in os.listdir(folder)]
    return {"uefi": any(name.startswith(("ovmf_code", "edk2-x86_64-code")) for name in names),
            "secure_boot": any(name.startswith(("ovmf_code", "edk2-x86_64")) and ("secboot" in name or ".ms." in name or "secure" in name) for name in names)}


def networking():
    # type: () -> Dict[str, bool]
    """What the kernel has built in, has loaded, or has as a module."""
    folder = "/lib/modules/%s" % os.uname().release
    there = read(folder + "/modules.builtin") + read(folder + "/modules.dep")

    def has(module):
        # type: (str) -> bool
        return os.path.isdir("/sys/module/" + module) or "/%s.ko" % module in there

    return {"bridge": has("bridge"), "vlan": has("8021q"), "vxlan": has("vxlan")}
