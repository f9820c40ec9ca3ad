"""Precedence of inventory variables, variable files, and what is added during a run."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from fleet.connection.base import Secret
from fleet.errors import SourceError
from fleet.inventory import Inventory, load_inventory
from fleet.vault import Vault

LAYERS = [  # lowest first; each is written with all the keys of those above it
    ("inv/hosts", "all"), ("inv/hosts", "web"), ("inv/group_vars/all.yml", ""), ("play/group_vars/all.yml", ""),
    ("inv/group_vars/web.yml", ""), ("play/group_vars/web.yml", ""), ("inv/hosts", "h"), ("inv/host_vars/h.yml", ""), ("play/host_vars/h.yml", "")]


def tree(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


def test_precedence_is_as_documented(tmp_path: Path) -> None:
    files = {"inv/hosts": ""}
    sections: dict[str, list[str]] = {"all": [], "web": [], "h": []}
    for level, (file, section) in enumerate(LAYERS):
        for key in range(level + 1):  # level L sets k0..kL, so kN ends with the highest level, and only levels >= N know it
            if section:
                sections[section].append(f"k{8 - key}={level}")
            else:
                files[file] = files.get(file, "") + f"k{8 - key}: {level}\n"
    lines = ["[web]", "h " + " ".join(sections["h"]), "[all:vars]", *sections["all"], "[web:vars]", *sections["web"], ""]
    files["inv/hosts"] = "\n".join(lines)
    tree(tmp_path, files)
    for upto in range(len(LAYERS), 0, -1):
        values = load_inventory([str(tmp_path / "inv/hosts")]).host_vars("h", str(tmp_path / "play"))
        assert values["k8"] == upto - 1
        file, section = LAYERS[upto - 1]
        if section:  # take this layer away and look again
            files[file] = files[file].replace(f"={upto - 1}\n", f"_={upto - 1}\n").replace(f"={upto - 1} ", f"_={upto - 1} ")
        else:
            files[file] = "gone: 1\n"
        tree(tmp_path, files)


def test_deeper_groups_then_priority_then_name(tmp_path: Path) -> None:
    tree(tmp_path, {"hosts": "[b]\nh\n[a]\nh\n[c]\nh\n[top:children]\na\nb\nc\n[top:vars]\nv=top\nt=top\n"
                             "[a:vars]\nv=a\np=a\nansible_group_priority=10\n[b:vars]\nv=b\np=b\nn=b\n[c:vars]\nn=c\n"})
    values = load_inventory([str(tmp_path / "hosts")]).host_vars("h")
    assert (values["v"], values["p"], values["n"], values["t"]) == ("a", "a", "c", "top")


def test_a_directory_of_variables_is_read_in_order(tmp_path: Path) -> None:
    tree(tmp_path, {"hosts": "[web]\nh\n", "group_vars/web/2.yml": "v: 2\n", "group_vars/web/1.yml": "v: 1\nw: 1\n",
                    "group_vars/web/sub/x.json": '{"x": 1}', "group_vars/web/.hidden.yml": "v: 9\n",
                    "group_vars/web/3.yml~": "v: 9\n", "group_vars/web/4.txt": "v: 9\n",
                    "host_vars/h": "h: 1\n"})
    assert load_inventory([str(tmp_path / "hosts")]).host_vars("h") == {"v": 2, "w": 1, "x": 1, "h": 1}


def test_later_sources_win(tmp_path: Path) -> None:
    tree(tmp_path, {"one/hosts": "[w]\nh a=1 b=1\n", "two/hosts": "[w]\nh a=2\ni\n", "two/group_vars/w.yml": "g: 2\n",
                    "one/group_vars/w.yml": "g: 1\n"})
    inventory = load_inventory([str(tmp_path / "one/hosts"), str(tmp_path / "two/hosts")])
    assert inventory.host_vars("h") == {"a": 2, "b": 1, "g": 2} and inventory.group_hosts("w") == ["h", "i"]


def test_vault_encrypted_variables(tmp_path: Path) -> None:
    vault = Vault([("default", Secret("pw"))])
    inline = "v: !vault |\n" + "".join(f"  {line}\n" for line in vault.encrypt(b"inner", "default").splitlines())
    tree(tmp_path, {"hosts": "h\n", "host_vars/h/1.yml": vault.encrypt(b"whole: 1\n", "default"), "host_vars/h/2.yml": inline})
    assert load_inventory([str(tmp_path / "hosts")], decrypt=vault.decrypt).host_vars("h") == {"whole": 1, "v": "inner"}
    with pytest.raises(SourceError, match="no vault password") as caught:
        load_inventory([str(tmp_path / "hosts")]).host_vars("h")
    assert caught.value.pos and caught.value.pos.file.endswith("1.yml")


@pytest.mark.parametrize(("text", "line"), [("- a\n", 1), ("a: 1\na: 2\n", 2), ("a: [\n", 2)])
def test_bad_variable_files_are_told_with_their_place(tmp_path: Path, text: str, line: int) -> None:
    tree(tmp_path, {"hosts": "h\n", "host_vars/h.yml": text})
    with pytest.raises(SourceError) as caught:
        load_inventory([str(tmp_path / "hosts")]).host_vars("h")
    assert caught.value.pos and caught.value.pos.line == line


def test_the_implicit_localhost() -> None:
    inventory = load_inventory(["a,"])
    assert inventory.match("localhost") == ["localhost"] and inventory.match("all") == ["a"]
    assert inventory.host_vars("localhost") == {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
    named = load_inventory(["localhost,"])
    assert named.host_vars("localhost") == {} and named.match("all") == ["localhost"]


def test_hosts_and_groups_added_during_a_run(tmp_path: Path) -> None:
    tree(tmp_path, {"hosts": "a\n[web]\nb\n[web:vars]\nv=1\n", "group_vars/new.yml": "n: 1\n"})
    inventory: Inventory = load_inventory([str(tmp_path / "hosts")])
    assert inventory.host_vars("a") == {} and inventory.match("web") == ["b"]
    inventory.add_host("c", {"x": 1}, ["web", "new"])
    inventory.add_host("a", {}, ["web"])
    inventory.add_group("os", ["family"])
    inventory.add_host("b", {}, ["os"])
    assert inventory.host_vars("c") == {"v": 1, "n": 1, "x": 1} and inventory.host_vars("a") == {"v": 1}
    assert sorted(inventory.match("web")) == ["a", "b", "c"] and inventory.match("family") == ["b"] and inventory.group_hosts("ungrouped") == []
    assert inventory.groups_of("b") == ["family", "os", "web"]
    inventory.add_host("lone")
    assert inventory.groups_of("lone") == ["ungrouped"] and inventory.match("all")[-1] == "lone"


def test_ten_thousand_hosts(tmp_path: Path) -> None:
    """Their group variables are shared, not copied: a host without its own has the same mapping as its neighbour."""
    tree(tmp_path, {"hosts": "".join(f"[g{n}]\nh{n}-[0:99]\n" for n in range(100)) + "[top:children]\n" + "".join(f"g{n}\n" for n in range(100)),
                    "group_vars/top.yml": "t: 1\n", "group_vars/g7.yml": "s: 1\n"})
    inventory = load_inventory([str(tmp_path / "hosts")])
    assert len(inventory.match("top:!g1")) == 9900
    assert inventory.host_vars("h7-0") is inventory.host_vars("h7-99") and inventory.host_vars("h7-0") == {"t": 1, "s": 1}
