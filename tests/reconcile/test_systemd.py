"""A timer of `fleet reconcile install` fires under a real systemd, and its hardened service reconciles: in a booted container."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from fleet.journal import History
from fleet.lab import Lab
from fleet.lab.base import build

pytestmark = pytest.mark.virt
REPOSITORY = Path(__file__).parents[2]
PYTHON = [sys.executable, "-m", "fleet"]
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


class Box:
    """A Debian root of its own (an overlay), with this fleet in it; booted or not."""

    def __init__(self, folder: Path, base: Path) -> None:
        self.folder = folder
        self.root = folder / "root"
        self.name = f"fleet-test-{os.getpid()}"
        for each in ("up/srv/site", "work", "root"):
            (folder / each).mkdir(parents=True)
        subprocess.run(["mount", "-t", "overlay", "overlay", "-o", f"lowerdir={base},upperdir={folder}/up,workdir={folder}/work", str(self.root)], check=True)
        site = self.root / "srv/site"
        (site / "fleet.toml").write_text(TOML)
        (site / "hosts").write_text("localhost ansible_connection=local\n")
        for name in ("look", "repair"):
            (site / f"{name}.yml").write_text(PLAY % name)
        own = [str(REPOSITORY), *([sys.base_prefix] if sys.base_prefix != "/usr" else [])]
        self.options = ["-q", "-D", str(self.root), "-M", self.name, "--register=no", "--keep-unit", "--private-network", "--link-journal=no",
                        *(f"--bind-ro={path}" for path in own)]
        self.process: subprocess.Popen[bytes] | None = None

    def fleet(self, *args: str) -> tuple[int, str]:
        done = subprocess.run(["systemd-nspawn", *self.options, "--chdir=/srv/site", *PYTHON, *args], capture_output=True, text=True, timeout=120)
        return done.returncode, done.stdout or done.stderr

    def boot(self) -> None:
        with (self.folder / "log").open("wb") as log:
            self.process = subprocess.Popen(["systemd-nspawn", *self.options, "-b"], stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def inside(self, *command: str) -> str:
        """A command in the booted container, by way of its first process."""
        assert self.process is not None
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        done = subprocess.run(["nsenter", "-t", children[0], "-m", "-p", "-u", "-i", "-n", "-r", "-w", *command], capture_output=True, text=True)
        return done.stdout + done.stderr

    def close(self) -> None:
        if self.process is not None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(60)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        subprocess.run(["umount", "-l", str(self.root)], check=True)


@pytest.fixture
def box(tmp_path: Path) -> Iterator[Box]:
    made = Box(tmp_path, build(Lab().shared))
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
        return box.inside("sh", "-c", f"cd /srv/site && HOME=/root exec {' '.join(PYTHON)} reconcile {word}")

    def timers() -> str:
        return box.inside("systemctl", "list-timers", "--all", "--no-pager", "fleet-*")

    site = box.root / "srv/site/fleet.toml"
    site.write_text(TOML.replace('every = "3s"', 'at = "04:00"'))
    assert [line.split()[0] for line in reconcile("install").splitlines()] == ["update"] * 2
    assert len(re.findall(r"^\S+ \S+ 04:[01]\d:\d\d ", timers(), re.MULTILINE)) == 2, timers()
    assert reconcile("install") == "nothing to do\n"
    assert reconcile("uninstall").count("remove") == 6
    assert "0 timers" in timers()
    assert reconcile("install").count("create") == 6 and "2 timers" in timers(), "they run at once where systemd is at work"
