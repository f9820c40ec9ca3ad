"""Reconciliation as it runs unattended: over a real sshd, as a user whose sudo password is in the vault."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from fleet.cli import run
from fleet.connection.base import Secret
from fleet.lab import Lab
from fleet.vault import Vault
from tests.engine.harness import Site

pytestmark = pytest.mark.lab


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with Lab(tmp_path_factory.mktemp("lab")) as made:
        made.up(2)
        yield made


def test_drift_on_one_host_is_found_repaired_and_recorded_without_secrets(project: Site, lab: Lab, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    vault = Vault([("default", Secret("of-the-vault"))])
    project.write("password", "of-the-vault\n")
    project.write("hosts", lab.inventory.read_text().replace("ansible_user=root", "ansible_user=opspw"))
    project.write("group_vars/all/vault.yml", vault.encrypt(b"ansible_become_password: opspw\n"))
    project.write("fleet.toml", 'vault_password_file = "password"\ninventory = ["hosts"]\n[[reconcile]]\nname = "site"\nplaybook = "play.yml"\n')
    project.write("play.yml", """
        - hosts: all
          become: true
          tasks:
            - name: Message of the day
              copy: {content: "welcome\\n", dest: /etc/motd, mode: "0644"}
            - name: Who may read it
              file: {path: /etc/motd, owner: root, group: adm}
        """)
    assert run(["reconcile", "--mode", "repair"]) == 0
    assert run(["reconcile"]) == 0, capsys.readouterr()
    where = Path(lab.status()["h2"]["folder"]) / "up/etc/motd"
    where.write_text("welcome, stranger\n")
    capsys.readouterr()
    assert run(["reconcile", "--format", "json"]) == 3
    [report] = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert report["hosts"]["h1"]["state"] == "in sync"
    [drift] = report["hosts"]["h2"]["drift"]
    assert (drift["task"], [(each["what"], each["before"], each["after"]) for each in drift["fields"]]) == (
        "Message of the day", [("content", "welcome, stranger\n", "welcome\n")])
    assert run(["reconcile", "--mode", "repair"]) == 0 and "repaired on 1 of 2 hosts" in capsys.readouterr().out
    assert run(["reconcile"]) == 0
    recorded = b"".join(path.read_bytes() for path in (tmp_path / "state").rglob("*") if path.is_file())
    assert b"of-the-vault" not in recorded and b'"opspw' not in recorded.replace(b'"user": "opspw"', b"")
