"""Snapshots of a guest on the task's host."""

from __future__ import annotations

import time
from collections.abc import Generator
from functools import partial
from typing import Any

from fleet.errors import VirtError
from fleet.runner.module import Change
from fleet.runner.spec import Opt, Ret, Spec
from fleet.virt.connect import hypervisor, said
from fleet.virt.identity import checked
from fleet.virt.snapshots import Snapshot, Snapshots, seconds, surplus

SPEC = Spec(
    "guest_snapshot", "Take, revert to and remove snapshots of a guest",
    {
        "guest": Opt("str", "The guest.", required=True),
        "name": Opt("str", "The snapshot's name. With `series` it is made from that and the time."),
        "state": Opt("str", "present: there is one of that name, or a recent one of the series; reverted: the guest is as it was then; absent.",
                     default="present", choices=["present", "reverted", "absent"]),
        "kind": Opt("str", "internal: in the disks' qcow2 files; external: an overlay on each disk from then on, in a file beside it.", default="internal",
                    choices=["internal", "external"]),
        "memory": Opt("bool", "With a running guest's memory; by default internal ones have it, external ones have not."),
        "quiesce": Opt("bool", "Have the agent of a running guest freeze its filesystems meanwhile (external, without memory); without one that answers "
                       "it is refused.", default=False),
        "description": Opt("str", "Kept with it."),
        "series": Opt("str", "The beginning of the names of snapshots that are taken again and again; `every`, `keep` and `max_age` are about these."),
        "every": Opt("str", "A new one of the series is taken when the newest is older than this (30m, 12h, 1d ...).", default="1d"),
        "keep": Opt("int", "How many of the series to keep."),
        "max_age": Opt("str", "Remove those of the series that are older (7d, 4w ...); the newest always stays."),
        "uri": Opt("str", "The libvirt to speak to; by default qemu:///system, or the host's fleet_libvirt_uri."),
    },
    returns={"name": Ret("str", "The snapshot.", "there is one"), "created": Ret("int", "When, in seconds since the epoch.", "it existed before"),
             "snapshots": Ret("list", "Names of all of the guest, oldest first.", elements="str")},
    mutually_exclusive=[["name", "series"]],
    required_one_of=[["name", "series"]],
    required_by={"keep": ["series"], "max_age": ["series"]},
    examples="""\
- guest_snapshot: {guest: web1, name: before-upgrade}
- guest_snapshot: {guest: web1, name: before-upgrade, state: reverted}
- guest_snapshot: {guest: db1, series: nightly-, kind: external, quiesce: true, keep: 7, max_age: 4w}
""",
    notes=["Reverting always changes the guest, and loses what it wrote since. A running guest that is reverted keeps running, with the memory of then or, "
           "where the snapshot has none, started anew; its connections are gone (`meta: reset_connection`).",
           "Removing one merges nothing away: the guest stays as it is."],
)


def run(call: Any) -> Generator[Change, Any, dict[str, Any]]:
    args = call.args
    host = hypervisor(call)
    guest = checked(args.guest, "guest")
    snapshots = Snapshots(host, guest, partial(command, call))
    if said(call, "looking for the guest", host.find, "lookupByName", guest) is None:
        if args.state == "absent":
            return {"snapshots": []}
        raise VirtError(f"there is no guest {guest} on {host.name}")
    found: list[Snapshot] = said(call, "snapshots", snapshots.all)
    external = args.kind == "external"
    memory = args.memory if args.memory is not None else not external
    left = said(call, "files of snapshots", snapshots.leftovers)
    if left:
        yield Change(f"files of snapshots of {guest} that are gone", ", ".join(left), "absent", lambda: said(call, "remove what was left", snapshots.tidy))
    if args.series is not None:
        name = yield from serial(call, snapshots, found, memory, external)
    else:
        name = yield from single(call, snapshots, found, memory, external)
    now = found if call.check else said(call, "snapshots", snapshots.all)
    result: dict[str, Any] = {"snapshots": [each.name for each in now]}
    if args.state != "absent":
        result["name"] = name
        result.update(next(({"created": each.created} for each in now if each.name == name), {}))
    return result


def single(call: Any, snapshots: Snapshots, found: list[Snapshot], memory: bool, external: bool) -> Generator[Change, Any, str]:
    name, state = checked(call.args.name, "snapshot"), call.args.state
    known = next((each for each in found if each.name == name), None)
    what = f"snapshot {name} of {snapshots.guest}"
    if state == "present" and known is None:
        yield from take(call, snapshots, name, memory, external)
    elif state == "absent" and known is not None:
        yield Change(what, "present", "absent", lambda: said(call, f"remove the {what}", snapshots.remove, name))
    elif state == "reverted":
        if known is None:
            raise VirtError(f"{snapshots.guest} has no snapshot {name}", hint="it has: " + (", ".join(each.name for each in found) or "none"))
        yield Change(f"guest {snapshots.guest}", "as it is", f"as at {stamp(known.created)} ({name})",
                     lambda: said(call, f"revert to the {what}", snapshots.revert, name))
    return name


def serial(call: Any, snapshots: Snapshots, found: list[Snapshot], memory: bool, external: bool) -> Generator[Change, Any, str]:
    args, now = call.args, time.time()
    if args.state == "reverted":
        raise VirtError("state: reverted needs the name of a snapshot")
    prefix = checked(args.series, "series of snapshots")
    every, max_age = seconds(args.every), seconds(args.max_age) if args.max_age else None
    ours = [each for each in found if each.name.startswith(prefix)]
    if args.state == "absent":
        for each in ours:
            yield gone(call, snapshots, each)
        return prefix
    name = ours[-1].name if ours else ""
    if not ours or now - ours[-1].created >= every:
        name = f"{prefix}{time.strftime('%Y%m%d-%H%M%S', time.gmtime(now))}"
        yield from take(call, snapshots, name, memory, external)
        ours.append(Snapshot(name, int(now), "", external, memory, True, ""))
    for each in surplus(ours, args.keep, max_age, now):
        yield gone(call, snapshots, each)
    return name


def take(call: Any, snapshots: Snapshots, name: str, memory: bool, external: bool) -> Generator[Change, Any, None]:
    said(call, "guest", snapshots.check, external, memory, call.args.quiesce)
    yield Change(f"snapshot {name} of {snapshots.guest}", "absent", "present", lambda: said(
        call, f"take the snapshot {name}", snapshots.take, name, call.args.description, memory, external, call.args.quiesce))


def gone(call: Any, snapshots: Snapshots, each: Snapshot) -> Change:
    return Change(f"snapshot {each.name} of {snapshots.guest}", f"present, of {stamp(each.created)}", "absent",
                  lambda: said(call, f"remove the snapshot {each.name}", snapshots.remove, each.name))


def stamp(created: int) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(created))


def command(call: Any, argv: list[str]) -> str:
    """Run a command on the hypervisor, from a worker thread. Raises VirtError."""
    return call.from_worker(lambda: _command(call, argv))  # type: ignore[no-any-return]


def _command(call: Any, argv: list[str]) -> str:
    answer = call.module("command", {"argv": argv}, check=False)
    if answer.get("failed"):
        raise VirtError(f"{argv[0]}: {answer.get('stderr') or answer.get('msg')}")
    return str(answer.get("stdout", ""))
