"""expect: programs that ask at a terminal."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from tests.modules.harness import fails, run

ASK = "sh -c 'printf \"Name? \"; read a; printf \"Sure? \"; read b; echo \"$a/$b\"'"
TTY = "sh -c 'exec </dev/null; stty -echo </dev/tty; printf \"Password: \" >/dev/tty; read p </dev/tty; echo got ${#p}'"
# the command, what is answered, fields of the result
CASES: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    (ASK, {"Name": "anna", "Sure": "yes"}, {"stdout": "Name? Sure? anna/yes", "rc": 0, "changed": True}),
    (ASK, {"\\? $": ["one", "two"]}, {"stdout": "Name? Sure? one/two"}),
    (ASK, {"(?i)name": "a b", "sure\\?|Sure\\?": "ü"}, {"stdout": "Name? Sure? a b/ü"}),
    (TTY, {"Password": "hush"}, {"stdout": "Password: got 4"}),
    ("sh -c 'exit 3'", {"x": "y"}, {"rc": 3, "failed": True, "msg": "non-zero return code"}),
    ("echo '$HOME'", {"x": "y"}, {"stdout": "$HOME"}),
    ("pwd", {"x": "y"}, {"stdout": "/usr"}),
    ("/no/such/program", {"x": "y"}, {"failed": True, "msg": "cannot run /no/such/program: No such file or directory"}),
    (ASK, {"\\?": ["only one"]}, {"failed": True, "msg": "no answer is left for the question '\\?'", "stdout": "Name? Sure?"}),
]


@pytest.mark.parametrize(("command", "responses", "expected"), CASES, ids=lambda value: "")
def test_conversation(command: str, responses: dict[str, Any], expected: dict[str, Any]) -> None:
    result = run("expect", {"command": command, "responses": responses, "chdir": "/usr"})
    assert {key: result[key].rstrip() if key == "stdout" else result[key] for key in expected} == expected, result


def test_what_is_echoed_and_how_much() -> None:
    shown = run("expect", {"command": ASK, "responses": {"Name": "anna", "Sure": "yes"}, "echo": True})
    assert shown["stdout"] == "Name? anna\nSure? yes\nanna/yes"
    much = run("expect", {"command": f"{sys.executable} -c 'print(\"x\" * 300000); input(\"end? \")'", "responses": {"end\\?": ""}})
    assert much["rc"] == 0 and len(much["stdout"]) >= 300000


def test_time_and_conditions(tmp_path: Path) -> None:
    fails("expect", {"command": "sleep 20", "responses": {"x": "y"}, "timeout": 1}, "command exceeded timeout")
    made = {"command": f"touch {tmp_path}/made", "responses": {"x": "y"}, "creates": f"{tmp_path}/made"}
    assert run("expect", made, check=True)["changed"] and not (tmp_path / "made").exists()
    assert run("expect", made)["changed"] and not run("expect", made)["changed"]
    assert run("expect", {"command": "true", "responses": {"x": "y"}}, check=True)["unpredicted"]
    fails("expect", {"command": "echo 'open", "responses": {"x": "y"}}, "cannot be read")
    fails("expect", {"command": "true", "responses": {"(": "y"}}, "cannot be read")
