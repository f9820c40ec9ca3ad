"""An image as one file that can be sent: a tar of its directory, made once; and pieces of it for the controller."""
import os
from typing import Any

from fleet.modules import _image_ns as ns
from fleet.modules import _image_store as store_
from fleet.runner import files
from fleet.runner.module import Change, Module
from fleet.runner.spec import Opt, Spec

SPEC = Spec("_image_export", "An image as one file", {
    "store": Opt("path", "The store.", default=store_.DEFAULT),
    "name": Opt("str", "The image, by name or id.", required=True),
    "offset": Opt("int", "Send a piece from here up.", default=-1),
    "length": Opt("int", "Its length in bytes.", default=0),
})


def run(m):
    # type: (Module) -> Any
    store = store_.Store(m.args.store)
    id_ = store.resolve(m.args.name)
    if id_ is None:
        m.fail("there is no image '%s' in %s" % (m.args.name, store.path))
    place = os.path.join(store.path, "downloads", "export-%s.tar" % id_)
    known = store_.read_json(place + ".json")
    if not known or not os.path.exists(place):
        known = (yield Change("export", None, place, lambda: export(m, store, str(id_), place))) or {}
    else:
        os.utime(place)
    if m.args.offset >= 0 and m.emit:
        with open(place, "rb") as stream:
            stream.seek(m.args.offset)
            left = m.args.length
            while left > 0:
                chunk = stream.read(min(left, 1 << 18))
                if not chunk:
                    break
                m.emit(chunk)
                left -= len(chunk)
    return dict(known, id=id_, path=place, name=store_.manifest(store.image(str(id_))).get("name"))


def export(m, store, id_, place):
    # type: (Module, store_.Store, str, str) -> Any
    store.sweep()
    work = store.work("export")
    try:
        target = os.path.join(work, "image.tar")
        command = ["tar", "--create", "--sparse", "--file", target, "--directory", store.image(id_), "--exclude=./names", "--sort=name", "--format=pax",
                   "--numeric-owner", "--xattrs", "--xattrs-include=security.capability", "."]
        ns.inside(lambda: m.run(command, ok=[0], env={"LC_ALL": "C.UTF-8"}) and None)
        known = {"sha256": files.digest(target, "sha256"), "size": os.path.getsize(target)}
        os.rename(target, place)
        store_.write_json(place + ".json", known)
    finally:
        store_.remove(work)
    return known
