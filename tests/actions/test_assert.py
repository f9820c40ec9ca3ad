from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from fleet.errors import FleetError
from tests.actions.harness import results
from tests.engine.harness import Site

VARIABLES = {"one": 1, "yes": True, "conditions": ["one == 1", "one < 2"], "wrong": ["one == 1", "one == 2"]}
CASES: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"that": "one == 1"}, {"status": "ok", "msg": "All assertions passed"}),
    ({"that": ["one == 1", "yes"]}, {"status": "ok"}),
    ({"that": "one == 2"}, {"status": "failed", "msg": "Assertion failed", "assertion": "one == 2", "evaluated_to": False}),
    ({"that": ["yes", "one == 2", "one == 3"], "fail_msg": "no: {{ one }}"}, {"status": "failed", "msg": "no: 1", "assertion": "one == 2"}),
    ({"that": "yes", "success_msg": "fine"}, {"msg": "fine"}),
    ({"that": "yes", "msg": "unused"}, {"status": "ok"}),
    ({"that": "one == 2", "msg": ["two", "lines"]}, {"msg": ["two", "lines"]}),
    ({"that": "{{ one == 1 }}"}, {"status": "ok"}),
    ({"that": "{{ one == 2 }}"}, {"status": "failed"}),
    ({"that": "{{ conditions }}"}, {"status": "ok"}),
    ({"that": "{{ wrong }}"}, {"status": "failed", "assertion": "one == 2"}),
    ({"that": True}, {"status": "ok"}),
    ({"that": False}, {"status": "failed"}),
    ({"that": ""}, {"status": "failed"}),
    ({"that": "nothing == 1"}, {"status": "failed"}),
    ({"that": "yes", "fail_msg": {"a": 1}}, {"status": "failed"}),
]


@pytest.mark.parametrize("args,expected", CASES)
def test_conditions(args: dict[str, Any], expected: dict[str, Any], site: Site) -> None:
    [result] = results(site, {"assert": args}, variables=VARIABLES)
    assert {key: result.get(key) for key in expected} == expected, result


def test_a_condition_that_is_data_runs_nothing(site: Site, tmp_path: Path) -> None:
    said = f"lookup('pipe', 'touch {tmp_path}/pwned') == ''"
    done = results(site, {"command": {"argv": ["echo", said]}, "register": "out"}, {"assert": {"that": "{{ [out.stdout] }}"}})
    assert done[-1]["status"] == "failed" and not (tmp_path / "pwned").exists()


def test_a_whole_task_from_a_loop(site: Site) -> None:
    done = results(site, {"assert": "{{ item }}", "loop": [{"that": "1 == 1"}, {"that": ["1 == 1", "2 == 1"]}], "register": "out"},
                   {"debug": {"msg": "{{ out.results | map(attribute='failed') | list }}"}})
    assert done[-1]["msg"] == [False, True]


def test_found_before_the_run(site: Site) -> None:
    with pytest.raises(FleetError, match="that"):
        results(site, {"assert": {}})


def test_quiet(site: Site) -> None:
    [result] = results(site, {"assert": {"that": "1 == 1", "quiet": True}})
    assert "msg" not in result and result["status"] == "ok"
