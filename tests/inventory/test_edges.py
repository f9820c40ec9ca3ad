"""Where Ansible's behaviour is easily missed, and input that must not get through. Each was seen to go wrong once."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from fleet.cli import run
from fleet.errors import FleetError
from fleet.inventory import Inventory, load_inventory


def loaded(folder: Path, text: str | bytes, name: str = "hosts") -> Inventory:
    (folder / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    return load_inventory([str(folder / name)])


@pytest.mark.parametrize(("written", "value"), [
    (r"v=a\b", "ab"), ("v=a#b", "a"), ("v='a#b'", "a#b"), (r'v="a\"b"', 'a"b'), ("v=1or2", "1or2"), ("v=(1,2)", [1, 2]), ("v={1,2}", [1, 2])])
def test_values_of_a_host_line_are_split_as_a_shell_does(tmp_path: Path, written: str, value: Any) -> None:
    inventory = loaded(tmp_path, f"h {written}\n")
    assert inventory.host_vars("h") == {"v": value}
    assert bool(inventory.warnings) == (written == "v=a#b")


def test_patterns_keep_the_order_they_are_written_in(tmp_path: Path) -> None:
    inventory = loaded(tmp_path, "[web]\na\nb\n[db]\nb\nc\n")
    assert [inventory.match(p) for p in ("db:web", "c,a", "db:!c:web")] == [["b", "c", "a"], ["c", "a"], ["b", "a"]]


def test_a_directory_of_variables_hides_a_file_and_says_so(tmp_path: Path) -> None:
    (tmp_path / "host_vars" / "h").mkdir(parents=True)
    (tmp_path / "host_vars" / "h" / "1.yml").write_text("v: directory\n")
    (tmp_path / "host_vars" / "h.yml").write_text("v: file\n")
    inventory = loaded(tmp_path, "h\n")
    assert inventory.host_vars("h") == {"v": "directory"} and "h.yml is not read" in inventory.warnings[0]


def test_variables_stand_beside_a_link_to_an_inventory(tmp_path: Path) -> None:
    (tmp_path / "shared").mkdir()
    loaded(tmp_path / "shared", "h\n")
    (tmp_path / "prod" / "host_vars").mkdir(parents=True)
    (tmp_path / "prod" / "host_vars" / "h.yml").write_text("v: 1\n")
    (tmp_path / "prod" / "hosts").symlink_to(tmp_path / "shared" / "hosts")
    assert load_inventory([str(tmp_path / "prod" / "hosts")]).host_vars("h") == {"v": 1}


@pytest.mark.parametrize(("name", "text", "message", "line"), [
    ("hosts", "a\n[wbe:vars]\nv=1\n[web]\nb\n", "no group 'wbe'", 2), ("hosts", "[a:children]\nb\n", "no group 'b'", 2),
    ("hosts", "[web\na\n", "'\\[' is not closed", 1), ("hosts", "a,b\n", "name of a host", 1), ("hosts", "w[0:5:0]\n", "no range", 1),
    ("hosts", "w[ab:cd]\n", "no range", 1), ("hosts", "ok\nw[0:999999999999]\n", "more than", 2), ("hosts", "w[1:999][1:999][1:999]\n", "more than", 1),
    ("hosts", b"a\nb v=\xe9\n", "not UTF-8", 2), ("hosts", "a\nb ansible_host=-oX\n", "ansible_host cannot be", 2),
    ("hosts", "[w]\na\n[w:vars]\nansible_user=-oX\n", "ansible_user cannot be", 4), ("hosts", "a ansible_port=99999\n", "ansible_port cannot be", 1),
    ("h.yml", "all:\n  vars:\n    ansible_user: 'a;b'\n", "ansible_user cannot be", 3), ("h.toml", "[web]\nx = \n", "TOML", 2)])
def test_what_is_wrong_is_told_with_its_place(tmp_path: Path, name: str, text: str | bytes, message: str, line: int) -> None:
    with pytest.raises(FleetError, match=message) as caught:
        loaded(tmp_path, text, name)
    assert caught.value.pos and (caught.value.pos.file, caught.value.pos.line) == (str(tmp_path / name), line)


def test_hostile_addresses_in_variable_files(tmp_path: Path) -> None:
    (tmp_path / "group_vars").mkdir()
    (tmp_path / "group_vars" / "all.yml").write_text("ok: 1\nansible_host: -oProxyCommand=x\n")
    with pytest.raises(FleetError, match="ansible_host") as caught:
        loaded(tmp_path, "h\n").host_vars("h")
    assert caught.value.pos and caught.value.pos.line == 2


def test_users_of_a_domain_are_users(tmp_path: Path) -> None:
    assert loaded(tmp_path, r"h ansible_user='DOM\me'" + "\n").host_vars("h") == {"ansible_user": r"DOM\me"}


@pytest.mark.parametrize("answer", ['{"w": {"hosts": "abc"}}', '{"w": {"hosts": [1]}}', '{"w": {"vars": []}}', '{"w": {"host": []}}',
                                    '{"w": ["a"], "_meta": {"hostvars": {"a": 5}}}', '{"w": ["a"], "_meta": {"hostvars": []}}', '{"-x": []}'])
def test_programs_that_print_something_else(tmp_path: Path, answer: str) -> None:
    program = tmp_path / "program"
    program.write_text(f"#!/bin/sh\necho '{answer}'\n")
    program.chmod(0o755)
    with pytest.raises(FleetError) as caught:
        load_inventory([str(program)])
    assert caught.value.pos and caught.value.pos.file == str(program)


def test_a_program_is_asked_about_its_own_hosts_only(tmp_path: Path) -> None:
    program = tmp_path / "program"
    program.write_text('#!/bin/sh\ncase "$1 $2" in "--list ") echo \'{"w": ["a"]}\';; "--host a") echo "{}";; *) exit 9;; esac\n')
    program.chmod(0o755)
    assert list(load_inventory(["other,", str(program)]).hosts) == ["other", "a"]


def test_limits_of_several_parts(tmp_path: Path) -> None:
    (tmp_path / "retry").write_text("c\n")
    assert load_inventory(["a,b,c,"]).match("all", limit=f"a:@{tmp_path / 'retry'}") == ["a", "c"]


def test_a_group_made_again_keeps_its_place(tmp_path: Path) -> None:
    inventory = loaded(tmp_path, "[web]\na\n[prod:children]\nweb\n")
    inventory.add_host("a", {}, ["web"])
    inventory.add_group("web")
    assert inventory.groups["web"].parents == ["prod"] and inventory.groups["all"].children == ["ungrouped", "prod"]
    with pytest.raises(FleetError, match="ansible_host"):
        inventory.add_host("b", {"ansible_host": "-oProxyCommand=x"})
    assert "b" not in inventory.hosts


def test_a_group_and_a_host_of_one_name_are_worth_a_warning(tmp_path: Path) -> None:
    assert "of a host and of a group" in loaded(tmp_path, "[web]\nweb\n").warnings[0]


def test_yaml_output_is_an_inventory(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first = loaded(tmp_path, "solo\n[web]\na x=1\nb\n[top:children]\nweb\n[db]\na\n")
    assert run(["inventory", "-i", str(tmp_path / "hosts"), "--list", "--yaml"]) == 0
    text = capsys.readouterr().out
    assert list(yaml.safe_load(text)) == ["all"]
    second = loaded(tmp_path, text, "again.yml")
    assert {h: (first.groups_of(h), first.host_vars(h)) for h in first.hosts} == {h: (second.groups_of(h), second.host_vars(h)) for h in second.hosts}


def test_loading_does_not_slow_with_the_square_of_hosts() -> None:
    """20,000 hosts into one group and then one by one into another; with the square of it, this takes minutes."""
    code = ("from fleet.inventory import load_inventory\ni = load_inventory(['h[1:20000],'])\nfor n in range(1, 20001):\n"
            "    i.add_host(f'h{n}', {}, ['later'])\nassert len(i.group_hosts('later')) == 20000\n")
    subprocess.run([sys.executable, "-c", code], check=True, timeout=20)
