"""pip, with packages made here: no network is used."""

from __future__ import annotations

import subprocess
import zipfile
from pathlib import Path
from typing import Any

import pytest

from fleet.errors import ArgumentError
from tests.modules.harness import apply, fails, run


def wheel(folder: Path, version: str, needs: str = "") -> Path:
    """A wheel of the package `fleet-sample`."""
    path = folder / f"fleet_sample-{version}-py3-none-any.whl"
    info = f"fleet_sample-{version}.dist-info"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("fleet_sample.py", f"version = {version!r}\n")
        archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: fleet-sample\nVersion: {version}\n{needs}")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", f"fleet_sample.py,,\n{info}/METADATA,,\n{info}/WHEEL,,\n{info}/RECORD,,\n")
    return path


def version(env: Path) -> str:
    done = subprocess.run([env / "bin/python", "-c", "import fleet_sample; print(fleet_sample.version)"], capture_output=True, text=True)
    return done.stdout.strip()


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with wheels, and a virtual environment that the module makes."""
    root = tmp_path_factory.mktemp("pip")
    for each in ("1.0", "2.0"):
        wheel(root, each)
    options = {"virtualenv": str(root / "env"), "virtualenv_command": "python3 -m venv"}
    predicted = run("pip", options, check=True)
    assert predicted["changed"] and not (root / "env").exists()
    assert run("pip", options)["changed"] and (root / "env/bin/pip").exists()
    assert not run("pip", options)["changed"]
    return root


def test_states_and_versions(place: Path) -> None:
    links = f"--no-index --find-links {place}"

    def changed(check: bool = False, **options: Any) -> bool:
        done = run("pip", {"virtualenv": str(place / "env"), "extra_args": links, **options}, check=check)
        assert not done.get("failed"), done
        return bool(done["changed"])

    apply("pip", {"virtualenv": str(place / "env"), "extra_args": links, "name": ["Fleet_Sample"], "version": "1.0"}, place / "none")
    assert version(place / "env") == "1.0"
    assert not changed(name="fleet-sample>=0.5,<2")
    assert changed(name=["fleet-sample"], state="latest") and version(place / "env") == "2.0"
    (place / "requirements.txt").write_text("fleet-sample == 1.0\n")
    assert changed(requirements="requirements.txt", chdir=str(place)) and version(place / "env") == "1.0"
    assert not changed(requirements="requirements.txt", chdir=str(place))
    assert changed(check=True, name="fleet-sample", state="forcereinstall", version="1.0")
    gone = {"virtualenv": str(place / "env"), "name": ["fleet.sample"], "state": "absent"}
    assert run("pip", gone)["changed"] and version(place / "env") == "" and not run("pip", gone)["changed"]
    assert not changed(requirements="requirements.txt", chdir=str(place), state="absent", check=True, extra_args=None)


def test_what_fails(place: Path) -> None:
    env = {"virtualenv": str(place / "env"), "extra_args": "--no-index"}
    for check in (True, False):
        assert "No matching distribution" in fails("pip", {**env, "name": "no-such-package"}, "pip install failed", check=check)["msg"]
    fails("pip", {**env, "name": "-r/etc/passwd"}, "extra_args")
    fails("pip", {**env, "name": ["a", "b"], "version": "1"}, "version goes with one name")
    fails("pip", {"name": "x", "executable": "/no/such/pip"}, "cannot run /no/such/pip")
    fails("pip", {"virtualenv": str(place / "other"), "virtualenv_command": "python3 -m venv", "virtualenv_python": "python3"}, "virtualenv only")
    with pytest.raises(ArgumentError, match="mutually exclusive"):
        run("pip", {"name": "a", "requirements": "b"})
