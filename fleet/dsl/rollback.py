"""`with snapshot(t, ...)`: a guest goes back to where it was when what is done to it fails."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

from fleet.dsl.host import Host
from fleet.engine.walk import TaskFailed


@contextmanager
def snapshot(t: Host, guest: str | None = None, on: str | None = None, name: str = "before-change", **options: Any) -> Iterator[None]:
    """Take a snapshot of a guest, run the tasks of the `with` block, and remove it again; when one of them fails, the guest is reverted first.

    guest: by default the host itself; on: its hypervisor, by default the host's `fleet_on`. options: of `guest_snapshot` (kind, memory, quiesce).
    TaskFailed goes on to the caller after the revert.
    """
    hypervisor = t.on(on or str(t.vars["fleet_on"]))
    guest = guest or t.name

    def ask(state: Literal["present", "reverted", "absent"], **more: Any) -> None:
        hypervisor.guest_snapshot(guest, name=name, state=state, **more)
        hypervisor.wait()

    t.wait()
    ask("present", **options)
    try:
        with t.block():
            yield
    except TaskFailed:
        ask("reverted")
        t.meta("reset_connection")
        ask("absent")
        raise
    ask("absent")
