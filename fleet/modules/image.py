"""A Debian image built once on the host: a tree for containers, a disk for guests, or both."""
import hashlib
import json
import os
import shutil
from typing import Any, Dict

from fleet.modules import _image_disk as disk
from fleet.runner.module import Change, Module
from fleet.runner.spec import Opt, Ret, Spec

SPEC = Spec(
    "image", "Build a Debian image on a host, once",
    {
        "name": Opt("str", "The image's name.", required=True),
        "path": Opt("path", "Directory of the image; by default /var/lib/fleet/images/NAME."),
        "suite": Opt("str", "Debian suite.", default="bookworm"),
        "packages": Opt("list", "Packages beside those the formats need.", elements="str", default=[]),
        "formats": Opt("list", "tree: a root directory for containers; disk: a qcow2 disk, kernel and initrd for guests.", elements="str",
                       default=["tree"], choices=["tree", "disk"]),
        "size": Opt("bytes", "Capacity of the disk.", default="2G"),
        "mirror": Opt("str", "Debian mirror; by default the one mmdebstrap knows."),
        "state": Opt("str", "present or absent.", default="present", choices=["present", "absent"]),
    },
    returns={
        "path": Ret("path", "The image's directory."),
        "tree": Ret("path", "Its root directory, when it has one.", "present"),
        "disk": Ret("path", "Its disk, when it has one.", "present"),
        "kernel": Ret("path", "Kernel to boot the disk with.", "formats has disk"),
        "initrd": Ret("path", "Initrd to boot it with.", "formats has disk"),
        "append": Ret("str", "Kernel command line to boot it with.", "formats has disk"),
        "inputs": Ret("str", "Digest of what it was built from.", "present"),
    },
    examples="- image: {name: debian, formats: [disk], packages: [nginx]}\n",
    notes=["Built by mmdebstrap (needed on the host) under a temporary name and renamed when complete, so an image is whole or not there. It is "
           "built again only when what it is built from changes. `manifest.json` in its directory lists its packages with their versions."],
)
RECIPE = 1  # part of the digest: raise it when the way of building changes what comes out


def run(m):
    # type: (Module) -> Any
    args = m.args
    path = args.path or "/var/lib/fleet/images/" + args.name
    if "/" in args.name or args.name.startswith((".", "-")):
        m.fail("'%s' cannot be the name of an image" % args.name)
    known = manifest(path)
    if args.state == "absent":
        if os.path.lexists(path):
            yield Change("image " + path, "present", "absent", lambda: shutil.rmtree(path))
        return {"path": path}
    inputs = digest(args)
    if known.get("inputs") != inputs:
        if not shutil.which("mmdebstrap"):
            m.fail("mmdebstrap is not installed on this host; it builds the image")
        known = yield Change("image " + path, known.get("inputs") and "built from " + known["inputs"][:12], "built from " + inputs[:12],
                             lambda: build(m, path, inputs))
    result = dict(known or {"inputs": inputs}, path=path)
    result.pop("packages", None)
    return result


def manifest(path):
    # type: (str) -> Dict[str, Any]
    try:
        with open(os.path.join(path, "manifest.json")) as stream:
            known = json.load(stream)
    except (OSError, ValueError):
        return {}
    return known if isinstance(known, dict) else {}


def digest(args):
    # type: (Dict[str, Any]) -> str
    parts = [RECIPE, args["suite"], sorted(args["packages"]), sorted(args["formats"]), args["size"], args["mirror"],
             disk.PACKAGES, disk.FILES, disk.INIT, disk.APPEND] if "disk" in args["formats"] else [
        RECIPE, args["suite"], sorted(args["packages"]), sorted(args["formats"]), args["mirror"]]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def build(m, path, inputs):
    # type: (Module, str, str) -> Dict[str, Any]
    """Build beside the final place and rename; what was there before goes only then."""
    work = path + ".building"
    _remove(work)
    os.makedirs(work, mode=0o755)
    try:
        found = make(m, work, path)
        found["inputs"] = inputs
        with open(os.path.join(work, "manifest.json"), "w") as stream:
            json.dump(found, stream, indent=1, sort_keys=True)
            stream.flush()
            os.fsync(stream.fileno())
        if os.path.lexists(path):
            _remove(path + ".old")
            os.rename(path, path + ".old")
        os.rename(work, path)
    finally:
        _remove(work)
    _remove(path + ".old")
    return found


def make(m, work, path):
    # type: (Module, str, str) -> Dict[str, Any]
    args = m.args
    tree = os.path.join(work, "tree")
    packages = list(dict.fromkeys(args.packages + (disk.PACKAGES if "disk" in args.formats else [])))
    command = ["mmdebstrap", "--mode=root", "--variant=minbase", "--quiet"]
    if packages:
        command.append("--include=" + ",".join(packages))
    m.run(command + [args.suite, tree] + ([args.mirror] if args.mirror else []), ok=[0])
    with open(os.path.join(tree, "etc/fstab"), "w"):
        pass  # mmdebstrap's unconfigured one keeps systemd in a container from starting
    found = {"suite": args.suite, "packages": disk.packages_of(tree), "tree": None, "disk": None, "kernel": None, "initrd": None, "append": None}
    if "disk" in args.formats:
        copy = tree
        if "tree" in args.formats:
            copy = os.path.join(work, "disk-tree")
            m.run(["cp", "-a", "--reflink=auto", tree, copy], ok=[0])
        found.update(disk.make(m, copy, work, args["size"]))
        found.update(disk=path + "/disk.qcow2", kernel=path + "/vmlinuz", initrd=path + "/initrd")
        shutil.rmtree(copy)
    if "tree" in args.formats:
        found["tree"] = path + "/tree"
    return found


def _remove(path):
    # type: (str) -> None
    if os.path.lexists(path):
        shutil.rmtree(path)
