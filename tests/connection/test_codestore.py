"""Our code as it is sent: nothing lost by what is taken out, and the cache never older than the files nor another's."""

from __future__ import annotations

import ast
import marshal
import zlib
from pathlib import Path

import pytest

from fleet.connection import codestore
from fleet.connection.codestore import CodeStore, path_of
from fleet.connection.payload import RUNNER


def code_of(store: CodeStore, name: str) -> object:
    return marshal.loads(zlib.decompress(store.part(name).code))


@pytest.mark.parametrize("name", [f"fleet.runner.{name}" for name in RUNNER] + ["fleet.modules.file", "fleet.modules.user", "fleet.modules.setup"])
def test_only_imports_of_types_are_taken_out(tmp_path: Path, name: str) -> None:
    sent = zlib.decompress(CodeStore(tmp_path / "c").part(name).source).decode().splitlines()
    written = path_of(name).read_text().splitlines()
    assert len(sent) == len(written)
    assert all(a == b or (a == "" and "typing" in b) for a, b in zip(sent, written, strict=True))
    assert not any(isinstance(node, ast.ImportFrom) and node.module == "typing" for node in ast.parse("\n".join(sent)).body)


def test_types_that_the_code_uses_stay() -> None:
    text = "from typing import (\n    Any,\n    NamedTuple,\n)\nfrom typing import List\nP = NamedTuple('P', [])\nMYPY = False\nif MYPY:\n    L = List[int]\n"
    assert codestore._without_types(text, ast.parse(text)).splitlines() == [
        "from typing import (", "    Any,", "    NamedTuple,", ")", "", "P = NamedTuple('P', [])", "MYPY = False", "if MYPY:", "    L = List[int]"]


def test_the_cache_is_read_again_and_not_when_a_file_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module, cache = tmp_path / "m.py", tmp_path / "cache" / "code"
    monkeypatch.setattr(codestore, "path_of", lambda name: module)
    module.write_text("x = 1\n")
    first = CodeStore(cache)
    made = first.part("fleet.m").code
    first.save()
    assert cache.stat().st_mode & 0o777 == 0o600
    monkeypatch.setattr(codestore, "_make", lambda *given: pytest.fail("it was made anew"))
    assert CodeStore(cache).part("fleet.m").code == made
    monkeypatch.undo()
    monkeypatch.setattr(codestore, "path_of", lambda name: module)
    module.write_text("x = 12\n")
    assert CodeStore(cache).part("fleet.m").code != made


def test_a_cache_that_others_can_write_or_that_is_torn_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache = tmp_path / "code"
    store = CodeStore(cache)
    right = code_of(store, "fleet.modules.ping")
    store.save()
    data = cache.read_bytes()
    for content, mode in ((data, 0o666), (data[:-100], 0o600), (b"", 0o600), (b"nonsense", 0o600), (marshal.dumps((1, "x")), 0o600)):
        cache.write_bytes(content)
        cache.chmod(mode)
        other = CodeStore(cache)
        assert other._load() == {}
        assert code_of(other, "fleet.modules.ping") == right
