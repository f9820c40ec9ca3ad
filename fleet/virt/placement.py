"""Which hypervisor a guest goes to: a pure function of what is free, what is wanted, and where guests are already."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from fleet.errors import VirtError


@dataclass
class Capacity:
    """What a hypervisor has left. memory, disk: bytes; vcpus: virtual CPUs; total: bytes of memory in all; guests: those it has."""

    host: str
    memory: int
    vcpus: int
    disk: int
    total: int
    guests: set[str] = field(default_factory=set)


@dataclass(frozen=True)
class Request:
    """A guest to place. apart: it shares no host with others that name the same group."""

    name: str
    memory: int
    vcpus: int = 1
    disk: int = 0
    apart: str | None = None
    only: tuple[str, ...] = ()


def place(requests: Sequence[Request], hosts: Sequence[Capacity], policy: str) -> dict[str, str]:
    """Guest -> host. Guests that are on one of the hosts stay there. policy: spread (where most is free) or pack (where it just fits).

    Raises VirtError when a guest fits nowhere, saying why of each host.
    """
    found: dict[str, str] = {}
    apart: dict[str, set[str]] = {each.host: set() for each in hosts}
    for request in requests:
        at = next((host for host in hosts if request.name in host.guests), None)
        if at is not None:
            found[request.name] = at.host
            if request.apart:
                apart[at.host].add(request.apart)
    # The largest first, so that the result does not depend on the order they are written in.
    for request in sorted((each for each in requests if each.name not in found), key=lambda each: (-each.memory, each.name)):
        reasons = {host.host: _reason(request, host, apart[host.host]) for host in hosts}
        fitting = [host for host in hosts if not reasons[host.host]]
        if not fitting:
            raise VirtError(f"no hypervisor has room for the guest {request.name}: " + "; ".join(f"{name}: {why}" for name, why in reasons.items()),
                            hint="give it less, add a hypervisor, or loosen what keeps it apart")
        chosen = min(fitting, key=lambda host: (_left(request, host) if policy == "pack" else -_left(request, host), host.host))
        chosen.memory -= request.memory
        chosen.vcpus -= request.vcpus
        chosen.disk -= request.disk
        chosen.guests.add(request.name)
        if request.apart:
            apart[chosen.host].add(request.apart)
        found[request.name] = chosen.host
    return {request.name: found[request.name] for request in requests}


def _left(request: Request, host: Capacity) -> float:
    """The part of its memory a host would have left."""
    return (host.memory - request.memory) / max(host.total, 1)


def _reason(request: Request, host: Capacity, apart: set[str]) -> str:
    """Why a guest cannot go there; empty when it can."""
    if request.only and host.host not in request.only:
        return "not among the hosts it may be on"
    if request.apart and request.apart in apart:
        return f"one of '{request.apart}' is there"
    for what, wanted, free in (("memory", request.memory, host.memory), ("disk", request.disk, host.disk)):
        if wanted > free:
            return f"{what} {_size(wanted)} wanted, {_size(max(free, 0))} free"
    if request.vcpus > host.vcpus:
        return f"{request.vcpus} vCPUs wanted, {max(host.vcpus, 0)} free"
    return ""


def _size(value: int) -> str:
    return f"{value / 2**30:.1f} GiB" if value >= 2**30 else f"{value / 2**20:.0f} MiB"

