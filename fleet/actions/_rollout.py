"""What the rollouts of containers and of guests share: the image that they move to, their batches, and their options."""

from __future__ import annotations

from typing import Any, TypeVar

from fleet.errors import ArgumentError, TaskError
from fleet.image.fanout import image_of
from fleet.modules import _image_store
from fleet.runner.spec import Opt, Ret

T = TypeVar("T")
NAMES = {"containers": "container", "guests": "guest"}


def options(kind: str) -> dict[str, Opt]:
    """kind: of NAMES."""
    one = NAMES[kind]
    return {
        "image": Opt("str", "The image, by name or id.", required=True),
        kind: Opt("list", f"These {kind} of the host, in this order; by default all that are made of another build of the image.", elements="str"),
        "batch": Opt("str", "How many at a time: a number, or a share such as 25%.", default="1"),
        "check": Opt("list", f"A command that is run in each new {one}; status 0 is well.", elements="str"),
        "retries": Opt("int", "How often it is tried.", default=10),
        "delay": Opt("float", "Seconds between tries.", default=1.0),
        "rollback": Opt("bool", f"Make the {kind} of a bad batch what they were, of the image they had.", default=True),
        "store": Opt("path", "Directory of the host's images.", default=_image_store.DEFAULT),
    }


def returns(kind: str) -> dict[str, Ret]:
    return {
        "id": Ret("str", "The image's id."), "replaced": Ret("list", f"{kind.capitalize()} that are of the new image now.", elements="str"),
        "rolled_back": Ret("list", "Those of the bad batch.", "failed", elements="str"),
        "remaining": Ret("list", "Those that were not touched.", "failed", elements="str"),
    }


def image(call: Any, output: str, whose: str) -> dict[str, Any]:
    """The image, which must have an output (tree, disk). Under check it may be one that an earlier task would build."""
    found = image_of(call, call.host, call.args.store, call.args.image)
    if not found.get(output) and not found.get("to_come"):
        raise ArgumentError(f"the image {call.args.image} has no {output} for {whose}", hint=f"build it with `{output}` among its formats")
    return found


def split(members: list[T], batch: str) -> list[list[T]]:
    try:
        size = int(len(members) * float(batch[:-1]) / 100) if batch.endswith("%") else int(batch)
    except ValueError:
        size = 0
    if not batch.endswith("%") and size < 1:
        raise ArgumentError(f"batch is a number or a share such as 25%, not '{batch}'")
    size = max(size, 1)
    return [members[start:start + size] for start in range(0, len(members), size)]


def stopped(kind: str, wrong: str, number: int, batches: list[Any], id_: str, done: list[str], back: list[str], rest: list[str]) -> TaskError:
    """The error of a bad batch: what was done before it, what was undone, and what was not begun."""
    return TaskError(f"batch {number} of {len(batches)} is bad and the rollout stops: {wrong}", {
        "id": id_, "replaced": done, "rolled_back": back, "remaining": rest, "changed": True},
        hint=(f"{', '.join(back)} run as before; " if back else "") + (f"{len(rest)} {kind} were not touched" if rest else ""))
