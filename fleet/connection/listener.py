"""A local socket that nobody else can reach: what a program or library here connects to, to be carried over an SSH connection."""

from __future__ import annotations

import os
import shutil
import socket
import tempfile


class Listener:
    """Listens on `path`, in a folder of its own, until `close`."""

    def __init__(self, prefix: str, name: str, backlog: int) -> None:
        self.folder = tempfile.mkdtemp(prefix=prefix)
        self.path = os.path.join(self.folder, name)
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.bind(self.path)
        self._socket.listen(backlog)

    def accept(self) -> socket.socket:
        """The next connection. Blocks; raises OSError once it is closed."""
        return self._socket.accept()[0]

    def close(self) -> None:
        try:
            self._socket.shutdown(socket.SHUT_RDWR)  # who waits in `accept` learns of it
        except OSError:
            pass
        self._socket.close()
        shutil.rmtree(self.folder, ignore_errors=True)
