"""The process on the target that runs modules, one after the other, for one user in one place."""
import collections
import importlib
import io
import json
import os
import signal
import sys
from typing import Any

from fleet.runner import wire
from fleet.runner.module import Cancelled, Module, execute

KEPT = 1024  # results kept for the arguments of later requests
IN_MEMORY = 1024 * 1024  # content up to this stays in memory


class Executor:
    """Frames in on one descriptor, answers out on another."""

    def __init__(self, reads, writes, context):
        # type: (int, int, int) -> None
        self.reads = reads
        self.writes = writes
        self.context = context
        self.parser = wire.Parser()
        self.waiting = []  # type: list
        self.blobs = {}  # type: dict
        self.failed = set()  # type: set
        self.kept = collections.OrderedDict()  # type: collections.OrderedDict
        self.current = None  # type: Any
        self.number = 0
        self.reason = ""
        self.folder = _folder(".")  # where commands and relative paths start: the login's home, or beside the playbook on the controller itself

    def loop(self):
        # type: () -> None
        signal.signal(signal.SIGUSR1, self._cancelled)
        signal.signal(signal.SIGALRM, self._late)
        signal.signal(signal.SIGTERM, self._ended)
        while True:
            item = wire.read_frame(self.reads, self.parser, self.waiting)
            if item is None:
                return
            kind, _, number, header, body = item
            if kind == wire.BLOB:
                self._keep(number, body)
            elif kind == wire.REQUEST:
                self._answer(number, self._run(number, json.loads(header.decode("ascii"))))
            elif kind == wire.CONTROL:
                self._control(json.loads(header.decode("ascii")), body)

    def _control(self, message, body):
        # type: (dict, bytes) -> None
        if message["t"] == "resume":
            self.failed.discard(message["stream"])
        elif message["t"] == "failed":
            self.failed.add(message["stream"])
        elif message["t"] == "code":
            sys.fleet_importer.add(body)  # type: ignore[attr-defined]

    def _answer(self, number, result):
        # type: (int, dict) -> None
        try:
            data = wire.frame(wire.ANSWER, self.context, number, result)
        except wire.WireError as error:
            data = wire.frame(wire.ANSWER, self.context, number, {"failed": True, "changed": bool(result.get("changed")), "msg": str(error)})
        wire.send_all(self.writes, data)

    def _keep(self, number, body):
        # type: (int, bytes) -> None
        stream = self.blobs.get(number)
        if stream is None:
            stream = self.blobs[number] = io.BytesIO()
        if isinstance(stream, io.BytesIO) and stream.tell() + len(body) > IN_MEMORY:
            from fleet.runner import spool
            file = spool.Spool()
            file.write(stream.getvalue())
            stream = self.blobs[number] = file
        stream.write(body)

    def _run(self, number, asked):
        # type: (int, dict) -> dict
        blob = self.blobs.pop(number, None)
        stream = asked.get("stream")
        if asked.get("guard") and stream in self.failed:
            return {"aborted": True, "failed": False, "changed": False, "skipped": True}
        result = self._missing(asked)  # type: Any
        if result is None and asked.get("blob") and (blob is None or blob.seek(0, 2) != asked["blob"]):
            result = {"failed": True, "changed": False, "msg": "the content sent along did not arrive whole; nothing was changed"}
        if result is None:
            result = (self._in_background if asked.get("job") else self._guarded)(number, asked, blob)
        if asked.get("keep"):
            self.kept[asked["keep"]] = result
            if len(self.kept) > KEPT:
                self.kept.popitem(last=False)
        if asked.get("guard") and result.get("failed"):
            self.failed.add(stream)
        if blob is not None:
            blob.close()
        return dict(result)

    def _missing(self, asked):
        # type: (dict) -> Any
        """Put the fields of earlier results into the arguments. None, or the result when one is not there."""
        for place, key, field in asked.get("refs") or ():
            source = self.kept.get(key) or {}
            value = source.get(field)
            if not isinstance(value, str) or source.get("skipped"):
                if asked.get("check") and source.get("skipped"):
                    return {"changed": False, "skipped": True, "unpredicted": True, "msg": "its argument is the %s of a task that was skipped" % field}
                return {"failed": True, "changed": False, "msg": "its argument is the %s of an earlier result, which has none" % field}
            target = asked["a"]
            for step in place[:-1]:
                target = target[step]
            target[place[-1]] = value
        return None

    def _in_background(self, number, asked, blob):
        # type: (int, dict, Any) -> dict
        try:
            jobs = importlib.import_module("fleet.modules._job")  # type: Any
            return jobs.start(asked["job"], lambda: self._guarded(number, asked, blob))  # type: ignore[no-any-return]
        except OSError as error:
            return {"failed": True, "changed": False, "msg": "the job could not be started: %s" % error}

    def _guarded(self, number, asked, blob):
        # type: (int, dict, Any) -> dict
        """Run one module so that a cancellation, a time limit or the environment of the request leaves nothing behind."""
        before = dict(os.environ)
        os.environ.update(asked.get("env") or {})
        limit = asked.get("limit")
        self.number, self.reason = number, ""
        module = None  # type: Any
        try:
            code = importlib.import_module("fleet.modules." + asked["m"])
            if blob is not None:
                blob.seek(0)
            module = Module(asked["a"], asked.get("check", False), asked.get("diff", False), blob, self._emit, asked.get("env"))
            self.current = module
            if limit:
                signal.setitimer(signal.ITIMER_REAL, limit)
            return execute(code, module)
        except Cancelled:
            module.kill()
            return {"failed": True, "changed": False, "cancelled": True, "msg": self.reason or "cancelled"}
        except ImportError as error:
            return {"failed": True, "changed": False, "msg": "the module %s cannot run here: %s" % (asked["m"], error)}
        finally:
            self.current = None
            if limit:
                signal.setitimer(signal.ITIMER_REAL, 0)
            if asked.get("env"):
                os.environ.clear()
                os.environ.update(before)
            self.folder = _folder(self.folder)

    def _emit(self, data):
        # type: (bytes) -> None
        wire.send_all(self.writes, wire.frame(wire.DATA, self.context, self.number, None, data))

    def _cancelled(self, signum, frame):
        # type: (int, Any) -> None
        if self.current is not None:
            self.reason = self.reason or "cancelled"
            raise Cancelled()

    def _late(self, signum, frame):
        # type: (int, Any) -> None
        if self.current is not None:
            self.reason = "timed out"
            raise Cancelled()

    def _ended(self, signum, frame):
        # type: (int, Any) -> None
        """The controller is gone: what runs is ended with its children, and so are we."""
        if self.current is not None:
            self.current.kill()
        os._exit(0)


def _folder(wanted):
    # type: (str) -> str
    """Go there, or home where this user may not be there (root's home, after becoming another one), or it is gone."""
    for path in (wanted, os.path.expanduser("~"), "/"):
        try:
            os.chdir(path)
            return os.getcwd()
        except OSError:
            continue
    return "/"
