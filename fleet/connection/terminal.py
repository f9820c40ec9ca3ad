"""A person at a program on a machine: this terminal, or these pipes, become its own."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import termios
import tty
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import paramiko

from fleet.errors import ConnectionFailed


def attach(transport: paramiko.Transport | None, command: str) -> int:
    """Run a command line over a connection (None: here) until it ends; its exit status. Raises ConnectionFailed."""
    if transport is None:
        return _here(command)
    terminal = sys.stdin.isatty() and sys.stdout.isatty()
    try:
        channel = transport.open_session(timeout=30)
        if terminal:
            size = os.get_terminal_size(0)
            channel.get_pty(os.environ.get("TERM", "xterm"), size.columns, size.lines)
        channel.exec_command(command)
        with _raw(channel) if terminal else _nothing():
            _carry(channel)
        status = channel.recv_exit_status()
    except (paramiko.SSHException, EOFError) as error:
        raise ConnectionFailed(f"the connection was lost: {error}") from None
    if status < 0:
        raise ConnectionFailed("the connection was lost")
    return status


def _here(command: str) -> int:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)  # it is the program's
    try:
        done = subprocess.run(["/bin/sh", "-c", command], preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))
    finally:
        signal.signal(signal.SIGINT, before)
    return done.returncode if done.returncode >= 0 else 128 - done.returncode


@contextmanager
def _raw(channel: paramiko.Channel) -> Iterator[None]:
    """Every key goes to the other side as it is, and so do changes of the terminal's size."""

    def resized(number: int, frame: Any) -> None:
        size = os.get_terminal_size(0)
        channel.resize_pty(size.columns, size.lines)

    before, handler = termios.tcgetattr(0), signal.signal(signal.SIGWINCH, resized)
    try:
        tty.setraw(0)
        yield
    finally:
        termios.tcsetattr(0, termios.TCSADRAIN, before)
        signal.signal(signal.SIGWINCH, handler)


@contextmanager
def _nothing() -> Iterator[None]:
    yield


def _carry(channel: paramiko.Channel) -> None:
    """Bytes both ways until the program's output ends."""
    inputs: list[Any] = [channel, 0]
    while True:
        ready = select.select(inputs, [], [])[0]
        if 0 in ready:
            data = os.read(0, 65536)
            if data:
                channel.sendall(data)
            else:
                inputs.remove(0)
                channel.shutdown_write()
        if channel in ready:
            while channel.recv_stderr_ready():
                _write(2, channel.recv_stderr(65536))
            if channel.recv_ready() or not channel.recv_stderr_ready():
                data = channel.recv(65536) if channel.recv_ready() or channel.eof_received else b""
                _write(1, data)
                if not data and channel.eof_received and not channel.recv_stderr_ready():
                    return


def _write(fd: int, data: bytes) -> None:
    while data:
        data = data[os.write(fd, data):]
