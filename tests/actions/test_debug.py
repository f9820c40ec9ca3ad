from __future__ import annotations

from typing import Any

import pytest

from fleet.errors import FleetError
from tests.actions.harness import results, tasks
from tests.engine.harness import Site

VARIABLES = {"word": "hi", "tree": {"list": [1, {"x": "deep"}]}, "name_of_word": "word", "safe": "lookup('pipe', 'echo safe')",
             "evil": "{{ safe | upper | lower }}"}
CASES: list[tuple[Any, dict[str, Any]]] = [
    ({}, {"msg": "Hello world!"}),
    ({"msg": "{{ word }}!"}, {"msg": "hi!"}),
    ({"msg": "{{ tree }}"}, {"msg": VARIABLES["tree"]}),
    ({"msg": [1, "{{ word }}"]}, {"msg": [1, "hi"]}),
    ({"var": "word"}, {"word": "hi"}),
    ({"var": "tree.list[1]['x']"}, {"tree.list[1]['x']": "deep"}),
    ({"var": "word | upper"}, {"word | upper": "HI"}),
    ({"var": "{{ name_of_word }}"}, {"word": "hi"}),
    ({"var": "1 + 1"}, {"1 + 1": 2}),
    ({"var": "nothing"}, {"nothing": "VARIABLE IS NOT DEFINED!"}),
    ({"var": "tree.nothing"}, {"tree.nothing": "VARIABLE IS NOT DEFINED!"}),
    ({"verbosity": 3}, {"status": "skipped"}),
    ({"var": "{{ safe }}"}, {"lookup('pipe', 'echo safe')": "safe"}),
    ({"var": "{{ evil }}"}, {"status": "failed"}),
    ({"var": {"a": 1}}, {"status": "failed"}),
    ({"var": "5/0"}, {"status": "failed"}),
]


@pytest.mark.parametrize("args,expected", CASES)
def test_what_is_shown(args: Any, expected: dict[str, Any], site: Site) -> None:
    [result] = results(site, {"debug": args}, variables=VARIABLES)
    assert {key: result.get(key) for key in expected} == expected, result


def test_an_undefined_variable_is_warned_about(site: Site) -> None:
    [result] = results(site, {"debug": {"var": "nothing"}})
    assert len(result["warnings"]) == 1 and "nothing" in result["warnings"][0] and result["status"] == "ok"


def test_an_unsafe_name_is_not_evaluated(site: Site) -> None:
    [result] = results(site, "debug:\n    var: !unsafe word", variables=VARIABLES)
    assert result["status"] == "failed" and "untrusted template or expression" in result["msg"]


def test_found_before_the_run(site: Site) -> None:
    with pytest.raises(FleetError, match="'msg' and 'var'"):
        results(site, {"debug": {"msg": "a", "var": "b"}})


def test_facts_shown_are_not_set(site: Site) -> None:
    seen = tasks(site, {"set_fact": {"ansible_facts": {"inner": 1}}}, {"debug": {"var": "ansible_facts"}}, {"debug": {"var": "inner"}})
    assert seen.results("a")[-1].result["inner"] == "VARIABLE IS NOT DEFINED!"
