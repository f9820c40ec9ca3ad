"""A recipe made an image in a host's store, by the same engine that configures machines; nothing is done when its inputs have not changed."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from fleet.errors import TaskError
from fleet.image.recipe import DISKS, Recipe, digest
from fleet.image.source import must, ready
from fleet.runner.module import Change

# How a place is reached is no part of what is in it, nor where the practice fleet keeps its files.
_CONNECTION = ("ansible_", "fleet_")
_LAB = ("lab_key", "lab_folder", "lab_images")


class Wanted:
    """A recipe on one host: what its store has of it, and under which keys."""

    def __init__(self, call: Any, recipe: Recipe, store: str, base: dict[str, Any]) -> None:
        self.call = call
        self.recipe = recipe
        self.store = store
        known = {name: value for name, value in call.vars_of(recipe.name, recipe.groups).items() if not name.startswith(_CONNECTION) and name not in _LAB}
        self.salt = digest([known, recipe.vars, extra_vars(call, recipe)]) if recipe.steps else ""
        answer = must(call.module("_image_status", {
            "store": store, "name": recipe.name, "base": base, "seal": recipe.seal(), "disk": bool(DISKS & set(recipe.formats)),
            "steps": [digest([step.digest, self.salt]) for step in recipe.steps]}, check=False))
        self.id: str = answer["id"]
        self.keys: list[str] = answer["keys"]
        self.have: list[bool] = answer["have"]
        self.present: bool = answer["present"]
        self.named: str | None = answer["named"]
        self.base: str = answer["base"]
        self.source: dict[str, Any] = {**base, **({"image": answer["base_image"]} if answer["base_image"] else {})}
        self.manifest: dict[str, Any] = answer["manifest"]


def extra_vars(call: Any, recipe: Recipe) -> dict[str, Any]:
    """The variables of -e, but those that the image has of its own."""
    return {name: value for name, value in call.extra_vars.items() if name not in recipe.own}


def ensure(call: Any, recipe: Recipe, store: str) -> Generator[Change, Any, dict[str, Any]]:
    """The changes that make the image what the recipe says; its manifest without the long parts."""
    base = ready(call, recipe, store)
    if base is None:
        yield Change(f"image {recipe.name}", None, f"built from {recipe.base.get('tar') or recipe.base.get('disk')}")
        return {}
    wanted = Wanted(call, recipe, store, base)
    before = f"built from {wanted.named[:12]}" if wanted.named else None
    if not wanted.present:
        manifest = yield Change(f"image {recipe.name}", before, f"built from {wanted.id[:12]}", lambda: build(wanted))
        return dict(manifest or {"id": wanted.id, "inputs": wanted.id})
    if wanted.named != wanted.id:
        yield Change(f"image {recipe.name}", before, f"built from {wanted.id[:12]}", lambda: seal(wanted))
    return wanted.manifest


def build(wanted: Wanted) -> dict[str, Any]:
    """From the first layer that is missing on. A layer that is complete stays, whatever becomes of those after it."""
    call = wanted.call
    # A layer is usable only when all below it are there.
    first = next((index for index, there in enumerate(wanted.have) if not there), len(wanted.have))
    if first == 0:
        must(call.module("_image_base", {"store": wanted.store, "key": wanted.keys[0], "base": wanted.source,
                                         "what": {"name": wanted.base, "kind": "base"}}, check=False))
        first = 1
    for index in range(first, len(wanted.keys)):
        layer(wanted, index)
    return seal(wanted)


def layer(wanted: Wanted, index: int) -> None:
    call, recipe, step = wanted.call, wanted.recipe, wanted.recipe.steps[index - 1]
    common = {"store": wanted.store, "parents": wanted.keys[:index], "hostname": recipe.name[:63]}
    opened = must(call.module("_image_layer", {"op": "open", **common}, check=False))
    kept = False
    try:
        apply(call, recipe, within(call, opened), index, int(opened["epoch"]))
        must(call.module("_image_layer", {"op": "commit", "work": opened["work"], "key": wanted.keys[index],
                                          "what": {"name": step.name, "kind": step.kind}, **common}, check=False))
        kept = True
    finally:
        if not kept:
            call.module("_image_layer", {"op": "drop", "work": opened["work"], **common}, check=False)


def within(call: Any, opened: dict[str, Any]) -> dict[str, str]:
    """How an opened root is reached, as variables of a host."""
    return {"ansible_connection": "container", "fleet_on": call.host, "fleet_container": opened["name"], "fleet_root": opened["root"],
            "fleet_backend": "chroot"}


def apply(call: Any, recipe: Recipe, place: dict[str, str], index: int, epoch: int) -> Any:
    """One step's plays, applied to a place that is reached so. Raises TaskError when they fail; their counts."""
    step = recipe.steps[index - 1]
    stats, failure = call.apply(step.plays, recipe.name, {**recipe.vars, **place}, recipe.groups, f"image {recipe.name}: {step.name}",
                                {"SOURCE_DATE_EPOCH": str(epoch)}, extra_vars(call, recipe))
    if failure is not None:
        message = str(failure.result.get("msg") or "it failed")
        raise TaskError(f"image {recipe.name}: {step.name}: {failure.name}: {message}", {"step": step.name})
    return stats


def seal(wanted: Wanted) -> dict[str, Any]:
    recipe = wanted.recipe
    return must(wanted.call.module("_image_seal", {
        "store": wanted.store, "id": wanted.id, "name": recipe.name, "parents": [] if wanted.present else wanted.keys, "formats": list(recipe.formats),
        "size": recipe.size, "config": recipe.config, "said": {"name": recipe.name, "base": wanted.base}}, check=False))
