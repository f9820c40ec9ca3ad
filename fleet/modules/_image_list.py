"""The images of a store, with what they are and who uses them."""
import os
from typing import Any, Dict

from fleet.modules import _image_store as store_
from fleet.modules import _image_users as users_
from fleet.runner.module import Module
from fleet.runner.spec import Opt, Spec

SPEC = Spec("_image_list", "Images of a host", {
    "store": Opt("path", "The store.", default=store_.DEFAULT),
    "name": Opt("str", "Only this one, by name or id, with its whole manifest.", default=""),
    "brief": Opt("bool", "Only what needs no look at what uses them and how large they are.", default=False),
})


def run(m):
    # type: (Module) -> Dict[str, Any]
    store = store_.Store(m.args.store)
    names = store.names()
    if m.args.brief:
        wanted = [store.resolve(m.args.name)] if m.args.name else store.ids()
        if wanted == [None]:
            m.fail("there is no image '%s' in %s" % (m.args.name, store.path))
        return {"images": [dict(store_.brief(store_.manifest(store.image(str(id_)))), names=store.named(str(id_)), path=store.image(str(id_))) for id_ in wanted]}
    used = users_.users(store)
    if m.args.name:
        id_ = store.resolve(m.args.name)
        if id_ is None:
            m.fail("there is no image '%s' in %s" % (m.args.name, store.path))
        manifest = store_.manifest(store.image(str(id_)))
        return {"image": dict(manifest, names=store.named(str(id_)), users=used.get(str(id_), []), disk_usage=store_.size_of(store.image(str(id_))))}
    found = []
    for id_ in store.ids():
        path = store.image(id_)
        manifest = store_.manifest(path)
        named = store.named(id_)
        now = [name for name in named if names.get(name) == id_]
        found.append({
            "id": id_, "name": ", ".join(now or named), "names": now, "base": manifest.get("base"),
            "formats": manifest.get("formats") or [], "roles": manifest.get("roles") or [], "packages": len(manifest.get("packages") or ()),
            "built": os.stat(path).st_mtime, "disk_usage": store_.size_of(path),
            "users": [each for each in used.get(id_, []) if not each.startswith("name ")],
            # Instances of what the name stood for before it was built again.
            "stale": not now and any(name in names for name in named)})
    return {"images": found, "store": store.path}
