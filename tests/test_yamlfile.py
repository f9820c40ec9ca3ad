"""YAML from people and from anywhere: (text -> data) and (text -> position, message, hint), as data; what is hostile is refused, never run or waited for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from fleet import yamlfile
from fleet.errors import SourceError

BOMB = "a: &a [" + ",".join("x" * 9) + "]\n" + "".join(
    f"{this}: &{this} [{','.join([f'*{last}'] * 9)}]\n" for last, this in zip("abcdefgh", "bcdefghi", strict=True))


@pytest.mark.parametrize(("text", "wanted"), [
    ("a: no\nb: off\nc: yes", {"a": False, "b": False, "c": True}),
    ("mode: 0644\nport: 1:20\nbig: 1_000\nhex: 0x1F", {"mode": 0o644, "port": 80, "big": 1000, "hex": 31}),
    ("", None),
    ("a: &x {b: 1}\nc: {<<: *x, d: 2}", {"a": {"b": 1}, "c": {"b": 1, "d": 2}}),
    ("a: 1\r\nb: 2\r\n", {"a": 1, "b": 2}),
    ("a:\n" + "".join("  " * depth + f"- k{depth}:\n" for depth in range(30)), None),
])
def test_what_it_means(text: str, wanted: Any) -> None:
    found = yamlfile.load(text)
    assert wanted is None or found == wanted


@pytest.mark.parametrize(("text", "place", "words"), [
    pytest.param(BOMB, "f.yml:", "expands to more than 2000000 nodes", id="alias bomb"),
    pytest.param("a: &a [*a]", "f.yml:1:4", "refers to itself", id="self"),
    pytest.param("a: *nobody", "f.yml:1:4", "undefined alias", id="no anchor"),
    pytest.param("x: !!python/object/apply:os.system [ls]", "f.yml:1:4", "python/object/apply:os.system is not allowed", id="python"),
    pytest.param("x: !!python/name:os.system ''", "f.yml:1:4", "cannot make Python objects", id="python name"),
    pytest.param("x: !Custom {a: 1}", "f.yml:1:4", "!Custom is not allowed", id="tag"),
    pytest.param("a: 1\nb: 2\na: 3", "f.yml:3:1", "the key 'a' stands here twice | it was first given at line 1", id="twice"),
    pytest.param("a:\n\t- b", "f.yml:2:1", "bad YAML | indented with spaces; this line holds a tab", id="tab"),
    pytest.param("a: b\n\u00a0c: d", "f.yml:2", "non-breaking space | plain space", id="nbsp"),
    pytest.param("a: {{ b }}", "f.yml:1:5", "cannot be a key | quote it", id="braces"),
    pytest.param("a: b: c", "f.yml:1:5", "bad YAML | must be quoted", id="colon"),
    pytest.param("a: 1\n---\nb: 2", "f.yml:2:1", "bad YAML | one file holds one YAML document", id="two documents"),
    pytest.param("a: 2026-99-99", "f.yml:1:4", "bad YAML value '2026-99-99'", id="date"),
    pytest.param("[" * 100_000, "f.yml:1:201", "more than 200 levels", id="deep lists"),
    pytest.param("{a: " * 100_000, "f.yml:1:801", "more than 200 levels", id="deep mappings"),
    pytest.param("- " * 100_000 + "x", "f.yml:1:401", "more than 200 levels", id="deep dashes"),
    pytest.param("? " * 100_000 + "x", "f.yml:1:401", "more than 200 levels", id="deep keys"),
    pytest.param("".join(" " * depth + "a:\n" for depth in range(3000)), "f.yml:201:201", "more than 200 levels", id="deep blocks"),
    pytest.param("x" * (yamlfile.MAX_BYTES + 1), "f.yml", "more than 32 MiB", id="large"),
])
def test_what_is_wrong_is_told_with_its_place(text: str, place: str, words: str) -> None:
    message, _, hint = words.partition(" | ")
    with pytest.raises(SourceError) as caught:
        yamlfile.load(text, "f.yml")
    error = caught.value
    assert str(error.pos).startswith(place) and message in error.message and hint in error.hint, error.render()


def test_bytes_that_are_not_utf8(tmp_path: Path) -> None:
    path = tmp_path / "f.yml"
    path.write_bytes("a: 1\nb: caf\xe9\n".encode("latin-1"))
    with pytest.raises(SourceError, match="not UTF-8") as caught:
        yamlfile.read(path)
    assert str(caught.value.pos) == f"{path}:2" and "Latin-1" in caught.value.hint
    path.write_bytes(b"\xef\xbb\xbfa: 1\n")
    assert yamlfile.read(path) == {"a": 1}, "a byte order mark is no content"


def test_a_file_without_end_is_not_read_to_its_end() -> None:
    with pytest.raises(SourceError, match="more than 32 MiB"):
        yamlfile.read("/dev/zero")


def test_data_from_a_target_is_bounded_too() -> None:
    assert list(yamlfile.plain("a: 1\n---\n- b\n")) == [{"a": 1}, ["b"]]
    for text in ("[" * 100_000, "- " * 100_000):
        with pytest.raises(SourceError, match="levels deep"):
            yamlfile.plain(text)
    with pytest.raises(yaml.YAMLError):
        list(yamlfile.plain("!!python/object/apply:os.system [ls]"))
