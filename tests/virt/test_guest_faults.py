"""A run cut off at any step of making, changing and removing a guest: nothing is half there, and the next run goes on to the end."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.engine.harness import Site
from tests.virt.conftest import Hypervisor
from tests.virt.cutting import CASES, MADE, NETWORK, STEPS, apply, book, networks, volumes, whole

pytestmark = [pytest.mark.virt, pytest.mark.timeout(600)]
ROOT = Path(__file__).parents[2]


@pytest.fixture
def host(hypervisors: dict[str, Hypervisor], near: Site) -> Iterator[Hypervisor]:
    networks(near, NETWORK)
    yield hypervisors["hv2"]
    apply(near, {"name": "cut", "state": "absent", "force": True})
    networks(near, {"name": "cutnet", "state": "absent"})


def cut(site: Site, step: int, task: dict[str, Any]) -> bool:
    """Apply a task and die at a step; whether there was one."""
    site.write("play.yml", book(task))
    done = subprocess.run([sys.executable, "-m", "tests.virt.dying", str(step), str(site.path)], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode in (0, -signal.SIGKILL), done.stdout + done.stderr
    return done.returncode != 0


@pytest.mark.parametrize("case", list(CASES))
def test_the_controller_dies_at_each_step(near: Site, host: Hypervisor, case: str) -> None:
    before, task, after = CASES[case]
    for step in range(1, STEPS):
        apply(near, {"name": "cut", "state": "absent", "force": True}, *before)
        going_on = cut(near, step, task)
        whole(host)
        assert apply(near, task, task)[1]["changed"] is False
        assert volumes(host) == after
        if not going_on:
            assert step > 3, "it was cut off at no step at all"
            return
    raise AssertionError(f"more than {STEPS} steps")


def test_what_cannot_be_made_whole_is_not_made(near: Site, host: Hypervisor) -> None:
    """The second volume fails; what was begun goes again."""
    wrong = {**MADE, "disks": [*MADE["disks"], {"name": "bad", "backing": "/nonexistent.qcow2"}]}
    seen = near.run(book(wrong))
    assert seen.status == 2 and "cut-bad" in seen.results()[-1].result["msg"]
    assert volumes(host) == set()
    assert "cut" not in [each.name() for each in host.connection.listAllDomains()]
    assert [result["changed"] for result in apply(near, MADE, MADE)] == [True, False]


def test_libvirtd_restarts_between_two_tasks(site: Site, hypervisors: dict[str, Hypervisor]) -> None:
    """The connection of the run comes back by itself."""
    task = {"name": "cut", "memory": "64M", "networks": [], "disks": [], "boot": ["network"], "state": "defined", "accel": "tcg"}
    lines = [{"guest": task}, {"shell": "kill -9 $(cat /run/libvirtd.pid)"}, {"hypervisor": None}, {"guest": task}, {"guest": {"name": "cut", "state": "absent"}}]
    try:
        seen = site.run("- hosts: hv2\n  gather_facts: false\n  tasks:\n" + "".join(f"    - {json.dumps(line)}\n" for line in lines))
        assert seen.status == 0, [event.result.get("msg") for event in seen.results()]
        assert [event.result["changed"] for event in seen.results()] == [True, True, True, False, True]
    finally:
        hypervisors["hv2"].reopen()
