"""A move cut off at each of its steps, by the end of the controller or of either libvirtd: the guest is in one place, with its disk, and so it ends."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import libvirt
import pytest

from fleet.virt import certificates
from tests.engine.harness import Site
from tests.virt.breaking import Breaking
from tests.virt.conftest import Hypervisor

pytestmark = [pytest.mark.virt, pytest.mark.timeout(600)]
ROOT = Path(__file__).parents[2]
STEPS = 30
GUEST = {"name": "cut", "memory": "32M", "accel": "tcg", "networks": [], "boot": ["network"], "force": True, "agent": False, "rng": False,
         "disks": [{"name": "data", "size": "1M"}]}
GONE = {"guest": {"name": "cut", "state": "absent", "force": True}}
MOVE = {"guest_migrate": {"name": "cut", "to": "hv2", "unsafe": True}}


def book(host: str, *tasks: dict[str, Any]) -> str:
    return f"- hosts: {host}\n  gather_facts: false\n  tasks:\n" + "".join(f"    - {json.dumps(task)}\n" for task in tasks)


def apply(site: Site, *tasks: dict[str, Any], host: str = "hv1") -> list[dict[str, Any]]:
    seen = site.run(book(host, *tasks))
    assert seen.status == 0, [event.result.get("msg") for event in seen.results()]
    return [dict(event.result) for event in seen.results()]


def cleared(host: Hypervisor) -> None:
    """No guest and no disk there, without asking fleet."""
    for domain in host.connection.listAllDomains():
        if domain.isActive():
            domain.destroy()
        domain.undefine()
    for each in host.images.glob("cut*"):
        each.unlink()


def running(host: Hypervisor) -> bool:
    try:
        return bool(host.connection.lookupByName("cut").isActive())
    except libvirt.libvirtError:
        return False


@pytest.fixture
def pair(hypervisors: dict[str, Hypervisor]) -> Iterator[tuple[Hypervisor, Hypervisor]]:
    yield hypervisors["hv1"], hypervisors["hv2"]
    for each in hypervisors.values():
        cleared(each)


# Each victim was tried with both; these differ most.
@pytest.mark.parametrize(("victim", "active"), [("controller", True), ("target late", False)])
def test_cut_off(pair: tuple[Hypervisor, Hypervisor], site: Site, victim: str, active: bool) -> None:
    one, two = pair
    for step in range(1, STEPS):
        for each in pair:
            cleared(each)
        apply(site, {"guest": {**GUEST, "state": "running" if active else "defined"}})
        subprocess.run(["qemu-io", "-f", "qcow2", "-c", "write -P 5 0 512", str(one.images / "cut-data.qcow2")], check=not active, capture_output=True)
        if victim == "controller":
            site.write("play.yml", book("hv1", MOVE))
            done = subprocess.run([sys.executable, "-m", "tests.virt.dying", str(step), str(site.path), "inside"], cwd=ROOT, capture_output=True)
            going_on = done.returncode != 0
        else:
            with Breaking(step, (one if victim.startswith("source") else two).restart_libvirtd, victim.endswith("late")) as breaking:
                seen = site.run(book("hv1", MOVE))
            assert seen.status == 0 or any(words in seen.results()[-1].result["msg"] for words in ("went away", "not found", "exists already"))
            going_on = breaking.struck
        assert running(one) + running(two) == (1 if active else 0)
        last = apply(site, MOVE, MOVE)
        assert last[1]["changed"] is False and running(two) is active
        assert [each.name() for each in one.connection.listAllDomains()] == [] and list(one.images.glob("cut*")) == []
        assert [each.name() for each in two.connection.listAllDomains()] == ["cut"] and [each.name for each in two.images.glob("cut*")] == ["cut-data.qcow2"]
        assert one.sh("ls /var/lib/fleet/moves") == ""
        if not active:
            told = subprocess.run(["qemu-io", "-r", "-f", "qcow2", "-c", "read -P 5 0 512", str(two.images / "cut-data.qcow2")], capture_output=True, text=True)
            assert "failed" not in told.stdout and "read 512" in told.stdout
        if not going_on:
            return
    raise AssertionError("it does not end")


def test_memory_goes_to_the_host_that_is_meant(pair: tuple[Hypervisor, Hypervisor], site: Site, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A target whose certificate another authority signed is not sent anything; certificates that are there are used as they are."""
    one, two = pair
    apply(site, {"guest": GUEST})
    folder = two.var.parent / "pki"
    for each in [*folder.iterdir(), *(one.var.parent / "pki").iterdir()]:
        each.unlink()
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "other"))
    for name, data in certificates.issue("hv2").items():
        (folder / name).write_bytes(data)
    monkeypatch.undo()
    seen = site.run(book("hv1", MOVE))
    assert seen.status == 2 and "certificate" in seen.results()[-1].result["msg"], seen.results()[-1].result
    assert running(one) and not running(two)
    for each in folder.iterdir():
        each.unlink()
    assert [each["changed"] for each in apply(site, MOVE, MOVE)] == [True, False]
    assert running(two) and {each.stat().st_mode & 0o777 for each in folder.glob("*-key.pem")} == {0o640}
