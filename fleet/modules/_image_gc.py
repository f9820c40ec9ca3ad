"""What nothing uses any more is taken away: images without a user, layers of none, old downloads, and what dead builds left."""
import os
from typing import Any, Dict, List

from fleet.modules import _image_store as store_
from fleet.modules import _image_users as users_
from fleet.runner.module import Change, Module
from fleet.runner.spec import Opt, Spec

SPEC = Spec("_image_gc", "Collect images that nothing uses", {
    "store": Opt("path", "The store.", default=store_.DEFAULT),
    "name": Opt("str", "Take this name away first, and collect only what it stood for.", default=""),
    "keep": Opt("float", "Seconds that what nothing uses is kept.", default=0.0),
})


def run(m):
    # type: (Module) -> Any
    store = store_.Store(m.args.store)
    used = users_.users(store)
    if m.args.name:
        return (yield from forget(m, store, used))
    freed = 0
    removed = []  # type: List[str]
    for id_ in store.ids():
        path = store.image(id_)
        if id_ not in used and store_.age(path) >= m.args.keep:
            freed += store_.size_of(path)
            removed.append("image " + id_[:12])
            yield Change("image " + id_[:12], store_.manifest(path).get("name") or "", None, lambda path=path: away(store, path))  # type: ignore[misc]
    wanted = users_.layers_in_use(store, set(used))
    folder = os.path.join(store.path, "layers")
    for key in sorted(os.listdir(folder)) if os.path.isdir(folder) else ():
        path = store.layer(key)
        if key not in wanted and store_.age(path) >= m.args.keep:
            freed += store_.size_of(path)
            removed.append("layer " + key[:12])
            yield Change("layer " + key[:12], store_.read_json(path + "/layer.json").get("name") or "", None,
                         lambda path=path: away(store, path))  # type: ignore[misc]
    for path in store.leftovers() + old(store, m.args.keep):
        removed.append(os.path.basename(path))
        yield Change("leftover " + os.path.basename(path), "present", None, lambda path=path: store_.remove(path))  # type: ignore[misc]
    return {"removed": removed, "freed": freed}


def forget(m, store, used):
    # type: (Module, store_.Store, Dict[str, List[str]]) -> Any
    """A name away, and the image when that was its only user."""
    name = m.args.name
    place = os.path.join(store.path, store_.checked(name))
    if os.path.isdir(place) and not os.path.islink(place):  # of an earlier fleet
        yield Change("image " + name, "present", "absent", lambda: store.retire(place))
        return {"removed": [name]}
    id_ = store.names().get(name)
    if id_ is None:
        return {"removed": []}
    yield Change("name " + name, id_, None, lambda: os.unlink(place))
    others = [each for each in used.get(id_, ()) if each != "name " + name]
    if not others and os.path.isdir(store.image(id_)):
        yield Change("image " + id_[:12], "present", "absent", lambda: away(store, store.image(id_)))
    return {"removed": [name], "users": others}


def old(store, keep):
    # type: (store_.Store, float) -> List[str]
    """Downloads that no one has asked for in a while."""
    folder = os.path.join(store.path, "downloads")
    return [os.path.join(folder, name) for name in sorted(os.listdir(folder)) if store_.age(os.path.join(folder, name)) >= max(keep, 86400.0)] \
        if os.path.isdir(folder) else []


def away(store, path):
    # type: (store_.Store, str) -> None
    """Out of its place first, in one step: half an image is never under a final name."""
    aside = store.work("gone")
    os.rename(path, os.path.join(aside, "it"))
    store_.remove(aside)
