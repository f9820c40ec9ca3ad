"""Snapshots of a container's root, and the way back to one."""
from typing import Any

from fleet.modules import _container_life as life
from fleet.modules import _container_root as roots
from fleet.modules._container_supervise import Failed, groups
from fleet.runner import container as known
from fleet.runner.container import Container
from fleet.runner.module import Change, Module
from fleet.runner.spec import Opt, Ret, Spec

SPEC = Spec(
    "container_snapshot", "Keep a container's root, or go back to it",
    {
        "container": Opt("str", "The container.", required=True),
        "name": Opt("str", "The snapshot's name.", required=True),
        "state": Opt("str", "present: taken if there is none of this name; absent: removed; rolled_back: the root is again what it was.", default="present",
                     choices=["present", "absent", "rolled_back"]),
    },
    returns={"snapshots": Ret("list", "All snapshots of the container.", elements="str")},
    examples="- container_snapshot: {container: web, name: before-upgrade}\n",
    notes=["A running container is frozen while a snapshot is taken, and stopped and started for a rollback. Volumes and binds are not part of it.",
           "`rolled_back` is an action, not a state that can be looked up: it is always a change."],
)


def run(m):
    # type: (Module) -> Any
    args = m.args
    c = known.load(args.container)
    if c is None:
        m.fail("there is no container '%s' here" % args.container)
        return None
    if not known.NAME.match(args.name):
        m.fail("'%s' cannot be the name of a snapshot" % args.name)
    there = args.name in roots.snapshots(c)
    what = "snapshot %s of %s" % (args.name, c.name)
    if args.state == "present" and not there:
        yield Change(what, "absent", "present", lambda: take(m, c))
    elif args.state == "absent" and there:
        yield Change(what, "present", "absent", lambda: roots.remove_snapshot(c, args.name))
    elif args.state == "rolled_back":
        if not there:
            m.fail("the container %s has no snapshot '%s'" % (c.name, args.name), snapshots=roots.snapshots(c))
        yield Change("root of " + c.name, "as it is", "as in " + args.name, lambda: back(m, c))
    return {"snapshots": roots.snapshots(c)}


def take(m, c):
    # type: (Module, Container) -> None
    """With everything in it standing still; what was not written to the disk yet is part of it too."""
    limits, running = groups(c), known.state(c.name)
    if running:
        limits.freeze(True)
    try:
        roots.snapshot(m, c, m.args.name)
    finally:
        if running:
            limits.freeze(False)


def back(m, c):
    # type: (Module, Container) -> None
    running = known.state(c.name)
    if running:
        life.stop(c)
    known.release(c.name)
    roots.rollback(m, c, m.args.name)
    if running:
        try:
            life.start(c)
        except Failed as error:
            m.fail("rolled back, but %s" % error)
