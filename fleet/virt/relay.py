"""A libvirt connection over an SSH connection that is already open.

libvirt-python takes only socket paths, so a private local socket is listened on, and each connection to it becomes one channel of the SSH
transport to the hypervisor's libvirt socket (OpenSSH's streamlocal forwarding; where that is forbidden, `nc -U` there).
"""

from __future__ import annotations

import shlex
import socket
import threading
from typing import Any

from fleet.connection.listener import Listener
from fleet.errors import VirtError

SOCKET = "/run/libvirt/libvirt-sock"
_KIND = "direct-streamlocal@openssh.com"


class Relay:
    """Listens on `path` until `close`. transport: an open paramiko Transport; remote: the socket on the hypervisor; command: run there
    instead, where it must find the socket itself (a user's own session)."""

    def __init__(self, transport: Any, remote: str = SOCKET, command: str | None = None) -> None:
        self._transport = transport
        self._remote = remote
        self._command = command
        self._listener = Listener("fleet-relay-", "libvirt", 8)
        self.path = self._listener.path
        self._open: list[Any] = []
        threading.Thread(target=self._accept, name="fleet-relay", daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                near = self._listener.accept()
            except OSError:
                return
            try:
                far = open_channel(self._transport, self._remote, self._command)
            except Exception:
                near.close()  # libvirt reports the connection as refused
                continue
            self._open += [near, far]
            threading.Thread(target=_pump, args=(near, far), daemon=True).start()
            threading.Thread(target=_pump, args=(far, near), daemon=True).start()

    def close(self) -> None:
        self._listener.close()
        for end in self._open:
            end.close()


def _pump(source: Any, target: Any) -> None:
    try:
        while data := source.recv(65536):
            target.sendall(data)
    except (OSError, EOFError):
        pass
    for end in (source, target):
        try:
            end.shutdown(socket.SHUT_RDWR)  # a close alone is not noticed while the other pump still reads there
            end.close()
        except (OSError, EOFError):
            pass  # it, or the transport under it, is gone already


def open_channel(transport: Any, remote: str, command: str | None = None) -> Any:
    """A channel to a socket on the other side, or to a command there. Raises VirtError."""
    refused: Exception | None = None
    if command is None:
        try:
            return _streamlocal(transport, remote)
        except Exception as error:
            refused = error
    try:
        channel = transport.open_session(timeout=10)
        channel.exec_command(command or f"exec nc -U {shlex.quote(remote)}")
    except Exception as error:
        raise VirtError(f"cannot reach {remote} through SSH: {refused or error}") from None
    return channel


def _streamlocal(transport: Any, remote: str) -> Any:
    """Paramiko opens only the channel types it knows; this one has the same message with other fields after the common ones."""
    from paramiko.channel import Channel
    from paramiko.common import cMSG_CHANNEL_OPEN
    from paramiko.message import Message

    opened = threading.Event()
    with transport.lock:
        number = transport._next_channel()
        message = Message()
        message.add_byte(cMSG_CHANNEL_OPEN)
        message.add_string(_KIND)
        message.add_int(number)
        message.add_int(transport.default_window_size)
        message.add_int(transport.default_max_packet_size)
        message.add_string(remote)
        message.add_string("")
        message.add_int(0)
        channel: Any = Channel(number)
        transport._channels.put(number, channel)
        transport.channel_events[number] = opened
        transport.channels_seen[number] = True
        channel._set_transport(transport)
        channel._set_window(transport.default_window_size, transport.default_max_packet_size)
    transport._send_user_message(message)
    if not opened.wait(10) or not channel.active:
        raise transport.get_exception() or VirtError(f"the SSH server does not forward to {remote}")
    return channel
