from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.modules.sysroot import ok, run


@pytest.fixture
def server() -> Iterator[tuple[socket.socket, int]]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener, listener.getsockname()[1]


def later(seconds: float, function: Any, *args: Any) -> threading.Timer:
    timer = threading.Timer(seconds, function, args)
    timer.start()
    return timer


def test_time() -> None:
    result = ok("wait_for", timeout=1)
    assert result["elapsed"] == 1 and not result["changed"]


def test_paths(tmp_path: Path) -> None:
    path = tmp_path / "file"
    timer = later(0.3, path.write_text, "say: done 42\n")
    assert ok("wait_for", path=str(path), timeout=5)["path"] == str(path)
    timer.join()
    found = ok("wait_for", path=str(path), search_regex=r"done (?P<n>\d+)( x)?", timeout=2)
    assert (found["match_groups"], found["match_groupdict"]) == (["42", None], {"n": "42"})
    timer = later(0.3, path.unlink)
    assert ok("wait_for", path=str(path), state="absent", timeout=5)["state"] == "absent"
    timer.join()
    late = run("wait_for", path=str(path), timeout=1)
    assert late["failed"] and late["elapsed"] == 1 and late["msg"] == f"Timeout when waiting for file {path}"


def test_a_match_across_two_reads(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"x" * (1024 * 1024 - 3) + b"needle")
    ok("wait_for", path=str(path), search_regex="needle", timeout=1)


def test_ports(server: tuple[socket.socket, int]) -> None:
    listener, port = server
    ok("wait_for", port=port, timeout=2)
    late = run("wait_for", port=port, state="stopped", timeout=1)
    assert late["failed"] and late["msg"] == f"Timeout when waiting for 127.0.0.1:{port} to stop."
    listener.close()
    ok("wait_for", port=port, state="stopped", timeout=2)
    late = run("wait_for", port=port, timeout=1, msg="not there")
    assert (late["msg"], late["elapsed"]) == ("not there", 1)


def test_what_a_port_says(server: tuple[socket.socket, int]) -> None:
    listener, port = server

    def greet() -> None:
        peer, _address = listener.accept()
        with peer:
            peer.sendall(b"SSH-")
            time.sleep(0.1)
            peer.sendall(b"2.0-test\r\n")

    thread = threading.Thread(target=greet)
    thread.start()
    assert ok("wait_for", port=port, search_regex=r"SSH-(\S+)-", timeout=3)["match_groups"] == ["2.0"]
    thread.join()


def test_drained(server: tuple[socket.socket, int]) -> None:
    listener, port = server
    client = socket.create_connection(("127.0.0.1", port))
    peer, _address = listener.accept()
    assert run("wait_for", port=port, state="drained", timeout=1)["failed"]
    ok("wait_for", port=port, state="drained", timeout=1, exclude_hosts=["127.0.0.1"])
    client.close()
    peer.close()
    ok("wait_for", port=port, state="drained", timeout=2, active_connection_states=["ESTABLISHED"])


@pytest.mark.parametrize("args,word", [
    ({"path": "/x", "state": "drained"}, "state=drained is for a port"),
    ({"port": 1, "exclude_hosts": ["a"]}, "exclude_hosts should only be used with state=drained"),
    ({"port": 1, "active_connection_states": ["BAD"]}, "unknown active_connection_state (BAD)"),
    ({"path": "/x", "search_regex": "("}, "search_regex"),
])
def test_what_makes_no_sense(args: dict[str, Any], word: str) -> None:
    assert word in run("wait_for", timeout=1, **args)["msg"]


def test_the_home_of_a_path() -> None:
    assert ok("wait_for", path="~", timeout=1)["path"] == os.path.expanduser("~")
