"""The first-boot data of guests."""

from __future__ import annotations

import io
from typing import Any

import pycdlib
import pytest

from fleet.actions._guest import first_boot
from fleet.actions.guest import SPEC
from fleet.errors import VirtError
from fleet.virt import living
from fleet.virt.seed import ROUND, answers, digest, iso, meta_data, user_data
from tests.virt.declarations import meant


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


ANSWERS = """<?xml version="1.0" encoding="utf-8"?>
<unattend xmlns="urn:schemas-microsoft-com:unattend"><settings pass="windowsPE"/></unattend>
"""


def test_the_answers_of_windows_are_where_its_setup_looks() -> None:
    """At the root of a read-only removable medium, by their name, in the tree of names that Windows reads (Joliet) and in the plain one."""
    image = pycdlib.PyCdlib()
    image.open_fp(io.BytesIO(iso({"autounattend.xml": answers(ANSWERS)}, "UNATTEND")))
    for place in ({"joliet_path": "/autounattend.xml"}, {"iso_path": "/AUTOUNATTEND.XML;1"}):
        read = io.BytesIO()
        image.get_file_from_iso_fp(read, **place)
        assert read.getvalue() == ANSWERS.encode()
    given = meant({"name": "w", "unattended": ANSWERS, "devices": "emulated"})
    found = first_boot({**dict.fromkeys(SPEC.options), "pool": "/p", "unattended": ANSWERS}, given, None, {})
    assert found is not None and (found.device, found.label) == ("cdrom", "UNATTEND")


@pytest.mark.parametrize(("text", "words"), [("<unattend>", "no well-formed XML"), ("<unattend/>", "begins with <unattend>, not")])
def test_answers_that_windows_would_pass_over(text: str, words: str) -> None:
    with pytest.raises(VirtError, match=words):
        answers(text)


@pytest.mark.parametrize(("text", "words"), [("#cloud-config\na: b: c\n", "user_data is no YAML"), ("#cloud-config\n- a\n", "is a list, not a mapping")])
def test_a_cloud_config_that_cannot_be_read_is_refused(text: str, words: str) -> None:
    with pytest.raises(VirtError, match=words):
        user_data("h", (), None, text)


def test_other_texts_are_the_users_own() -> None:
    for text in ("#!/bin/sh\na: b: c\n", "#cloud-config\n", "Content-Type: multipart/mixed\n"):
        assert user_data("h", (), None, text) == text
