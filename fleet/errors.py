"""The one error tree.

    FleetError                  anything a user can cause; shown as one message, never as a traceback
    +-- UsageError              wrong command line or settings                        (exit status 1)
    +-- SourceError             wrong text in a file; carries a position               (exit status 1)
    |   +-- TemplateError       an expression or template that cannot be evaluated
    |       +-- UndefinedError  ... because a variable is not defined
    +-- InventoryError          an inventory or host pattern that makes no sense       (exit status 1)
    +-- ArgumentError           a module's arguments do not fit its spec               (host fails)
    +-- TaskError               a task failed; carries its result                      (host fails)
    +-- ConnectionFailed        a target cannot be reached or was lost                 (host unreachable)
    |   +-- AuthenticationFailed, HostKeyFailed, BecomeFailed, NoPython
    +-- VirtError               libvirt, a guest, a network or an image                (host fails)
        +-- NotYet              ... that has to be made first                          (not predicted under check)

A bug in fleet is any other exception: `cli` turns it into a report that asks for `--debug`.
"""

from __future__ import annotations

import difflib
import linecache
from collections.abc import Iterable
from typing import Any, NamedTuple


class Pos(NamedTuple):
    """Where something stands in a source file: 1-based line and column; 0 = unknown."""

    file: str
    line: int = 0
    col: int = 0

    def __str__(self) -> str:
        if not self.line:
            return self.file
        return f"{self.file}:{self.line}:{self.col}" if self.col else f"{self.file}:{self.line}"

    def excerpt(self) -> str:
        """The source line with a caret under the column, or an empty string when it cannot be read."""
        linecache.checkcache(self.file)
        text = linecache.getline(self.file, self.line).rstrip("\n") if self.line else ""
        if not text:
            return ""
        caret = "\n" + " " * (self.col - 1 + 2) + "^" if self.col else ""
        return "  " + text.replace("\t", " ") + caret


class FleetError(Exception):
    """A mistake of the user or a fault of the world, with what to do about it.

    message: one sentence; hint: what to do; host: the subject, when there is one; pos: the source position.
    """

    def __init__(self, message: str, *, hint: str = "", host: str = "", pos: Pos | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.host = host
        self.pos = pos

    def __str__(self) -> str:
        return self.message

    def render(self) -> str:
        """The text a person sees: position, message, the source line, the hint."""
        parts = [f"{self.pos}: {self.message}" if self.pos else self.message]
        if self.pos and (excerpt := self.pos.excerpt()):
            parts.append(excerpt)
        if self.hint:
            parts.append("  " + self.hint)
        return "\n".join(parts)


class UsageError(FleetError):
    pass


class SourceError(FleetError):
    pass


class TemplateError(SourceError):
    pass


class UndefinedError(TemplateError):
    pass


class InventoryError(FleetError):
    pass


class ArgumentError(FleetError):
    pass


class TaskError(FleetError):
    """A task failed on a host. result: the module's result (a JSON-like dict)."""

    def __init__(self, message: str, result: dict[str, Any], **kw: Any) -> None:
        super().__init__(message, **kw)
        self.result = result


class ConnectionFailed(FleetError, ConnectionError):
    pass


class AuthenticationFailed(ConnectionFailed):
    pass


class HostKeyFailed(ConnectionFailed):
    pass


class BecomeFailed(ConnectionFailed):
    pass


class NoPython(ConnectionFailed):
    pass


class VirtError(FleetError):
    pass


class NotYet(VirtError):
    """What a task builds on is not there; under check an earlier task of the same run may be going to make it."""


def nearest(word: str, words: Iterable[str]) -> str:
    """A hint naming the word most like `word`, or an empty string."""
    close = difflib.get_close_matches(word, list(words), n=1, cutoff=0.6)
    return f"did you mean '{close[0]}'?" if close else ""
