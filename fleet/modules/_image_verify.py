"""Whether an image is as it was sealed: its outputs by their digests, its tree by its content."""
import os
from typing import Any, Dict

from fleet.modules import _image_store as store_
from fleet.runner import files
from fleet.runner.module import Module
from fleet.runner.spec import Opt, Spec

SPEC = Spec("_image_verify", "Whether an image is as it was sealed", {
    "store": Opt("path", "The store.", default=store_.DEFAULT),
    "id": Opt("str", "The image.", required=True),
})


def run(m):
    # type: (Module) -> Dict[str, Any]
    store = store_.Store(m.args.store)
    path = store.image(m.args.id)
    manifest = store_.manifest(path)
    wrong = []
    for name, known in sorted((manifest.get("outputs") or {}).items()):
        found = files.digest(os.path.join(path, name), "sha256")
        if found != known["sha256"]:
            wrong.append("%s is %s" % (name, "damaged: its digest is %s" % found if found else "gone"))
    tree = os.path.join(path, "tree")
    if manifest.get("tree") and (not os.path.isdir(tree) or store_.tree_digest(tree) != manifest["tree_digest"]):
        wrong.append("the tree is not what was sealed")
    return {"wrong": wrong, "id": m.args.id}
