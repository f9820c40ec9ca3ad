"""The lab itself: what it starts answers, and what it started goes away, and nothing else."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from fleet.lab import Lab

pytestmark = pytest.mark.lab


def test_up_status_down(tmp_path: Path) -> None:
    lab = Lab(tmp_path / "one")
    lab.up(2, "x")
    try:
        assert {name: host["running"] for name, host in lab.status().items()} == {"x1": True, "x2": True}
        known = (lab.folder / "known_hosts").read_text()
        assert all(host["address"] in known for host in lab.status().values())
        pids = [host["pid"] for host in lab.status().values()]
        lab.up(2, "x")
        assert [host["pid"] for host in lab.status().values()] == pids, "a running host is left alone"
    finally:
        assert lab.down() == 2
    assert lab.status() == {}
    assert lab.bridge not in subprocess.run(["ip", "-br", "link"], capture_output=True, text=True, check=True).stdout
    assert f"fl{lab.id}" not in subprocess.run(["ip", "netns"], capture_output=True, text=True, check=True).stdout
    assert str(lab.folder) not in Path("/proc/self/mountinfo").read_text()


def test_two_labs_do_not_meet(tmp_path: Path, lab: Lab) -> None:
    with Lab(tmp_path / "two") as other:
        other.up(1)
        assert other.bridge != lab.bridge
        assert all(host["running"] for host in other.status().values())
    assert all(host["running"] for host in lab.status().values()), "the first lab is untouched"
