"""A timer of `fleet reconcile install` fires under a real systemd, and its hardened service reconciles: in a booted container."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from fleet.journal import History
from tests.booted import Box

pytestmark = pytest.mark.virt
TOML = """
inventory = ["hosts"]

[[reconcile]]
name = "look"
playbook = "look.yml"
every = "3s"

[[reconcile]]
name = "repair"
playbook = "repair.yml"
mode = "repair"
every = "3s"
"""
PLAY = """
- hosts: localhost
  tasks:
    - name: File
      copy: {content: "as it should be\\n", dest: /etc/%s}
"""


@pytest.fixture
def box(tmp_path: Path) -> Iterator[Box]:
    made = Box(tmp_path)
    (made.site / "fleet.toml").write_text(TOML)
    for name in ("look", "repair"):
        (made.site / f"{name}.yml").write_text(PLAY % name)
    yield made
    made.close()


def ended(box: Box) -> list[dict[str, object]]:
    """The runs that the container's journal has."""
    path = box.root / "root/.local/state/fleet/journal.sqlite"
    try:
        return [run for run in History(str(path)).runs() if run["status"] is not None] if path.exists() else []
    except Exception:
        return []  # it is being made


def test_the_timers_fire_and_the_services_reconcile(box: Box) -> None:
    status, told = box.fleet("reconcile", "install")
    assert status == 0 and told.count("create") == 6, told
    assert box.fleet("reconcile", "install") == (0, "nothing to do\n")
    box.boot()
    for _ in range(240):
        names = [str(run["entry"]) for run in ended(box)]
        if names.count("look") >= 2 and names.count("repair") >= 2:
            break
        time.sleep(0.5)
    runs = ended(box)[::-1]
    look, repair = ([run for run in runs if run["entry"] == name] for name in ("look", "repair"))
    assert len(look) >= 2 and len(repair) >= 2, box.inside("journalctl", "-b", "--no-pager") + (box.folder / "log").read_text()
    assert all(run["command"] == "reconcile" and run["project"] == "/srv/site" and run["user"] == "root" for run in runs)
    assert [run["changed"] for run in look[:2]] == [1, 1] and not (box.root / "etc/look").exists(), "a report finds drift and changes nothing"
    assert [run["changed"] for run in repair[:2]] == [1, 0], "a repair repairs once"
    assert (box.root / "etc/repair").read_text() == "as it should be\n"
    for _ in range(240):  # it may just be at work again
        state = box.inside("systemctl", "show", "-p", "Result,ExecMainStatus", "fleet-reconcile-look.service")
        if "ExecMainStatus=3" in state:
            break
        time.sleep(0.25)
    assert "Result=success" in state and "ExecMainStatus=3" in state
    assert "0 loaded units" in box.inside("systemctl", "list-units", "--failed", "fleet-*")
    assert "/root/.local/state/fleet" in box.inside("systemctl", "show", "-p", "ReadWritePaths", "fleet-reconcile-look.service")

    def reconcile(word: str) -> str:
        return box.fleet("reconcile", word)[1]

    def timers() -> str:
        return box.inside("systemctl", "list-timers", "--all", "--no-pager", "fleet-*")

    (box.site / "fleet.toml").write_text(TOML.replace('every = "3s"', 'at = "04:00"'))
    assert [line.split()[0] for line in reconcile("install").splitlines()] == ["update"] * 2
    assert len(re.findall(r"^\S+ \S+ 04:[01]\d:\d\d ", timers(), re.MULTILINE)) == 2, timers()
    assert reconcile("install") == "nothing to do\n"
    assert reconcile("uninstall").count("remove") == 6
    assert "0 timers" in timers()
    assert reconcile("install").count("create") == 6 and "2 timers" in timers(), "they run at once where systemd is at work"
