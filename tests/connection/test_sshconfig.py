"""What paramiko does not read of an SSH configuration by itself, or not as it is loaded here."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def test_match_exec_and_include(tmp_path: Path) -> None:
    (tmp_path / "more").write_text("Host b\n  Port 2222\n")
    config = tmp_path / "config"
    config.write_text(f"Include {tmp_path}/more\nMatch exec \"test %h = a\"\n  User matched\n")
    code = (f"from fleet.connection.sshconfig import lookup; a, b = lookup({str(config)!r}, 'a'), lookup({str(config)!r}, 'b'); "
            "print(a['user'], 'user' in b, b['port'])")
    # In a process of its own: invoke leaves files open.
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "matched False 2222\n"


def test_invoke_is_loaded_only_for_match_exec() -> None:
    code = "import fleet.connection.ssh, sys; sys.exit('invoke' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
