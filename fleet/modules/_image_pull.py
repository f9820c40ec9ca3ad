"""An image that another host offers, or that was sent here, into this host's store: whole and of the right digest, or not at all."""
import os
import ssl
import urllib.request
from typing import Any

from fleet.modules import _image_fetch as fetch
from fleet.modules import _image_ns as ns
from fleet.modules import _image_oci as oci
from fleet.modules import _image_store as store_
from fleet.runner import files
from fleet.runner.module import Change, Module, ModuleError
from fleet.runner.spec import Opt, Spec

SPEC = Spec("_image_pull", "Take an image from another host", {
    "store": Opt("path", "The store.", default=store_.DEFAULT),
    "id": Opt("str", "The image.", required=True),
    "name": Opt("str", "The name that refers to it here.", default=""),
    "sha256": Opt("str", "Digest of the exported image.", default=""),
    "urls": Opt("list", "Where it is offered, in order of preference; none when it was sent here.", elements="str", default=[], no_log=True),
    "certificate": Opt("str", "The only certificate that is trusted there.", default=""),
    "timeout": Opt("float", "Seconds without a byte after which a transfer counts as broken.", default=20.0),
})


def run(m):
    # type: (Module) -> Any
    store = store_.Store(m.args.store)
    for value in [m.args.id] + ([m.args.sha256] if m.args.sha256 else []):
        if not store_.ID.match(value):
            m.fail("'%s' is no digest" % value)
    there = bool(store_.manifest(store.image(m.args.id)))
    if not there and m.args.sha256:
        there = yield Change("image", None, m.args.id, lambda: pull(m, store))
    if there and m.args.name and store.names().get(m.args.name) != m.args.id:
        yield Change("name " + m.args.name, store.names().get(m.args.name), m.args.id, lambda: store.refer(m.args.name, m.args.id))
    return {"there": bool(there), "path": store.image(m.args.id), "manifest": store_.manifest(store.image(m.args.id)) if there else {}}


def pull(m, store):
    # type: (Module, store_.Store) -> bool
    store.make()
    store.sweep()
    place = os.path.join(store.path, "downloads", m.args.sha256)
    if not os.path.exists(place) and not download(m, place):
        return False
    if files.digest(place, "sha256") != m.args.sha256:
        os.unlink(place)
        m.fail("what came is not the image that was sent: another digest")
    unpack(m, store, place)
    os.unlink(place)
    return True


def download(m, place):
    # type: (Module, str) -> bool
    """From the first place that answers; False when none does, and the controller is to send it."""
    if not m.args.urls:
        return False
    context = ssl.create_default_context(cadata=m.args.certificate)
    context.check_hostname = False  # it is that one certificate, made for this transfer, whatever the host is called
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context))
    urllib.request.install_opener(opener)
    try:
        for url in m.args.urls:
            try:
                opener.open(urllib.request.Request(url, headers={"Range": "bytes=0-"}), timeout=3).close()
            except (OSError, ValueError):
                continue
            try:
                fetch.download(m, url, place + ".part")
            except ModuleError:
                continue
            os.rename(place + ".part", place)
            return True
    finally:
        urllib.request.install_opener(None)
    return False


def unpack(m, store, place):
    # type: (Module, store_.Store, str) -> None
    work = store.work("image")
    try:
        ns.inside(lambda: oci.unpack_tar(place, work))
        known = store_.manifest(work)
        if known.get("id") != m.args.id:
            m.fail("what came is another image: %s" % known.get("id"))
        final = store.image(m.args.id)
        for name in ("path", "tree", "disk", "kernel", "initrd"):  # where they are on this host
            if known.get(name):
                known[name] = os.path.normpath(os.path.join(final, "" if name == "path" else os.path.basename(known[name])))
        os.unlink(os.path.join(work, "manifest.json"))
        store_.write_json(os.path.join(work, "manifest.json"), known)
        tree = os.path.join(work, "tree")
        if os.path.isdir(tree) and ns.inside(lambda: store_.tree_digest(tree)) != known.get("tree_digest"):
            m.fail("the tree that came is not what was sealed")
    except BaseException:
        store_.remove(work)
        raise
    store.publish(work, m.args.id)
