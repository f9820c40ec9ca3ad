"""The systemd units: written, kept, removed, and fit for systemd."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from fleet.cli import run
from fleet.reconcile.units import _own_tmp
from tests.engine.harness import Site
from tests.reconcile.conftest import TOML

Capture = pytest.CaptureFixture[str]
MORE = TOML + '\n[[reconcile]]\nname = "nightly"\nplaybook = "play.yml"\nmode = "repair"\nat = "03:30"\n'


@pytest.fixture
def root(tmp_path: Path) -> Path:
    place = tmp_path / "root"
    place.mkdir()
    return place


def names(root: Path) -> list[str]:
    return sorted(str(path.relative_to(root)) for path in root.rglob("*") if not path.is_dir())


def test_install_is_idempotent_and_follows_the_entries(project: Site, root: Path, capsys: Capture) -> None:
    install = ["reconcile", "install", "--root", str(root), "--command", "/usr/bin/fleet"]
    assert run([*install, "--dry-run"]) == 3 and names(root) == []
    assert "+ExecStart=/usr/bin/fleet reconcile --entry site" in capsys.readouterr().out
    project.write("fleet.toml", MORE)
    assert run(install) == 0
    capsys.readouterr()
    units = root / "etc/systemd/system"
    assert len(names(root)) == 6
    assert (units / "timers.target.wants/fleet-reconcile-site.timer").resolve() == units / "fleet-reconcile-site.timer"
    assert run(install) == 0 and capsys.readouterr().out == "nothing to do\n"
    assert run([*install, "--dry-run"]) == 0
    project.write("fleet.toml", TOML.replace('"play.yml"', '"play.yml"\nevery = "15m"'))
    (units / "fleet-reconcile-foreign.timer").write_text("[Timer]\n")
    capsys.readouterr()
    assert run(install) == 0
    told = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in told] == ["update", "remove", "remove", "remove"]
    assert "OnUnitActiveSec=900" in (units / "fleet-reconcile-site.timer").read_text()
    assert run(["reconcile", "uninstall", "--root", str(root)]) == 0
    assert names(root) == ["etc/systemd/system/fleet-reconcile-foreign.timer"], "only what is ours goes"


def test_one_entry_leaves_the_others_alone(project: Site, root: Path) -> None:
    project.write("fleet.toml", MORE)
    assert run(["reconcile", "install", "--root", str(root), "--entry", "nightly"]) == 0
    assert run(["reconcile", "install", "--root", str(root), "--entry", "site"]) == 0
    assert len(names(root)) == 6


def test_a_unit_of_others_is_not_overwritten(project: Site, root: Path, capsys: Capture) -> None:
    unit = root / "etc/systemd/system/fleet-reconcile-site.service"
    unit.parent.mkdir(parents=True)
    unit.write_text("[Service]\n")
    assert run(["reconcile", "install", "--root", str(root)]) == 1
    assert "is there already and not of this project" in capsys.readouterr().err
    assert names(root) == ["etc/systemd/system/fleet-reconcile-site.service"]


def test_units_of_a_user(project: Site, tmp_path: Path) -> None:
    assert run(["reconcile", "install", "--user"]) == 0
    service = (tmp_path / "config/systemd/user/fleet-reconcile-site.service").read_text()
    assert "User=" not in service and "ProtectSystem" not in service and f"WorkingDirectory={project.path}" in service


def test_a_report_may_write_its_state_only_and_a_repair_what_it_repairs(project: Site, root: Path, tmp_path: Path) -> None:
    project.write("fleet.toml", MORE)
    assert run(["reconcile", "install", "--root", str(root), "--run-as", "ops"]) == 0
    report = (root / "etc/systemd/system/fleet-reconcile-site.service").read_text()
    repair = (root / "etc/systemd/system/fleet-reconcile-nightly.service").read_text()
    assert "ProtectSystem=strict" in report and f"ReadWritePaths=-{tmp_path}/state/fleet\n" in report and "User=ops" in report
    assert "ProtectSystem" not in repair and "NoNewPrivileges" not in repair


def test_systemd_takes_the_units(project: Site, root: Path) -> None:
    project.write("fleet.toml", MORE)
    assert run(["reconcile", "install", "--root", str(root)]) == 0
    units = sorted(str(path) for path in (root / "etc/systemd/system").glob("*.*") if path.is_file())
    done = subprocess.run(["systemd-analyze", "verify", "--man=no", *units], capture_output=True, text=True)
    assert not [line for line in (done.stdout + done.stderr).splitlines() if "fleet-reconcile" in line], done.stderr


@pytest.mark.parametrize(("project", "command", "wanted"), [
    ("/srv/site", "/usr/bin/fleet reconcile", ["PrivateTmp=yes"]),
    ("/tmp/site", "/usr/bin/fleet reconcile", ["ReadWritePaths=/tmp /var/tmp"]),
    ("/srv/site", "/tmp/venv/bin/python -m fleet reconcile", ["ReadWritePaths=/tmp /var/tmp"]),
])
def test_a_tmp_of_its_own_hides_neither_project_nor_command(project: str, command: str, wanted: list[str]) -> None:
    assert _own_tmp(project, command) == wanted
