"""What containers a host has, how they are declared, and what their programs wrote."""
import codecs
import os
import time
from typing import IO, Any, Dict, List, Optional

from fleet.modules import _container_root as roots
from fleet.runner import container as known
from fleet.runner.container import Container
from fleet.runner.module import Module
from fleet.runner.spec import Opt, Ret, Spec

MOST = 1 << 20  # bytes of a log in one answer; what follows is there to be asked for
SPEC = Spec(
    "container_info", "Show a host's containers",
    {
        "name": Opt("str", "Only this one."),
        "log": Opt("int", "Bytes of the end of each log to return.", default=0),
        "since": Opt("int", "Return each log from this offset on instead: what log_size was."),
        "log_id": Opt("int", "The file in which `since` counts: what log_id was. A log that was turned over meanwhile is followed."),
    },
    returns={"containers": Ret("list", "name, backend, state, pid, health, restarts, uptime, image, clone, ids, snapshots and options (as declared) of each; log, "
                                       "log_size (where it ends), log_id (of which file), and log_lost when something of it is kept no more.", elements="dict")},
    examples="- container_info:\n  register: found\n",
)


def run(m):
    # type: (Module) -> Dict[str, Any]
    wanted = [m.args.name] if m.args.name else known.names()
    found = [known.load(name) for name in wanted]
    if m.args.name and found[0] is None:
        m.fail("there is no container '%s' here" % m.args.name)
    return {"containers": [described(m, c) for c in found if c is not None]}


def described(m, c):
    # type: (Module, Container) -> Dict[str, Any]
    state = known.state(c.name)
    result = {"name": c.name, "backend": c.options["backend"], "state": "stopped", "image": c.made.get("image"), "image_id": c.made.get("image_id"),
              "clone": c.made.get("clone"), "ids": c.ids, "snapshots": roots.snapshots(c), "options": c.options}  # type: Dict[str, Any]
    if state:
        result.update(state="running" if known.supervised(state) else "orphaned", pid=state["pid"], health=state.get("health"),
                      restarts=state.get("restarts", 0), uptime=int(time.time() - state.get("since", time.time())))
    result.update(logged(c, m.args.log, m.args.since, m.args.log_id))
    return result


def logged(c, length, since, number):
    # type: (Container, int, Optional[int], Optional[int]) -> Dict[str, Any]
    """The end of the log, or what was written since; from the log that was turned over too. The current one is opened first, so that it is not missed."""
    streams, ids = [], []  # type: List[IO[bytes]], List[int]
    for path in (c.log, c.log + ".1"):
        try:
            stream = open(path, "rb")  # type: IO[bytes]
        except OSError:
            continue
        streams.insert(0, stream)
        ids.insert(0, os.fstat(stream.fileno()).st_ino)
    if len(set(ids)) < len(ids):  # it was turned over just now
        streams.pop(0).close()
        ids.pop(0)
    if not streams:
        return {"log": "", "log_size": 0, "log_id": 0}
    sizes = [os.fstat(stream.fileno()).st_size for stream in streams]
    lost = False
    if since is None:
        first = 0 if sizes[-1] < length else len(ids) - 1
        start = max(sum(sizes[first:]) - length, 0)
    else:
        first = ids.index(number) if number in ids else len(ids) - 1
        lost = (bool(number) and number not in ids) or since > sizes[first]
        start = 0 if lost else since
    data, position = b"", 0
    for place in range(first, len(ids)):
        streams[place].seek(start if place == first else 0)
        data += streams[place].read(max(MOST - len(data), 0))
        number, position = ids[place], streams[place].tell()
        if len(data) >= MOST:
            break
    for stream in streams:
        stream.close()
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    text = decoder.decode(data)
    cut = len(decoder.getstate()[0])  # half a letter is for the next time
    found = {"log": text, "log_size": max(position - cut, 0), "log_id": number}
    return dict(found, log_lost=True) if lost else found
