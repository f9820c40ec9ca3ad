"""How often a connection waits for the other side, counted by a proxy that makes the way long."""

from __future__ import annotations

from pathlib import Path

from fleet.testing.delay import Delayed
from tests.connection.conftest import Asker
from tests.sshd import Sshd

RTT = 0.2  # well above what either side needs to answer; no assertion is about time


def test_a_first_answer_takes_six_round_trips(sshd: Sshd, tmp_path: Path) -> None:
    """TCP, versions, keys, login, channel, and the command with runner, code and request behind it in one go."""
    with Delayed(("127.0.0.1", sshd.port), RTT) as proxy:
        kind, key = Path(f"{sshd.host_key}.pub").read_text().split()[:2]
        known = tmp_path / "known_hosts"
        known.write_text(f"[127.0.0.1]:{proxy.port} {kind} {key}\n")
        endpoint = sshd.endpoint(port=proxy.port, known_hosts=(str(known),))
        asker = Asker()
        try:
            for _ in range(3):
                assert asker.ask(endpoint, "ping", {"data": "pong"}).result == {"ping": "pong", "changed": False}
        finally:
            asker.pool.close()
        assert proxy.trips == 6 + 2, "each further request is one"
