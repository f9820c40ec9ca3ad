"""`fleet reconcile` on hosts that are this machine: what it finds, says, repairs and records."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from fleet.cli import run
from fleet.reconcile.run import together
from tests.engine.harness import Site

Capture = pytest.CaptureFixture[str]


def reports(capsys: Capture, *args: str) -> tuple[int, list[dict[str, Any]]]:
    capsys.readouterr()
    status = run(["reconcile", "--format", "json", *args])
    return status, [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_report_repair_report(project: Site, capsys: Capture) -> None:
    status, [report] = reports(capsys)
    assert status == report["status"] == 3 and report["mode"] == "report"
    assert not (project.path / "a.txt").exists(), "a report changes nothing"
    status, [report] = reports(capsys, "--mode", "repair")
    assert status == 0 and {host["state"] for host in report["hosts"].values()} == {"repaired"}
    assert [(drift["task"], drift["item"], drift["handler"]) for drift in report["hosts"]["a"]["drift"]] == [
        ("Page", "", False), ("Folders", "x", False), ("Folders", "y", False), ("Reload", "", True)]
    assert reports(capsys)[0] == 0 and run(["reconcile"]) == 0
    assert "in sync" in capsys.readouterr().out


def test_where_every_apply_is_a_plan_so_is_every_repair(project: Site, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLEET_CHECK_ALWAYS", "yes")
    status, [report] = reports(capsys, "--mode", "repair")
    assert status == 3 and report["mode"] == "report" and not (project.path / "a.txt").exists()


def test_drift_is_told_host_by_host_and_field_by_field(project: Site, capsys: Capture) -> None:
    assert run(["reconcile", "--mode", "repair"]) == 0
    page = project.path / "a.txt"
    page.write_text("hand-made\n")
    page.chmod(0o644)
    status, [report] = reports(capsys)
    assert status == 3 and report["hosts"]["b"] == {"state": "in sync", "drift": [], "error": "", "unpredicted": []}
    [drift] = report["hosts"]["a"]["drift"]
    assert drift["position"] == "play.yml:5:7"
    assert {(field["what"], field["before"], field["after"]) for field in drift["fields"]} == {
        ("content", "hand-made\n", "hello\n"), ("mode", "0644", "0600")}
    assert run(["reconcile"]) == 3
    text = capsys.readouterr().out
    for line in ("  a: 2 differences", "    Page  (play.yml:5:7)", "      -hand-made", "      +hello", "mode: 0644 → 0600", "  b: in sync",
                 "  drift on 1 of 2 hosts"):
        assert line in text
    assert page.read_text() == "hand-made\n"


def test_entries_by_name_with_what_they_ask_for(project: Site, capsys: Capture) -> None:
    project.write("fleet.toml", """
        inventory = ["hosts"]
        [[reconcile]]
        name = "one"
        playbook = "play.yml"
        mode = "repair"
        limit = "a"
        extra_vars = {greeting = "Hi {{ 1 + 1 }}"}
        [[reconcile]]
        name = "two"
        playbook = "none.yml"
        [[reconcile]]
        name = "three"
        playbook = "fail.yml"
        """)
    project.write("fail.yml", """
        - hosts: all
          gather_facts: false
          tasks:
            - name: Stop
              fail: {msg: not today}
              when: inventory_hostname == 'b'
        """)
    status, [report] = reports(capsys, "--entry", "one")
    assert status == 0 and list(report["hosts"]) == ["a"] and (project.path / "a.txt").read_text() == "Hi 2\n"
    status, [one, two, three] = reports(capsys)
    assert status == 1, "the worst of them"
    assert one["status"] == 0 and two["status"] == 1 and "none.yml is no playbook" in two["error"]
    assert three["status"] == 2 and three["hosts"]["a"]["state"] == "in sync"
    assert three["hosts"]["b"] == {"state": "failed", "drift": [], "error": "Stop: not today", "unpredicted": []}
    assert reports(capsys, "--entry", "three", "--entry", "one")[0] == 2


def test_what_a_report_cannot_predict_is_named(project: Site, capsys: Capture) -> None:
    project.write("play.yml", "- hosts: a\n  gather_facts: false\n  tasks:\n    - name: Reindex\n      command: reindex\n")
    status, [report] = reports(capsys)
    assert status == 0 and report["hosts"]["a"]["unpredicted"] == ["Reindex"] and report["hosts"]["a"]["state"] == "in sync"
    assert run(["reconcile"]) == 0
    assert "    not predicted: Reindex\n" in capsys.readouterr().out


def test_an_unreachable_host(project: Site, capsys: Capture) -> None:
    project.write("hosts", "a ansible_connection=local\ngone ansible_host=127.0.0.1 ansible_port=1 ansible_host_key_checking=off\n")
    status, [report] = reports(capsys)
    assert status == 4 and report["hosts"]["gone"]["state"] == "unreachable" and report["hosts"]["a"]["state"] == "drift"


@pytest.mark.parametrize(("statuses", "status"), [([], 0), ([0, 3], 3), ([3, 2], 2), ([2, 4], 6), ([6, 1], 1), ([5, 0], 5), ([5, 3], 5), ([130, 1], 130)])
def test_one_status_for_all(statuses: list[int], status: int) -> None:
    assert together(statuses) == status


def test_secrets_do_not_show(project: Site, capsys: Capture) -> None:
    project.write("play.yml", """
        - hosts: a
          gather_facts: false
          tasks:
            - copy: {content: very-secret, dest: "{{ playbook_dir }}/x.txt"}
              no_log: true
        """)
    status, [report] = reports(capsys)
    assert status == 3 and report["hosts"]["a"]["drift"][0]["fields"] == []
    assert "very-secret" not in json.dumps(report)


def test_one_run_at_a_time(project: Site, capsys: Capture) -> None:
    project.write("play.yml", f"- hosts: a\n  gather_facts: false\n  tasks:\n    - shell: touch {project.path}/begun; sleep 30\n")
    holder = subprocess.Popen([sys.executable, "-m", "fleet", "reconcile", "--mode", "repair"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              cwd=project.path, env=dict(os.environ))
    for _ in range(1200):
        if (project.path / "begun").exists():
            break
        time.sleep(0.05)
    assert run(["reconcile"]) == 5
    assert f"another run of it is at work (process {holder.pid})" in capsys.readouterr().out
    holder.kill()
    holder.communicate()
    project.write("play.yml", "- hosts: a\n  gather_facts: false\n  tasks:\n    - debug:\n")
    assert run(["reconcile"]) == 0, "the lock goes with its holder"
    assert "was interrupted" in capsys.readouterr().err


def test_status_and_due(project: Site, capsys: Capture) -> None:
    assert run(["reconcile", "status", "--format", "json"]) == 0
    [row] = json.loads(capsys.readouterr().out)
    assert (row["state"], row["due"], row["last"]) == ("never", True, None)
    assert run(["reconcile", "--due"]) == 3
    capsys.readouterr()
    assert run(["reconcile", "--due"]) == 0 and capsys.readouterr().out == "nothing is due\n"
    assert run(["reconcile", "status"]) == 0
    line = capsys.readouterr().out.splitlines()[1]
    assert line.startswith("site   report  every 1h  20") and "drift on 2 hosts" in line
    assert run(["reconcile", "status", "--format", "json"]) == 0
    [row] = json.loads(capsys.readouterr().out)
    assert row["next"] == row["last"] + 3600 and not row["due"]
    assert run(["reconcile", "--mode", "repair"]) == 0
    capsys.readouterr()
    assert run(["reconcile", "status"]) == 0 and "repaired on 2 hosts" in capsys.readouterr().out
    assert run(["history"]) == 0
    assert sum("reconcile" in line and line.endswith("site") for line in capsys.readouterr().out.splitlines()) == 2


def test_another_project_of_the_same_names_is_another(project: Site, capsys: Capture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run(["reconcile"]) == 3
    other = Site(tmp_path / "other")
    for name in ("hosts", "play.yml", "fleet.toml"):
        other.write(name, (project.path / name).read_text())
    monkeypatch.chdir(other.path)
    capsys.readouterr()
    assert run(["reconcile", "status"]) == 0 and "never" in capsys.readouterr().out


@pytest.mark.parametrize(("args", "words"), [
    (["--entry", "sight"], "there is no entry 'sight'\n  did you mean 'site'?"),
    (["--mode", "look"], "'look' is not one of"),
    (["install", "--user", "--root", "/"], "--user is for your own systemd"),
    (["install", "--run-as", "no-such-user"], "there is no user 'no-such-user'"),
    (["install", "--root", "/no/such"], "there is no directory /no/such"),
])
def test_wrong_use(project: Site, capsys: Capture, args: list[str], words: str) -> None:
    assert run(["reconcile", *args]) == 1
    assert words in capsys.readouterr().err
