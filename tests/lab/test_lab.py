"""The lab itself: what it starts answers, and what it started goes away, and nothing else."""

from __future__ import annotations

import os
import pwd
import subprocess
import sys
from pathlib import Path

import paramiko
import pytest

from fleet.lab import Lab
from fleet.lab.login import login
from fleet.lab.owner import hand_over

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


def test_a_host_lives_on_when_its_sshd_is_restarted(tmp_path: Path) -> None:
    with Lab(tmp_path / "one") as lab:
        lab.up(1)
        inventory = ["-i", str(lab.inventory), "--no-journal"]
        for module, options in (("service", ["-a", "name=ssh state=restarted"]), ("ping", [])):
            done = subprocess.run([sys.executable, "-m", "fleet", "run", *inventory, "h1", "-m", module, *options], capture_output=True, text=True, timeout=60)
            assert done.returncode == 0, done.stdout + done.stderr
        assert lab.status()["h1"]["running"]


def test_two_labs_do_not_meet(tmp_path: Path, lab: Lab) -> None:
    with Lab(tmp_path / "two") as other:
        other.up(1)
        assert other.bridge != lab.bridge
        assert all(host["running"] for host in other.status().values())
    assert all(host["running"] for host in lab.status().values()), "the first lab is untouched"


def test_whoever_asked_sudo_works_with_it_as_themselves(tmp_path: Path, lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """A user with sudo makes the lab, and then reads its inventory, uses its key and keeps a journal beside it without being root."""
    person = pwd.getpwnam("nobody")
    monkeypatch.setenv("SUDO_UID", str(person.pw_uid))
    monkeypatch.setattr(pwd, "getpwuid", lambda uid: pwd.struct_passwd((*person[:5], str(tmp_path), person[6])))
    folder = tmp_path / "state" / "fleet" / "lab"
    shared = tmp_path / "state" / "fleet" / "lab-base"
    for path in (folder / "hosts", shared / "base"):
        path.mkdir(parents=True)
    for path in (folder / "inventory", shared / "id", shared / "id.pub", folder / "hosts" / "x"):
        path.write_text("")
    hand_over(folder, shared)
    owned = {str(path.relative_to(tmp_path)): path.stat().st_uid == person.pw_uid for path in tmp_path.rglob("*")}
    assert [path for path, theirs in sorted(owned.items()) if theirs] == [
        "state", "state/fleet", "state/fleet/lab", "state/fleet/lab-base/id", "state/fleet/lab-base/id.pub", "state/fleet/lab/inventory"]


@pytest.mark.parametrize(("words", "status", "shown"), [
    (["h2", "hostname"], 0, "h2\n"), (["h2", "exit 3"], 3, ""), (["h2", "echo", "a b"], 0, "a b\n"), (["h9", "true"], 1, "the lab has no host 'h9'"),
])
def test_logging_in(lab: Lab, words: list[str], status: int, shown: str) -> None:
    done = subprocess.run([sys.executable, "-m", "fleet", "lab", "ssh", *words], env={**os.environ, "FLEET_LAB": str(lab.folder)}, capture_output=True,
                          text=True, timeout=60)
    assert done.returncode == status and shown in (done.stdout or done.stderr), done


def test_logging_in_checks_the_host_key(lab: Lab, tmp_path: Path) -> None:
    (tmp_path / "none").write_text("")
    with pytest.raises(paramiko.SSHException, match="not found in known_hosts"):
        login(lab.status()["h1"], lab.shared / "id", tmp_path / "none", "true", pty=False)
