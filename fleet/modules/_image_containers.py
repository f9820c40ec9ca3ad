"""The containers of a host that are made of any build of an image, with what they declare; and a note of those that are being replaced.

A container that is made anew is for a moment not there. The note outlives a kill in that moment, so that the next rollout makes it.
"""
import json
import os
from typing import Any, Dict

from fleet.modules import _image_store as store_
from fleet.runner import container as known
from fleet.runner import files
from fleet.runner.module import Change, Module
from fleet.runner.spec import Opt, Spec

SPEC = Spec("_image_containers", "Containers of an image", {
    "store": Opt("path", "The store that the image is in.", default=store_.DEFAULT),
    "images": Opt("list", "The image's names.", elements="str", default=[]),
    "names": Opt("list", "These containers instead, whatever they are made of.", elements="str"),
    "remember": Opt("list", "Members, as listed, that are replaced now.", elements="raw", default=[]),
    "forget": Opt("list", "Names of those that are done.", elements="str", default=[]),
})
NOTES = "/var/lib/fleet/rollouts"
DAY = 86400.0


def run(m):
    # type: (Module) -> Any
    for member in m.args.remember:
        yield Change("note", None, member["name"], lambda member=member: remember(m, member))  # type: ignore[misc]
    for name in m.args.forget:
        if os.path.exists(note(name)):
            yield Change("note", name, None, lambda name=name: os.unlink(note(name)))  # type: ignore[misc]
    store = store_.Store(m.args.store)
    found = {}  # type: Dict[str, Dict[str, Any]]
    for name in known.names():
        c = known.load(name)
        if c is None:
            continue
        folder = str(c.made.get("image") or "")
        ours = os.path.realpath(folder).startswith(os.path.realpath(m.args.store) + "/")
        found[name] = {"name": name, "options": c.options, "image": folder, "image_id": c.made.get("image_id"),
                       "of": store.named(os.path.basename(os.path.realpath(folder))) if ours else [], "running": known.state(name) is not None}
    for entry in sorted(os.listdir(NOTES)) if os.path.isdir(NOTES) else ():
        member = store_.read_json(os.path.join(NOTES, entry))
        if store_.age(os.path.join(NOTES, entry)) > DAY:
            continue  # nobody has gone on with that rollout; what is there now is what is wanted
        if member.get("name") and known.NAME.match(str(member["name"])):
            # As it was before: what is there now may be a part of it, or not run yet.
            found[member["name"]] = dict(member, image_id=None)
    return {"containers": [each for name, each in sorted(found.items())
                           if (name in m.args.names if m.args.names is not None else set(each.get("of") or ()) & set(m.args.images))]}


def note(name):
    # type: (str) -> str
    return os.path.join(NOTES, name + ".json")


def remember(m, member):
    # type: (Module, Dict[str, Any]) -> None
    if not known.NAME.match(str(member.get("name"))):
        m.fail("'%s' cannot be the name of a container" % member.get("name"))
    os.makedirs(NOTES, mode=0o700, exist_ok=True)
    if not os.path.exists(note(member["name"])) or store_.age(note(member["name"])) > DAY:
        files.write(m, note(member["name"]), json.dumps(member), mode=0o600)
