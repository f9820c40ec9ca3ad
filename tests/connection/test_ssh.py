"""The runner over a real sshd."""

from __future__ import annotations

import os

from tests.connection.conftest import Asker
from tests.sshd import Sshd


def test_command(sshd: Sshd, asker: Asker) -> None:
    assert asker.shell(sshd.endpoint(), "echo hello; id -u")["stdout"] == "hello\n0"


def test_local(asker: Asker) -> None:
    from fleet.connection.base import Endpoint
    assert asker.shell(Endpoint("here", "local"), "echo hello")["stdout"] == "hello"


def test_commands_start_in_the_home_of_who_logs_in(sshd: Sshd, asker: Asker) -> None:
    assert asker.shell(sshd.endpoint(), "pwd; cd /")["stdout"] == os.path.expanduser("~root")
    assert asker.shell(sshd.endpoint(), "pwd")["stdout"] == os.path.expanduser("~root")
