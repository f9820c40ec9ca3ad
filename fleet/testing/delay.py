"""A long way to a host, on this machine: a proxy that holds everything back for half a round trip, each way, and counts the round trips."""

from __future__ import annotations

import asyncio
import threading
from typing import Any


class Delayed:
    """Connections to 127.0.0.1:`port` are passed on to `target`, a (host, port). rtt: seconds.

    trips: how many round trips the connection that needed most of them took, the one of TCP's own handshake included. What a side sends belongs to the
    round trip after the one in which it last heard something: exact as long as both sides take less time to answer than a round trip.
    """

    def __init__(self, target: tuple[str, int], rtt: float = 0.0) -> None:
        self.target = target
        self.rtt = rtt
        self.trips = 0
        self.port = 0
        self._loop = asyncio.new_event_loop()
        self._server: Any = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._writers: list[asyncio.StreamWriter] = []
        started = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(started,), name="fleet-delay", daemon=True)
        self._thread.start()
        started.wait()

    def _run(self, started: threading.Event) -> None:
        async def listen() -> None:
            self._server = await asyncio.start_server(self._accepted, "127.0.0.1", 0)
            self.port = self._server.sockets[0].getsockname()[1]
            started.set()

        self._loop.run_until_complete(listen())
        self._loop.run_forever()
        self._loop.run_until_complete(self._end())
        self._loop.close()

    async def _end(self) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        for writer in self._writers:
            writer.close()
        await asyncio.gather(*self._tasks, *(writer.wait_closed() for writer in self._writers), return_exceptions=True)

    async def _accepted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(self.rtt)  # TCP's handshake, which the kernel has already answered
        there_reader, there_writer = await asyncio.open_connection(*self.target)
        self._writers += [writer, there_writer]
        heard = {"here": 1, "there": 1}  # the round trip in which each side last heard something
        both = [self._loop.create_task(self._pass(reader, there_writer, heard, "here", "there", 1)),
                self._loop.create_task(self._pass(there_reader, writer, heard, "there", "here", 0))]
        self._tasks.update(both)

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, heard: dict[str, int], here: str, there: str, step: int) -> None:
        while data := await reader.read(262144):
            self._loop.call_later(self.rtt / 2, self._deliver, writer, data, heard, there, heard[here] + step)
        self._loop.call_later(self.rtt / 2, writer.close)

    def _deliver(self, writer: asyncio.StreamWriter, data: bytes, heard: dict[str, int], there: str, trip: int) -> None:
        heard[there] = max(heard[there], trip)
        if there == "here":
            self.trips = max(self.trips, trip)
        writer.write(data)

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)

    def __enter__(self) -> Delayed:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()
