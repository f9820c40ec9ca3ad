"""Placement as a pure function, and over what two real hypervisors have free."""

from __future__ import annotations

import json

import pytest

from fleet.errors import VirtError
from fleet.virt.placement import Capacity, Request, place
from tests.engine.harness import Site
from tests.virt.conftest import Machine, succeeded

G = 1 << 30


def hosts(**guests: set[str]) -> list[Capacity]:
    return [Capacity(name, free * G, 16, 100 * G, 32 * G, guests.get(name, set())) for name, free in (("a", 16), ("b", 8), ("c", 8))]


def test_spread_and_pack() -> None:
    wanted = [Request(f"g{number}", 2 * G) for number in range(4)]
    assert place(wanted, hosts(), "spread") == {"g0": "a", "g1": "a", "g2": "a", "g3": "a"}
    assert place(wanted, hosts(), "pack") == {"g0": "b", "g1": "b", "g2": "b", "g3": "b"}
    many = place([Request(f"g{number}", 4 * G) for number in range(6)], hosts(), "spread")
    assert sorted(many.values()) == ["a", "a", "a", "a", "b", "c"]


def test_what_is_there_stays() -> None:
    wanted = [Request("old", 2 * G, apart="db"), Request("new", 2 * G, apart="db")]
    assert place(wanted, hosts(c={"old"}), "pack") == {"old": "c", "new": "b"}
    first = place(wanted, hosts(), "spread")
    assert place(wanted, hosts(**{host: {guest} for guest, host in first.items()}), "spread") == first


def test_apart_and_only() -> None:
    assert set(place([Request(f"db{number}", G, apart="db") for number in range(3)], hosts(), "pack").values()) == {"a", "b", "c"}
    with pytest.raises(VirtError, match="one of 'db' is there"):
        place([Request(f"db{number}", G, apart="db") for number in range(4)], hosts(), "spread")
    assert place([Request("g", G, only=("c",))], hosts(), "spread") == {"g": "c"}


@pytest.mark.parametrize(("request_", "words"), [
    (Request("g", 20 * G), "memory 20.0 GiB wanted, 16.0 GiB free"), (Request("g", G, vcpus=17), "17 vCPUs wanted, 16 free"),
    (Request("g", G, disk=200 * G), "disk 200.0 GiB wanted"), (Request("g", G, only=("x",)), "not among"),
])
def test_no_room_is_said_of_each_host(request_: Request, words: str) -> None:
    with pytest.raises(VirtError, match=words):
        place([request_], hosts(), "spread")


@pytest.mark.virt
def test_over_real_capacity(site: Site, guest: Machine) -> None:
    """g1 stays where it runs, what is to be apart from it goes to the other host; too much is refused with the numbers."""
    def task(*guests: dict[str, object]) -> str:
        return "- hosts: localhost\n  gather_facts: false\n  tasks:\n    - " + json.dumps({"guest_placement": {"hosts": "lab", "guests": list(guests)}}) + "\n"

    found = succeeded(site.run(task({"name": "g1", "memory": "384M", "apart": "web"}, {"name": "g2", "memory": "384M", "apart": "web"})))
    assert found["placement"] == {"g1": "hv1", "g2": "hv2"}
    assert found["capacity"]["hv2"]["memory"] - found["capacity"]["hv1"]["memory"] < 8 * G and found["capacity"]["hv1"]["disk"] > 0
    seen = site.run(task({"name": "huge", "memory": "100T"}))
    assert seen.status == 2 and "no hypervisor has room for the guest huge: hv1: memory" in seen.results()[0].result["msg"]
