"""One event a line, as JSON, for programs."""

from __future__ import annotations

import json
from typing import TextIO

from fleet.events import Event


class Lines:
    """A subscriber that prints every event; undecodable bytes from targets come as escaped surrogates, so every line is valid JSON."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def __call__(self, event: Event) -> None:
        self._stream.write(json.dumps(event.as_dict(), default=str, separators=(",", ":")) + "\n")
        self._stream.flush()

    def close(self) -> None:
        self._stream.flush()
