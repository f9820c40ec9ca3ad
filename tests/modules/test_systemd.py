"""Units of a system that does not run: an image, a chroot."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from fleet.errors import ArgumentError
from tests.modules.sysroot import inside, ok, run, settles
from tests.modules.test_service import UNIT


@inside
def test_unit_files() -> None:
    Path("/etc/systemd/system").mkdir(parents=True, exist_ok=True)
    Path("/etc/systemd/system/app.service").write_text(UNIT)
    link = Path("/etc/systemd/system/multi-user.target.wants/app.service")
    for module in ("systemd", "service", "systemd_service"):
        assert settles(module, name="app", enabled=True)["enabled"] is True
        assert link.is_symlink()
        settles(module, name="app.service", enabled=False)
        assert not link.is_symlink()
    Path("/usr/lib/systemd/system/pkg.service").write_text(UNIT)
    settles("systemd", name="pkg", masked=True)
    assert os.readlink("/etc/systemd/system/pkg.service") == "/dev/null"
    assert "masked" in run("systemd", name="pkg", enabled=True)["msg"]
    settles("systemd", name="pkg", masked=False, enabled=True)
    refused = run("systemd", name="app", state="started")
    assert refused["failed"] and "systemd does not run here" in refused["msg"]
    assert "Could not find the requested service none" in run("systemd", name="none", enabled=True)["msg"]
    assert ok("systemd", name="none", enabled=True, check=True)["warnings"]
    for module in ("systemd", "service"):
        assert not ok(module, daemon_reload=True)["changed"]
    settles("service", name="app", enabled=True, masked=False, daemon_reload=True, scope="system")
    assert run("systemd", name="-H", enabled=True)["failed"]


def test_a_state_needs_a_name() -> None:
    with pytest.raises(ArgumentError):
        run("systemd", state="started")


