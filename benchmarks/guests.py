"""Guests: a plan over many, a second apply against one bulk query of libvirt, and clones made and started against a script for virsh."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from benchmarks.harness import Bench, Row, command, in_turns, middle, ratio
from fleet.lab import Lab
from fleet.virt import seed

_BULK = """
import sys, libvirt
connection = libvirt.open(sys.argv[1])
connection.getAllDomainStats(0, 0)
print(sum(len(each.XMLDesc()) for each in connection.listAllDomains()))
"""
_CLONES = """set -e
mkdir -p /var/lib/libvirt/images && cd /var/lib/libvirt/images
for n in $(seq {count}); do (
    qemu-img create -q -f qcow2 -F qcow2 -b {base} v$n.qcow2
    {seed}sed "s/NAME/v$n/g" {folder}/{xml} >/run/v$n.xml
    virsh -q define /run/v$n.xml && virsh -q start v$n
) & done
wait
"""
_DOMAIN = """<domain type='qemu'><name>NAME</name><memory unit='MiB'>64</memory><vcpu>1</vcpu><os><type arch='x86_64' machine='q35'>hvm</type></os>
<features><acpi/><apic/></features><cpu mode='maximum'/><devices><disk type='file' device='disk'><driver name='qemu' type='qcow2' cache='unsafe'/>
<source file='/var/lib/libvirt/images/NAME.qcow2'/><target dev='vda' bus='virtio'/></disk>SEED<serial type='pty'/>
<channel type='unix'><target type='virtio' name='org.qemu.guest_agent.0'/></channel>
<rng model='virtio'><backend model='random'>/dev/urandom</backend></rng></devices></domain>
"""
_SEED = """<disk type='file' device='disk'><driver name='qemu' type='raw'/><source file='/var/lib/libvirt/images/NAME-seed.iso'/>
<target dev='vdb' bus='virtio'/><readonly/></disk>"""


def measure(bench: Bench) -> list[Row]:
    folder = bench.folder / "guests"
    folder.mkdir(exist_ok=True)
    rows = [planned(bench)]
    with Lab(folder / "lab") as lab:
        lab.up(0, hypervisors=1)
        inventory = str(lab.inventory)
        bench.fleet("apply", "-i", inventory, bench.write("guests/ready.yml", book([{"hypervisor": None}])))
        rows += [again(bench, inventory, lab), clones(bench, inventory, lab, folder, False), clones(bench, inventory, lab, folder, True)]
    return rows


def book(tasks: list[Any], host: str = "all") -> str:
    return json.dumps([{"hosts": host, "gather_facts": False, "tasks": tasks}])


def guest(count: int, **more: Any) -> dict[str, Any]:
    made = {"name": "g{{ item }}", "memory": "64M", "vcpus": 1, "networks": [], "accel": "tcg", "autostart": False, **more}
    return {"guest": made, "loop": list(range(1, count + 1))}


def planned(bench: Bench) -> Row:
    """A plan over guests of libvirt's mock driver, which are as they should be."""
    from fleet.actions.guest import SPEC
    from fleet.validate import validate
    from fleet.virt import domain, drivers, view
    from fleet.virt.declare import declare
    count = bench.size(500, 20)
    driver = drivers.driver("test")
    domains = ""
    for number in range(1, count + 1):
        given = {**guest(1, disks=[{"name": "data", "path": f"/d/{number}.qcow2"}])["guest"], "name": f"g{number}", "accel": None}
        domains += view.unparse(domain.build(declare(validate(SPEC, given), {}), driver))
    node = bench.write("guests/node.xml", f"<node><memory>99999999</memory>{domains}</node>")
    inventory = bench.write("guests/mock.ini", f"mock ansible_connection=local fleet_libvirt_uri=test://{Path(node).resolve()}\n")
    play = bench.write("guests/plan.yml", book([guest(count, accel=None, disks=[{"name": "data", "path": "/d/{{ item }}.qcow2"}], state="running")]))
    samples = in_turns({"plan": lambda: bench.fleet("plan", "-i", inventory, play, "--detailed-exitcode")}, bench.runs)
    return Row(f"{count} guests of the mock driver: plan", middle(samples["plan"]), 2.0, "s", samples=samples)


def again(bench: Bench, inventory: str, lab: Lab) -> Row:
    count = bench.size(20, 3)
    play = bench.write("guests/again.yml", book([guest(count, state="defined", hostname="g{{ item }}", disks=[{"name": "data", "size": "1M"}])]))
    bench.fleet("apply", "-i", inventory, play)
    script = bench.write("guests/bulk.py", _BULK)
    address = lab.status()["hv1"]["address"]
    ssh = Path(bench.write("guests/ssh", f"#!/bin/sh\nexec ssh -i {lab.shared / 'id'} -o UserKnownHostsFile={lab.folder / 'known_hosts'} \"$@\"\n"))
    ssh.chmod(0o755)
    uri = f"qemu+ssh://root@{address}/system?command={ssh}"
    samples = in_turns({"fleet": lambda: bench.fleet("apply", "-i", inventory, play), "bulk query": lambda: command([sys.executable, script, uri])}, bench.runs)
    bench.fleet("apply", "-i", inventory, bench.write("guests/away.yml", book([guest(count, state="absent")])))
    return Row(f"{count} definitions: second apply", ratio(samples, "fleet", "bulk query"), 2.0, per="one bulk query over ssh", samples=samples)


def clones(bench: Bench, inventory: str, lab: Lab, folder: Path, seeded: bool) -> Row:
    """seeded: each with first-boot data; the script copies an image of it that is there already."""
    count = bench.size(10, 2)
    base, xml = folder / "base.qcow2", f"virsh{'-seed' if seeded else ''}.xml"
    command(["qemu-img", "create", "-q", "-f", "qcow2", str(base), "1G"])
    (folder / xml).write_text(_DOMAIN.replace("SEED", _SEED if seeded else ""))
    (folder / "seed.iso").write_bytes(seed.iso({"user-data": seed.user_data("g", (), None, None), "meta-data": seed.meta_data("g", "g")}))
    script = bench.write("guests/clones.sh", _CLONES.format(count=count, base=base, folder=folder, xml=xml,
                                                            seed=f"cp {folder}/seed.iso v$n-seed.iso\n    " if seeded else ""))
    more = {"hostname": "g{{ item }}"} if seeded else {}
    play = bench.write("guests/clones.yml", book([guest(count, disks=[{"name": "root", "backing": str(base)}], **more)]))
    away = bench.write("guests/gone.yml", book([guest(count, state="absent"), {
        "shell": f"for n in $(seq {count}); do virsh -q destroy v$n; virsh -q undefine v$n; rm -f /var/lib/libvirt/images/v$n*; done 2>/dev/null; true"}]))
    ssh = [*by_ssh(lab), "sh", script]

    def gone() -> Any:
        return bench.fleet("apply", "-i", inventory, away)

    samples = in_turns({"fleet": lambda: bench.fleet("apply", "-i", inventory, play), "virsh": lambda: command(ssh)}, bench.runs,
                       {"fleet": gone, "virsh": gone})
    gone()
    return Row(f"{count} guests cloned and started{', with first-boot data' if seeded else ''}", ratio(samples, "fleet", "virsh"), 1.3, per="a virsh script",
               samples=samples)


def by_ssh(lab: Lab) -> list[str]:
    return ["ssh", "-i", str(lab.shared / "id"), "-o", f"UserKnownHostsFile={lab.folder / 'known_hosts'}", f"root@{lab.status()['hv1']['address']}"]
