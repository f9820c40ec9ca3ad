"""The first-boot data of guests."""

from __future__ import annotations

from typing import Any

import pytest

from fleet.virt import living
from fleet.virt.seed import ROUND, digest, iso, meta_data, user_data


def test_the_image_holds_the_files() -> None:
    files = {"user-data": user_data("web1", ["ssh-ed25519 AAAA me"], ("PRIVATE", "PUBLIC"), {"packages": ["nginx"]}), "meta-data": meta_data("web1", "id-1")}
    assert digest(files) == digest(dict(files))
    assert digest(files) != digest({**files, "meta-data": "other"})
    data = iso(files)
    assert b"cidata" in data and b"ssh-ed25519 AAAA me" in data and b"nginx" in data
    assert len(data) % ROUND == 0


def test_the_users_of_the_task_come_beside_those_of_fleet() -> None:
    import yaml
    data = yaml.safe_load(user_data("h", ["k"], None, {"users": [{"name": "ops"}]}))
    assert [each["name"] for each in data["users"]] == ["root", "ops"]


@pytest.mark.parametrize(("data", "wanted"), [
    ({}, []),
    ({"hostname": "h"}, [("hostname", {"name": "h"})]),
    ({"users": ["default", {"name": "root", "ssh_authorized_keys": ["k1", "k2"]}]}, [("authorized_key", {"user": "root", "key": "k1\nk2"})]),
    ({"users": [{"name": "ops", "groups": "sudo, adm", "shell": "/bin/bash", "sudo": "ALL=(ALL) NOPASSWD:ALL"}]}, [
        ("user", {"name": "ops", "shell": "/bin/bash", "groups": ["sudo", "adm"], "append": True}),
        ("copy", {"dest": "/etc/sudoers.d/fleet-ops", "mode": "0440", "content": "ops ALL=(ALL) NOPASSWD:ALL\n"})]),
    ({"packages": ["a", ["b", "1.0"]]}, [("package", {"name": ["a", "b"], "state": "present"})]),
    ({"write_files": [{"path": "/etc/x", "content": "1\n", "owner": "ops:adm", "permissions": "0600"}]}, [
        ("copy", {"dest": "/etc/x", "content": "1\n", "mode": "0600", "owner": "ops", "group": "adm"})]),
])
def test_first_boot_data_as_tasks(data: dict[str, Any], wanted: list[Any]) -> None:
    assert [(module, args) for _, module, args in living.tasks(data)] == wanted


def test_what_only_a_first_boot_does() -> None:
    assert living.left_out({"runcmd": ["x"], "users": [], "ssh_keys": {}, "bootcmd": []}) == ["bootcmd", "runcmd"]
