"""The temporary root itself."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from fleet.testing.root import Root


def test_a_python_below_tmp_is_there_inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "python").write_text("here")
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    root = Root()
    try:
        done = subprocess.run(root.command(f"cat {tmp_path}/python; ls /tmp"), capture_output=True, text=True, check=True)
    finally:
        root.close()
    assert done.stdout.startswith("here") and "fleet-root-" not in done.stdout
