"""A guest from nothing to an answer on SSH, beside the fastest recipe that was found by hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from benchmarks.guests import book, by_ssh
from benchmarks.harness import STATE, Bench, Row, command, in_turns, ratio
from fleet.lab import Lab
from fleet.virt.identity import mac_of

_BOOT = """set -e
mkdir -p /var/lib/libvirt/images && cd /var/lib/libvirt/images
qemu-img create -q -f qcow2 -F raw -b {folder}/recipe.raw boot.qcow2
virsh -q define {folder}/boot.xml && virsh -q start boot
until timeout 10 bash -c 'exec 3<>/dev/tcp/192.168.90.20/22; head -c 4 <&3' 2>/dev/null | grep -q SSH-; do sleep 0.1; done
"""
_BOOTED = """<domain type='qemu'><name>boot</name><memory unit='MiB'>512</memory><vcpu>2</vcpu><os><type arch='x86_64' machine='q35'>hvm</type>
<kernel>{image}/vmlinuz</kernel><initrd>{image}/initrd</initrd><cmdline>{append} cloud-init=disabled</cmdline></os>
<features><acpi/><apic/></features><cpu mode='maximum'/><devices><disk type='file' device='disk'><driver name='qemu' type='qcow2' cache='unsafe'/>
<source file='/var/lib/libvirt/images/boot.qcow2'/><target dev='vda' bus='virtio'/></disk><interface type='network'><mac address='{mac}'/>
<source network='boot'/><model type='virtio'/></interface><serial type='file'><source path='/run/boot-console'/></serial>
<channel type='unix'><target type='virtio' name='org.qemu.guest_agent.0'/></channel>
<rng model='virtio'><backend model='random'>/dev/urandom</backend></rng><memballoon model='none'/></devices></domain>
"""


def measure(bench: Bench) -> list[Row]:
    folder = bench.folder / "booting"
    folder.mkdir(exist_ok=True)
    with Lab(folder / "lab") as lab:
        lab.up(0, hypervisors=1)
        inventory = str(lab.inventory)
        bench.fleet("apply", "-i", inventory, bench.write("booting/ready.yml", book([{"hypervisor": None}])))
        return [booted(bench, inventory, lab, folder)]


def booted(bench: Bench, inventory: str, lab: Lab, folder: Path) -> Row:
    """From nothing to an answer on SSH. The recipe is the fastest that was found by hand: a small initrd, keys written into the image before, and no
    cloud-init; so its guests are all one and the same. Both run the same image, kernel and initrd."""
    kept = STATE / "bench" / "image"
    bench.fleet("apply", "-i", inventory, bench.write("booting/image.yml", book([{"image": {
        "name": "bench", "path": str(kept), "formats": ["disk"], "size": "1500M"}}])))
    manifest = json.loads((kept / "manifest.json").read_text())
    prepare(kept, folder, lab)
    (folder / "boot.xml").write_text(_BOOTED.format(image=kept, append=manifest["append"], mac=mac_of("boot")))
    script = bench.write("booting/boot.sh", _BOOT.format(folder=folder))
    bench.fleet("apply", "-i", inventory, bench.write("booting/net.yml", book([{"network": {
        "name": "boot", "address": "192.168.90.1/24", "dhcp": ["192.168.90.20", "192.168.90.99"], "reservations": {"boot": "192.168.90.20"}}}])))
    made = {"name": "boot", "image": str(kept), "memory": "512M", "vcpus": 2, "networks": ["boot"], "accel": "tcg", "wait": "ssh", "timeout": 300,
            "authorized_keys": [(lab.shared / "id.pub").read_text().strip()]}
    play = bench.write("booting/boot.yml", book([{"guest": made}]))
    away = bench.write("booting/booted.yml", book([{"guest": {"name": "boot", "state": "absent", "may_lose": ["boot"], "force": True}},
                                                  {"command": "rm -f /var/lib/libvirt/images/boot.qcow2"}]))

    def gone() -> Any:
        return bench.fleet("apply", "-i", inventory, away)

    samples = in_turns({"fleet": lambda: bench.fleet("apply", "-i", inventory, play), "recipe": lambda: command([*by_ssh(lab), "sh", script])},
                       min(bench.runs, 3), {"fleet": gone, "recipe": gone})
    gone()
    return Row("a guest made, booted, and answering on SSH", ratio(samples, "fleet", "recipe"), 1.0, per="the fastest recipe by hand", samples=samples,
               note="emulated; the recipe's guest has its keys in the image and no first-boot data")


def prepare(image: Path, folder: Path, lab: Lab) -> None:
    """The recipe's own disk: the image with a host key and a login written into it."""
    raw, key = folder / "recipe.raw", folder / "ssh_host_ed25519_key"
    command(["qemu-img", "convert", "-O", "raw", str((image / "disk.qcow2").resolve()), str(raw)])
    if not key.exists():
        command(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)])
    for words in ("mkdir /root/.ssh", f"write {lab.shared / 'id.pub'} /root/.ssh/authorized_keys", f"write {key} /etc/ssh/{key.name}",
                  f"write {key}.pub /etc/ssh/{key.name}.pub"):
        command(["debugfs", "-w", "-R", words, str(raw)])
