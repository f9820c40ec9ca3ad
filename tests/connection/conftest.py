"""A pool and a blocking call through it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest

from fleet.connection.base import Endpoint, Reply, Request
from fleet.connection.pool import Pool
from tests.sshd import make_user, sshd

__all__ = ["make_user", "sshd"]


class Asker:
    """Requests through a pool, waited for."""

    def __init__(self, **settings: Any) -> None:
        self.pool = Pool(run_id="test", lock_timeout=20, **settings)

    def send(self, endpoint: Endpoint, module: str, args: dict[str, Any] | None = None, **more: Any) -> Waiting:
        waiting = Waiting()
        self.pool.submit(endpoint, Request(module, args or {}, **more), waiting)
        return waiting

    def ask(self, endpoint: Endpoint, module: str, args: dict[str, Any] | None = None, **more: Any) -> Reply:
        return self.send(endpoint, module, args, **more).get()

    def shell(self, endpoint: Endpoint, text: str, **more: Any) -> dict[str, Any]:
        """The result of a command line; an error is raised."""
        reply = self.send(endpoint, "shell", command(text), **more).get()
        if reply.error is not None:
            raise reply.error
        assert reply.result is not None
        return reply.result


def command(text: str) -> dict[str, Any]:
    from fleet import registry, validate
    return dict(validate.validate(registry.spec("shell"), {"cmd": text}))


class Waiting:
    def __init__(self) -> None:
        self._there = threading.Event()
        self.reply: Reply | None = None

    def __call__(self, reply: Reply) -> None:
        assert self.reply is None, "answered twice"
        self.reply = reply
        self._there.set()

    def get(self, seconds: float = 40) -> Reply:
        assert self._there.wait(seconds), "no answer"
        assert self.reply is not None
        return self.reply


@pytest.fixture
def asker() -> Iterator[Asker]:
    made = Asker()
    yield made
    made.pool.close()
