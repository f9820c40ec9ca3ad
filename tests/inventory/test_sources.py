"""What sources of every kind come to, and what is refused with its place."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from fleet.errors import FleetError
from fleet.inventory import Inventory, load_inventory
from fleet.trust import Trusted


def loaded(folder: Path, text: str, name: str = "hosts") -> Inventory:
    (folder / name).write_text(text)
    return load_inventory([str(folder / name)])


INI = """
solo ansible_host=10.0.0.9   # a comment
[web]
web[01:03] port=80 quoted='a b' list="['x', 'y']" yes=True text="'5'"
db1:2222
[db]
db1 role=primary
db2
[prod:children]
web
db
[prod:vars]
env = production
n=5
literal=1 # Python's own comment
words=hello # kept
false=FALSE
[web:vars]
env=web
"""
YAML = """
all:
  hosts: {solo: {ansible_host: 10.0.0.9}}
  children:
    prod:
      vars: {env: production, n: 5, literal: 1, words: "hello # kept", "false": "FALSE"}
      children:
        web:
          vars: {env: web}
          hosts:
            web[01:03]: {port: 80, quoted: a b, list: [x, y], "yes": true, text: "5"}
            db1:2222:
        db:
          hosts:
            db1: {role: primary}
            db2:
"""
TOML = """
[all.hosts.solo]
ansible_host = "10.0.0.9"
[prod.vars]
env = "production"
n = 5
literal = 1
words = "hello # kept"
false = "FALSE"
[prod.children.web]
[prod.children.db]
[web.vars]
env = "web"
[web.hosts."web[01:03]"]
port = 80
quoted = "a b"
list = ["x", "y"]
yes = true
text = "5"
[web.hosts."db1:2222"]
[db.hosts.db1]
role = "primary"
[db.hosts.db2]
"""
PROGRAM = """#!/bin/sh
test "$1" = --list || exit 1
cat <<'END'
%s
END
"""
COMMON = {"n": 5, "literal": 1, "words": "hello # kept", "false": "FALSE"}
WEB = {"port": 80, "quoted": "a b", "list": ["x", "y"], "yes": True, "text": "5", "env": "web", **COMMON}
EXPECTED = {
    "solo": {"ansible_host": "10.0.0.9"}, "web01": WEB, "web02": WEB, "web03": WEB,
    "db1": {"ansible_port": 2222, "role": "primary", "env": "web", **COMMON}, "db2": {"env": "production", **COMMON}}
AS_PROGRAM = {
    "web": {"hosts": ["web01", "web02", "web03", "db1"], "vars": {"env": "web"}}, "db": ["db1", "db2"],
    "prod": {"children": ["web", "db"], "vars": {"env": "production", **COMMON}}, "all": {"hosts": ["solo"]},
    "_meta": {"hostvars": {**{name: {k: v for k, v in WEB.items() if k not in ("env", *COMMON)} for name in ("web01", "web02", "web03")},
                           "solo": {"ansible_host": "10.0.0.9"}, "db1": {"ansible_port": 2222, "role": "primary"}}}}


@pytest.mark.parametrize(("name", "text"), [("hosts", INI), ("hosts.ini", INI), ("hosts.yml", YAML), ("hosts", YAML.lstrip()),
                                            ("hosts.toml", TOML), ("program", PROGRAM % json.dumps(AS_PROGRAM))])
def test_every_kind_of_source_says_the_same(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)
    (tmp_path / name).chmod(0o755 if text.startswith("#!") else 0o644)
    inventory = load_inventory([str(tmp_path / name)])
    assert {host: dict(inventory.host_vars(host)) for host in inventory.hosts} == EXPECTED
    assert inventory.group_hosts("web") == [host for host in inventory.hosts if host.startswith("web") or host == "db1"]
    assert set(inventory.group_hosts("prod")) == set(EXPECTED) - {"solo"}
    assert inventory.groups_of("db1") == ["db", "prod", "web"]
    assert inventory.groups_of("solo") == ["ungrouped"]
    assert (inventory.groups["prod"].depth, inventory.groups["web"].depth) == (1, 2)
    assert inventory.warnings == []


def test_a_program_without_meta_is_asked_for_each_host(tmp_path: Path) -> None:
    program = tmp_path / "program"
    program.write_text('#!/bin/sh\nif [ "$1" = --list ]; then echo \'{"web": ["a", "b"]}\'; else echo "{\\"me\\": \\"$2\\"}"; fi\n')
    program.chmod(0o755)
    inventory = load_inventory([str(program)])
    assert [inventory.host_vars(host)["me"] for host in ("a", "b")] == ["a", "b"]


def test_a_list_of_hosts_and_no_source_at_all() -> None:
    inventory = load_inventory(["a,b:2222,c[1:2],"])
    assert list(inventory.hosts) == ["a", "b", "c1", "c2"] == inventory.group_hosts("ungrouped")
    assert inventory.host_vars("b") == {"ansible_port": 2222}
    assert list(load_inventory([]).hosts) == [] and set(load_inventory([]).groups) == {"all", "ungrouped"}


def test_a_directory_is_read_in_order_without_backups_and_variables(tmp_path: Path) -> None:
    for name in ("1.ini", "1.ini~", "2.bak", "3.orig", "4.cfg", "5.retry", ".hidden"):
        (tmp_path / name).write_text(f"[web]\nfrom{name[0] if name == '1.ini' else 'x'} v=1\n")
    (tmp_path / "2.yml").write_text("web: {hosts: {from1: {v: 2}, from2: }}\n")
    (tmp_path / "group_vars").mkdir()
    (tmp_path / "group_vars" / "web.yml").write_text("g: 1\n")
    inventory = load_inventory([str(tmp_path)])
    assert list(inventory.hosts) == ["from1", "from2"]
    assert inventory.host_vars("from1") == {"v": 2, "g": 1}


def test_templates_of_inventories_are_trusted(tmp_path: Path) -> None:
    for name, text in (("a", 'h v="{{ x }}"\n'), ("b", "[all:vars]\nv={{ x }}\n[w]\nh\n"), ("c.yml", 'all: {hosts: {h: {v: "{{ x }}"}}}')):
        assert isinstance(loaded(tmp_path, text, name).host_vars("h")["v"], Trusted)


@pytest.mark.parametrize(("written", "meant"), [
    ("web[1:3]", ["web1", "web2", "web3"]), ("web[08:10]", ["web08", "web09", "web10"]), ("[a:c].x", ["a.x", "b.x", "c.x"]),
    ("w[0:10:5]", ["w0", "w5", "w10"]), ("[a:b][1:2]", ["a1", "a2", "b1", "b2"]), ("2001:db8::1", ["2001:db8::1"]),
    ("web[1:2].example.com:2222", ["web1.example.com", "web2.example.com"])])
def test_ranges(tmp_path: Path, written: str, meant: list[str]) -> None:
    assert list(loaded(tmp_path, written + "\n").hosts) == meant


CIRCLE = "[a:children]\nb\n[b:children]\nc\n[c:children]\na\n"
BAD: list[tuple[str, str, str, int]] = [
    ("hosts", "ok\n-oProxyCommand=x\n", "name of a host", 2), ("hosts", "a;b\n", "name of a host", 1), ("hosts", "a$b\n", "name of a host", 1),
    ("hosts", "[a b]\n", "name of a group", 1), ("hosts", "[-web]\n", "name of a group", 1),
    ("hosts", CIRCLE, "circle: c -> a -> b -> c", 6), ("hosts", "[a:children]\nall\n", "'all' cannot be in", 2),
    ("hosts", "[web:var]\n", "kind of section ':var'", 1), ("hosts", "h a='b\n", "quote is not closed", 1),
    ("hosts", "h loose\n", "not NAME=VALUE", 1),
    ("hosts", "[w:vars]\nloose\n", "not NAME=VALUE", 2), ("hosts", "w[3:1]\n", "is empty", 1), ("hosts", "w[01:100]\n", "same length", 1),
    ("hosts", "w[1:]\n", "no range", 1), ("hosts", "w[z:a]\n", "range", 1),
    ("h.yml", "all:\n  host: {}\n", "no 'host'", 2), ("h.yml", "all:\n  hosts: 5\n", "must be a mapping", 2),
    ("h.yml", "- a\n", "mapping of groups", 1),
    ("h.yml", "web:\n  hosts:\n    '-x':\n", "name of a host", 3), ("h.yml", "web:\n  hosts:\n    'a\\nb':\n", "name of a host", 3),
    ("h.yml", 'web:\n  hosts:\n    "a\\nb":\n', "name of a host", 3), ("h.yml", "plugin: aws_ec2\n", "plugin 'aws_ec2'", 1),
    ("h.yml", "all:\n\thosts: {}\n", "bad YAML", 2), ("h.yml", "a: {children: {b: {children: {a: }}}}\n", "circle", 1)]


@pytest.mark.parametrize(("name", "text", "message", "line"), BAD)
def test_what_is_wrong_is_told_with_its_place(tmp_path: Path, name: str, text: str, message: str, line: int) -> None:
    with pytest.raises(FleetError) as caught:
        loaded(tmp_path, text, name)
    assert message in caught.value.message
    assert caught.value.pos and (caught.value.pos.file, caught.value.pos.line) == (str(tmp_path / name), line)


@pytest.mark.parametrize("value", ["-oProxyCommand=x", "'a;b'", "'a$b'", "'a b'", '"a\\nb"'])
@pytest.mark.parametrize("key", ["ansible_host", "ansible_user", "ansible_port"])
def test_hostile_addresses_are_refused(tmp_path: Path, key: str, value: str) -> None:
    with pytest.raises(FleetError, match=key):
        loaded(tmp_path, f"all: {{hosts: {{h: {{{key}: {value}}}}}}}\n", "h.yml")
    assert loaded(tmp_path, "h ansible_host='{{ x }}' ansible_user=me\n").hosts


@pytest.mark.parametrize(("script", "message"), [("exit 3", "status 3"), ("echo no", "did not print JSON"), ("echo []", "JSON mapping"),
                                                 ("echo '{\"w\": 5}'", "neither a list nor a mapping")])
def test_programs_that_fail(tmp_path: Path, script: str, message: str) -> None:
    program = tmp_path / "program"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    with pytest.raises(FleetError, match=message) as caught:
        load_inventory([str(program)])
    assert caught.value.pos and caught.value.pos.file == str(program)


def test_a_source_that_is_not_there() -> None:
    with pytest.raises(FleetError, match="no inventory"):
        load_inventory(["/nowhere/hosts"])
