"""`fleet guest`, on libvirt's mock driver and on a hypervisor with a running guest."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from fleet.cli import run
from tests.engine.harness import Site
from tests.virt.conftest import Apply, Machine


@pytest.fixture
def mock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    (tmp_path / "hosts").write_text("mock ansible_connection=local fleet_libvirt_uri=test:///default\n")
    return str(tmp_path / "hosts")


def test_list(mock: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["guest", "list", "-i", mock]) == 0
    head, line = capsys.readouterr().out.splitlines()
    assert head.split() == ["HOST", "GUEST", "STATE", "CPUS", "MEMORY", "ADDRESS", "PENDING"]
    assert line.split() == ["mock", "test", "running", "2", "2048", "MiB", "192.168.122.3", "-"]
    assert run(["guest", "list", "-i", mock, "--output", "json"]) == 0
    assert json.loads(capsys.readouterr().out)[0]["name"] == "test"


def test_what_is_imported_plans_no_change(mock: str, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert run(["guest", "import", "-i", mock, "mock", "-o", "guests.yml"]) == 0
    assert "test" in (tmp_path / "guests.yml").read_text()
    assert run(["plan", "--detailed-exitcode", "-i", mock, "guests.yml"]) == 0
    assert run(["guest", "import", "-i", mock, "mock", "nothing"]) == 2
    assert "there is no guest nothing on mock" in capsys.readouterr().err


@pytest.mark.parametrize(("args", "words"), [
    (["list", "nowhere"], "no host matches 'nowhere'"), (["console", "mock", "nothing"], "there is no guest nothing on mock"),
    (["stop", "mock", "../x"], None),
])
def test_mistakes(mock: str, capsys: pytest.CaptureFixture[str], args: list[str], words: str | None) -> None:
    assert run(["guest", *args, "-i", mock]) != 0
    said = capsys.readouterr()
    assert (words or "cannot be the name of a guest") in said.err + said.out


def test_a_hypervisor_that_does_not_answer_is_said_and_the_others_listed(mock: str, capsys: pytest.CaptureFixture[str]) -> None:
    with Path(mock).open("a") as file:
        file.write("bad ansible_connection=local fleet_libvirt_uri=qemu+unix:///system?socket=/nonexistent\n")
    assert run(["guest", "list", "-i", mock]) == 4
    said = capsys.readouterr()
    assert "cannot talk to libvirt on bad" in said.err and "mock" in said.out


@pytest.mark.virt
def test_the_ledger_and_the_import_of_a_running_guest(site: Site, fresh_guest: Machine, apply: Apply, capsys: pytest.CaptureFixture[str]) -> None:
    hosts = str(site.path / "hosts")
    apply.once("guest", {"name": "g1", "watchdog": "reset", "cpu": {"limit": 80}})
    assert run(["guest", "pending", "-i", hosts, "hv1"]) == 0
    assert capsys.readouterr().out == "hv1 g1\n  watchdog: none → reset (restart)\n"
    book = site.path / "imported.yml"
    assert run(["guest", "import", "-i", hosts, "hv1", "g1", "-o", str(book)]) == 0
    assert "not told" not in book.read_text() and "limit: 80" in book.read_text()
    assert run(["plan", "--detailed-exitcode", "-i", hosts, str(book)]) == 0


@pytest.mark.virt
def test_a_console_without_network(site: Site, fresh_guest: Machine) -> None:
    command = [sys.executable, "-m", "fleet", "guest", "console", "-i", str(site.path / "hosts"), "hv1", "g1"]
    talk: Any = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        end, said = time.monotonic() + 60, b""
        while b"login:" not in said and time.monotonic() < end:
            talk.stdin.write(b"\n")
            talk.stdin.flush()
            said += talk.stdout.read1(4096)
        assert b"g1 login:" in said
        talk.stdin.write(b"\x1d")
        talk.stdin.flush()
        assert talk.wait(20) == 0
    finally:
        talk.kill()
        talk.communicate()
