"""The first layer of an image: a root made by mmdebstrap, or taken from a tar, an OCI layout, a disk, or another image."""
import json
import os
import stat
import time
from typing import Any, Dict, List, Optional

from fleet.modules import _image_disk as disk
from fleet.modules import _image_layer as layer
from fleet.modules import _image_ns as ns
from fleet.modules import _image_oci as oci
from fleet.modules import _image_store as store_
from fleet.runner import files
from fleet.runner.module import Change, Module
from fleet.runner.spec import Opt, Spec

SPEC = Spec("_image_base", "The base of an image", {
    "store": Opt("path", "The store.", default=store_.DEFAULT),
    "key": Opt("str", "The layer's key.", required=True),
    "base": Opt("dict", "What it is made of: one of debian (a suite), tar, oci, disk (paths on this host) or image (an id), with options.", required=True),
    "what": Opt("dict", "What is said of the layer.", default={}),
})


def run(m):
    # type: (Module) -> Any
    store = store_.Store(m.args.store)
    yield Change("base", None, m.args.key, lambda: build(m, store))
    return {}


def build(m, store):
    # type: (Module, store_.Store) -> None
    base = m.args.base
    store.make()
    store.sweep()
    work = store.work("base")
    began = time.time()
    said = dict(m.args.what, parents=[])
    if base.get("image"):
        os.symlink(os.path.join("..", "..", "sha256", base["image"], "tree"), os.path.join(work, "full"))
        said.update(image=base["image"], epoch=int(store_.manifest(store.image(base["image"])).get("epoch") or 0))
    else:
        try:
            ns.inside(lambda: make(m, base, work, os.path.join(work, "full")))
            said["epoch"] = layer.finish(work, "full", began, 0)
        except BaseException:
            store_.remove(work)
            raise
    store.publish_layer(work, m.args.key, said)


def make(m, base, work, full):
    # type: (Module, Dict[str, Any], str, str) -> None
    if base.get("debian"):
        debootstrap(m, base, full)
    elif base.get("disk"):
        from_disk(m, base["disk"], work, full)
    else:
        os.mkdir(full, 0o755)
        if base.get("tar"):
            ns.inside(lambda: oci.unpack_tar(base["tar"], full, int(base.get("strip") or 0)))
        else:
            ns.inside(lambda: oci.unpack(base["oci"], full, base.get("ref")))
    usable(m, full)


def usable(m, full):
    # type: (Module, str) -> None
    if not any(os.path.lexists(os.path.join(full, name)) for name in ("bin", "usr", "etc", "sbin")):
        m.fail("there is no root filesystem in it: none of bin, usr, etc and sbin is there")


def identity(m, store, base):
    # type: (Module, store_.Store, Dict[str, Any]) -> Dict[str, Any]
    """What stands for a base's content in keys: the same exactly when the base is. ModuleError when it is not there."""
    if base.get("debian"):
        found = {name: base[name] for name in ("debian", "packages", "variant", "mirror", "components", "arch") if base.get(name)}
        found["packages"] = sorted(set(found.get("packages") or ()))
        if base.get("refresh"):
            found["archive"] = release(m, base)
        return found
    if base.get("image"):
        id_ = store.resolve(str(base["image"]))
        if id_ is None:
            m.fail("there is no image '%s' in %s" % (base["image"], store.path))
        if not os.path.isdir(os.path.join(store.image(str(id_)), "tree")):
            m.fail("the image '%s' has no tree to build upon; build it with `tree` among its formats" % base["image"])
        return {"image": id_}
    if base.get("oci"):
        return {"oci": oci.manifest_digest(base["oci"], base.get("ref"))}
    kind = "tar" if base.get("tar") else "disk"
    return {kind: known_digest(m, store, base[kind]), "strip": int(base.get("strip") or 0)}


def known_digest(m, store, path):
    # type: (Module, store_.Store, str) -> str
    """SHA-256 of a file, remembered as long as its size, time and place stay the same."""
    try:
        now = os.stat(path)
    except OSError as error:
        m.fail("cannot read %s: %s" % (path, error.strerror))
    seal = [now.st_dev, now.st_ino, now.st_size, now.st_mtime_ns, now.st_ctime_ns]
    notes = os.path.join(store.path, "downloads", store_.key("digest", os.path.abspath(path))[:32] + ".json")
    known = store_.read_json(notes)
    if known.get("seal") == seal and time.time() - now.st_mtime > 2:
        return str(known["sha256"])
    digest = files.digest(path, "sha256")
    if digest is None:
        m.fail("%s is not a file" % path)
    if not m.check:
        store.make()
        files.write(m, notes, json.dumps({"seal": seal, "sha256": digest}), mode=0o600)
    return str(digest)


def release(m, base):
    # type: (Module, Dict[str, Any]) -> List[str]
    """The digests of the archive's InRelease files: what `refresh` compares."""
    import hashlib
    import urllib.request
    found = []
    for mirror in mirrors(base):
        url = "%s/dists/%s/InRelease" % (mirror.rstrip("/"), base["debian"])
        try:
            with urllib.request.urlopen(url, timeout=20) as answer:
                found.append(hashlib.sha256(answer.read(16 << 20)).hexdigest())
        except (OSError, ValueError) as error:
            m.fail("cannot look at the archive for `refresh`: %s: %s" % (url, error))
    return found


def mirrors(base):
    # type: (Dict[str, Any]) -> List[str]
    given = base.get("mirror")
    return [given] if isinstance(given, str) else list(given or ["http://deb.debian.org/debian"])


def debootstrap(m, base, full):
    # type: (Module, Dict[str, Any], str) -> None
    import shutil
    if not shutil.which("mmdebstrap"):
        m.fail("mmdebstrap is not installed on this host; it makes the base of the image")
    command = ["mmdebstrap", "--mode=root", "--variant=" + (base.get("variant") or "minbase"), "--quiet",
               "--skip=cleanup/apt/lists"]
    packages = list(dict.fromkeys((base.get("packages") or []) + (disk.PACKAGES if base.get("guest") else [])))
    for option, value in (("--include", packages), ("--components", base.get("components")), ("--architectures", base.get("arch"))):
        if value:
            command.append("%s=%s" % (option, ",".join(value) if isinstance(value, list) else value))
    m.run(command + [base["debian"], full] + (mirrors(base) if base.get("mirror") else []), ok=[0])

    def settle():
        # type: () -> None
        with open("/etc/fstab", "w"):
            pass  # mmdebstrap's unconfigured one keeps systemd in a container from starting
        if os.path.isfile("/etc/resolv.conf"):
            with open("/etc/resolv.conf", "w"):
                pass  # a copy of this host's; empty, it is cleaned away
        for entry in list(os.scandir("/dev")):  # what runs the image brings its own; no image holds a device node
            if stat.S_ISCHR(entry.stat(follow_symlinks=False).st_mode):
                os.unlink(entry.path)
    ns.inside(settle, full)
    # The archive as it is now: what the steps upon this base install comes from the same snapshot, and no image carries it.
    os.rename(os.path.join(full, "var/lib/apt/lists"), os.path.join(os.path.dirname(full), "lists"))
    os.makedirs(os.path.join(full, "var/lib/apt/lists/partial"))
    if base.get("guest"):
        disk.customise(m, full)


def from_disk(m, path, work, full):
    # type: (Module, str, str, str) -> None
    """The root filesystem of a cloud image: its largest Linux partition, mounted read-only in namespaces of this build and copied."""
    raw = path
    with open(path, "rb") as stream:
        packed = stream.read(4) == b"QFI\xfb"
    if packed:
        raw = os.path.join(work, "disk.raw")
        m.run(["qemu-img", "convert", "-O", "raw", path, raw], ok=[0])
    offset = root_offset(m, raw)
    place = os.path.join(work, "disk")
    os.mkdir(place)

    m.run(["mount", "-o", "ro,loop,nodev,nosuid%s" % (",offset=%d" % offset if offset else ""), raw, place], ok=[0])
    ns.copy(m, place, full)
    m.run(["umount", place], ok=[0])
    os.rmdir(place)
    if packed:
        os.unlink(raw)


def root_offset(m, raw):
    # type: (Module, str) -> int
    """Where the root partition of a raw disk begins, in bytes; 0 for a disk that is one filesystem."""
    table = m.run(["sfdisk", "--json", raw], env={"LC_ALL": "C"})
    if table.rc != 0:
        return 0
    found = json.loads(table.stdout)["partitiontable"]
    linux = ("0fc63daf-8483-4772-8e79-3d69d8477de4", "4f68bce3-e8cd-4db1-96e7-fbcaf984b709", "b921b045-1df0-41c3-af44-4c6f280d3fae", "83")
    fitting = [part for part in found.get("partitions") or () if part["type"].lower() in linux]
    if not fitting:
        m.fail("there is no Linux partition on the disk %s" % raw)
    largest = max(fitting, key=lambda part: part["size"])  # type: Dict[str, Any]
    return int(largest["start"]) * int(found.get("sectorsize") or 512)


def described(base, identity_):
    # type: (Dict[str, Any], Dict[str, Any]) -> Optional[str]
    """A few words for people."""
    for kind in ("debian", "image", "oci", "tar", "disk"):
        if base.get(kind):
            return "%s %s" % (kind, str(identity_.get(kind) or base[kind])[:16] if kind in ("tar", "disk", "oci", "image") else base[kind])
    return None
