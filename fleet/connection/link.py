"""A live runner on a target: one byte stream with many contexts. It is given bytes by a reader thread and gives bytes to a writer thread.

Nothing here blocks the caller: `submit` queues. What comes is parsed and bounded here, since a target's bytes are not to be trusted; a frame that
is none closes the link and fails what waited, and nothing else.
"""

from __future__ import annotations

import json
import queue
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

from fleet.connection import payload
from fleet.connection.base import Become, Reply, Request
from fleet.errors import BecomeFailed, ConnectionFailed, FleetError, NoPython
from fleet.runner import wire

CHUNK = 120 * 1024  # below what malloc maps anew for each buffer: with 256 KiB, 1 GiB took a second more of system time
BEAT = 20.0  # seconds without anything to send after which a sign of life is sent; see `alive` in fleet.runner.main
Done = Callable[[Reply], None]
# A step from one context to another, hashable: ("become", Become) or ("container", backend, name, root).
Step = tuple[Any, ...]


class Stream(Protocol):
    """The bytes to and from a process on a target."""

    def read(self) -> bytes:
        """Some bytes; empty at the end. Blocks."""

    def write(self, data: bytes) -> None:
        """All of it. Blocks; raises OSError or EOFError when the other side is gone."""

    def stderr(self) -> str:
        """What the process wrote to its standard error so far, bounded."""

    def close(self) -> None: ...


class Context:
    """One user in one place on the target. waiting: request number -> (request, its callback), in order."""

    def __init__(self, number: int, steps: tuple[Step, ...]) -> None:
        self.number = number
        self.steps = steps
        self.waiting: dict[int, tuple[Request, Done]] = {}
        self.error: FleetError | None = None


class Link:
    """The runner of one target. settings: of the root node (see fleet.runner.main.run)."""

    def __init__(self, name: str, settings: dict[str, object], python: str | None = None) -> None:
        self.name = name
        self.settings = settings
        self.python = python
        self.error: FleetError | None = None
        self.greeting: dict[str, Any] = {}
        self._lock = threading.Lock()
        self._contexts: dict[tuple[Step, ...], Context] = {(): Context(1, ())}
        self._numbers = {1: self._contexts[()]}
        self._next = 0
        self._sent_code: set[str] = set()
        self._outbox: queue.SimpleQueue[tuple[Any, ...] | None] = queue.SimpleQueue()
        self._stream: Stream | None = None
        self._source: bool | None = None  # whether the runner takes source; not known before its first word

    # -- life

    def run(self, stream: Stream) -> None:
        """Speak with a freshly started first stage until it ends; called in a thread of its own, which becomes the writer."""
        self._stream = stream
        if self.error is not None:
            stream.close()
            return
        reader = threading.Thread(target=self._read, args=(stream,), name=f"fleet-read-{self.name}", daemon=True)
        reader.start()
        try:
            self._write(stream, bytearray(payload.packed(tuple(self.settings.items()))))
        except (OSError, EOFError) as error:
            reader.join(5)  # what the other side said before it went tells more than that it went
            self.fail(ConnectionFailed(f"the connection was lost: {error}", host=self.name))

    def fail(self, error: FleetError, ran: bool = True) -> None:
        """The link is over: everything that waits is answered. The first error counts. ran: what was handed over may have been carried out."""
        with self._lock:
            if self.error is None:
                self.error = error
            waiting = [each for context in self._contexts.values() for each in context.waiting.items()]
            for context in self._contexts.values():
                context.waiting = {}
        for number, (_, done) in waiting:
            done(Reply(error=self.error, unknown=ran and bool(self.greeting) and number <= self._handed))
        self.close()

    _handed = 0  # requests up to this number were written to the stream

    def close(self) -> None:
        if self.error is None:
            self.error = ConnectionFailed("the connection was closed", host=self.name)
        self._outbox.put(None)
        if self._stream is not None:
            self._stream.close()

    # -- what goes out

    def submit(self, steps: tuple[Step, ...], request: Request, done: Done) -> None:
        with self._lock:
            error = self.error
            context = self._contexts.get(steps) or self._enter(steps)
            error = error or context.error
            if error is None:
                self._next += 1
                number = self._next
                context.waiting[number] = (request, done)
        if error is not None:
            done(Reply(error=error))
        else:
            self._outbox.put(("request", context, number, request))

    def _enter(self, steps: tuple[Step, ...]) -> Context:
        """Make the context for a way, and those on the way to it."""
        above = self._contexts.get(steps[:-1]) or self._enter(steps[:-1])
        context = Context(max(self._numbers) + 1, steps)
        self._contexts[steps] = self._numbers[context.number] = context
        context.error = above.error
        message = {"t": "context", "n": context.number, "parent": above.number, **_how(steps[-1], self.python)}
        self._outbox.put(("control", 1, message))
        return context

    def resume(self, steps: tuple[Step, ...], stream: str) -> None:
        context = self._contexts.get(steps)
        if context is not None:
            self._outbox.put(("control", context.number, {"t": "resume", "stream": stream}))

    def cancel(self, steps: tuple[Step, ...]) -> None:
        context = self._contexts.get(steps)
        if context is not None:
            self._outbox.put(("control", context.number, {"t": "cancel"}))

    def _write(self, stream: Stream, data: bytearray) -> None:
        """Write `data`, and what is to go out from then on. One packet for what has queued up meanwhile: a burst of small requests does not pay for each."""
        item: tuple[Any, ...] | None = ()
        while item is not None:
            while not self._outbox.empty() and len(data) < CHUNK and (item := self._outbox.get()) is not None:
                self._add(item, stream, data)
            stream.write(bytes(data))
            data.clear()
            if item is not None and (item := self._next_item()) is not None:
                self._add(item, stream, data)

    def _next_item(self) -> tuple[Any, ...] | None:
        try:
            return self._outbox.get(timeout=BEAT)
        except queue.Empty:
            return ("control", 1, {"t": "alive"})

    def _add(self, item: tuple[Any, ...], stream: Stream, data: bytearray) -> None:
        """The frames of one item, at the end of `data`; a file goes to the stream as it is read, what was there before it first."""
        if item[0] == "control":
            container = item[2]["t"] == "context" and item[2]["how"]["kind"] == "container"
            data += self._code("fleet.runner.container" if container else None) + wire.frame(wire.CONTROL, item[1], 0, item[2])
            return
        _, context, number, request = item
        data += self._code(request.module, "_job" if request.job else None, left=payload.left(request.module, request.args))
        blob, size = request.blob, 0
        if isinstance(blob, Path):
            with blob.open("rb") as file:
                while chunk := file.read(CHUNK):
                    stream.write(bytes(data))
                    data[:] = wire.frame(wire.BLOB, context.number, number, None, chunk)
                    size += len(chunk)
        elif blob is not None:
            size = len(blob)
            for start in range(0, size, CHUNK):
                data += wire.frame(wire.BLOB, context.number, number, None, blob[start:start + CHUNK])
        asked: dict[str, Any] = {"m": request.module, "a": request.args}
        for key, value in (("check", request.check), ("diff", request.diff), ("env", request.environment), ("limit", request.limit),
                           ("blob", size), ("guard", request.guard), ("stream", request.stream), ("keep", request.keep), ("refs", request.refs),
                           ("job", request.job)):
            if value:
                asked[key] = value
        self._handed = max(self._handed, number)
        data += wire.frame(wire.REQUEST, context.number, number, asked)

    def _code(self, *modules: str | None, left: tuple[str, ...] = ()) -> bytearray:
        """The frame with what modules are made of, and what they leave there, as far as the target has not got it yet."""
        names = [name for module in modules if module for name in payload.needed(module)]
        missing = tuple(name for name in (*names, *left) if name not in self._sent_code)
        self._sent_code.update(missing)
        return bytearray(wire.frame(wire.CONTROL, 1, 0, {"t": "code"}, payload.code(missing, self._source)) if missing else b"")

    # -- what comes in

    def _read(self, stream: Stream) -> None:
        parser = wire.Parser()
        early = bytearray()
        try:
            while data := stream.read():
                if early is not None:
                    early += data
                    rest = self._greeted(early)
                    if rest is None:
                        continue
                    data, early = rest, None  # type: ignore[assignment]
                for item in parser.feed(data):
                    self._take(*item)
            error: FleetError = self._ended(stream, early)
        except (OSError, EOFError) as wrong:
            error = ConnectionFailed(f"the connection was lost: {wrong}", host=self.name)
        except Exception as wrong:  # a target may send anything; whatever it breaks is its own connection
            error = ConnectionFailed(f"the host sent what is not an answer ({str(wrong) or type(wrong).__name__}); the connection was closed", host=self.name)
        self.fail(error)

    def _greeted(self, early: bytearray) -> bytes | None:
        """What follows the first stage's READY, however much a login shell printed before it; None until it is there."""
        at = early.find(payload.READY)
        if at < 0:
            if len(early) > 1024 * 1024:
                raise wire.WireError("it prints without end before the runner starts")
            return None
        return bytes(early[at + len(payload.READY):])

    def _take(self, kind: bytes, number: int, request: int, header: bytes, body: bytes) -> None:
        context = self._numbers.get(number)
        if context is None:
            raise wire.WireError("an answer from nowhere")
        if kind == wire.CONTROL:
            self._control(json.loads(header.decode("ascii")))
        elif kind == wire.DATA:
            asked = context.waiting.get(request)
            if asked is not None and asked[0].sink is not None:
                asked[0].sink.write(body)
        elif kind == wire.ANSWER:
            result = json.loads(header.decode("ascii"))
            if not isinstance(result, dict):
                raise wire.WireError("an answer that is no mapping")
            with self._lock:
                found = context.waiting.pop(request, None)
            if found is not None and result.get("gone"):
                self._again(context, *found)
            elif found is not None:
                found[1](Reply(result=result))

    def _again(self, context: Context, request: Request, done: Done) -> None:
        """The place was gone before the request came there (a container that was started anew): enter it once more."""
        with self._lock:
            if self._contexts.get(context.steps) is context:
                del self._contexts[context.steps]
        self.submit(context.steps, request, done)

    def _control(self, message: dict[str, Any]) -> None:
        what = message["t"]
        if what == "hello":
            if message["version"] != wire.VERSION:
                raise wire.WireError(f"it speaks version {message['version']}")
            if message["c"] == 1:
                self.greeting = message
                self._source = bool(message.get("source"))
        elif what == "lost":
            context = self._numbers.get(message["c"])
            if context is not None:
                self._context_lost(context, message)

    def _context_lost(self, context: Context, message: dict[str, Any]) -> None:
        text = str(message.get("msg", ""))[:2000]
        error: FleetError
        if message.get("kind") == "become":
            error = BecomeFailed(text, host=self.name)
        elif message.get("kind") == "busy":
            error = ConnectionFailed(text, host=self.name, hint="wait for it to end, or raise --lock-timeout")
        else:
            error = ConnectionFailed(text, host=self.name)
        if context.number == 1:
            self.fail(error, ran=not message.get("kind"))
            return
        with self._lock:
            waiting, context.waiting = context.waiting, {}
            first = context.error is None
            context.error = context.error or error
            if first:
                self._contexts.pop(context.steps, None)  # the next request tries again
        for _, done in waiting.values():
            done(Reply(error=error, unknown=not message.get("kind")))

    def _ended(self, stream: Stream, early: bytearray | None) -> FleetError:
        said = stream.stderr().strip()
        if payload.NO_PYTHON.decode() in said:
            tried = self.python or "python3, platform-python, python3.14 to python3.6, python"
            return NoPython(f"there is no Python on this host ({tried})", host=self.name,
                            hint="install one with a `raw` task, or name it with ansible_python_interpreter")
        if any(text in said for text in payload.TOO_OLD):
            return NoPython("the Python on this host is too old" + (f" ({self.python})" if self.python else ""), host=self.name,
                            hint="fleet needs 3.6 or later there: install one with a `raw` task, or name it with ansible_python_interpreter")
        if early is None:
            return ConnectionFailed("the runner on the host ended" + (f": {said[-500:]}" if said else ""), host=self.name)
        heard = " ".join((early.decode("utf-8", "replace") + " " + said).split())[-500:]
        return ConnectionFailed("the runner could not be started" + (f": {heard}" if heard else ""), host=self.name)


def _how(step: Step, python: str | None) -> dict[str, Any]:
    if step[0] == "container":
        return {"how": {"kind": "container", "backend": step[1], "name": step[2], "root": step[3]}, "preload": payload.preload()}
    become: Become = step[1]
    return {
        "how": {"kind": "become", "method": become.method, "user": become.user, "flags": list(become.flags), "exe": become.exe,
                "timeout": become.timeout},
        "password": become.password.reveal() if become.password is not None else None,
        "shell": payload.shell_command(python),
    }
