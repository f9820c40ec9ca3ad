"""The runner's processes form a tree of nodes: a node stands for one user in one place (the login user; root by sudo; a container).

A node runs no module itself, so it always listens: it has an executor, a forked child that does, and passes on the frames for the nodes
below it. Numbers of contexts are given by the controller; 1 is the root.
"""
import collections
import errno
import itertools
import json
import os
import select
import signal
import sys
import time
from typing import Any

from fleet.runner import wire
from fleet.runner.executor import Executor

WINDOW = 16  # requests given to the executor ahead of its answers
AHEAD = 1024 * 1024  # bytes under way to the executor beyond which it gets no more for now
MOST = 32 * 1024 * 1024  # bytes waiting for the executor beyond which nothing is read from above


class Link:
    """A child process: the descriptors to and from it (the same one for a forked child)."""

    def __init__(self, pid, reads, writes):
        # type: (int, int, int) -> None
        self.pid = pid
        self.reads = reads
        self.writes = writes
        self.parser = wire.Parser()
        self.out = collections.deque()  # type: collections.deque
        self.size = 0  # bytes in it

    def close(self):
        # type: () -> None
        for fd in {self.reads, self.writes}:
            os.close(fd)


class Node:
    """One user in one place. reads, writes: to the node above or the controller; context: this node's number; alive: seconds of silence
    from above after which it ends, or None (a node that lives by another ends with that)."""

    def __init__(self, reads, writes, context, alive=None):
        # type: (int, int, int, Any) -> None
        self.context = context
        self.alive = alive
        self.up = Link(0, reads, writes)
        self.executor = None  # type: Any
        self.queue = collections.deque()  # type: collections.deque
        self.given = collections.deque()  # type: collections.deque
        self.asked = 0  # requests among those given
        self.held = 0  # bytes in queue
        self.routes = {}  # type: dict
        self.children = {}  # type: dict
        self.running = True

    # -- the loop

    def loop(self):
        # type: () -> None
        os.set_blocking(self.up.writes, False)
        heard = time.monotonic()
        while self.running:
            links = [self.up] + list(self.children.values())
            full = self.held + sum(link.size for link in self.children.values()) >= MOST
            readers = [link.reads for link in links if link is not self.up or not full]
            writers = [link.writes for link in links if link.out]
            try:
                ready, able, _ = select.select(readers, writers, [], self.alive)
            except OSError as error:
                if error.errno == errno.EINTR:
                    continue
                raise
            if self.up.reads in ready or full:
                heard = time.monotonic()
            elif self.alive and time.monotonic() - heard > self.alive:
                self.running = False
            for link in links:
                if link.out and link.writes in able:
                    self._push(link)
                    if link is self.executor:
                        self.feed()
            for link in links:
                if link.reads in ready and self.running:
                    self._pull(link)
        self.end()

    def _pull(self, link):
        # type: (Link) -> None
        try:
            data = os.read(link.reads, 262144)
        except OSError as error:
            if error.errno in (errno.EAGAIN, errno.EINTR):
                return
            data = b""
        if link is self.up:
            if not data:
                self.running = False
                return
            for item in link.parser.feed(data):
                self.down(item)
        elif not data:
            self.lost(link)
        else:
            for item in link.parser.feed(data):
                self.rise(link, item)

    def _push(self, link):
        # type: (Link) -> None
        try:
            sent = os.writev(link.writes, list(itertools.islice(link.out, 64)))
            link.size -= sent
            while link.out and sent >= len(link.out[0]):
                sent -= len(link.out.popleft())
            if sent:
                link.out[0] = link.out[0][sent:]
        except OSError as error:
            if error.errno in (errno.EAGAIN, errno.EINTR):
                return
            if link is self.up:
                self.running = False
            link.out.clear()
            link.size = 0

    def send(self, link, data):
        # type: (Link, bytes) -> None
        """Queue bytes for a link and write what it takes at once."""
        link.out.append(memoryview(data))
        link.size += len(data)
        if len(link.out) == 1:
            self._push(link)

    # -- frames going down

    def down(self, item):
        # type: (tuple) -> None
        kind, context, number, header, body = item
        if context != self.context:
            link = self.routes.get(context)
            if link is not None:
                self.send(link, wire.raw(item))
            elif kind == wire.REQUEST:
                self.answer(context, number, {"failed": True, "gone": True, "msg": "that context is gone"})
            return
        if kind == wire.CONTROL:
            self.control(json.loads(header.decode("ascii")), item, body)
            return
        self.queue.append(item)
        self.held += len(body)
        self.feed()

    def control(self, message, item, body):
        # type: (dict, tuple, bytes) -> None
        what = message["t"]
        if what == "resume":
            self.queue.append(item)
            self.feed()
        elif what == "code":
            sys.fleet_importer.add(body)  # type: ignore[attr-defined]
            if self.executor is not None:
                self.send(self.executor, wire.raw(item))
            for context, link in self.routes.items():
                self.send(link, wire.frame(wire.CONTROL, context, 0, message, body))
        elif what == "context":
            self.open(message)
        elif what == "cancel":
            for waiting in self.queue:
                if waiting[0] == wire.REQUEST:
                    self.answer(self.context, waiting[2], {"failed": True, "cancelled": True, "changed": False, "msg": "cancelled before it ran"})
            self.queue.clear()
            self.held = 0
            if self.executor is not None and self.given:
                os.kill(self.executor.pid, signal.SIGUSR1)

    def feed(self):
        # type: () -> None
        """Give the executor what it may have; start one when there is work and none."""
        if self.executor is None and self.queue:
            self.start_executor()
        while self.queue and self.asked < WINDOW and self.executor.size < AHEAD:
            item = self.queue.popleft()
            self.held -= len(item[4])
            self.asked += item[0] == wire.REQUEST
            if item[0] == wire.REQUEST or (item[0] == wire.BLOB and len(item[4]) < AHEAD // WINDOW):
                self.given.append(item)
            elif item[0] == wire.BLOB:
                self.given.append(item[:4] + (None,))  # too large to be kept for another executor
            self.send(self.executor, wire.raw(item))

    def start_executor(self):
        # type: () -> None
        (reads, up), (down, writes) = os.pipe(), os.pipe()
        pid = os.fork()
        if pid == 0:
            os.close(reads)
            os.close(writes)
            self._forked()
            status = 1
            try:
                Executor(down, up, self.context).loop()
                status = 0
            except OSError:
                pass
            except BaseException:
                import traceback
                traceback.print_exc()
            finally:
                os._exit(status)
        os.close(up)
        os.close(down)
        os.set_blocking(reads, False)
        os.set_blocking(writes, False)
        self.executor = self.children["executor"] = Link(pid, reads, writes)

    def _forked(self, ours=None):
        # type: (Any) -> None
        """In a forked child: let go of all that is the parent's; ours: a socket of its."""
        if ours is not None:
            ours.close()
        for fd in {self.up.reads, self.up.writes}:
            os.close(fd)
        for link in self.children.values():
            link.close()

    # -- frames going up

    def rise(self, link, item):
        # type: (Link, tuple) -> None
        self.send(self.up, wire.raw(item))
        if link is self.executor and item[0] == wire.ANSWER:
            while self.given:
                done = self.given.popleft()
                self.asked -= done[0] == wire.REQUEST
                if done[0] == wire.REQUEST and done[2] == item[2]:
                    break
            self.feed()

    def answer(self, context, number, result):
        # type: (int, int, dict) -> None
        self.send(self.up, wire.frame(wire.ANSWER, context, number, result))

    def lost(self, link):
        # type: (Link) -> None
        """A child ended: the executor's current request failed, those behind it go to a new one; a node's contexts are gone."""
        name = next(key for key, value in self.children.items() if value is link)
        del self.children[name]
        link.close()
        if link.pid:
            try:
                os.waitpid(link.pid, 0)
            except OSError:
                pass
        if link is self.executor:
            self.executor = None
            rest = list(self.given)
            self.given.clear()
            failed = {}  # type: dict
            if self.asked:
                ran = next(index for index, item in enumerate(rest) if item[0] == wire.REQUEST)
                self.answer(self.context, rest[ran][2], {"failed": True, "changed": False, "killed": True,
                                                         "msg": "the runner was killed while the task ran; what it did is not known"})
                failed = json.loads(rest[ran][3].decode("ascii"))
                rest = rest[ran + 1:]
            self.asked = 0
            again = [item for item in rest if item[4] is not None]
            if failed.get("guard"):  # nothing behind it on its stream may run
                again.insert(0, (wire.CONTROL, self.context, 0, json.dumps({"t": "failed", "stream": failed.get("stream")}).encode("ascii"), b""))
            self.queue.extendleft(reversed(again))
            self.held += sum(len(item[4]) for item in again)
            self.feed()
            return
        for context in [key for key, value in self.routes.items() if value is link]:
            del self.routes[context]
            self.tell({"t": "lost", "c": context, "msg": "the process there ended"})

    def tell(self, message):
        # type: (dict) -> None
        self.send(self.up, wire.frame(wire.CONTROL, self.context, 0, message))

    # -- nodes below

    def open(self, message):
        # type: (dict) -> None
        """Start the node of a context: {"t": "context", "n": number, "parent": its parent's number, "how": the step, "preload": [...]}."""
        if message["parent"] != self.context:
            link = self.routes.get(message["parent"])
            if link is not None:
                self.routes[message["n"]] = link
                self.send(link, wire.frame(wire.CONTROL, message["parent"], 0, message))
            else:
                self.tell({"t": "lost", "c": message["n"], "msg": "the place it is in is gone"})
            return
        from fleet.runner import enter
        try:
            link = enter.start(self, message)
        except enter.Refused as error:
            self.tell({"t": "lost", "c": message["n"], "msg": str(error), "kind": error.kind})
            return
        self.children[message["n"]] = self.routes[message["n"]] = link

    # -- the end

    def end(self):
        # type: () -> None
        """The controller is gone or done: children end with what they run; none is left after two seconds."""
        pids = []
        for name, link in list(self.children.items()):
            if name == "executor":
                _signal(link.pid, signal.SIGTERM)
            link.close()
            if link.pid:
                pids.append(link.pid)
        limit = time.monotonic() + 2
        while pids and time.monotonic() < limit:
            for pid in list(pids):
                try:
                    if os.waitpid(pid, os.WNOHANG)[0]:
                        pids.remove(pid)
                except OSError:
                    pids.remove(pid)
            if pids:
                time.sleep(0.01)
        for pid in pids:
            _signal(pid, signal.SIGKILL)


def _signal(pid, number):
    # type: (int, int) -> None
    try:
        os.kill(pid, number)
    except OSError:
        pass
