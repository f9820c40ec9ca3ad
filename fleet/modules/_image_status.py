"""What a store has of an image that is wanted: one question, so that an unchanged image costs one round trip."""
import os
from typing import Any, Dict, List

from fleet.modules import _image_base as base_
from fleet.modules import _image_disk as disk
from fleet.modules import _image_store as store_
from fleet.runner.module import Module
from fleet.runner.spec import Opt, Spec

SPEC = Spec("_image_status", "What of an image is there", {
    "store": Opt("path", "The store.", default=store_.DEFAULT),
    "name": Opt("str", "The image's name.", required=True),
    "base": Opt("dict", "The base.", required=True),
    "steps": Opt("list", "Digests of the steps upon it.", elements="str", default=[]),
    "disk": Opt("bool", "Whether there is a disk among the outputs.", default=False),
    "seal": Opt("str", "Digest of what the outputs are made by.", default=""),
})


def run(m):
    # type: (Module) -> Dict[str, Any]
    args = m.args
    store = store_.Store(args.store)
    store_.checked(args.name)
    base = args.base
    identity = base_.identity(m, store, base)
    parts = [identity]  # type: List[Any]
    if base.get("guest"):
        parts.append([disk.FILES, disk.MASKED, disk.PACKAGES])
    keys = [store_.key("base", *parts)]
    for step in args.steps:
        keys.append(store_.key("step", keys[-1], step))
    id_ = store_.key("image", keys[-1], args.seal, [disk.INIT, disk.APPEND] if args.disk else [])
    manifest = store_.manifest(store.image(id_))
    named = store.names().get(args.name)
    return {"id": id_, "keys": keys, "have": [store.has_layer(key) for key in keys], "present": bool(manifest), "named": named,
            "base": base_.described(base, identity), "manifest": store_.brief(manifest), "base_image": identity.get("image"),
            "previous": store_.manifest(store.image(named)).get("id") if named else None}
