"""What libvirt's drivers differ in: the names their XML takes, the defaults of a guest on them, and what they cannot do."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from fleet.errors import VirtError
from fleet.virt.guest import Guest

# Fields of a guest that need QEMU's machinery.
_QEMU_ONLY = frozenset({"firmware", "tpm", "hugepages", "cpu_limit", "cpu_features", "ignition", "agent", "rng", "overlay", "watchdog", "max_memory"})


@dataclass(frozen=True)
class Driver:
    """One way to write a domain. type: libvirt's domain type, "" where the accelerator says it; os: hvm (a whole machine), linux (Xen's PV), exe.

    buses, nics: of disks and network cards, by `devices`. images: the driver's element names QEMU. refused: fields it cannot do.
    """

    name: str
    type: str
    os: str = "hvm"
    buses: tuple[tuple[str, str], ...] = (("virtio", "virtio"), ("emulated", "sata"))
    nics: tuple[tuple[str, str], ...] = (("virtio", "virtio"), ("emulated", "e1000"))
    images: str = "qemu"
    machine: str = ""
    refused: frozenset[str] = frozenset()
    notes: bool = True  # keeps metadata
    autostart: bool = True
    live: frozenset[str] = frozenset()  # what it changes in a running guest; "devices": plugs them; "all": whatever the table says
    hosts: str = "path"  # how a disk's place is written: an absolute path, or "[datastore] folder/file" of VMware

    def can(self, field: str) -> bool:
        """Whether it changes a field of a running guest."""
        return "all" in self.live or field in self.live

    def bus(self, devices: str) -> str:
        return dict(self.buses)[devices]

    def nic(self, devices: str) -> str:
        return dict(self.nics)[devices]


_NO_QEMU = dataclasses.replace(Driver("", ""), refused=_QEMU_ONLY)
QEMU = Driver("qemu", "", machine="q35", live=frozenset({"all"}))
TEST = Driver("test", "test", live=frozenset({"memory", "vcpus", "description", "protected"}), refused=frozenset({"ignition"}))
XEN_HVM = dataclasses.replace(_NO_QEMU, name="xen", type="xen", buses=(("virtio", "xen"), ("emulated", "ide")),
                              nics=(("virtio", "netfront"), ("emulated", "e1000")), machine="xenfv", refused=_QEMU_ONLY - {"max_memory"},
                              live=frozenset({"memory", "vcpus", "pin", "devices", "protected"}))
XEN_PV = dataclasses.replace(XEN_HVM, os="linux", machine="xenpv")
VBOX = dataclasses.replace(_NO_QEMU, name="vbox", type="vbox", buses=(("virtio", "sata"), ("emulated", "ide")),
                           nics=(("virtio", "virtio"), ("emulated", "82540EM")), images="", notes=False, autostart=False,
                           refused=_QEMU_ONLY | {"numa", "pin", "cpu_shares", "pci", "topology", "bandwidth", "autostart", "clock"})
VMWARE = dataclasses.replace(_NO_QEMU, name="vmware", type="vmware", buses=(("virtio", "scsi"), ("emulated", "ide")),
                             nics=(("virtio", "vmxnet3"), ("emulated", "e1000")), images="", notes=False, autostart=False, hosts="datastore",
                             refused=_QEMU_ONLY | {"numa", "pin", "pci", "usb", "bandwidth", "kernel", "initrd", "cmdline", "autostart", "clock", "graphics",
                                                   "console", "boot"})
LXC = dataclasses.replace(_NO_QEMU, name="lxc", type="lxc", os="exe", refused=_QEMU_ONLY | {"numa", "pci", "usb", "graphics", "machine", "cpu", "topology",
                                                                                             "kernel", "initrd", "cmdline", "clock", "boot"})
_BY_SCHEME = {"qemu": QEMU, "test": TEST, "vbox": VBOX, "esx": VMWARE, "vpx": VMWARE, "gsx": VMWARE, "vmwareplayer": VMWARE, "vmwarews": VMWARE,
              "vmwarefusion": VMWARE, "lxc": LXC}


def driver(scheme: str, devices: str = "virtio") -> Driver:
    """The driver of a libvirt URI's scheme. Xen with paravirtual devices is a PV guest, with emulated ones an HVM guest."""
    if scheme == "xen":
        return XEN_PV if devices == "virtio" else XEN_HVM
    found = _BY_SCHEME.get(scheme)
    if found is None:
        raise VirtError(f"guests on libvirt's driver '{scheme}' are not supported", hint="qemu, xen, lxc, vbox, esx, vpx, vmwareplayer, vmwarews or test")
    return found


def refuse(guest: Guest, chosen: Driver) -> None:
    """Refuse by name what the driver cannot do. Raises VirtError before anything is made."""
    asked = {name for name in chosen.refused if getattr(guest, name, None) not in (None, False, "none", (), {})}
    if "bandwidth" in chosen.refused and (any(disk.bandwidth for disk in guest.disks) or any(nic.bandwidth for nic in guest.nics or ())):
        asked.add("bandwidth")
    if not chosen.notes and any(nic.address for nic in guest.nics or ()):
        asked.add("address")
    if chosen.os == "linux":
        asked |= {name for name in ("firmware", "graphics") if getattr(guest, name) not in (None, "none", "bios")}
    if asked:
        raise VirtError(f"libvirt's driver {chosen.name} cannot do this for guest {guest.name}: {', '.join(sorted(asked))}",
                        hint="leave it out for hosts of this kind")
    for disk in guest.disks:
        if disk.path is None:
            continue
        if chosen.hosts == "path" and not disk.path.startswith("/"):
            raise VirtError(f"the disk {disk.name} of guest {guest.name} needs an absolute path, not '{disk.path}'")
        if chosen.hosts == "datastore" and not (disk.path.startswith("[") and "] " in disk.path):
            raise VirtError(f"the disk {disk.name} of guest {guest.name} needs a place such as '[datastore1] web1/web1.vmdk', not '{disk.path}'")
