"""Where guests go."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree as ET

from fleet.errors import VirtError
from fleet.runner.spec import Opt, Ret, Spec
from fleet.virt import placement
from fleet.virt.connect import Hypervisor, hypervisor, said
from fleet.virt.identity import checked
from fleet.virt.placement import Capacity, Request

SPEC = Spec(
    "guest_placement", "Choose hypervisors for guests by what is free on them",
    {
        "guests": Opt("list", "The guests.", elements="dict", required=True, suboptions={
            "name": Opt("str", "The guest's name.", required=True), "memory": Opt("bytes", "Its memory.", required=True),
            "vcpus": Opt("int", "Its virtual CPUs.", default=1), "disk": Opt("bytes", "What its disks may take.", default="0"),
            "apart": Opt("str", "Guests that name the same group share no host."),
            "only": Opt("list", "Hosts it may be on.", elements="str", default=[]),
        }),
        "hosts": Opt("str", "The hypervisors: a pattern of inventory hosts, such as a group. (A plain `on` is true in YAML; quote it.)", required=True,
                     aliases=["on"]),
        "policy": Opt("str", "spread: where most memory is left; pack: where it just fits.", default="spread", choices=["spread", "pack"]),
        "pool": Opt("path", "The directory whose free space counts for disks.", default="/var/lib/libvirt/images"),
        "reserve": Opt("bytes", "Memory of each host that is not given away.", default="512M"),
        "cpu_ratio": Opt("float", "Virtual CPUs for one CPU of a host.", default=8.0),
        "memory_ratio": Opt("float", "Memory given away for what a host has.", default=1.0),
    },
    returns={"placement": Ret("dict", "Guest -> hypervisor."), "capacity": Ret("dict", "Hypervisor -> memory, vcpus and disk that were free.")},
    examples="""\
- guest_placement:
    hosts: hypervisors
    guests:
      - {name: db1, memory: 4G, apart: db}
      - {name: db2, memory: 4G, apart: db}
  register: placed
  run_once: true
  delegate_to: localhost
- guest: {name: "{{ item.key }}", memory: 4G, image: /var/lib/fleet/images/debian}
  loop: "{{ placed.placement | dict2items }}"
  delegate_to: "{{ item.value }}"
  run_once: true
""",
    notes=["A guest that one of the hypervisors has stays there, so a second run gives the same answer. It changes nothing.",
           "Free is the smaller of what the kernel says is available and what defined guests leave of all, running or not."],
)


def run(call: Any) -> dict[str, Any]:
    requests = [request(each) for each in call.args.guests]
    hosts = call.inventory.match(call.args.hosts)
    if not hosts:
        raise VirtError(f"no host of the inventory is in '{call.args.hosts}'")
    found = [capacity(call.at(host), host) for host in hosts]
    free = {each.host: {"memory": each.memory, "vcpus": each.vcpus, "disk": each.disk} for each in found}
    return {"placement": placement.place(requests, found, call.args.policy), "capacity": free, "changed": False}


def request(given: dict[str, Any]) -> Request:
    return Request(checked(given["name"], "guest"), given["memory"], given["vcpus"], given["disk"], given["apart"], tuple(given["only"]))


def capacity(call: Any, name: str) -> Capacity:
    host = hypervisor(call)
    found: Capacity = said(call, f"capacity of {name}", measured, host, name, call.args)
    answer = call.module("command", {"argv": ["stat", "-f", "-c", "%a %S", call.args.pool]}, check=False)
    if not answer.get("failed"):
        blocks, block = str(answer["stdout"]).split()
        found.disk = int(blocks) * int(block)
    return found


def measured(host: Hypervisor, name: str, args: Any) -> Capacity:
    connection = host.connection
    _, megabytes, cpus, *_ = connection.getInfo()
    total = megabytes << 20
    memory, vcpus, guests = 0, 0, set()
    for domain in connection.listAllDomains():
        root = ET.fromstring(domain.XMLDesc(0))
        memory += int(root.findtext("memory") or 0) << 10
        vcpus += int(root.findtext("vcpu") or 0)
        guests.add(domain.name())
    left = int(total * args.memory_ratio) - args.reserve - memory
    try:
        stats = connection.getMemoryStats(-1)
        available = (stats["free"] + stats.get("cached", 0) + stats.get("buffers", 0)) * 1024 - args.reserve
        left = min(left, int(available * args.memory_ratio))
    except host.libvirt.libvirtError:
        pass  # a driver that does not know
    return Capacity(name, left, int(cpus * args.cpu_ratio) - vcpus, 1 << 62, total, guests)
