"""What the documentation shows is run."""

from __future__ import annotations

import json
import re
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from fleet.cli import run
from fleet.reconcile import entries
from fleet.settings import load_settings

ROOT = Path(__file__).parents[1]


def blocks(page: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", (ROOT / page).read_text(), re.DOTALL | re.MULTILINE)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty project with two hosts that are this machine."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    (tmp_path / "hosts.ini").write_text("[web]\nweb1 ansible_connection=local\nweb2 ansible_connection=local\n")
    return tmp_path


def test_the_playbooks_of_readme_are_good(here: Path) -> None:
    [yaml], [python] = blocks("README.md", "yaml"), blocks("README.md", "python")
    for name, text in (("site.yml", yaml), ("site.py", python)):
        (here / name).write_text(text)
        assert run(["apply", "-i", "hosts.ini", "--syntax-check", name]) == 0


def test_the_entries_of_reconciliation_are_good(here: Path) -> None:
    [text] = blocks("docs/reconcile.md", "toml")
    (here / "fleet.toml").write_text(text)
    assert [(entry.name, entry.mode, str(entry.schedule)) for entry in entries(load_settings())] == [
        ("site", "report", "every 1h"), ("web-nightly", "repair", "daily at 03:30")]


def test_the_settings_are_good(here: Path) -> None:
    [text] = blocks("docs/settings.md", "toml")
    (here / "fleet.toml").write_text(text)
    settings = load_settings()
    assert (settings.forks, settings.host_key_checking) == (50, "accept-new")


def test_a_subscriber_and_the_journal_are_told_of_a_failure(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "site.yml").write_text("- hosts: web1\n  gather_facts: false\n  tasks:\n    - name: Stop\n      fail: {msg: not today}\n")
    (here / "fleet.toml").write_text('inventory = ["hosts.ini"]\n')
    [code] = blocks("docs/events.md", "python")
    exec(code, {})
    assert capsys.readouterr().out == "web1 Stop not today\n"
    assert run(["apply", "--format", "json", "site.yml"]) == 2
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    pages = (ROOT / "docs/events.md").read_text()
    assert all(set(line) <= {"event", "at", *re.findall(r"^\| `(\w+)`", pages, re.MULTILINE)} for line in lines)
    [command] = [text for text in blocks("docs/journal.md", "sh") if "sqlite3" in text]
    query = re.search(r'"(SELECT .*)"', command)
    assert query is not None
    with closing(sqlite3.connect(here / "state/fleet/journal.sqlite")) as db:
        [(_, host, name)] = db.execute(query[1]).fetchall()
    assert (host, name) == ("web1", "Stop")
