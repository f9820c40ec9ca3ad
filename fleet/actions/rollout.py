"""Containers moved to a newer build of their image, batch by batch, as long as they are well."""

from __future__ import annotations

import os
from collections.abc import Generator
from dataclasses import dataclass
from typing import Any

from fleet.actions import Call, _rollout
from fleet.connection.base import Endpoint
from fleet.errors import ArgumentError
from fleet.image.source import must
from fleet.runner.container import HOME
from fleet.runner.module import Change
from fleet.runner.spec import Opt, Spec

SPEC = Spec(
    "rollout", "Replace containers by clones of a newer image, in batches, and stop at the first bad one",
    {**_rollout.options("containers"), "check": Opt("list", "A command that is run in each new container; status 0 is well. Beside the container's own "
                                                    "`health`.", elements="str")},
    returns=_rollout.returns("containers"),
    examples="""\
- rollout:
    image: web
    batch: 25%
    check: [wget, -qO, /dev/null, "http://127.0.0.1:8080/"]
""",
    notes=["A container's root is made anew: what was written in it is lost, its volumes stay. One that did not run is replaced and not started.",
           "`guest_rollout` does the same with guests."],
)


@dataclass(slots=True)
class Member:
    """A container as it is. options: its declaration; before: the directory of the image it is made of."""

    name: str
    options: dict[str, Any]
    before: str
    image_id: str | None
    running: bool
    listed: dict[str, Any]


def run(call: Call) -> Generator[Change, Any, dict[str, Any]]:
    args = call.args
    image = _rollout.image(call, "tree", "containers")
    path, id_ = image["path"], str(image["id"])
    members = [member for member in known(call, image["names"], args.containers) if member.image_id != id_]
    done: list[str] = []
    batches = _rollout.split(members, args.batch)
    for number, batch in enumerate(batches, 1):
        for member in batch:
            yield Change(f"container {member.name}", (member.image_id or member.before)[:12], id_[:12])
        if call.check:
            continue
        notes = {"store": args.store, "names": []}
        must(call.module("_image_containers", {**notes, "remember": [member.listed for member in batch]}, check=False))
        wrong = replaced(call, batch, path)
        back = rolled_back(call, batch) if wrong and args.rollback else []
        must(call.module("_image_containers", {**notes, "forget": back if wrong else [member.name for member in batch]}, check=False))
        if wrong:
            rest = [member.name for later in batches[number:] for member in later]
            raise _rollout.stopped("containers", wrong, number, batches, id_, done, back, rest)
        done += [member.name for member in batch]
    return {"id": id_, "replaced": done}


def known(call: Call, images: list[str], names: list[str] | None) -> list[Member]:
    """The containers to look at: those named, or those made of any image that has or had one of these names; with those a killed rollout had begun."""
    listed = must(call.module("_image_containers", {"store": call.args.store, "images": images, "names": names}, check=False))["containers"]
    missing = set(names or ()) - {each["name"] for each in listed}
    if missing:
        raise ArgumentError(f"there is no container {', '.join(sorted(missing))} on {call.endpoint.name}")
    return [Member(each["name"], each["options"], each["image"], each["image_id"], each["running"], each) for each in listed]


def replaced(call: Call, batch: list[Member], image: str) -> str:
    """Make a batch anew; what is wrong with it, or an empty text."""
    for member in batch:
        answer = made(call, member, image)
        if answer.get("failed"):
            return f"{member.name}: {answer.get('msg')}"
    for member in batch:
        if member.running and call.args.check:
            said = well(call, member.name)
            if said:
                return f"{member.name}: {said}"
    return ""


def made(call: Call, member: Member, image: str) -> dict[str, Any]:
    state = "running" if member.running else "present"
    return call.module("container", {**member.options, "name": member.name, "image": image, "recreate": True, "state": state}, check=False)


def well(call: Call, name: str) -> str:
    """Run the check inside, until it succeeds; what it said last when it does not."""
    inside = Endpoint(name, "container", via=call.endpoint, container=("chroot", name, os.path.join(HOME, name, "root")))
    said = ""
    for attempt in range(max(call.args.retries, 1)):
        if attempt:
            call.sleep(call.args.delay)
        answer = call.elsewhere(inside, "command", {"argv": call.args.check}, check=False)
        if not answer.get("failed"):
            return ""
        said = str(answer.get("stderr") or answer.get("stdout") or answer.get("msg"))[-500:].strip()
    return f"its check fails: {said}"


def rolled_back(call: Call, batch: list[Member]) -> list[str]:
    """The names of those that are again what they were."""
    found = []
    for member in batch:
        if member.before and not made(call, member, member.before).get("failed"):
            found.append(member.name)
    return found
