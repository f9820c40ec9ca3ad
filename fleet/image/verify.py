"""Bake or run, proven equal: an image is as it was sealed, and what it was built by changes nothing in it."""

from __future__ import annotations

from typing import Any

from fleet.errors import TaskError
from fleet.events import Event, TaskResult
from fleet.image.build import Wanted, apply
from fleet.image.recipe import Recipe
from fleet.image.source import must, ready


def verify(call: Any, recipe: Recipe, store: str) -> dict[str, Any]:
    """Raises TaskError naming what differs. The image is entered as a clone that is thrown away, so nothing changes."""
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
    if recipe.steps:
        where = {"image": wanted.id} if wanted.manifest.get("tree") else {"parents": wanted.keys}
        common = {"store": store, "hostname": recipe.name[:63], **where}
        opened = must(call.module("_image_layer", {"op": "open", **common}, check=False))

        def seen(event: Event) -> None:
            if isinstance(event, TaskResult) and event.host == recipe.name and event.status == "changed":
                changes.append(f"{event.name or event.action} ({event.position})")
        try:
            with call.watched(seen):
                for index in range(1, len(recipe.steps) + 1):
                    apply(call, recipe, opened, index)
        finally:
            call.module("_image_layer", {"op": "drop", "work": opened["work"], **common}, check=False)
    if changes:
        raise TaskError(f"applied again, {len(changes)} tasks change the image {recipe.name} ({wanted.id[:12]}): " + "; ".join(changes),
                        {"changes": changes, "id": wanted.id}, hint="a task that changes something each time has no place in an image: mend it, or give it "
                        "`creates` or `changed_when`")
    return {**wanted.manifest, "verified": True}
