"""A link and whatever a target may say: in its own words, by a stream that is no process."""

from __future__ import annotations

import queue

import pytest

from fleet.connection import payload
from fleet.connection.base import Reply, Request
from fleet.connection.link import Link
from fleet.errors import FleetError, NoPython
from fleet.runner import wire
from tests.connection.conftest import Waiting


class Scripted:
    """A stream that says what it is told, whatever is written to it. broken: writing fails from the start."""

    def __init__(self, *said: bytes, stderr: str = "", broken: bool = False, ends: bool = True) -> None:
        self.said: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        for each in (*said, *([b""] if ends else [])):
            self.said.put(each)
        self._stderr, self.broken = stderr, broken

    def read(self) -> bytes:
        return self.said.get(timeout=10)

    def write(self, data: bytes) -> None:
        if self.broken:
            raise OSError("Socket is closed")

    def stderr(self) -> str:
        return self._stderr

    def close(self) -> None:
        self.said.put(b"")


def outcome(stream: Scripted) -> Reply:
    link, waiting = Link("h1", {"context": 1}), Waiting()
    link.submit((), Request("ping", {}), waiting)
    link.run(stream)
    return waiting.get(10)


HELLO = payload.READY + wire.frame(wire.CONTROL, 1, 0, {"t": "hello", "c": 1, "version": wire.VERSION})


def answer(text: bytes, number: int = 1, context: int = 1) -> bytes:
    return wire.HEAD.pack(wire.ANSWER, context, number, len(text), 0) + text


def test_an_answer_is_an_answer() -> None:
    assert outcome(Scripted(b"Last login: yesterday\n", HELLO, answer(b'{"ping": "pong"}'))).result == {"ping": "pong"}


def test_a_marker_in_pieces() -> None:
    pieces = [HELLO[at:at + 3] for at in range(0, len(HELLO), 3)]
    assert outcome(Scripted(*pieces, answer(b"{}"))).result == {}


@pytest.mark.parametrize("said", [
    pytest.param(b"\0" * 100, id="no frame"),
    pytest.param(wire.HEAD.pack(b"A", 1, 1, 2 ** 32 - 1, 0), id="oversized"),
    pytest.param(wire.HEAD.pack(b"A", 1, 1, 0, 2 ** 31), id="oversized body"),
    pytest.param(answer(b"[1]"), id="no mapping"),
    pytest.param(answer(b"{"), id="torn JSON"),
    pytest.param(answer(b"\xff\xfe"), id="not ASCII"),
    pytest.param(answer(b"[" * 100_000 + b"]" * 100_000), id="deeply nested"),
    pytest.param(answer(b'{"a":' * 100_000 + b"1" + b"}" * 100_000), id="deeply nested mappings"),
    pytest.param(answer(b"{}", context=77), id="from nowhere"),
    pytest.param(wire.frame(wire.CONTROL, 1, 0, {}), id="control without a kind"),
    pytest.param(wire.frame(wire.CONTROL, 1, 0, ["hello"]), id="control that is a list"),
    pytest.param(wire.frame(wire.CONTROL, 1, 0, {"t": "hello", "c": 1, "version": 99}), id="another version"),
])
def test_what_is_no_answer_closes_the_connection(said: bytes) -> None:
    reply = outcome(Scripted(HELLO, said, ends=False))
    assert reply.result is None and isinstance(reply.error, FleetError)
    assert "what is not an answer" in reply.error.message and "Traceback" not in reply.error.message
    assert reply.error.host == "h1"


@pytest.mark.parametrize("said", [answer(b"{}", number=5), wire.frame(wire.DATA, 1, 9, None, b"for nobody"),
                                  wire.frame(wire.CONTROL, 1, 0, {"t": "lost", "c": 40, "msg": "never was"})])
def test_answers_to_nothing_change_nothing(said: bytes) -> None:
    assert outcome(Scripted(HELLO, said, answer(b'{"ok": true}'))).result == {"ok": True}


def test_endless_chatter_before_the_runner_starts() -> None:
    reply = outcome(Scripted(*[b"welcome " * 40_000] * 8, ends=False))
    assert reply.error is not None and "prints without end" in reply.error.message


@pytest.mark.parametrize("broken", [False, True])
def test_the_reason_is_what_the_host_said_not_that_it_went(broken: bool) -> None:
    """The writer may notice first that the other side is gone."""
    reply = outcome(Scripted(stderr=payload.NO_PYTHON.decode() + "\n", broken=broken))
    assert isinstance(reply.error, NoPython)


def test_lost_in_the_middle_is_unknown() -> None:
    class Ends(Scripted):
        def write(self, data: bytes) -> None:
            if b'"m":"ping"' in data:
                self.said.put(b"")

    reply = outcome(Ends(HELLO, ends=False))
    assert reply.error is not None and reply.unknown and "runner on the host ended" in reply.error.message


def test_a_link_closed_before_it_was_open_starts_nothing() -> None:
    written: list[bytes] = []

    class Watched(Scripted):
        def write(self, data: bytes) -> None:
            written.append(data)

    link = Link("h1", {"context": 1})
    link.close()
    stream = Watched(ends=False)
    link.run(stream)
    assert not written and stream.said.get(timeout=1) == b"", "and its stream is closed"
