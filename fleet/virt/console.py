"""A guest's serial console on this terminal."""

from __future__ import annotations

import os
import select
import sys
import termios
import threading
import tty
from typing import Any

from fleet.errors import VirtError
from fleet.virt.connect import Hypervisor

END = b"\x1d"  # Ctrl-]


def attach(host: Hypervisor, name: str, take: bool = False) -> None:
    """Connect standard input and output to a running guest's console until Ctrl-], the end of the input, or of the guest. take: from another."""
    domain = host.find("lookupByName", name)
    if domain is None:
        raise VirtError(f"there is no guest {name} on {host.name}")
    stream = host.connection.newStream(host.libvirt.VIR_STREAM_NONBLOCK)
    try:
        domain.openConsole(None, stream, host.libvirt.VIR_DOMAIN_CONSOLE_FORCE if take else host.libvirt.VIR_DOMAIN_CONSOLE_SAFE)
    except host.libvirt.libvirtError as error:
        raise VirtError(f"cannot open the console of {name}: {error.get_error_message()}", hint="is it running? --take ends the session of another") from None
    terminal = sys.stdin.isatty()
    before = termios.tcgetattr(sys.stdin) if terminal else None
    try:
        if terminal:
            print(f"Connected to {name}; Ctrl-] ends this.", file=sys.stderr)
            tty.setraw(sys.stdin)
        _pump(host.libvirt, stream)
    finally:
        if before is not None:
            termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)
        try:
            stream.abort()
        except host.libvirt.libvirtError:
            pass


def _pump(libvirt: Any, stream: Any) -> None:
    ended = threading.Event()
    wake, waker = os.pipe()

    def end() -> None:
        ended.set()
        os.write(waker, b"x")

    def readable(stream: Any, events: int, opaque: Any) -> None:
        if events & (libvirt.VIR_STREAM_EVENT_ERROR | libvirt.VIR_STREAM_EVENT_HANGUP) and not events & libvirt.VIR_STREAM_EVENT_READABLE:
            end()
            return
        try:
            data = stream.recv(65536)
        except libvirt.libvirtError:
            data = b""
        if data == -2:
            return
        if not data:
            end()
            return
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()

    stream.eventAddCallback(libvirt.VIR_STREAM_EVENT_READABLE | libvirt.VIR_STREAM_EVENT_ERROR | libvirt.VIR_STREAM_EVENT_HANGUP, readable, None)
    source = sys.stdin.fileno()
    while not ended.is_set():
        ready, _, _ = select.select([source, wake], [], [])
        if source not in ready:
            continue
        typed = os.read(source, 4096)
        before, found, _ = typed.partition(END)
        if before:
            _send(stream, before)
        if found or not typed:
            if not typed:
                ended.wait(1)  # what is piped in is answered before the end
            break
    stream.eventRemoveCallback()


def _send(stream: Any, data: bytes) -> None:
    while data:
        sent = stream.send(data)
        if sent == -2:
            select.select([], [], [], 0.05)
            continue
        data = data[sent:]
