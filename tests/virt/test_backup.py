"""Backups of a running guest, whole and incremental, proved by restoring them."""

from __future__ import annotations

import subprocess
import time

import pytest

from fleet.errors import VirtError
from fleet.virt.backups import Backup, lineage, surplus
from tests.virt.conftest import Apply, Machine

DEST = "/var/lib/libvirt/backup"


def chain(*pairs: tuple[str, str | None]) -> list[Backup]:
    return [Backup(name, number, parent, {}, {}) for number, (name, parent) in enumerate(pairs)]


def test_retention_keeps_what_is_built_on() -> None:
    found = chain(("a", None), ("b", "a"), ("c", None), ("d", "c"), ("e", "d"))
    assert [each.id for each in surplus(found, 2)] == ["b", "a"]
    assert surplus(found, 4) == [], "b is kept, so a is"
    assert [each.id for each in lineage(found, found[4])] == ["e", "d", "c"]
    with pytest.raises(VirtError, match="builds on a, which is not there"):
        lineage(found[1:], found[1])


@pytest.mark.virt
def test_whole_and_incremental_and_back(apply: Apply, guest: Machine) -> None:
    subprocess.run(["qemu-img", "amend", "-f", "qcow2", "-o", "compat=1.1", str(guest.saved / "disk.qcow2")], check=True)
    guest.fresh()
    declared = {"guest": "g1", "dest": DEST}
    guest.sh("echo one >/root/state; sync")
    first = apply("guest_backup", declared)
    assert first["full"]
    guest.sh("echo two >/root/state; sync")
    time.sleep(1.1)  # their names are times in seconds
    second = apply.once("guest_backup", {**declared, "every": "1s", "quiesce": True})
    assert guest.agent("guest-fsfreeze-status") == "thawed" and "fsfreeze" in guest.sh("touch /root/x; journalctl -b -u qemu-guest-agent")
    assert not second["full"] and second["backups"] == [first["id"], second["id"]]
    sizes = apply.once("shell", {"cmd": f"cd {DEST}/g1 && stat -c %s {first['id']}/vda.qcow2 {second['id']}/vda.qcow2"})["stdout"].split()
    assert int(sizes[1]) < int(sizes[0]) / 5, "only what was written since"
    assert "builds on" in apply.fails("guest_backup", {**declared, "state": "absent", "id": first["id"]})
    apply("guest_backup", {**declared, "state": "verified"})
    guest.sh("echo three >/root/state; sync")
    for backup, wanted in ((second, "two\n"), (first, "one\n")):
        apply.once("guest_backup", {**declared, "state": "restored", "id": backup["id"]})
        assert guest.stored("/root/state") == wanted
    apply.once("shell", {"cmd": f"printf x | dd of={DEST}/g1/{second['id']}/vda.qcow2 bs=1 seek=70000 conv=notrunc"})
    assert "is damaged" in apply.fails("guest_backup", {**declared, "state": "verified"})
    assert "is damaged" in apply.fails("guest_backup", {**declared, "state": "restored"})
    assert guest.stored("/root/state") == "one\n"
    for backup in (second, first):
        apply("guest_backup", {**declared, "state": "absent", "id": backup["id"]})
