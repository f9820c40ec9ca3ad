"""Snapshots and their files when libvirtd or the controller dies at any step inside an action: what is listed is whole, and the next run clears up."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import libvirt
import libvirt_qemu
import pytest

from tests.engine.harness import Site
from tests.virt.breaking import Breaking
from tests.virt.conftest import Hypervisor

pytestmark = [pytest.mark.virt, pytest.mark.timeout(600)]
ROOT = Path(__file__).parents[2]
STEPS = 60
GONE = {"guest": {"name": "cut", "state": "absent", "force": True}}


class Trial:
    """A guest without a system whose disk says by its bytes when they were written. Its pool is a folder that is the same here and on hv2."""

    def __init__(self, host: Hypervisor, site: Site, pool: Path) -> None:
        self.host, self.site, self.pool = host, site, pool
        self.disk = str(pool / "cut-data.qcow2")
        self.guest = {"guest": {"name": "cut", "memory": "32M", "accel": "tcg", "networks": [], "boot": ["network"], "force": True, "agent": False,
                                "rng": False, "pool": str(pool), "disks": [{"name": "data", "size": "1M"}]}}
        self._kept: tuple[str, list[str]] | None = None

    @property
    def domain(self) -> Any:
        return self.host.connection.lookupByName("cut")

    def apply(self, *tasks: dict[str, Any]) -> list[dict[str, Any]]:
        seen = self.site.run(book(*tasks))
        assert seen.status == 0, [event.result.get("msg") for event in seen.results()]
        return [dict(event.result) for event in seen.results()]

    def begin(self, *snapshots: str, off: bool = False) -> None:
        """The guest with external snapshots; before each its number is written, and one more after the last. Made once, and restored from then on."""
        if self._kept is None:
            self.apply(GONE, self.guest)
            for number, name in enumerate(snapshots, 1):
                self.write(number)
                self.apply({"guest_snapshot": {"guest": "cut", "name": name, "kind": "external"}})
            self.write(len(snapshots) + 1)
            self.domain.destroy()
            texts = [each.getXMLDesc() for each in self.domain.listAllSnapshots(libvirt.VIR_DOMAIN_SNAPSHOT_LIST_TOPOLOGICAL)]
            self._kept = self.domain.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE), texts
            shutil.copytree(self.pool, self.pool.with_name("kept"))
        elif self.domain.isActive():
            self.domain.destroy()
        self.domain.undefineFlags(libvirt.VIR_DOMAIN_UNDEFINE_SNAPSHOTS_METADATA | libvirt.VIR_DOMAIN_UNDEFINE_CHECKPOINTS_METADATA)
        for each in self.pool.iterdir():
            each.unlink()
        shutil.copytree(self.pool.with_name("kept"), self.pool, dirs_exist_ok=True)
        domain = self.host.connection.defineXML(self._kept[0])
        for text in self._kept[1]:
            current = libvirt.VIR_DOMAIN_SNAPSHOT_CREATE_CURRENT if text is self._kept[1][-1] else 0
            domain.snapshotCreateXML(text, libvirt.VIR_DOMAIN_SNAPSHOT_CREATE_REDEFINE | current)
        if not off:
            domain.create()

    def write(self, number: int) -> None:
        node = self.domain.XMLDesc().split("<target dev='vda'")[1].split("<alias name='")[1].split("'")[0]
        for command in (f"write -P {number} 0 512", "flush"):
            libvirt_qemu.qemuMonitorCommand(self.domain, f'qemu-io -d /machine/peripheral/{node}/virtio-backend "{command}"', 1)
        assert self.holds(self.now, number)

    def holds(self, path: str, number: int) -> bool:
        """Whether a file says that number."""
        done = subprocess.run(["qemu-io", "-U", "-r", "-f", "qcow2", "-c", f"read -P {number} 0 512", path], capture_output=True, text=True).stdout
        return "verification failed" not in done and "read 512" in done

    @property
    def now(self) -> str:
        """The file the guest has now."""
        return str(self.domain.XMLDesc().split("<source file='")[1].split("'")[0])

    def files(self) -> list[str]:
        return sorted(each.name for each in self.pool.iterdir())

    def kept(self) -> dict[str, str]:
        """Snapshots -> the file each goes back to."""
        return {each.getName(): each.getXMLDesc().split("<domain ")[1].split("<source file='")[1].split("'")[0] for each in self.domain.listAllSnapshots()}


def book(*tasks: dict[str, Any]) -> str:
    return "- hosts: hv2\n  gather_facts: false\n  tasks:\n" + "".join(f"    - {json.dumps(task)}\n" for task in tasks)


@pytest.fixture
def trial(hypervisors: dict[str, Hypervisor], near: Site, tmp_path: Path) -> Iterator[Trial]:
    (tmp_path / "pool").mkdir()
    found = Trial(hypervisors["hv2"], near, tmp_path / "pool")
    yield found
    found.apply(GONE)
    assert found.files() == [], "overlays go with their guest"
    for pool in found.host.connection.listAllStoragePools():
        if f"<path>{tmp_path}/" in pool.XMLDesc():
            pool.destroy()
            pool.undefine()


def libvirtd(trial: Trial, step: int, task: dict[str, Any], late: bool = False) -> bool:
    with Breaking(step, trial.host.restart_libvirtd, late) as breaking:
        seen = trial.site.run(book(task))
    assert seen.status == 0 or "went away" in str(seen.results()[-1].result["msg"])
    return breaking.struck


def answer(trial: Trial, step: int, task: dict[str, Any]) -> bool:
    return libvirtd(trial, step, task, late=True)


def controller(trial: Trial, step: int, task: dict[str, Any]) -> bool:
    trial.site.write("play.yml", book(task))
    done = subprocess.run([sys.executable, "-m", "tests.virt.dying", str(step), str(trial.site.path), "inside"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode in (0, -9), done.stdout + done.stderr
    return done.returncode != 0


# Each fault was tried on each test; the ones kept here are those that found something, or differ most.
@pytest.mark.parametrize("fault", [answer, controller])
def test_taken(trial: Trial, fault: Callable[..., bool]) -> None:
    task = {"guest_snapshot": {"guest": "cut", "name": "s1", "kind": "external"}}
    for step in range(1, STEPS):
        trial.begin()
        going_on = fault(trial, step, task)
        assert trial.domain.isActive() and trial.holds(trial.now, 1)
        assert trial.apply(task, task)[1]["changed"] is False
        assert trial.kept() == {"s1": trial.disk} and trial.files() == ["cut-data.qcow2", "cut-data.qcow2.fleet-s1"]
        if not going_on:
            return
    raise AssertionError("it does not end")


@pytest.mark.parametrize(("fault", "off"), [(answer, False), (controller, True)])
def test_removed(trial: Trial, fault: Callable[..., bool], off: bool) -> None:
    """The middle one of three; those that stay are what they were, whenever that was cut off."""
    task = {"guest_snapshot": {"guest": "cut", "name": "s2", "state": "absent"}}
    for step in range(1, STEPS):
        trial.begin("s1", "s2", "s3", off=off)
        going_on = fault(trial, step, task)
        for again in (False, True):
            if again:
                assert trial.apply(task, task)[1]["changed"] is False
            for name, path in trial.kept().items():
                assert trial.holds(path, int(name[1])), (name, path, again)
            assert trial.holds(trial.now, 4) and bool(trial.domain.isActive()) != off
        if len(trial.files()) != 3:  # what s3 goes back to is merged already, and still there too
            assert len(trial.files()) == 4
            trial.apply({"guest_snapshot": {"guest": "cut", "name": "s3", "state": "absent"}})
            assert trial.kept() == {"s1": trial.disk} and len(trial.files()) == 2 and trial.holds(trial.disk, 1) and trial.holds(trial.now, 4)
        else:
            assert set(trial.kept()) == {"s1", "s3"}
        if not going_on:
            return
    raise AssertionError("it does not end")


@pytest.mark.parametrize("fault", [libvirtd])
def test_reverted(trial: Trial, fault: Callable[..., bool]) -> None:
    task = {"guest_snapshot": {"guest": "cut", "name": "s1", "state": "reverted"}}
    for step in range(1, STEPS):
        trial.begin("s1", "s2")
        going_on = fault(trial, step, task)
        assert trial.holds(trial.now, 1 if trial.now.rpartition("-")[2].startswith("s1.") else 3)
        trial.apply(task)
        assert trial.domain.isActive() and trial.holds(trial.now, 1)
        kept = trial.kept()
        assert set(kept) == {"s1", "s2"} and all(trial.holds(path, int(name[1])) for name, path in kept.items())
        assert len(trial.files()) == 3, trial.files()
        if not going_on:
            return
    raise AssertionError("it does not end")


@pytest.mark.parametrize("fault", [controller])
def test_backed_up(trial: Trial, fault: Callable[..., bool], tmp_path: Path) -> None:
    """What is listed is whole, and the next one is the only other."""
    task = {"guest_backup": {"guest": "cut", "dest": str(tmp_path / "backup")}}
    for step in range(1, STEPS):
        trial.begin()
        shutil.rmtree(tmp_path / "backup", ignore_errors=True)
        going_on = fault(trial, step, task)
        assert trial.apply(task, task, {"guest_backup": {**task["guest_backup"], "state": "verified"}})[1]["changed"] is False
        assert [each.name.count(".") for each in (tmp_path / "backup/cut").iterdir()] == [0], "one, and it is whole"
        assert len(trial.domain.listAllCheckpoints()) <= 1 and trial.domain.jobInfo()[0] == libvirt.VIR_DOMAIN_JOB_NONE
        if not going_on:
            return
    raise AssertionError("it does not end")


def test_two_branches(trial: Trial) -> None:
    """Back to the first of two, which is then removed: what the second one is an overlay of stays as it is."""
    trial.begin("s1", "s2", off=True)

    def task(name: str, state: str) -> dict[str, Any]:
        return {"guest_snapshot": {"guest": "cut", "name": name, "state": state}}

    trial.apply(task("s1", "reverted"))
    trial.write(9)
    trial.apply(task("s1", "absent"))
    assert trial.holds(trial.now, 9) and trial.holds(trial.kept()["s2"], 2)
    trial.apply(task("s2", "reverted"))
    assert trial.holds(trial.now, 2)
    trial.apply(task("s2", "absent"))
    assert trial.files() == ["cut-data.qcow2"] and trial.now == trial.disk
    trial.domain.destroy()
    assert trial.holds(trial.disk, 2)
