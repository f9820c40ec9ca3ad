from __future__ import annotations

from tests.modules.sysroot import ok, run


def test_ping() -> None:
    assert ok("ping")["ping"] == "pong"
    assert ok("ping", data="x")["ping"] == "x"
    assert run("ping", data="crash")["failed"]
