"""libvirtd killed at each step inside an action, before it was done and when its answer was lost: nothing is half there, and the next run goes on."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from fleet.virt import connect
from tests.engine.harness import Site
from tests.virt.breaking import Breaking
from tests.virt.conftest import Hypervisor
from tests.virt.cutting import CASES, MADE, NETWORK, STEPS, apply, book, networks, volumes, whole

pytestmark = [pytest.mark.virt, pytest.mark.timeout(600)]


@pytest.fixture
def host(hypervisors: dict[str, Hypervisor], near: Site) -> Iterator[Hypervisor]:
    networks(near, NETWORK)
    yield hypervisors["hv2"]
    apply(near, {"name": "cut", "state": "absent", "force": True})
    networks(near, {"name": "cutnet", "state": "absent"})


@pytest.mark.parametrize(("case", "late"), [("made", True), ("addressed", False), ("changed", False), ("removed", True)])
def test_a_guest(near: Site, host: Hypervisor, case: str, late: bool) -> None:
    """late: the step was done, and only its answer is lost."""
    before, task, after = CASES[case]
    for step in range(1, STEPS):
        apply(near, {"name": "cut", "state": "absent", "force": True}, *before)
        with Breaking(step, host.restart_libvirtd, late) as breaking:
            seen = near.run(book(task))
        assert seen.status == 0 or "went away" in str(seen.results()[-1].result["msg"])
        whole(host)
        assert apply(near, task, task)[1]["changed"] is False
        assert volumes(host) == after
        if not breaking.struck:
            assert step > 2, "it was disturbed at no step at all"
            return
    raise AssertionError(f"more than {STEPS} steps")


def test_libvirtd_stays_away(near: Site, host: Hypervisor, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is there then belongs to a defined guest, and the next run goes on with it."""
    monkeypatch.setattr(connect, "PATIENCE", 0.3)
    with Breaking(3, host.kill_libvirtd):
        seen = near.run(book(MADE))
    assert seen.status == 2 and "went away" in seen.results()[-1].result["msg"]
    host.start_libvirtd()
    whole(host)
    assert volumes(host) == {"cut-data.qcow2"}
    assert [result["changed"] for result in apply(near, MADE, MADE)] == [True, False]
