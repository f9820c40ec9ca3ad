"""A step of a build: opened as a container that plays enter, and kept as a layer when they are through."""
import json
import os
import time
from typing import Any, Dict, List

from fleet.modules import _image_clean as cleaning
from fleet.modules import _image_ns as ns
from fleet.modules import _image_store as store_
from fleet.runner import files
from fleet.runner.module import Change, Module
from fleet.runner.spec import Opt, Spec

SPEC = Spec("_image_layer", "A step of an image's build", {
    "op": Opt("str", "open: make its root ready; commit: keep what was written as a layer; drop: forget it.", required=True,
              choices=["open", "commit", "drop"]),
    "store": Opt("path", "The store.", default=store_.DEFAULT),
    "parents": Opt("list", "Keys of the layers below, the base first.", elements="str", default=[]),
    "image": Opt("str", "An image that it is upon instead: its tree.", default=""),
    "hostname": Opt("str", "Host name inside.", default="image"),
    "work": Opt("str", "What open returned.", default=""),
    "key": Opt("str", "The layer's key (commit).", default=""),
    "what": Opt("dict", "What is said of it (commit).", default={}),
})
STATE = "/run/fleet/containers"


def run(m):
    # type: (Module) -> Any
    store = store_.Store(m.args.store)
    if m.args.op == "open":
        return (yield Change("build", None, None, lambda: opened(m, store)))
    work = os.path.join(store.path, "work", os.path.basename(m.args.work))
    known = store_.read_json(work + "/open.json")
    if not known:
        m.fail("the build that this step belongs to is gone; the next run begins it again")
    yield Change("build", None, None, lambda: close(known))
    if m.args.op == "commit":
        yield Change("layer", None, m.args.key, lambda: commit(m, store, work, known))
    else:
        yield Change("build", None, None, lambda: store_.remove(work))
    return {}


def stack(store, args):
    # type: (store_.Store, Any) -> List[str]
    return [store.layer(key) for key in args.parents]


def opened(m, store):
    # type: (Module, store_.Store) -> Dict[str, Any]
    store.make()
    store.sweep()
    work = store.work("layer")
    if m.args.image:  # an image's tree, looked at or changed without keeping it
        os.symlink(os.path.join(store.image(m.args.image), "tree"), os.path.join(work, "full"))
        layers = [work]
        inner = os.path.join(work, "step")
        os.mkdir(inner)
    else:
        layers, inner = stack(store, m.args), work
    try:
        kind = ns.writable(m, layers, inner)
        began = time.time()
        time.sleep(0.01)  # so that what is written from now on is newer, however coarse the filesystem's clock
        pid = ns.hold(layers, inner, kind, m.args.hostname)
    except BaseException:
        store_.remove(work)
        raise
    name = "image-" + os.path.basename(work).replace(".layer", "")
    root = os.path.join(inner, "root")
    announce(m, name, pid)
    store_.write_json(work + "/open.json", {"pid": pid, "name": name, "kind": kind, "began": began, "inner": os.path.basename(inner) if inner != work else ""})
    top = store_.read_json(layers[-1] + "/layer.json") or store_.manifest(os.path.dirname(os.path.realpath(layers[-1] + "/full")))
    return {"work": os.path.basename(work), "name": name, "root": root, "kind": kind, "epoch": int(top.get("epoch") or 0)}


def announce(m, name, pid):
    # type: (Module, str, int) -> None
    """Write the state by which `fleet.runner.container` finds a running container; and sweep that of builds that were killed."""
    os.makedirs(STATE, exist_ok=True)
    for other in os.listdir(STATE):
        parts = other.split("-")[-1].split(".")
        if other.startswith("image-") and (len(parts) < 2 or not parts[0].isdigit() or store_.started(int(parts[0])) != parts[1]):
            store_.remove(os.path.join(STATE, other))
    os.makedirs("%s/%s" % (STATE, name), mode=0o700, exist_ok=True)
    state = json.dumps({"pid": pid, "started": store_.started(pid)})
    files.write(m, "%s/%s/state.json" % (STATE, name), state, mode=0o600)


def close(known):
    # type: (Dict[str, Any]) -> None
    ns.end(known["pid"])
    store_.remove("%s/%s" % (STATE, known["name"]))


def commit(m, store, work, known):
    # type: (Module, store_.Store, str, Dict[str, Any]) -> None
    layers = stack(store, m.args)
    epoch = int(store_.read_json(layers[-1] + "/layer.json").get("epoch") or 0)
    finish(work, known["kind"], known["began"], epoch)
    for name in ("root", "ovl", "lists", "open.json"):
        path = os.path.join(work, name)
        if os.path.isdir(path) and not os.path.islink(path):
            store_.remove(path)
        elif os.path.lexists(path):
            os.unlink(path)
    store.publish_layer(work, m.args.key, dict(m.args.what, epoch=epoch, parents=m.args.parents))


def finish(work, kind, began, epoch):
    # type: (str, str, float, int) -> int
    """Clean what a step wrote and settle its times; `epoch` 0 stands for the newest of what it brought. The epoch."""
    def tidy():
        # type: () -> int
        cleaning.clean()
        latest = epoch or cleaning.newest(began)
        cleaning.settle(began, latest)
        return latest
    return int(ns.inside(tidy, os.path.join(work, kind)))
