"""A guest as declared: plain typed data, libvirt's names where it has them. None means: not declared, so chosen at creation and left alone later."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Disk:
    """path: on the hypervisor, None for an empty drive; size in bytes; bandwidth: bytes or operations a second, by the names of LIMITS.

    name: what a task calls it. made: by fleet, so made where it is missing and removed with the guest. backing: what a new one is an overlay of.
    """

    name: str
    path: str | None
    format: str | None = None
    device: str = "disk"
    bus: str | None = None
    size: int | None = None
    readonly: bool | None = None
    cache: str | None = None
    serial: str | None = None
    bandwidth: Mapping[str, int] | None = None
    protected: bool | None = None
    made: bool = False
    backing: str | None = None
    backing_format: str | None = None


# The options of a disk's `bandwidth`, and libvirt's names for them.
LIMITS = {"total": "total_bytes_sec", "read": "read_bytes_sec", "write": "write_bytes_sec", "total_iops": "total_iops_sec",
          "read_iops": "read_iops_sec", "write_iops": "write_iops_sec"}


@dataclass(frozen=True)
class Nic:
    """source: ("network", name) of libvirt's or ("bridge", name) of the host's; bandwidth: {"in", "out"} in KiB a second.

    address: the fixed one, with or without its prefix, or "none"; gateway and nameservers belong to one that no DHCP serves.
    """

    mac: str
    source: tuple[str, str]
    model: str | None = None
    bandwidth: Mapping[str, int] | None = None
    link: str | None = None
    address: str | None = None
    gateway: str | None = None
    nameservers: tuple[str, ...] = ()


@dataclass(frozen=True)
class Cell:
    """A NUMA node of the guest: its CPUs ("0-3"), its memory in KiB, and the host's nodes its memory is bound to ("0")."""

    cpus: str
    memory: int
    host: str | None = None


@dataclass(frozen=True)
class Guest:
    """memory in KiB: what the guest has, and the most it may be given while it runs. cpu: a mode of libvirt's or a model's name.

    topology: sockets, cores, threads. pin: virtual CPU -> the host's ("0-3,5"). cpu_limit: percent of a host's CPU for each virtual one; 0 for all.
    firmware: bios, uefi or uefi-secure. graphics: none, or type and listen address ("vnc 127.0.0.1"). console: log, pty or none. pci, usb: devices of the host.
    seed: digest of the first-boot data; overlay: raw XML.
    """

    name: str
    accel: str | None = None
    devices: str = "virtio"
    description: str | None = None
    memory: int | None = None
    max_memory: int | None = None
    vcpus: int | None = None
    max_vcpus: int | None = None
    cpu: str | None = None
    topology: tuple[int, int, int] | None = None
    cpu_features: Mapping[str, str] | None = None
    pin: Mapping[int, str] | None = None
    cpu_shares: int | None = None
    cpu_limit: int | None = None
    numa: tuple[Cell, ...] | None = None
    hugepages: bool | None = None
    machine: str | None = None
    firmware: str | None = None
    kernel: str | None = None
    initrd: str | None = None
    cmdline: str | None = None
    boot: tuple[str, ...] | None = None
    clock: str | None = None
    tpm: str | None = None
    rng: bool | None = None
    watchdog: str | None = None
    graphics: str | None = None
    console: str | None = None
    agent: bool | None = None
    ignition: str | None = None
    autostart: bool | None = None
    disks: tuple[Disk, ...] = ()
    nics: tuple[Nic, ...] | None = None
    pci: tuple[str, ...] | None = None
    usb: tuple[str, ...] | None = None
    seed: str | None = None
    overlay: str | None = None
    other_disks: bool = False  # disks beside the declared ones are taken away
