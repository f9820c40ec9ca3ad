"""Reading dpkg's database and comparing versions."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

import pytest

from fleet.modules._dpkg import Database, compare, database

STATUS = """Package: dpkg
Status: install ok installed
Architecture: amd64
Version: 1.21.22

Package: libc6
Status: install ok installed
Architecture: i386
Version: 2.36-9
Description: lines
 Version: not this

Package: libc6
Status: hold ok installed
Architecture: amd64
Version: 2.36-9+deb12u10

Package: gone
Status: deinstall ok config-files
Architecture: amd64
Version: 1.0

Package: exim4
Status: install ok installed
Architecture: all
Version: 4.96-15
Provides: mail-transport-agent, default-mta (= 4)
"""
PAIRS = [("1.0", "1.0-1"), ("1.0~rc1", "1.0"), ("1:0.1", "2"), ("1.10", "1.9"), ("1.0a", "1.0+"), ("0.9-1", "0.9-1+b1"), ("1.0-1~bpo12+1", "1.0-1"),
         ("1.0.", "1.0"), ("1a", "1~"), ("2.0", "2.0.0"), ("1.2.3", "1.2.3"), ("0:1", "1"), ("1.0-0", "1.0"), ("01", "1"), ("1~~", "1~")]


def test_database() -> None:
    data = Database(STATUS)
    assert data.native == "amd64"
    native, other = data.installed("libc6"), data.installed("libc6:i386")
    assert native and native.version == "2.36-9+deb12u10" and native.want == "hold" and other and other.version == "2.36-9"
    assert data.installed("gone") is None and data.left("gone", purge=True) and not data.left("gone", purge=False)
    assert data.installed("none") is None and data.providers("default-mta") == ["exim4"]


@pytest.mark.parametrize("left,right", PAIRS)
def test_versions_as_dpkg_has_them(left: str, right: str) -> None:
    word = {-1: "lt", 0: "eq", 1: "gt"}[compare(left, right)]
    assert subprocess.run(["dpkg", "--compare-versions", left, word, right]).returncode == 0
    assert compare(left, right) == -compare(right, left)


def test_cached_until_it_changes(tmp_path: Path) -> None:
    path = tmp_path / "status"
    path.write_text(STATUS * 200)
    began = time.perf_counter()
    first = database(str(path))
    assert time.perf_counter() - began < 0.5  # a few milliseconds on a quiet machine
    assert database(str(path)) is first
    path.write_text(STATUS.replace("gone", "back"))
    assert database(str(path)).known("back")
