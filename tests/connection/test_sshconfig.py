"""What paramiko does not read of an SSH configuration by itself, or not as it is loaded here."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from fleet.connection import sshconfig


def test_match_exec_and_include(tmp_path: Path) -> None:
    (tmp_path / "more").write_text("Host b\n  Port 2222\n")
    config = tmp_path / "config"
    config.write_text(f"Include {tmp_path}/more\nMatch exec \"test %h = a\"\n  User matched\n")
    assert sshconfig.lookup(str(config), "a")["user"] == "matched"
    assert "user" not in sshconfig.lookup(str(config), "b")
    assert sshconfig.lookup(str(config), "b")["port"] == "2222"


def test_invoke_is_loaded_only_for_match_exec() -> None:
    code = "import fleet.connection.ssh, sys; sys.exit('invoke' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
