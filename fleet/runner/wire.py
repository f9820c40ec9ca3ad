"""Frames between the controller and the nodes and executors of a target.

    kind (1 byte) | context (2) | request (4) | length of the header (4) | length of the body (4) | header, JSON | body, bytes

Kinds: R a request, B a piece of its content (before it), A its answer, D a piece of what it sends up, C control. All lengths are bounded.
"""
import errno
import json
import os
import struct
from typing import Any

VERSION = 1
MAX = 64 * 1024 * 1024
HEAD = struct.Struct(">cHIII")
REQUEST, BLOB, ANSWER, DATA, CONTROL = b"R", b"B", b"A", b"D", b"C"
KINDS = (REQUEST, BLOB, ANSWER, DATA, CONTROL)


class WireError(Exception):
    """What came is not a frame."""


def frame(kind, context, number, header, body=b""):
    # type: (bytes, int, int, Any, bytes) -> bytes
    text = json.dumps(header, separators=(",", ":"), default=_plain).encode("ascii") if header is not None else b""
    if len(text) > MAX or len(body) > MAX:
        raise WireError("a message of %d bytes is too large" % max(len(text), len(body)))
    return HEAD.pack(kind, context, number, len(text), len(body)) + text + body


def _plain(value):
    # type: (Any) -> Any
    """Bytes and the like in results, as text."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "surrogateescape")
    if isinstance(value, (set, frozenset, tuple)):
        return list(value)
    return str(value)


class Parser:
    """Bytes in, frames out: (kind, context, request, header text, body)."""

    def __init__(self):
        # type: () -> None
        self.buffer = bytearray()

    def feed(self, data):
        # type: (bytes) -> Any
        """The frames complete by now, as a list. Raises WireError."""
        buffer = self.buffer
        buffer += data
        frames = []
        start = 0
        while len(buffer) - start >= HEAD.size:
            kind, context, number, header, body = HEAD.unpack_from(buffer, start)
            if kind not in KINDS or header > MAX or body > MAX:
                raise WireError("what came is not a frame")
            end = start + HEAD.size + header + body
            if len(buffer) < end:
                break
            split = start + HEAD.size + header
            frames.append((kind, context, number, bytes(buffer[start + HEAD.size:split]), bytes(buffer[split:end])))
            start = end
        if start:
            del buffer[:start]
        return frames


def raw(item):
    # type: (Any) -> bytes
    """A parsed frame as bytes again, to pass it on."""
    kind, context, number, header, body = item
    return bytes(HEAD.pack(kind, context, number, len(header), len(body)) + header + body)


def send_all(fd, data):
    # type: (int, bytes) -> None
    view = memoryview(data)
    while view:
        try:
            view = view[os.write(fd, view[:262144]):]
        except OSError as error:
            if error.errno != errno.EAGAIN:
                raise
            import select
            select.select([], [fd], [])


def read_frame(fd, parser, waiting):
    # type: (int, Parser, list) -> Any
    """The next frame from a blocking descriptor, or None at its end. waiting: frames already parsed (a list used as a queue)."""
    while not waiting:
        data = os.read(fd, 262144)
        if not data:
            return None
        waiting.extend(parser.feed(data))
    return waiting.pop(0)
