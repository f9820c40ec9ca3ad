"""`fleet container` and snapshots, on hv1."""

from __future__ import annotations

import json

import pytest

from fleet.cli import run as fleet
from tests.virt.containersite import Containers, ContainerSite, boxes, containers

__all__ = ["boxes", "containers"]
pytestmark = pytest.mark.virt


def test_commands(boxes: ContainerSite, containers: Containers, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    name = containers.name("cli")
    monkeypatch.chdir(boxes.path)
    boxes.declare("cli", command=["sh", "-c", "echo started; exec sleep 1000"], state="running", memory="64M")
    capsys.readouterr()
    assert fleet(["container", "list", "-i", "hosts", "hv1", "--output", "json"]) == 0
    row = next(row for row in json.loads(capsys.readouterr().out) if row["name"] == name)
    assert (row["state"], row["backend"], row["host"]) == ("running", "chroot", "hv1")
    assert fleet(["container", "exec", "-i", "hosts", "hv1", name, "sh", "-c", "echo out; echo err >&2; exit 3"]) == 3
    assert capsys.readouterr() == ("out\n", "err\n")
    assert fleet(["container", "logs", "-i", "hosts", "hv1", name]) == 0
    assert capsys.readouterr().out == "started\n"
    assert fleet(["container", "import", "-i", "hosts", "hv1", name]) == 0
    boxes.write("imported.yml", capsys.readouterr().out)
    seen = boxes.run(name="imported.yml", check=True)
    assert seen.status == 0 and seen.stats["hv1"].changed == 0, [event.result for event in seen.results()]
    assert fleet(["container", "exec", "-i", "hosts", "hv1", "no-such", "true"]) != 0
    assert "no container 'no-such'" in capsys.readouterr().err
    boxes.declare("cli", state="absent")


@pytest.mark.parametrize("clone", ["overlay", "copy"])
def test_snapshot_and_rollback(boxes: ContainerSite, containers: Containers, clone: str) -> None:
    name = containers.name("snap")
    boxes.target("snap")
    boxes.declare("snap", command=["sleep", "1000"], state="running", clone=clone)
    boxes.shell("snap", "echo before >/srv/file; rm /etc/issue")

    def snapshot(state: str, wanted: bool, check: bool = False) -> None:
        seen = boxes.run(f"- hosts: hv1\n  gather_facts: false\n  tasks:\n    - container_snapshot: {{container: {name}, name: one, state: {state}}}\n", check=check)
        assert seen.status == 0 and seen.results("hv1")[0].result["changed"] is wanted, seen.results("hv1")[0].result

    snapshot("present", True, check=True)
    snapshot("present", True)
    snapshot("present", False)
    boxes.shell("snap", "echo after >/srv/file; touch /etc/issue /srv/more")
    snapshot("rolled_back", True)
    assert boxes.shell("snap", "cat /srv/file; ls /etc/issue /srv/more 2>/dev/null")["stdout"] == "before"
    snapshot("absent", True)
    snapshot("absent", False)
    boxes.declare("snap", state="absent")
    assert containers.leaks("snap") == []
