"""What containers a host has, how they are declared, and what their programs wrote."""
import os
import time
from typing import Any, Dict

from fleet.modules import _container_root as roots
from fleet.runner import container as known
from fleet.runner.container import Container
from fleet.runner.module import Module
from fleet.runner.spec import Opt, Ret, Spec

SPEC = Spec(
    "container_info", "Show a host's containers",
    {
        "name": Opt("str", "Only this one."),
        "log": Opt("int", "Bytes of the end of each log to return.", default=0),
        "since": Opt("int", "Return each log from this offset on instead."),
    },
    returns={"containers": Ret("list", "name, backend, state, pid, health, restarts, uptime, image, clone, ids, snapshots, options (as declared), log and "
                                       "log_size of each.", elements="dict")},
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
    size = os.path.getsize(c.log) if os.path.exists(c.log) else 0
    result["log_size"] = size
    start = m.args.since if m.args.since is not None else (max(size - m.args.log, 0) if m.args.log else size)
    if start < size:
        with open(c.log, "rb") as stream:
            stream.seek(start)
            result["log"] = stream.read(1 << 20).decode("utf-8", "replace")
    elif m.args.log or m.args.since is not None:
        result["log"] = ""
    return result
