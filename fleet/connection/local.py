"""A runner on the controller itself: a child process speaking the same frames as any other."""

from __future__ import annotations

import os
import subprocess
import sys
import threading

from fleet.connection import payload
from fleet.connection.base import Endpoint

STDERR = 64 * 1024  # bytes kept of what a target writes to its standard error


class ProcessStream:
    """The bytes of a child process."""

    def __init__(self, command: list[str], folder: str | None = None) -> None:
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0,
                                         start_new_session=True, cwd=folder)
        self._said = bytearray()
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()
        self._closed = threading.Lock()

    def _listen(self) -> None:
        stderr = self._process.stderr
        assert stderr is not None
        while data := stderr.read(65536):
            self._said = (self._said + data)[-STDERR:]
        stderr.close()

    def read(self) -> bytes:
        stdout = self._process.stdout
        assert stdout is not None
        data = os.read(stdout.fileno(), 262144)
        if not data:
            stdout.close()  # the one reader closes it, at its end
        return data

    def write(self, data: bytes) -> None:
        assert self._process.stdin is not None
        view = memoryview(data)
        while view:
            try:
                view = view[os.write(self._process.stdin.fileno(), view):]
            except ValueError:  # closed meanwhile, at the end of a run
                raise BrokenPipeError("the connection was closed") from None

    def stderr(self) -> str:
        self._listener.join(1)
        return self._said.decode("utf-8", "replace")

    def close(self) -> None:
        """Close its input, which ends it, and see that it ends."""
        if not self._closed.acquire(blocking=False):
            return
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.close()
        threading.Thread(target=self._reap, daemon=True).start()

    def _reap(self) -> None:
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def wait(self, seconds: float) -> None:
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            pass


def open_stream(endpoint: Endpoint, folder: str | None = None) -> ProcessStream:
    """Start the first stage here, in a folder, with the Python that runs fleet unless another is named."""
    return ProcessStream(["/bin/sh", "-c", payload.shell_command(endpoint.python or sys.executable)], folder)


def raw(command: str, folder: str | None) -> tuple[int, bytes, bytes]:
    done = subprocess.run(["/bin/sh", "-c", command], stdin=subprocess.DEVNULL, capture_output=True, cwd=folder)
    return done.returncode, done.stdout, done.stderr
