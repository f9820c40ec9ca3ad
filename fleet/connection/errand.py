"""A program here that wants a remote shell (as `rsync -e`), over the SSH connection that is open already: no second login.

The program starts HELPER in the place of ssh; it hands over the command line through a private socket, which becomes one channel of the connection.
"""

from __future__ import annotations

import json
import os
import socket
import sys
import threading
from collections.abc import Callable
from typing import Any

from fleet.connection.listener import Listener

# argv: the socket, then what ssh would be given: the host and the command. Its two ways end by themselves: each when its source does.
HELPER = """
import json, os, socket, sys, threading
s = socket.socket(socket.AF_UNIX)
s.connect(sys.argv[1])
s.sendall(json.dumps(sys.argv[3:]).encode() + b"\\n")
def up():
    while True:
        data = os.read(0, 65536)
        if not data:
            break
        s.sendall(data)
    s.shutdown(socket.SHUT_WR)
threading.Thread(target=up, daemon=True).start()
while True:
    data = s.recv(65536)
    if not data:
        break
    while data:
        data = data[os.write(1, data):]
"""


class Errand:
    """A remote shell for one program. shell: the words to give it; said: what the remote command wrote to its standard error."""

    def __init__(self, transport: Any, command: Callable[[list[str]], str]) -> None:
        """transport: an open paramiko Transport. command: the command line of the words that the program asks for."""
        self._transport = transport
        self._command = command
        self._listener = Listener("fleet-errand-", "socket", 1)
        helper = os.path.join(self._listener.folder, "shell.py")
        with open(helper, "w") as stream:
            stream.write(HELPER)
        self.shell = [sys.executable, "-I", "-S", helper, self._listener.path]
        self.said = b""
        threading.Thread(target=self._serve, name="fleet-errand", daemon=True).start()

    def _serve(self) -> None:
        try:
            near = self._listener.accept()
        except OSError:
            return
        with near:
            try:
                words = json.loads(near.makefile("rb", buffering=0).readline())
                channel = self._transport.open_session(timeout=30)
                channel.exec_command(self._command(words).encode())
            except Exception as error:
                self.said = str(error).encode()
                return
            threading.Thread(target=_forward, args=(near, channel), daemon=True).start()
            threading.Thread(target=self._listen, args=(channel,), daemon=True).start()
            try:
                while data := channel.recv(65536):
                    near.sendall(data)
                near.shutdown(socket.SHUT_RDWR)  # a close alone is not noticed while the other way still reads there
            except (OSError, EOFError):
                pass
            channel.close()

    def _listen(self, channel: Any) -> None:
        while data := channel.recv_stderr(4096):
            self.said = (self.said + data)[-65536:]

    def close(self) -> None:
        self._listener.close()


def _forward(near: socket.socket, channel: Any) -> None:
    try:
        while data := near.recv(65536):
            channel.sendall(data)
        channel.shutdown_write()
    except (OSError, EOFError):
        pass
