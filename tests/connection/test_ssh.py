"""The runner over a real sshd."""

from __future__ import annotations

from tests.connection.conftest import Asker
from tests.sshd import Sshd


def test_command(sshd: Sshd, asker: Asker) -> None:
    assert asker.shell(sshd.endpoint(), "echo hello; id -u")["stdout"] == "hello\n0"


def test_local(asker: Asker) -> None:
    from fleet.connection.base import Endpoint
    assert asker.shell(Endpoint("here", "local"), "echo hello")["stdout"] == "hello"
