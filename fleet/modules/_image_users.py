"""Who uses the images of a store: names, containers, guests' disks, layers, and builds that are under way."""
import glob
import os
import re
import struct
from typing import Any, Dict, List, Set

from fleet.modules import _image_store as store_

CONTAINERS = "/var/lib/fleet/containers/*/container.json"
DOMAINS = ("/etc/libvirt/qemu/*.xml", "/etc/libvirt/lxc/*.xml", "/etc/libvirt/libxl/*.xml", "/run/libvirt/qemu/*.xml")
IDS = re.compile(r"sha256/([0-9a-f]{64})(?:/|\b)")


def users(store):
    # type: (store_.Store) -> Dict[str, List[str]]
    """For each image id, what uses it: "name NAME", "container NAME", "guest NAME", "mount PLACE", "image NAME"; sorted."""
    found = {}  # type: Dict[str, Set[str]]

    def use(id_, what):
        # type: (str, str) -> None
        if os.path.isdir(store.image(id_)):
            found.setdefault(id_, set()).add(what)
    for name, id_ in store.names().items():
        use(id_, "name " + name)
    for path in glob.glob(CONTAINERS):
        name = os.path.basename(os.path.dirname(path))
        for id_ in of_container(store, store_.read_json(path)):
            use(id_, "container " + name)
    for pattern in DOMAINS:
        for path in glob.glob(pattern):
            for id_ in of_domain(store, _text(path)):
                use(id_, "guest " + os.path.splitext(os.path.basename(path))[0])
    for place, id_ in mounts(store):
        use(id_, "mount " + place)
    for key in layers_in_use(store, set(found)):
        note = store_.read_json(store.layer(key) + "/layer.json")
        if note.get("image"):
            use(note["image"], "layer " + key[:12])
    return {id_: sorted(each) for id_, each in found.items()}


def of_container(store, made):
    # type: (store_.Store, Dict[str, Any]) -> Set[str]
    """The ids that a container's declaration speaks of."""
    found = set()  # type: Set[str]
    for value in (made.get("id"), made.get("image_id"), made.get("base")):
        if isinstance(value, str) and store_.ID.match(value):
            found.add(value)
    image = made.get("image") or (made.get("options") or {}).get("image")
    if isinstance(image, str) and not found:
        found.update(IDS.findall(os.path.realpath(image) + "/"))
    return found


def of_domain(store, text):
    # type: (store_.Store, str) -> Set[str]
    """The ids in a libvirt domain: its kernel, its disks, and what those are overlays of."""
    found = set(IDS.findall(text))
    for disk in re.findall(r"<source file='([^']+)'", text):
        for _ in range(8):
            disk = backing(disk)
            if not disk:
                break
            found.update(IDS.findall(os.path.realpath(disk)))
    return found


def backing(path):
    # type: (str) -> str
    """The file that a qcow2 is an overlay of (QEMU, docs/interop/qcow2.txt); empty when there is none."""
    try:
        with open(path, "rb") as stream:
            head = stream.read(20)
            if len(head) < 20 or head[:4] != b"QFI\xfb":
                return ""
            offset, size = struct.unpack(">QI", head[8:20])
            if not offset or size > 1023:
                return ""
            stream.seek(offset)
            name = os.fsdecode(stream.read(size))
    except OSError:
        return ""
    return os.path.join(os.path.dirname(path), name)


def mounts(store):
    # type: (store_.Store) -> List[Any]
    """(place, id) of every mount, in any process's namespace, that shows a part of an image."""
    found = set()  # type: Set[Any]
    seen = set()  # type: Set[str]
    for path in glob.glob("/proc/[0-9]*/ns/mnt"):
        pid = path.split("/")[2]
        try:
            space = os.readlink(path)
            if space in seen:
                continue
            seen.add(space)
            with open("/proc/%s/mountinfo" % pid) as stream:
                for line in stream:
                    if "sha256/" in line:
                        fields = line.split()
                        found.update((fields[4], id_) for id_ in IDS.findall(line))
        except OSError:
            continue  # it ended meanwhile
    return sorted(found)


def layers_in_use(store, ids):
    # type: (store_.Store, Set[str]) -> Set[str]
    """The keys of the layers that these images were built of, so that a change of their last steps builds only those."""
    found = set()  # type: Set[str]
    for id_ in ids:
        found.update(layer["key"] for layer in store_.manifest(store.image(id_)).get("layers") or () if isinstance(layer, dict))
    return {key for key in found if os.path.isdir(store.layer(key))}


def _text(path):
    # type: (str) -> str
    try:
        with open(path, errors="replace") as stream:
            return stream.read()
    except OSError:
        return ""
