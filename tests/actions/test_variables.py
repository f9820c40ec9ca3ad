"""fail, set_fact, include_vars, add_host, group_by."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.actions.harness import results, tasks
from tests.engine.harness import Site


def test_fail(site: Site) -> None:
    done = results(site, {"fail": {}}, {"fail": {"msg": "since {{ 1 + 1 }}"}})
    assert [(result["status"], result["msg"]) for result in done] == [("failed", "Failed as requested from task"), ("failed", "since 2")]


def test_set_fact(site: Site) -> None:
    done = results(site, {"set_fact": {"one": "{{ 1 + 1 }}", "words": ["a"]}}, {"debug": {"msg": "{{ [one, words] }}"}})
    assert done[0]["status"] == "ok" and done[1]["msg"] == [2, ["a"]]


@pytest.mark.parametrize("args", [{"bad-name": 1}, {"1x": 1}, {"cacheable": True}])
def test_set_fact_refuses(args: dict[str, Any], site: Site) -> None:
    assert results(site, {"set_fact": args})[0]["status"] == "failed"


def test_facts_are_not_templates_again(site: Site) -> None:
    done = results(site, {"command": {"argv": ["echo", "{{ '{{' }} 1 + 1 }}"]}, "register": "out"}, {"set_fact": {"kept": "{{ out.stdout }}"}},
                   {"debug": {"msg": "{{ kept }}"}})
    assert done[-1]["msg"] == "{{ 1 + 1 }}"


def test_include_vars(site: Site) -> None:
    site.write("vars/one.yml", "a: 1\nb: '{{ a + 1 }}'\n")
    site.write("vars/tree/10.yml", "x: 1\nm: {p: 1, q: 1}\n")
    site.write("vars/tree/sub/20.json", json.dumps({"x": 2, "m": {"q": 2}}))
    site.write("vars/tree/readme.txt", "no variables")
    done = results(
        site, {"include_vars": "one.yml"}, {"debug": {"msg": "{{ b }}"}},
        {"include_vars": {"dir": "tree", "ignore_files": ["readme.txt"], "name": "box"}}, {"debug": {"msg": "{{ box }}"}},
        {"include_vars": {"dir": "tree", "ignore_unknown_extensions": True, "hash_behaviour": "merge"}}, {"debug": {"msg": "{{ m }}"}},
        {"include_vars": {"dir": "tree", "depth": 1, "extensions": ["yml"], "ignore_unknown_extensions": True}}, {"debug": {"msg": "{{ m }}"}})
    assert [result["status"] for result in done] == ["ok"] * 8, done
    assert [done[number]["msg"] for number in (1, 3, 5, 7)] == [2, {"x": 2, "m": {"q": 2}}, {"p": 1, "q": 2}, {"p": 1, "q": 1}]
    assert [path.rsplit("/", 1)[1] for path in done[2]["ansible_included_var_files"]] == ["10.yml", "20.json"]


@pytest.mark.parametrize("args,word", [
    ("missing.yml", "could not find or access 'missing.yml'"), ({"dir": "tree"}, "valid extension"), ({"file": "list.yml"}, "must hold a mapping"),
    ({"dir": "list.yml"}, "is not a directory"), ({"file": "list.yml", "files_matching": "x"}, "is for `dir`"),
])
def test_include_vars_refuses(args: Any, word: str, site: Site) -> None:
    site.write("vars/tree/readme.txt", "x")
    site.write("vars/list.yml", "- 1\n")
    [result] = results(site, {"include_vars": args})
    assert result["status"] == "failed" and word in result["msg"]


def test_add_host_and_group_by(site: Site) -> None:
    done = results(
        site,
        {"add_host": {"name": "new:2222", "groups": "fresh,web", "speed": 9}},
        {"add_host": {"name": "new:2222", "groups": ["fresh", "web"], "speed": 9}},
        {"add_host": {"hostname": "new", "groups": "fresh", "speed": 10}},
        {"group_by": {"key": "os my os", "parents": ["systems"]}},
        {"group_by": {"key": "os my os", "parents": ["systems"]}},
        {"debug": {"msg": "{{ [hostvars.new.speed, groups.fresh, groups['os-my-os'], 'systems' in group_names] }}"}})
    assert [result["changed"] for result in done] == [True, False, True, True, False, False]
    assert done[0]["add_host"]["host_name"] == "new" and done[0]["add_host"]["host_vars"] == {"speed": 9, "ansible_ssh_port": 2222}
    assert done[-1]["msg"] == [10, ["new"], ["a"], True]


@pytest.mark.parametrize("name,expected", [("h", ("h", 0)), ("h:22", ("h", 22)), ("fe80::1", ("fe80::1", 0)), ("[fe80::1]:22", ("fe80::1", 22))])
def test_names_with_ports(name: str, expected: tuple[str, int]) -> None:
    from fleet.actions.add_host import _split
    assert _split(name) == expected


def test_pause(site: Site) -> None:
    seen = tasks(site, {"pause": {"seconds": 1}}, {"pause": {"prompt": "Sure?", "seconds": 0}})
    first, second = (event.result for event in seen.results("a"))
    assert first["delta"] == 1 and first["stdout"].startswith("Paused for 1") and not first["changed"]
    assert second["user_input"] == "" and "not interactive" in second["warnings"][0]


def test_statistics_of_ones_own(site: Site) -> None:
    seen = tasks(site,
        {"set_stats": {"data": {"count": 1, "names": ["{{ inventory_hostname }}"], "text": "x", "map": {"a": 1}}}},
        {"set_stats": {"data": {"count": 2.5, "map": {"b": 2}, "text": ["not text"]}}},
        {"set_stats": {"data": {"own": "{{ inventory_hostname }}"}, "per_host": True}, "loop": [1, 2]},
        {"set_stats": {"data": {"own": "last"}, "per_host": True, "aggregate": False}, "when": "inventory_hostname == 'b'"},
        {"set_stats": {"data": {"not a name": 1}}}, hosts="pair", check=True)
    stats = seen.events[-1].as_dict()["custom_stats"]
    stats["_run"]["names"].sort()
    assert stats == {
        "_run": {"count": 7.0, "names": ["a", "b"], "text": ["not text"] * 2, "map": {"a": 1, "b": 2}}, "a": {"own": "aa"}, "b": {"own": "last"}}
    assert [result.status for result in seen.results("a")] == ["ok", "ok", "ok", "skipped", "ignored"]


def test_facts_with_names_of_their_own(site: Site) -> None:
    done = results(site, {"getent": {"database": "passwd", "key": "root"}}, {"package_facts": {}, "delegate_to": "b", "delegate_facts": True}, {"package_facts": {}},
                   {"debug": {"msg": "{{ getent_passwd.root[1] }} {{ ansible_facts.getent_passwd.root[1] }} {{ packages.dpkg[0].name }}"}},
                   {"debug": {"msg": "{{ getent_passwd }}"}, "vars": {"getent_passwd": "a variable is above it"}})
    assert [result.get("msg") for result in done[-2:]] == ["0 0 dpkg", "a variable is above it"]
