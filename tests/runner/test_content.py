"""Content that is sent along with requests: large, in order, and never taken for another's when the executor is killed."""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path

import pytest

from fleet import registry
from fleet.connection.base import Endpoint, Request
from fleet.connection.pool import Pool
from fleet.validate import validate
from tests.connection.conftest import Waiting

HERE = Endpoint("here", "local")


@pytest.fixture
def pool():
    pool = Pool(run_id="content")
    yield pool
    pool.close()


def send(pool: Pool, module: str, blob: bytes | Path | None = None, **args: object) -> Waiting:
    waiting = Waiting()
    pool.submit(HERE, Request(module, dict(validate(registry.spec(module), args)), blob=blob), waiting)
    return waiting


def test_a_file_larger_than_every_buffer(pool: Pool, tmp_path: Path) -> None:
    source, dest = tmp_path / "source", tmp_path / "dest"
    with source.open("wb") as stream:
        for _ in range(48):
            stream.write(os.urandom(1 << 20))
    result = send(pool, "copy", source, src="source", dest=str(dest)).get().result
    assert result and result["changed"], result
    assert hashlib.sha1(dest.read_bytes()).hexdigest() == hashlib.sha1(source.read_bytes()).hexdigest() == result["checksum"]


def test_on_another_filesystem_than_it_waited_on(pool: Pool) -> None:
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        dest = Path(folder, "dest")
        result = send(pool, "copy", b"x" * 3_000_000, src="x", dest=str(dest), mode="0640").get().result
        assert result and result["changed"] and result["mode"] == "0640", result
        assert dest.read_bytes() == b"x" * 3_000_000
        assert os.listdir(folder) == ["dest"]


def test_much_content_behind_a_slow_command(pool: Pool, tmp_path: Path) -> None:
    slow = send(pool, "command", cmd="sleep 0.5")
    copies = [send(pool, "copy", bytes([number]) * 3_000_000, src="x", dest=str(tmp_path / str(number))) for number in range(30)]
    assert (slow.get().result or {})["rc"] == 0
    for number, copy in enumerate(copies):
        result = copy.get().result
        assert result and result["changed"], result
        assert (tmp_path / str(number)).read_bytes() == bytes([number]) * 3_000_000


def test_a_killed_executor_loses_no_content_of_those_behind_and_never_writes_less(pool: Pool, tmp_path: Path) -> None:
    doomed = send(pool, "shell", cmd="sleep 0.3; kill -9 $PPID")
    copies = [send(pool, "copy", bytes([number + 1]) * size, src="x", dest=str(tmp_path / str(number)))
              for number, size in enumerate((10, 5000, 900_000, 3_000_000, 9_000_000))]
    assert (doomed.get().result or {}).get("killed")
    for number, copy in enumerate(copies):
        result = copy.get().result or {}
        target = tmp_path / str(number)
        if result.get("failed"):
            assert "did not arrive whole" in result["msg"] and not target.exists()
        else:
            assert target.read_bytes().count(bytes([number + 1])) == target.stat().st_size
    assert (tmp_path / "0").read_bytes() == b"\x01" * 10
    assert (tmp_path / "1").stat().st_size == 5000
