"""Bake or run, proven equal: an image is as it was sealed, and what it was built by changes nothing in it, entered or booted."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from fleet.errors import TaskError
from fleet.events import Event, TaskResult
from fleet.image.build import Wanted, apply, within
from fleet.image.recipe import Recipe
from fleet.image.source import must, ready

_BOOT = 600.0  # seconds until a guest's agent answers, also where it is emulated
# What is an instance's own is not made for this one: nobody comes by SSH, and its keys take a minute where the CPU is emulated.
_NO_FIRST_BOOT = "cloud-init=disabled"
_SHORT_FIRST_BOOT = "#cloud-config\nssh_genkeytypes: [ed25519]\n"


def verify(call: Any, recipe: Recipe, store: str, boot: bool = False) -> dict[str, Any]:
    """Raises TaskError naming what differs. The image is entered as a clone that is thrown away, or with `boot` a guest of it is, so nothing changes."""
    base = ready(call, recipe, store)
    if base is None:
        raise TaskError(f"the base of the image {recipe.name} is not there", {})
    wanted = Wanted(call, recipe, store, base)
    if not wanted.present:
        known = f"; what is called so was built from other inputs ({wanted.named[:12]})" if wanted.named else ""
        raise TaskError(f"the image {recipe.name} of this recipe is not there{known}", {"id": wanted.id}, hint="build it with `fleet image build`")
    wrong = must(call.module("_image_verify", {"store": store, "id": wanted.id}, check=False))["wrong"]
    if wrong:
        raise TaskError(f"the image {recipe.name} ({wanted.id[:12]}) is not as it was sealed: " + "; ".join(wrong), {"wrong": wrong, "id": wanted.id})
    changes: list[str] = []

    def seen(event: Event) -> None:
        if isinstance(event, TaskResult) and event.host == recipe.name and event.status == "changed":
            changes.append(f"{event.name or event.action} ({event.position})")
    if recipe.steps or boot:
        with booted(wanted) if boot else entered(wanted) as place, call.watched(seen):
            for index in range(1, len(recipe.steps) + 1):
                apply(call, recipe, place, index, int(wanted.manifest.get("epoch") or 0))
    if changes:
        raise TaskError(f"applied again, {len(changes)} tasks change the image {recipe.name} ({wanted.id[:12]}): " + "; ".join(changes),
                        {"changes": changes, "id": wanted.id}, hint="a task that changes something each time has no place in an image: mend it, or give it "
                        "`creates` or `changed_when`")
    return {**wanted.manifest, "verified": True}


@contextmanager
def entered(wanted: Wanted) -> Iterator[dict[str, str]]:
    """A clone of the image, as a build's root is; how it is reached."""
    call, recipe = wanted.call, wanted.recipe
    where = {"image": wanted.id} if wanted.manifest.get("tree") else {"parents": wanted.keys}
    common = {"store": wanted.store, "hostname": recipe.name[:63], **where}
    opened = must(call.module("_image_layer", {"op": "open", **common}, check=False))
    try:
        yield within(call, opened)
    finally:
        call.module("_image_layer", {"op": "drop", "work": opened["work"], **common}, check=False)


@contextmanager
def booted(wanted: Wanted) -> Iterator[dict[str, str]]:
    """A guest of the image on the same host, without a network, and reached by its agent."""
    call, manifest = wanted.call, wanted.manifest
    disk = manifest.get("disk") or (f"{manifest['path']}/{manifest['bootable']}" if manifest.get("bootable") else None)
    if disk is None:
        raise TaskError(f"the image {wanted.recipe.name} has no disk to boot", {"id": wanted.id}, hint="build it with `disk` or `qcow2` among its formats")
    name = f"verify-{wanted.id[:12]}"
    gone = {"name": name, "state": "absent", "force": True}
    how = {"kernel": manifest["kernel"], "initrd": manifest["initrd"], "cmdline": f"{manifest['append']} {_NO_FIRST_BOOT}"} if manifest.get("kernel") \
        else {"user_data": _SHORT_FIRST_BOOT}
    must(call.elsewhere(call.endpoint, "guest", gone, check=False))  # of one that was killed
    try:
        must(call.elsewhere(call.endpoint, "guest", {"name": name, "disks": [{"name": "root", "backing": disk}], "networks": [], "memory": "1G",
                                                     "vcpus": 2, "wait": "agent", "timeout": _BOOT, **how}, check=False))
        yield {"ansible_connection": "guest", "fleet_on": call.host, "fleet_guest": name, "ansible_user": "root"}
    finally:
        call.elsewhere(call.endpoint, "guest", gone, check=False)
