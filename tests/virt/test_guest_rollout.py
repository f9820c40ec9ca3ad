"""Guests moved to another build of their image: batch by batch, back where that is bad, and on from wherever it was cut off.

Their disks are empty, so no system need boot; tests/virt/test_image_fanout.py moves one that does.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import libvirt
import pytest

from fleet.modules import _image_store as store_
from tests.engine.harness import Seen, Site
from tests.virt.conftest import Hypervisor, succeeded

pytestmark = [pytest.mark.virt, pytest.mark.timeout(300)]
ROOT = Path(__file__).parents[2]
IDS = {"one": "1" * 64, "two": "2" * 64}


class Guests:
    """Guests on hv2 of the images one and two, both builds of `web`, in a pool of the test's own."""

    def __init__(self, site: Site, host: Hypervisor, folder: Path) -> None:
        self.site, self.host, self.pool = site, host, folder / "pool"
        self.pool.mkdir()
        self.store = store_.Store(str(folder / "images"))
        for build, id_ in IDS.items():
            work, final = self.store.work("image"), self.store.image(id_)
            subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", f"{work}/disk.qcow2", "8M"], check=True)
            store_.write_json(work + "/manifest.json", {"id": id_, "disk": f"{final}/disk.qcow2", "disk_format": "qcow2", "kernel": f"{final}/vmlinuz",
                                                        "initrd": f"{final}/initrd", "append": f"root=/dev/vda build={build}"})
            self.store.publish(work, id_)
            self.store.refer("web", id_)

    def run(self, *tasks: dict[str, Any], check: bool = False) -> Seen:
        lines = "".join(f"    - {json.dumps(task)}\n" for task in tasks)
        return self.site.run(f"- hosts: hv2\n  gather_facts: false\n  tasks:\n{lines}", name="play.yml", check=check)

    def made(self, *names: str, **options: Any) -> None:
        """Of the image one; running without its kernel, which is none."""
        given = {"memory": "64M", "accel": "tcg", "networks": [], "pool": str(self.pool), **options}
        succeeded(self.run(*({"guest": {"name": name, **given}} for name in names)))

    def rollout(self, build: str, **options: Any) -> dict[str, Any]:
        return {"guest_rollout": {"image": IDS[build], "store": self.store.path, "wait": "none", "force": True, "shutdown_timeout": 0.1, **options}}

    def domain(self, name: str) -> Any:
        return self.host.connection.lookupByName(name)

    def xml(self, name: str) -> str:
        return str(self.domain(name).XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE))

    def build(self, name: str) -> str:
        """The build that a guest's root disk is an overlay of."""
        return self.backing(self.pool / f"{name}.qcow2")

    def backing(self, path: Path) -> str:
        told = subprocess.run(["qemu-img", "info", "-U", "--output", "json", path], capture_output=True, check=True).stdout
        return next(build for build, id_ in IDS.items() if id_ in json.loads(told)["backing-filename"])

    def whole(self, *names: str) -> bool:
        """Whether nothing tells of a rollout any more."""
        return not list(self.pool.glob("*.before")) and not any("before=" in self.xml(name) for name in names)


@pytest.fixture
def guests(near: Site, hypervisors: dict[str, Hypervisor], tmp_path: Path) -> Iterator[Guests]:
    made = Guests(near, hypervisors["hv2"], tmp_path)
    yield made
    for domain in made.host.connection.listAllDomains():
        if domain.name().startswith("r"):
            if domain.isActive():
                domain.destroy()
            domain.undefineFlags(libvirt.VIR_DOMAIN_UNDEFINE_SNAPSHOTS_METADATA)
    for pool in made.host.connection.listAllStoragePools():
        if str(made.pool) in pool.XMLDesc():
            pool.destroy()
            pool.undefine()


def test_batch_by_batch_and_back(guests: Guests) -> None:
    one = guests.store.image(IDS["one"])
    guests.made("r1", "r2", disks=[{"name": "root", "backing": f"{one}/disk.qcow2"}, {"name": "data", "size": "1M"}])
    guests.made("r3", image=one, cmdline="mine", state="defined")
    ids = {name: (guests.domain(name).UUIDString(), guests.xml(name).count("<disk ")) for name in ("r1", "r2", "r3")}
    plan = guests.run(guests.rollout("two"), check=True).results()[-1].result
    assert plan["changed"] and guests.build("r1") == "one" and guests.whole("r1", "r2", "r3")

    bad = guests.run(guests.rollout("two", check=["true"], retries=1)).results()[-1].result  # there is no system in them that could run it
    assert bad["failed"] and "batch 1 of 3 is bad" in bad["msg"] and "its check cannot be run" in bad["msg"]
    assert (bad["replaced"], bad["rolled_back"], bad["remaining"]) == ([], ["r1"], ["r2", "r3"])
    assert [guests.build(name) for name in ids] == ["one"] * 3 and guests.domain("r1").isActive() and guests.whole(*ids)

    good = succeeded(guests.run(guests.rollout("two", batch="50%")))
    assert good["replaced"] == ["r1", "r2", "r3"] and [guests.build(name) for name in ids] == ["two"] * 3 and guests.whole(*ids)
    assert [guests.domain(name).isActive() for name in ids] == [True, True, False], "one that did not run is not started"
    assert {name: (guests.domain(name).UUIDString(), guests.xml(name).count("<disk ")) for name in ids} == ids, "the same guests, with all their disks"
    two = guests.store.image(IDS["two"])
    assert f"<kernel>{two}/vmlinuz</kernel>" in guests.xml("r3") and "<cmdline>root=/dev/vda build=two mine</cmdline>" in guests.xml("r3")
    again = guests.run(guests.rollout("two"), {"guest": {"name": "r3", "image": f"{guests.store.path}/web", "cmdline": "mine", "state": "defined",
                                                        "pool": str(guests.pool)}})
    assert again.status == 0 and not any(event.result["changed"] for event in again.results()), "and its own declaration finds nothing to do"


def test_what_is_refused(guests: Guests) -> None:
    """Before any guest is touched."""
    one = guests.store.image(IDS["one"])
    guests.made("r1", "r2", image=one, state="defined")
    guests.made("r3", image=one, state="defined", disks=[{"name": "root", "protected": True}])
    guests.domain("r2").snapshotCreateXML("<domainsnapshot><name>s</name></domainsnapshot>", 0)
    for names, why in ((["r1", "r2"], "has snapshots"), (["r1", "r3"], "is protected"), (["r1", "none"], "there is no guest none")):
        seen = guests.run(guests.rollout("two", guests=names))
        assert seen.status == 2 and why in seen.results()[-1].result["msg"]
    assert guests.build("r1") == "one" and guests.whole("r1", "r2", "r3")


def test_cut_off_at_each_step(guests: Guests) -> None:
    """The controller dies. The old disk is somewhere until the new one is settled, and the next rollout goes on to the end."""
    guests.made("r1", image=guests.store.image(IDS["one"]), state="defined")
    path = guests.pool / "r1.qcow2"
    for step in range(1, 40):
        before, after = ("one", "two") if guests.build("r1") == "one" else ("two", "one")
        guests.site.write("play.yml", "- hosts: hv2\n  gather_facts: false\n  tasks:\n    - " + json.dumps(guests.rollout(after)) + "\n")
        done = subprocess.run([sys.executable, "-m", "tests.virt.dying", str(step), str(guests.site.path)], cwd=ROOT, capture_output=True, text=True)
        assert done.returncode in (0, -signal.SIGKILL), done.stdout + done.stderr
        kept = [each for each in (path, path.with_name("r1.qcow2.before")) if each.exists()]
        assert done.returncode == 0 or before in map(guests.backing, kept) or "before=" in guests.xml("r1")
        succeeded(guests.run(guests.rollout(after)))
        assert guests.build("r1") == after and guests.whole("r1") and guests.store.image(IDS[after]) in guests.xml("r1")
        assert not succeeded(guests.run(guests.rollout(after)))["changed"]
        if done.returncode == 0:
            assert step > 5, "it was cut off at no step at all"
            return
    raise AssertionError("more steps than it can have")
