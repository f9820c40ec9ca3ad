"""command and shell."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from fleet.errors import ArgumentError
from tests.modules.sysroot import ok, run

RUNS: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("command", {"_raw_params": "echo 'a b'  c"}, {"stdout": "a b c", "cmd": ["echo", "a b", "c"], "rc": 0, "changed": True}),
    ("command", {"cmd": "echo |"}, {"stdout": "|"}),
    ("command", {"argv": ["echo", "$FLEET_TEST"]}, {"stdout": "seen"}),
    ("command", {"argv": ["echo", "$FLEET_TEST"], "expand_argument_vars": False}, {"stdout": "$FLEET_TEST"}),
    ("command", {"argv": ["echo", "$FLEET_NO_SUCH"]}, {"stdout": "$FLEET_NO_SUCH"}),
    ("command", {"cmd": "cat", "stdin": "x"}, {"stdout": "x"}),
    ("command", {"cmd": "wc -c", "stdin": "x"}, {"stdout": "2"}),
    ("command", {"cmd": "wc -c", "stdin": "x", "stdin_add_newline": False}, {"stdout": "1"}),
    ("command", {"cmd": "echo", "strip_empty_ends": False}, {"stdout": "\n"}),
    ("command", {"cmd": "false"}, {"failed": True, "rc": 1, "msg": "non-zero return code", "changed": True}),
    ("command", {"cmd": "pwd", "chdir": "/usr"}, {"stdout": "/usr"}),
    ("command", {"cmd": "true", "chdir": "/no/such"}, {"failed": True, "changed": False}),
    ("command", {"cmd": "/no/such/program"}, {"failed": True, "rc": 2, "stdout": "", "stderr": "", "changed": False}),
    ("command", {"cmd": "echo 'open"}, {"failed": True, "rc": 256}),
    ("command", {"cmd": "echo hi", "creates": "/etc/pass*d"}, {"changed": False, "stdout": "skipped, since /etc/pass*d exists", "rc": 0}),
    ("command", {"cmd": "echo hi", "removes": "/no/such"}, {"changed": False, "msg": "Did not run command since '/no/such' does not exist"}),
    ("command", {"cmd": "echo hi", "removes": "passwd", "chdir": "/etc"}, {"changed": True, "stdout": "hi"}),
    ("shell", {"cmd": "echo a | tr a b; echo err >&2; exit 3"}, {"stdout": "b", "stderr": "err", "rc": 3, "failed": True}),
    ("shell", {"cmd": "echo $0", "executable": "/bin/bash"}, {"stdout": "/bin/bash"}),
    ("shell", {"cmd": "cat <<E\none\n  two\nE\n"}, {"stdout": "one\n  two", "cmd": "cat <<E\none\n  two\nE\n"}),
]
CHECKS: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"cmd": "false"}, {"skipped": True, "changed": False}),
    ({"cmd": "false", "creates": "/no/such"}, {"changed": True}),
    ({"cmd": "false", "creates": "/etc/passwd"}, {"changed": False, "msg": "Would not run command since '/etc/passwd' exists"}),
    ({"cmd": "false", "removes": "/etc/passwd"}, {"changed": True}),
]


def matches(result: dict[str, Any], expected: dict[str, Any]) -> None:
    assert {key: result.get(key) for key in expected} == expected, result


@pytest.mark.parametrize("module,args,expected", RUNS)
def test_runs(module: str, args: dict[str, Any], expected: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLEET_TEST", "seen")
    matches(run(module, **args), expected)


@pytest.mark.parametrize("args,expected", CHECKS)
def test_check_runs_nothing(args: dict[str, Any], expected: dict[str, Any]) -> None:
    for module in ("command", "shell"):
        result = run(module, check=True, **args)
        matches(result, expected)
        assert ("skipped" in result) == ("skipped" in expected)


def test_creates_is_created(tmp_path: Path) -> None:
    args = {"cmd": f"touch {tmp_path}/x", "creates": f"{tmp_path}/x"}
    assert ok("shell", **args)["changed"] and not ok("shell", **args)["changed"]


def test_times_and_bytes() -> None:
    result = ok("shell", cmd="printf '\\377'")
    assert result["stdout"].encode("utf-8", "surrogateescape") == b"\xff"
    assert result["start"] <= result["end"] and result["delta"].startswith("0:00:0")


def test_home_is_expanded() -> None:
    assert ok("command", argv=["echo", "~"])["stdout"] == os.path.expanduser("~")


def test_executable_is_not_for_command() -> None:
    assert "no longer supported" in ok("command", cmd="true", executable="/bogus")["warnings"][0]


@pytest.mark.parametrize("args,word", [
    ({}, "one of the following is required"), ({"cmd": ""}, "no command given"), ({"cmd": " "}, "no command given"),
    ({"cmd": "a", "argv": ["b"]}, "mutually exclusive"),
])
def test_arguments_that_make_no_sense(args: dict[str, Any], word: str) -> None:
    result = run("command", **args)
    assert result["failed"] and word in result["msg"] and not result["changed"]


def test_an_option_there_is_not() -> None:
    with pytest.raises(ArgumentError, match="warn"):
        run("command", cmd="a", warn=False)
