"""The generated types: true to the specs, and what type checkers make of right and wrong plays."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

from fleet import registry
from fleet.dsl import stubs

ROOT = Path(__file__).parents[2]
CASES = Path(__file__).parent / "typing"
MAIN = {
    "add_host": "name", "apt": "name", "assert": "that", "authorized_key": "user", "blockinfile": "path", "command": "_raw_params", "container": "name",
    "copy": "src", "cron": "name", "debug": "msg", "fetch": "src", "file": "path", "find": "paths", "get_url": "url", "git": "repo", "group": "name",
    "guest": "name", "image": "name", "include_vars": "file", "lineinfile": "path", "network": "name", "package": "name", "replace": "path",
    "service": "name", "set_fact": None, "shell": "_raw_params", "slurp": "src", "stat": "path", "systemd": "name", "template": "src", "unarchive": "src",
    "user": "name", "wait_for": "host",
}


def test_the_stubs_are_those_of_the_specs() -> None:
    assert stubs.TARGET.read_text() == stubs.text(), "run `python -m fleet.dsl.stubs`"


def test_what_a_positional_argument_means() -> None:
    """Part of the language: a module's first option may not change it unseen."""
    assert {name: registry.spec(name).main for name in MAIN} == MAIN


def test_every_keyword_of_a_call_is_typed() -> None:
    assert set(stubs._KEYWORD_TYPES) == set(stubs.KEYWORDS)


def wrong_lines(path: Path) -> list[int]:
    return [number for number, line in enumerate(path.read_text().splitlines(), 1) if line.endswith("# wrong")]


def test_mypy() -> None:
    good, wrong = CASES / "good.py", CASES / "wrong.py"
    done = subprocess.run([sys.executable, "-m", "mypy", "--strict", "--no-error-summary", "--hide-error-context", str(good), str(wrong)], cwd=ROOT,
                          capture_output=True, text=True, timeout=250)
    found = [(Path(file).name, int(line)) for file, line in re.findall(r"^(\S+?):(\d+): error", done.stdout, re.MULTILINE)]
    assert [line for name, line in found if name == "good.py"] == [], done.stdout
    assert sorted({line for name, line in found if name == "wrong.py"}) == wrong_lines(wrong), done.stdout
    assert '"Host" has no attribute "copi"' in done.stdout


def test_pyright(tmp_path: Path) -> None:
    program = Path(sys.executable).with_name("basedpyright")
    config = tmp_path / "pyrightconfig.json"
    config.write_text(json.dumps({"typeCheckingMode": "standard", "include": [str(CASES)], "extraPaths": [str(ROOT)], "pythonVersion": "3.11",
                                  "reportAttributeAccessIssue": "error"}))
    done = subprocess.run([str(program), "--outputjson", "-p", str(config), "--pythonpath", sys.executable], capture_output=True, text=True, timeout=250)
    found = [(Path(each["file"]).name, each["range"]["start"]["line"] + 1, each["message"]) for each in json.loads(done.stdout)["generalDiagnostics"]
             if each["severity"] == "error"]
    assert [each for each in found if each[0] == "good.py"] == []
    assert sorted({line for name, line, _ in found if name == "wrong.py"}) == wrong_lines(CASES / "wrong.py"), found


def test_editors_show_the_options_documentation() -> None:
    text = stubs.method("file", registry.spec("file"))
    assert "path: The path to manage." in text and "state: What it shall be" in text
    assert "mode: Its permissions, octal. Returned: not absent." in stubs.result_class("file", registry.spec("file"))
