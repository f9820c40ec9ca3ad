"""A file of the controller's into a host's store, by its digest, in pieces: a transfer that broke off goes on where it was."""
import os
from typing import Any

from fleet.modules import _image_store as store_
from fleet.runner import files
from fleet.runner.module import Change, Module
from fleet.runner.spec import Opt, Spec

SPEC = Spec("_image_put", "Send a file to a store", {
    "store": Opt("path", "The store.", default=store_.DEFAULT),
    "sha256": Opt("str", "Digest of the whole file.", required=True),
    "size": Opt("int", "Its size.", required=True),
    "offset": Opt("int", "Where this piece belongs; -1 asks how much is there.", default=-1),
})


def run(m):
    # type: (Module) -> Any
    store = store_.Store(m.args.store)
    if not store_.ID.match(m.args.sha256):
        m.fail("'%s' is no digest" % m.args.sha256)
    place = os.path.join(store.path, "downloads", m.args.sha256)
    if os.path.exists(place):
        return {"path": place, "have": m.args.size, "complete": True}
    part = place + ".part"
    have = os.path.getsize(part) if os.path.exists(part) else 0
    if have > m.args.size:
        have = 0
    if m.args.offset < 0:
        return {"path": place, "have": have, "complete": False}
    if m.args.offset > have:
        m.fail("a piece is missing before %d" % m.args.offset)
    yield Change("upload", None, place, lambda: write(m, store, part))
    have = os.path.getsize(part)
    if have < m.args.size:
        return {"path": place, "have": have, "complete": False}
    if files.digest(part, "sha256") != m.args.sha256:
        os.unlink(part)
        m.fail("what came is not what was sent: another digest")
    os.rename(part, place)
    return {"path": place, "have": have, "complete": True}


def write(m, store, part):
    # type: (Module, store_.Store, str) -> None
    store.make()
    with open(part, "r+b" if os.path.exists(part) else "wb") as stream:
        stream.seek(m.args.offset)
        stream.truncate()
        for chunk in iter(lambda: m.blob.read(1 << 20) if m.blob else b"", b""):
            stream.write(chunk)
