"""The guests of a hypervisor, whoever made them: listed, and described as tasks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import yaml

from fleet.virt import adopt, domain, drivers
from fleet.virt.connect import Hypervisor
from fleet.virt.machine import Seen, look
from fleet.virt.table import GUEST
from fleet.virt.view import PREFIX

_READ = {row.name: row.lens.read for row in GUEST}


def seen(host: Hypervisor, names: Sequence[str] = ()) -> list[Seen]:
    """The guests of a hypervisor in the order of their names. One that goes away meanwhile is left out."""
    found = []
    for each in sorted(host.connection.listAllDomains(), key=lambda each: str(each.name())):
        if names and each.name() not in names:
            continue
        try:
            found.append(look(host, each))
        except host.libvirt.libvirtError:
            continue
    return found


def guests(host: Hypervisor) -> list[dict[str, Any]]:
    """host, name, uuid, state, vcpus, memory (KiB), address and pending of each guest."""
    rows = []
    for each in seen(host):
        waiting = domain.pending(each.stored, each.live) if each.live is not None else []
        rows.append({
            "host": host.name, "name": each.stored.findtext("name"), "uuid": each.stored.findtext("uuid"), "state": each.state,
            "vcpus": _READ["vcpus"](each.view), "memory": _READ["memory"](each.view), "address": address(each),
            "pending": [{"what": one.what, "running": one.running, "stored": one.stored, "effect": str(one.effect)} for one in waiting]})
    return rows


def address(each: Seen) -> str | None:
    """Its first IPv4 address as the networks' leases have it."""
    if each.live is None:
        return None
    try:
        found = each.domain.interfaceAddresses(each.libvirt.VIR_DOMAIN_INTERFACE_ADDRESSES_SRC_LEASE, 0)
    except each.libvirt.libvirtError:
        return None
    return next((str(one["addr"]) for interface in (found or {}).values() for one in interface.get("addrs") or () if one["type"] == 0), None)


def described(host: Hypervisor, names: Sequence[str], meant: adopt.Meant) -> list[dict[str, Any]]:
    """host, name, task (the options of a guest task) and left (what could not be told) of each guest."""
    found = []
    for each in seen(host, names):
        driver = drivers.driver(host.driver, each.stored.get(PREFIX + "devices") or "virtio")
        options, left = adopt.describe(each, driver, meant)
        found.append({"host": host.name, "name": options["name"], "task": options, "left": left})
    return found


class _Dumper(yaml.SafeDumper):
    def ignore_aliases(self, data: Any) -> bool:
        return True


def playbook(rows: Iterable[Mapping[str, Any]]) -> str:
    """A playbook of guest tasks, one play a host."""
    parts: list[str] = []
    last = None
    for row in rows:
        if row["host"] != last:
            last = row["host"]
            parts.append(yaml.dump([{"name": f"Guests of {last}", "hosts": last, "gather_facts": False}], sort_keys=False) + "  tasks:\n")
        task = yaml.dump([{"name": row["name"], "guest": row["task"]}], Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=140)
        parts += [f"    # not told here: {name}\n" for name in row["left"]]
        parts.append("".join(f"    {line}\n" for line in task.splitlines()))
    return "".join(parts)
