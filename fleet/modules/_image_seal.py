"""The end of a build: the outputs and the manifest made of the layers, and the image put into the store."""
import os
import re
from typing import Any, Dict, List

from fleet.modules import _image_boot as boot
from fleet.modules import _image_disk as disk
from fleet.modules import _image_ns as ns
from fleet.modules import _image_oci as oci
from fleet.modules import _image_store as store_
from fleet.runner import files
from fleet.runner.module import Change, Module
from fleet.runner.spec import Opt, Spec

FORMATS = ["tree", "tar", "squashfs", "oci", "disk", "raw", "qcow2"]
SPEC = Spec("_image_seal", "Outputs and manifest of an image", {
    "store": Opt("path", "The store.", default=store_.DEFAULT),
    "id": Opt("str", "The image's id; empty only refers.", required=True),
    "name": Opt("str", "The name that refers to it from now on.", default=""),
    "parents": Opt("list", "Keys of its layers, the base first; empty when the image is there already.", elements="str", default=[]),
    "formats": Opt("list", "Outputs.", elements="str", default=["tree"], choices=FORMATS),
    "size": Opt("int", "Capacity of disks in bytes.", default=2 << 30),
    "config": Opt("dict", "Config of the OCI image: Cmd, Entrypoint, Env, User ...", default={}),
    "said": Opt("dict", "What the controller says in the manifest.", default={}),
})


def run(m):
    # type: (Module) -> Any
    args = m.args
    store = store_.Store(args.store)
    if args.parents and not os.path.isdir(store.image(args.id)):
        yield Change("image", None, args.id, lambda: seal(m, store))
    if args.name and store.names().get(args.name) != args.id:
        yield Change("name " + args.name, store.names().get(args.name), args.id, lambda: store.refer(args.name, args.id))
    return store_.brief(store_.manifest(store.image(args.id)))


def seal(m, store):
    # type: (Module, store_.Store) -> None
    store.sweep()
    layers = [store.layer(key) for key in m.args.parents]
    for layer in layers:
        if not os.path.isdir(layer):
            m.fail("a layer of the image is gone: %s; the next run builds it again" % layer)
    work = store.work("image")
    try:
        store_.write_json(os.path.join(work, "manifest.json"), make(m, store, layers, work))
    except BaseException:
        store_.remove(work)
        raise
    store.publish(work, m.args.id, m.args.parents)


def make(m, store, layers, work):
    # type: (Module, store_.Store, List[str], str) -> Dict[str, Any]
    """The outputs in `work`; the manifest."""
    args = m.args
    final = store.image(args.id)
    notes = [store_.read_json(layer + "/layer.json") for layer in layers]
    epoch = int(notes[-1].get("epoch") or 0)
    root = os.path.join(work, "root")
    os.mkdir(root)

    def outputs():
        # type: () -> Dict[str, Any]
        ns.overlay(layers, root)
        found = {"packages": packages_of(root), "tree_digest": store_.tree_digest(root)}  # type: Dict[str, Any]
        for form in sorted(set(args.formats), key=FORMATS.index):
            found.update(OUTPUTS[form](m, root, work, epoch))
        return found
    found = ns.inside(outputs)  # type: Dict[str, Any]
    os.rmdir(root)
    leftover = os.path.join(work, ".image.tar")
    if os.path.exists(leftover):
        os.unlink(leftover)
    for name in ("tree", "disk", "kernel", "initrd"):
        found[name] = os.path.join(final, found[name]) if found.get(name) else None
    found.setdefault("append", None)
    found["outputs"] = {name: {"sha256": files.digest(os.path.join(work, name), "sha256"), "size": os.path.getsize(os.path.join(work, name))}
                        for name in sorted(os.listdir(work)) if os.path.isfile(os.path.join(work, name))}
    found["layers"] = [{"key": key, "name": note.get("name")} for key, note in zip(args.parents, notes)]
    found["roles"] = [note["name"] for note in notes if note.get("kind") == "role"]
    found.update(args.said, id=args.id, inputs=args.id, format=store_.FORMAT, formats=sorted(args.formats, key=FORMATS.index), epoch=epoch, path=final)
    os.chmod(work, 0o755)
    return found


def _tree(m, root, work, epoch):
    # type: (Module, str, str, int) -> Dict[str, Any]
    ns.copy(m, root, os.path.join(work, "tree"))
    return {"tree": "tree"}


def tar(m, root, target):
    # type: (Module, str, str) -> None
    """A tar with the same bytes for the same tree."""
    m.run(["tar", "--create", "--file", target, "--directory", root, "--sort=name", "--format=pax", "--numeric-owner", "--xattrs",
           "--xattrs-include=security.capability", "--pax-option=exthdr.name=%d/PaxHeaders/%f,delete=atime,delete=ctime", "."], ok=[0],
          env={"LC_ALL": "C.UTF-8"})


def _tar(m, root, work, epoch):
    # type: (Module, str, str, int) -> Dict[str, Any]
    tar(m, root, os.path.join(work, "image.tar"))
    return {"tar": "image.tar"}


def _squashfs(m, root, work, epoch):
    # type: (Module, str, str, int) -> Dict[str, Any]
    m.run(["mksquashfs", root, os.path.join(work, "image.squashfs"), "-noappend", "-quiet", "-no-progress", "-mkfs-time", str(epoch)], ok=[0])
    return {"squashfs": "image.squashfs"}


def _oci(m, root, work, epoch):
    # type: (Module, str, str, int) -> Dict[str, Any]
    source = os.path.join(work, "image.tar")
    if not os.path.exists(source):
        source = os.path.join(work, ".image.tar")
        tar(m, root, source)
    done = oci.write(m, source, os.path.join(work, "oci"), m.args.said.get("name") or "image", epoch, m.args.config)
    return {"oci": "oci", "oci_digest": done["digest"]}


def _disk(m, root, work, epoch):
    # type: (Module, str, str, int) -> Dict[str, Any]
    return disk.make(m, root, work, m.args.size)


def _raw(m, root, work, epoch):
    # type: (Module, str, str, int) -> Dict[str, Any]
    return boot.make(m, root, work, m.args.size, "raw")


def _qcow2(m, root, work, epoch):
    # type: (Module, str, str, int) -> Dict[str, Any]
    return boot.make(m, root, work, m.args.size, "qcow2")


OUTPUTS = {"tree": _tree, "tar": _tar, "squashfs": _squashfs, "oci": _oci, "disk": _disk, "raw": _raw, "qcow2": _qcow2}


def packages_of(tree):
    # type: (str) -> List[str]
    """The installed packages with their versions, sorted: what the manifest says is in the image."""
    try:
        with open(os.path.join(tree, "var/lib/dpkg/status"), errors="replace") as stream:
            text = stream.read()
    except OSError:
        return []
    return sorted("%s %s" % pair for pair in re.findall(r"^Package: (\S+)\nStatus: (?:install|hold) ok installed\n(?:.+\n)*?Version: (\S+)", text, re.M))
