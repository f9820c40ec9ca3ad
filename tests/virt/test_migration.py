"""A guest moved between two real libvirtd that share no disks: running, stopped, and when the controller dies in the middle."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import libvirt
import pytest

from tests.virt.conftest import NETWORK, Apply, Hypervisor, Machine

pytestmark = pytest.mark.virt


@pytest.fixture
def moving(apply: Apply, fresh_guest: Machine, hypervisors: dict[str, Hypervisor], own_keys: Path) -> Iterator[Machine]:
    """The guest on hv1, with hv2 ready for it; whatever is on hv2 is gone afterwards."""
    apply.once("network", NETWORK, host="hv2")
    yield fresh_guest
    for domain in hypervisors["hv2"].connection.listAllDomains():
        if domain.isActive():
            domain.destroy()
        domain.undefine()
    for each in hypervisors["hv2"].images.glob("g1*"):  # its seed among them
        each.rename(hypervisors["hv1"].images / each.name)


def disks(hypervisor: Hypervisor) -> list[str]:
    return sorted(each.name for each in hypervisor.images.glob("g1*"))


def guests(hypervisor: Hypervisor) -> list[str]:
    return [each.name() for each in hypervisor.connection.listAllDomains()]


def test_there_live_and_back_stopped(moving: Machine, apply: Apply, hypervisors: dict[str, Hypervisor], own_keys: Path) -> None:
    one, two = hypervisors["hv1"], hypervisors["hv2"]
    had = disks(one)
    boot = moving.sh("echo here >/root/state; sync; cat /proc/sys/kernel/random/boot_id")
    seen = apply.site.run("- hosts: g1\n  gather_facts: false\n  tasks: [{command: cat /root/state}]\n"
                          "- hosts: hv1\n  gather_facts: false\n  tasks: [{guest_migrate: {name: g1, to: hv2, unsafe: true}}]\n"
                          "- hosts: g1\n  gather_facts: false\n  tasks: [{command: cat /root/state}]\n")
    assert seen.status == 0, [event.result.get("msg") for event in seen.results()]
    result = seen.results("hv1")[0].result
    assert [each.result["stdout"] for each in seen.results("g1")] == ["here", "here"], "before through hv1, then through hv2"
    assert not apply("guest_migrate", {"name": "g1", "to": "hv2", "unsafe": True})["changed"]
    assert result["live"] and len(result["copied"]) == len(had)
    assert guests(one) == [] and disks(one) == [], "nothing is left where it came from"
    there = Machine(two, "g1", moving.saved, moving.address)
    assert there.answering().sh("cat /proc/sys/kernel/random/boot_id /root/state") == boot + "here\n", "it ran on"
    assert (own_keys / "hv2+g1").exists()
    there.sh("echo there >/root/state; sync")
    there.domain.destroy()
    assert not apply("guest_migrate", {"name": "g1", "to": "hv1"}, host="hv2")["live"]
    assert guests(two) == [] and disks(two) == [] and disks(one) == had
    assert moving.stored("/root/state") == "there\n"


def test_what_the_target_lacks_is_said_first(moving: Machine, apply: Apply, hypervisors: dict[str, Hypervisor]) -> None:
    apply.once("network", {**NETWORK, "state": "stopped"}, host="hv2")
    assert "hv2 has no running network lan" in apply.fails("guest_migrate", {"name": "g1", "to": "hv2"})
    assert "no guest nosuch on hv1 or hv2" in apply.fails("guest_migrate", {"name": "nosuch", "to": "hv2"})
    assert "moved to another host" in apply.fails("guest_migrate", {"name": "g1", "to": "hv1"})
    assert disks(hypervisors["hv2"]) == [] and moving.domain.isActive()


@pytest.mark.parametrize("victim", ["controller", "source"])
def test_something_dies_in_the_middle(moving: Machine, apply: Apply, hypervisors: dict[str, Hypervisor], victim: str) -> None:
    """The controller, or the libvirtd it comes from, while memory is sent: the guest goes on where it was; the next apply moves it, and nothing is left
    twice."""
    one, two = hypervisors["hv1"], hypervisors["hv2"]
    had = disks(one)
    apply.site.write("slow.yml", "- hosts: hv1\n  gather_facts: false\n  tasks:\n    - guest_migrate: {name: g1, to: hv2, unsafe: true, bandwidth: 1}\n")
    process = subprocess.Popen([sys.executable, "-m", "fleet", "apply", "--no-journal", "-i", "hosts", "slow.yml"], cwd=apply.site.path, stdout=subprocess.DEVNULL)
    for _ in range(300):
        if guests(two) and moving.domain.jobInfo()[0] == libvirt.VIR_DOMAIN_JOB_UNBOUNDED:
            break
        time.sleep(0.1)
    assert guests(two), "it is on its way"
    if victim == "controller":
        process.kill()
    else:
        one.restart_libvirtd()
    assert process.wait(60) != 0
    for _ in range(200):
        if not guests(two) and moving.domain.jobInfo()[0] == libvirt.VIR_DOMAIN_JOB_NONE:
            break
        time.sleep(0.1)
    assert guests(two) == [] and moving.domain.isActive()
    assert moving.sh("echo on") == "on\n"
    apply("guest_migrate", {"name": "g1", "to": "hv2", "unsafe": True})
    assert guests(one) == [] and disks(one) == [] and disks(two) == had and guests(two) == ["g1"]
