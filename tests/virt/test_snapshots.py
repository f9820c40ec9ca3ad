"""Snapshots of a running guest: inside its disks and beside them, with memory and without; the way back, and what is left."""

from __future__ import annotations

import time
from typing import Any

import pytest

from fleet.errors import VirtError
from fleet.virt.snapshots import Snapshot, seconds, surplus
from tests.virt.conftest import Apply, Machine

virt = pytest.mark.virt


def snapshot(name: str, created: int) -> Snapshot:
    return Snapshot(name, created, "running", False, True, False, "")


@pytest.mark.parametrize(("keep", "max_age", "wanted"), [
    (None, None, []), (2, None, ["a", "b"]), (9, None, []), (None, 15, ["a", "b"]), (3, 15, ["a", "b"]), (1, 1, ["a", "b", "c"]),
])
def test_surplus(keep: int | None, max_age: float | None, wanted: list[str]) -> None:
    found = [snapshot(name, created) for name, created in (("a", 70), ("b", 80), ("c", 90), ("d", 98))]
    assert [each.name for each in surplus(found, keep, max_age, 100)] == wanted


def test_durations() -> None:
    assert [seconds(text) for text in ("90s", "30m", "12h", "7d", "4w")] == [90, 1800, 43200, 604800, 2419200]
    with pytest.raises(VirtError, match="not a duration"):
        seconds("soon")


def files(guest: Machine) -> list[str]:
    return sorted(each.name for each in guest.hypervisor.images.glob("g1.qcow2*"))


@virt
@pytest.mark.parametrize(("options", "boots"), [({}, False), ({"kind": "external"}, True), ({"kind": "external", "memory": True}, False)],
                         ids=["internal", "external", "external-memory"])
def test_there_and_back(options: dict[str, Any], boots: bool, apply: Apply, fresh_guest: Machine) -> None:
    guest = fresh_guest
    declared = {"guest": "g1", "name": "before", **options}
    guest.sh("echo old >/root/state; sync")
    apply("guest_snapshot", declared)
    guest.sh("echo new >/root/state; sync")
    apply.once("guest_snapshot", {**declared, "state": "reverted"})
    assert guest.domain.isActive()
    if boots:
        assert guest.stored("/root/state") == "old\n"
    else:
        assert guest.sh("cat /root/state; echo newer >/root/state; sync") == "old\n"
    assert apply("guest_snapshot", {**declared, "state": "absent"})["snapshots"] == []
    assert guest.domain.isActive() != boots
    assert guest.stored("/root/state") == ("old\n" if boots else "newer\n"), "removing a snapshot changes nothing"
    assert guest.domain.listAllSnapshots() == [] and len(files(guest)) == 1, files(guest)


@virt
def test_a_chain_of_external_ones(apply: Apply, fresh_guest: Machine) -> None:
    """Three, one on another: the middle one removed, then back to the oldest and to what a newer one holds; all removed while it is off."""
    guest = fresh_guest
    for number in ("1", "2", "3"):
        guest.sh(f"echo {number} >/root/state; sync")
        apply.once("guest_snapshot", {"guest": "g1", "name": f"s{number}", "kind": "external"})
    guest.sh("echo 4 >/root/state; sync")
    assert apply("guest_snapshot", {"guest": "g1", "name": "s2", "state": "absent"})["snapshots"] == ["s1", "s3"]
    assert guest.sh("cat /root/state") == "4\n"
    for name in ("s1", "s3"):
        apply.once("guest_snapshot", {"guest": "g1", "name": name, "state": "reverted"})
        assert guest.stored("/root/state") == f"{name[1]}\n"
    for name in ("s1", "s3"):
        apply("guest_snapshot", {"guest": "g1", "name": name, "state": "absent"})
    assert guest.stored("/root/state") == "3\n" and len(files(guest)) == 1, files(guest)


@virt
def test_a_series(apply: Apply, fresh_guest: Machine) -> None:
    declared = {"guest": "g1", "series": "nightly-", "keep": 2}
    first = apply("guest_snapshot", declared)["snapshots"]
    assert len(first) == 1
    time.sleep(1.1)  # their names and ages are in seconds
    apply.once("guest_snapshot", {**declared, "every": "1s"})
    time.sleep(1.1)
    third = apply.once("guest_snapshot", {**declared, "every": "1s"})["snapshots"]
    assert len(third) == 2 and first[0] not in third
    assert apply("guest_snapshot", {"guest": "g1", "series": "nightly-", "state": "absent"})["snapshots"] == []


@virt
@pytest.mark.parametrize(("declared", "words"), [
    ({"name": "x", "memory": False}, "take `kind: external`"), ({"name": "nosuch", "state": "reverted"}, "has no snapshot nosuch"),
    ({"name": "a/b"}, "cannot be the name"),
    ({"name": "x", "quiesce": True}, "needs no quiesce"),
    ({"guest": "nosuch", "name": "x"}, "no guest nosuch"), ({"series": "n-", "every": "soon"}, "not a duration"),
])
def test_refused(declared: dict[str, Any], words: str, apply: Apply, guest: Machine) -> None:
    assert words in apply.fails("guest_snapshot", {"guest": "g1", **declared})


@virt
def test_a_block_that_goes_back(apply: Apply, fresh_guest: Machine) -> None:
    """The same in YAML and in Python: what fails is undone, what goes well stays, and no snapshot is left."""
    guest = fresh_guest
    guest.sh("echo old >/root/state; sync")
    site = apply.site
    site.write("play.py", '''
        from fleet import Host, play
        from fleet.dsl import snapshot

        @play(hosts="g1")
        def upgrade(t: Host) -> None:
            with snapshot(t):
                t.copy(content="new\\n", dest="/root/state")
                if t.vars.get("broken"):
                    t.command("false")
        ''')
    yaml = """
        - hosts: g1
          gather_facts: false
          tasks:
            - block:
                - guest_snapshot: {guest: g1, name: before}
                  delegate_to: hv1
                - copy: {content: "new\\n", dest: /root/state}
                - command: "{{ 'false' if broken | default(false) else 'true' }}"
                - guest_snapshot: {guest: g1, name: before, state: absent}
                  delegate_to: hv1
              rescue:
                - guest_snapshot: {guest: g1, name: before, state: reverted}
                  delegate_to: hv1
                - meta: reset_connection
                - guest_snapshot: {guest: g1, name: before, state: absent}
                  delegate_to: hv1
                - fail: {msg: it went back}
        """
    for run in (lambda **more: site.run(yaml, **more), lambda **more: site.run(name="play.py", **more)):
        seen = run(extra_vars=("broken=true",))
        assert seen.status == 2, seen.events
        assert guest.sh("cat /root/state") == "old\n" and guest.domain.listAllSnapshots() == []
        seen = run()
        assert seen.status == 0, [event.result for event in seen.results()]
        assert guest.sh("cat /root/state") == "new\n" and guest.domain.listAllSnapshots() == []
        guest.sh("echo old >/root/state; sync")
