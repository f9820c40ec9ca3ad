"""What expressions come to, as data: the values (and the errors) that playbooks written for Ansible count on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from fleet.errors import TemplateError
from fleet.template import Templar, Variables
from fleet.trust import trust_str

CASES: dict[str, list[Any]] = json.loads((Path(__file__).parent / "expressions.json").read_text())
TEMPLAR = Templar()
VARIABLES = Variables(TEMPLAR, [{
    "none_var": None,
    "users": [{"name": "ann", "age": 30, "admin": True, "tags": ["x", "y"]}, {"name": "bob", "age": 20, "admin": False, "tags": ["z"]}],
}])


@pytest.mark.parametrize(("text", "value"), CASES["values"], ids=[text for text, _ in CASES["values"]])
def test_values(text: str, value: Any) -> None:
    found = TEMPLAR.render(trust_str(text), VARIABLES)
    assert json.loads(json.dumps(found, default=lambda item: item.isoformat())) == value


@pytest.mark.parametrize("text", CASES["errors"])
def test_errors(text: str) -> None:
    with pytest.raises(TemplateError):
        TEMPLAR.render(trust_str(text), VARIABLES)


def test_backslashes() -> None:
    assert TEMPLAR.render(trust_str("{{ 'foobar' | regex_replace('^f.*o(.*)$', 'a\\1') }}"), VARIABLES) == "abar"
    assert TEMPLAR.render(trust_str("{{ 'a\\n' }}{% set b = 'b\\n' %}{{ b }}"), VARIABLES) == "a\\nb\n"
    assert TEMPLAR.test("'a.b' is match('a\\\\.b') and 'a\\n' | length == 2", VARIABLES)
    assert TEMPLAR.render_text("{{ ['a', 'b'] | join('\\n') }}", VARIABLES, name="t.j2") == "a\nb"


def test_salted_hashes() -> None:
    assert TEMPLAR.render(trust_str("{{ 'secret' | password_hash('sha512', 'mysalt12') }}"), VARIABLES).startswith("$6$rounds=656000$mysalt12$")
    assert TEMPLAR.render(trust_str("{{ 'secret' | password_hash('sha256', 'mysalt12', rounds=5000) }}"), VARIABLES).startswith("$5$mysalt12$")


def test_lookups_of_files(tmp_path: Path) -> None:
    (tmp_path / "f").write_text("one\ntwo\n\n")
    for call, value in (("lookup('file', f)", "one\ntwo"), ("lookup('file', f, rstrip=false)", "one\ntwo\n\n"), ("lookup('unvault', f)", "one\ntwo\n\n"),
                        ("lookup('file', f ~ '.no', errors='ignore')", None), ("query('items', [1, [2, [3]]])", [1, [2, [3]]]),
                        ("lookup('items', ['a', 'b'])", "a,b")):
        assert TEMPLAR.render(trust_str("{{ " + call + " }}"), VARIABLES.child({"f": str(tmp_path / "f")})) == value
