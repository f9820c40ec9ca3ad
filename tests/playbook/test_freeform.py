"""One-line options, as data: text -> options and rest."""

from __future__ import annotations

from typing import Any

import pytest

from fleet.errors import Pos, SourceError
from fleet.playbook.freeform import RAW_OPTIONS, split
from fleet.trust import Trusted, trust_str

HERE = Pos("x.yml", 1, 1)

ALL = [
    ("a=1 b=two", {"a": "1", "b": "two"}, None),
    ("a='one two' b=\"x=y\"", {"a": "one two", "b": "x=y"}, None),
    ("a={{ b == 'c d' }} e=f", {"a": "{{ b == 'c d' }}", "e": "f"}, None),
    ("msg=\"{{ x | default(\"a b\") }}\"", {"msg": "{{ x | default(\"a b\") }}"}, None),
    ("a={% if x == 1 %}y=1{% endif %} b=2", {"a": "{% if x == 1 %}y=1{% endif %}", "b": "2"}, None),
    ("a=", {"a": ""}, None),
    ("a=b=c", {"a": "b=c"}, None),
    ("line=\"a\\tb\\n\" re=^\\s+x$", {"line": "a\tb\n", "re": "^\\s+x$"}, None),
    ("main.yml name=x", {"name": "x"}, "main.yml"),
    ("\n  a=1\n  b=2\n", {"a": "1", "b": "2"}, None),
    ("{{ all }}", {}, "{{ all }}"),
    ("", {}, None),
]
RAW = [
    ("ls -l creates=/x", {"creates": "/x"}, "ls -l"),
    ("chdir=/tmp  make   a=1 'b  c'", {"chdir": "/tmp"}, "make   a=1 'b  c'"),
    ("echo \"creates=/x\"", {}, "echo \"creates=/x\""),
    ("echo 'x' | grep \"{{ a }}\"\nchdir={{ d | default('/a b') }}", {"chdir": "{{ d | default('/a b') }}"}, "echo 'x' | grep \"{{ a }}\""),
    ("echo it's", {}, "echo it's"),
    ("echo a\\ b", {}, "echo a\\ b"),
    ("echo x \\", {}, "echo x \\"),
    ("echo a \\\n  \"b \\\n c\" \\\nd\n", {}, "echo a   \"b \\\n c\" d\n"),
    ("creates=/x\ncat <<E\n  a\nE\n", {"creates": "/x"}, "cat <<E\n  a\nE\n"),
]


@pytest.mark.parametrize(("text", "options", "rest"), ALL)
def test_options(text: str, options: dict[str, str], rest: str | None) -> None:
    assert split(trust_str(text), None, HERE) == (options, rest)


@pytest.mark.parametrize(("text", "options", "rest"), RAW)
def test_options_among_free_text(text: str, options: dict[str, str], rest: str | None) -> None:
    assert split(trust_str(text), RAW_OPTIONS, HERE) == (options, rest)


@pytest.mark.parametrize(("text", "known"), [("a=1 a=2", None), ("a='b", None), ("echo it's creates=/x", RAW_OPTIONS)])
def test_refused(text: str, known: Any) -> None:
    with pytest.raises(SourceError):
        split(text, known, HERE)


def test_pieces_are_as_trusted_as_the_text() -> None:
    options, rest = split(trust_str("a={{ x }} b=1 {{ y }}"), None, HERE)
    assert type(options["a"]) is Trusted and type(options["b"]) is str and type(rest) is Trusted


def test_long_text_of_templates_is_quick() -> None:
    split("a=\"" + "{{ x }} " * 5000, RAW_OPTIONS, HERE)
