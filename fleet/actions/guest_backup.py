"""Backups of a guest on the task's host."""

from __future__ import annotations

import time
from collections.abc import Generator
from functools import partial
from typing import Any

from fleet.actions.guest_snapshot import command, stamp
from fleet.errors import VirtError
from fleet.runner.module import Change
from fleet.runner.spec import Opt, Ret, Spec
from fleet.virt.backups import Backup, Backups, surplus
from fleet.virt.connect import hypervisor, said
from fleet.virt.identity import checked
from fleet.virt.snapshots import Snapshots, seconds

SPEC = Spec(
    "guest_backup", "Back up a guest's disks to files on its hypervisor, and restore them",
    {
        "guest": Opt("str", "The guest.", required=True),
        "dest": Opt("path", "The directory on the host; each guest has one in it, and each backup one in that.", required=True),
        "state": Opt("str", "present: there is one that is recent enough; restored: the guest's disks are those of the backup `id`; verified: its files are "
                     "what was written; absent: the backup `id` is not there.", default="present", choices=["present", "restored", "verified", "absent"]),
        "id": Opt("str", "Which; for restored and verified by default the newest."),
        "every": Opt("str", "A new one is taken when the newest is older than this (30m, 12h, 1d ...).", default="1d"),
        "incremental": Opt("bool", "Of a running guest, take only what was written since the last one where QEMU knows it.", default=True),
        "quiesce": Opt("bool", "Have the agent of a running guest freeze its filesystems at that moment; without one that answers it is refused.",
                       default=False),
        "full_every": Opt("int", "After how many in a chain a whole one is taken again.", default=7),
        "keep": Opt("int", "How many to keep, beside those that they build on."),
        "uri": Opt("str", "The libvirt to speak to; by default qemu:///system, or the host's fleet_libvirt_uri."),
    },
    returns={"id": Ret("str", "The backup.", "there is one"), "full": Ret("bool", "Whether it is a whole one.", "one was taken"),
             "backups": Ret("list", "Ids of all of the guest, oldest first.", elements="str")},
    required_if=[("state", "absent", ["id"])],
    examples="""\
- guest_backup: {guest: db1, dest: /srv/backup, every: 1d, keep: 14, quiesce: true}
- guest_backup: {guest: db1, dest: /srv/backup, state: restored}
""",
    notes=["A running guest is backed up as at one moment: without `quiesce` as after a power cut.",
           "Restoring always changes the guest: it is switched off, and what its disks held is lost."],
)


def run(call: Any) -> Generator[Change, Any, dict[str, Any]]:
    args = call.args
    host = hypervisor(call)
    guest = checked(args.guest, "guest")
    backups = Backups(host, guest, args.dest, partial(command, call))
    found: list[Backup] = said(call, "backups", backups.all)
    result: dict[str, Any] = {}
    if args.state == "present":
        yield from taken(call, backups, found, result)
    else:
        wanted = checked(args.id, "backup") if args.id else (found[-1].id if found else None)
        backup = next((each for each in found if each.id == wanted), None)
        if args.state == "absent":
            yield from removed(call, backups, found, backup)
        elif backup is None:
            raise VirtError(f"there is no backup {wanted or ''} of {guest} in {args.dest}", hint="there are: " + (", ".join(each.id for each in found) or "none"))
        elif args.state == "verified":
            said(call, f"verify {backup.id}", backups.verify, found, backup)
            result["id"] = backup.id
        else:
            yield Change(f"disks of {guest}", "as they are", f"as at {stamp(backup.created)} ({backup.id})",
                         lambda: said(call, f"restore {backup.id}", backups.restore, found, backup))
            result["id"] = backup.id
    now = found if call.check else said(call, "backups", backups.all)
    return {**result, "backups": [each.id for each in now]}


def taken(call: Any, backups: Backups, found: list[Backup], result: dict[str, Any]) -> Generator[Change, Any, None]:
    args, now = call.args, time.time()
    if said(call, "looking for the guest", backups.host.find, "lookupByName", backups.guest) is None:
        raise VirtError(f"there is no guest {backups.guest} on {backups.host.name}")
    if args.keep is not None and args.keep < 1:
        raise VirtError("keep is at least 1")
    name = found[-1].id if found else ""
    if not found or now - found[-1].created >= seconds(args.every):
        name = time.strftime("%Y%m%d-%H%M%S", time.gmtime(now))
        said(call, "guest", Snapshots(backups.host, backups.guest, backups.run).quiescible, args.quiesce)
        base = said(call, "checkpoints", backups.base, found, args.full_every) if args.incremental else None
        yield Change(f"backup {name} of {backups.guest}", "absent", "all of it" if base is None else f"what was written since {base.id}",
                     lambda: said(call, f"back up {backups.guest}", backups.take, name, base, args.quiesce))
        result["full"] = base is None
        found = [*found, Backup(name, int(now), base.id if base else None, {}, {})]
    result["id"] = name
    for each in surplus(found, args.keep) if args.keep else ():
        yield Change(f"backup {each.id} of {backups.guest}", f"present, of {stamp(each.created)}", "absent",
                     partial(said, call, f"remove the backup {each.id}", backups.remove, each))


def removed(call: Any, backups: Backups, found: list[Backup], backup: Backup | None) -> Generator[Change, Any, None]:
    if backup is None:
        return
    above = [each.id for each in found if each.parent == backup.id]
    if above:
        raise VirtError(f"the backup {above[0]} builds on {backup.id}", hint="remove that first")
    yield Change(f"backup {backup.id} of {backups.guest}", "present", "absent", lambda: said(call, f"remove {backup.id}", backups.remove, backup))
