"""validate_argument_spec, and roles that say what they take."""

from __future__ import annotations

import json
from typing import Any

import pytest

from fleet.errors import SourceError
from tests.actions.harness import results
from tests.engine.harness import Site

SPEC = {"door": {"type": "int", "required": True}, "level": {"choices": ["debug", "info"], "default": "{{ no_such }}"},
        "users": {"type": "list", "elements": "dict", "options": {"name": {"required": True}, "uid": {"type": "int"}}}}

# variables, provided arguments, what is wrong
CASES: list[tuple[dict[str, Any], dict[str, Any], list[str]]] = [
    ({"door": 80}, {}, []),
    ({"door": "80", "users": [{"name": "anna", "uid": "5"}]}, {"level": "info"}, []),
    ({"number": 8, "door": "{{ number * 10 }}"}, {}, []),
    ({}, {}, ["missing required arguments: door"]),
    ({"door": "x", "level": "loud"}, {}, ["the option 'door' takes an integer, not 'x'", "the option 'level' is one of: debug, info; not 'loud'"]),
    ({"door": "x"}, {"door": 1}, []),
    ({"door": 1}, {"prot": 1}, ["Unsupported parameters: prot. It takes: door, level, users"]),
    ({"door": 1, "users": [{"uid": 1}]}, {}, ["missing required arguments: name"]),
    ({"door": 1, "users": [{"name": "a", "home": "/"}]}, {}, ["Unsupported parameters for the option 'users': home"]),
]


@pytest.mark.parametrize(("variables", "provided", "wrong"), CASES, ids=str)
def test_values(site: Site, variables: dict[str, Any], provided: dict[str, Any], wrong: list[str]) -> None:
    spec = json.loads(json.dumps(SPEC).replace("{{ no_such }}", "info"))
    [result] = results(site, {"validate_argument_spec": {"argument_spec": spec, "provided_arguments": provided}}, variables=variables, check=True)
    assert result.get("argument_errors", []) == wrong and (result["status"] == "failed") == bool(wrong) and not result.get("changed")


def role(site: Site, tasks: str = "- debug: {msg: 'door {{ door }}'}\n") -> None:
    site.write("roles/web/tasks/main.yml", tasks)
    site.write("roles/web/tasks/other.yml", "- debug: {msg: other}\n")
    site.write("roles/web/meta/argument_specs.yml", json.dumps({"argument_specs": {"main": {"short_description": "a web", "options": SPEC}}}))


def test_a_role_begins_with_the_check(site: Site) -> None:
    role(site)
    seen = site.run("- hosts: pair\n  gather_facts: false\n  roles: [web]\n  vars: {door: \"{{ 80 if inventory_hostname == 'a' else 'x' }}\"}\n", tags=("none",))
    assert seen.trail("a") == ["Validating arguments against arg spec 'main' - a web ok"]  # it is tagged `always`
    seen = site.run("- hosts: pair\n  gather_facts: false\n  roles: [web]\n  vars: {door: \"{{ 80 if inventory_hostname == 'a' else 'x' }}\"}\n")
    assert seen.status == 2 and seen.messages("a") == ["door 80"] and seen.messages("b") == []
    [failed] = [event.result for event in seen.results("b")]
    assert failed["argument_errors"] == ["the option 'door' takes an integer, not 'x'"]
    assert failed["validate_args_context"]["argument_spec_name"] == "main" and failed["validate_args_context"]["name"] == "web"


def test_where_it_is_not_asked_for(site: Site) -> None:
    role(site, "- debug: {msg: done}\n")
    head = "- hosts: a\n  gather_facts: false\n  tasks:\n"
    assert site.run(head + "    - include_role: {name: web}\n").status == 2
    assert site.run(head + "    - include_role: {name: web, rolespec_validate: false}\n").messages() == ["done"]
    assert site.run(head + "    - import_role: {name: web, rolespec_validate: false}\n").messages() == ["done"]
    assert site.run(head + "    - import_role: {name: web, tasks_from: other}\n").messages() == ["other"]
    assert site.run(head + "    - import_role: {name: web}\n      vars: {door: 5}\n").messages() == ["done"]


# the role's entry in the play, or its spec; what is said before any host is touched
MISTAKES = [
    ("{role: web, door: eighty}", SPEC, "the role 'web': the option 'door' takes an integer, not 'eighty'"),
    ("{role: web, door: 1, level: loud}", SPEC, "the option 'level' is one of: debug, info"),
    ("web", {"door": {"type": "integer"}}, "there is no type 'integer' of an option"),
    ("web", {"door": {"requird": True}}, "has no 'requird'"),
    ("web", {"door": "int"}, "is a mapping"),
    ("web", {"door": {"remarks": "x", "type": "dict", "options": {}, "mutually_exclusive": [["a", "b"]]}}, "'mutually_exclusive' inside the option 'door'"),
    ("web", ["door"], "a mapping of names"),
    ("web", {"a": {"options": {"b": {"choices": "x"}}}}, "'choices' of the option 'b' is a list"),
]


@pytest.mark.parametrize(("entry", "spec", "words"), MISTAKES, ids=str)
def test_mistakes_found_first(site: Site, entry: str, spec: Any, words: str) -> None:
    role(site)
    site.write("roles/web/meta/argument_specs.yml", json.dumps({"argument_specs": {"main": {"options": spec}}}))
    with pytest.raises(SourceError, match=words) as caught:
        site.run(f"- hosts: a\n  roles: [{entry}]\n")
    assert caught.value.pos and caught.value.pos.line


def test_extra_variables_are_above_what_is_written(site: Site) -> None:
    role(site)
    play = "- hosts: a\n  gather_facts: false\n  roles: [{role: web, door: eighty}]\n"
    assert site.run(play, extra_vars=("door=5",)).messages() == ["door 5"]
