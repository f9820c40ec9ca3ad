"""The benchmarks run, small; what they print are ratios, and none is asserted: how long something takes is no test."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.lab
def test_all_of_them_run(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-m", "benchmarks.run", "--smoke", "--out", str(tmp_path)], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    from benchmarks.run import NAMES
    assert [line for line in done.stdout.splitlines() if line in NAMES] == list(NAMES)
    assert done.stdout.count("(to reach:") >= len(NAMES)
    assert "MISSED" not in done.stdout, "small runs are not judged"
    assert not list(tmp_path.iterdir()), "nothing is kept of them"


def test_rows_say_whether_they_reached_what_they_were_to() -> None:
    from benchmarks.harness import Row, Sample, ratio
    assert Row("w", 1.1, 1.2).reached and not Row("w", 1.3, 1.2).reached
    assert Row("w", 81, 80, low=False).reached and not Row("w", 79, 80, low=False).reached
    assert ratio({"a": [Sample(2), Sample(9), Sample(4)], "b": [Sample(1), Sample(1), Sample(2)]}, "a", "b") == 2
