"""`fleet inventory`, and the examples of docs/inventory.md."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from fleet.cli import run
from fleet.inventory import load_inventory

DOC = (Path(__file__).parents[2] / "docs/inventory.md").read_text()


@pytest.fixture
def hosts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "hosts").write_text("solo\n[web]\na x=1\nb\n[top:children]\nweb\n")
    return str(tmp_path / "hosts")


def example(kind: str) -> str:
    found = re.search(rf"```{kind}\n(.*?)```", DOC, re.DOTALL)
    assert found
    return found.group(1)


def test_the_examples_of_the_documentation_mean_the_same(tmp_path: Path) -> None:
    meant = []
    for name, kind in (("hosts.ini", "ini"), ("hosts.yml", "yaml")):
        (tmp_path / name).write_text(example(kind))
        inventory = load_inventory([str(tmp_path / name)])
        meant.append({host: dict(inventory.host_vars(host)) for host in inventory.hosts})
    assert meant[0] == meant[1]
    assert meant[0]["edge.example.com"] == {"ansible_port": 2222, "motd": "two words", "env": "production"}
    assert inventory.match("web[0]") == ["web01"] and inventory.match("~web0[12]") == ["web01", "web02"]
    assert inventory.match("prod:!db") == ["web01", "web02", "web03", "edge.example.com"] and inventory.match("*.example.com") == ["edge.example.com"]


def test_list(hosts: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["inventory", "-i", hosts, "--list"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert listed["_meta"]["hostvars"]["a"] == {"x": 1}
    assert listed["web"] == {"hosts": ["a", "b"]} and listed["top"] == {"children": ["web"]} and listed["ungrouped"] == {"hosts": ["solo"]}
    assert set(listed["all"]["children"]) == {"ungrouped", "top"}
    assert run(["inventory", "-i", hosts, "--list", "--limit", "b"]) == 0
    assert json.loads(capsys.readouterr().out)["web"] == {"hosts": ["b"]}


def test_what_list_prints_is_an_inventory(hosts: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["inventory", "-i", hosts, "--list"]) == 0
    (tmp_path / "data").write_text(capsys.readouterr().out)
    program = tmp_path / "program"
    program.write_text(f"#!/bin/sh\ncat {tmp_path / 'data'}\n")
    program.chmod(0o755)
    first, second = load_inventory([hosts]), load_inventory([str(program)])
    for host in first.hosts:
        assert (first.groups_of(host), first.host_vars(host)) == (second.groups_of(host), second.host_vars(host))


def test_host_and_graph(hosts: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["inventory", "-i", hosts, "--host", "a"]) == 0
    assert json.loads(capsys.readouterr().out) == {"x": 1}
    assert run(["inventory", "-i", hosts, "--graph", "top", "--vars"]) == 0
    assert capsys.readouterr().out.splitlines() == ["@top:", "  |--@web:", "  |  |--a", "  |  |  |--{x = 1}", "  |  |--b"]


@pytest.mark.parametrize("args", [[], ["--list", "--graph"], ["--host", "nobody"], ["--graph", "nogroup"]])
def test_wrong_use_is_one_message_and_status_1(hosts: str, args: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["inventory", "-i", hosts, *args]) == 1
    assert capsys.readouterr().err.startswith("error: ")
