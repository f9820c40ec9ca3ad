"""Images built once on a host, for its containers and guests."""

from __future__ import annotations

import os
from collections.abc import Generator
from pathlib import Path
from typing import Any

from fleet.actions import Call
from fleet.errors import ArgumentError, Pos
from fleet.image import build, fanout
from fleet.image.recipe import Recipe, load, parse
from fleet.image.source import must
from fleet.image.verify import verify
from fleet.modules import _image_store
from fleet.runner.module import Change
from fleet.runner.spec import Opt, Ret, Spec
from fleet.yamlfile import Map

SPEC = Spec(
    "image", "Build an image on a host, once, of a base and roles",
    {
        "name": Opt("str", "The image's name; by default the recipe's."),
        "recipe": Opt("path", "A recipe file on the controller: see docs/images.md. The other options are added to it."),
        "base": Opt("raw", "What it is made of: {debian: SUITE}, {tar: FILE}, {oci: DIRECTORY}, {disk: FILE}, or another image's name."),
        "suite": Opt("str", "Debian suite, when no base is given.", default="bookworm"),
        "packages": Opt("list", "Packages of the Debian base, beside those the formats need.", elements="str", default=[]),
        "mirror": Opt("str", "Debian mirror; by default the one mmdebstrap knows."),
        "roles": Opt("list", "Roles applied to it, each a layer, as a play's `roles`.", elements="raw"),
        "vars": Opt("dict", "Variables of the image, as of a host; -e does not change them.", default={}),
        "formats": Opt("list", "tree: a root for containers; tar, squashfs; oci: an OCI image layout; disk: a disk with its kernel and initrd, "
                               "for guests; raw, qcow2: a disk that boots by itself, by BIOS and by UEFI.", elements="str"),
        "size": Opt("bytes", "Capacity of disks."),
        "source": Opt("str", "A host of the inventory that has the image: it is taken from there, not built."),
        "store": Opt("path", "Directory of the host's images.", default=_image_store.DEFAULT),
        "path": Opt("path", "The image's directory, in place of store and name."),
        "boot": Opt("bool", "With `verified`, boot a guest of the image on the host, which needs libvirt, and apply the steps there.", default=False),
        "state": Opt("str", "present; absent takes the name away, and the image itself once nothing uses it; verified proves that it is as it "
                            "was sealed, and that applying its steps again changes nothing.", default="present", choices=["present", "absent", "verified"]),
    },
    mutually_exclusive=[("path", "store")],
    returns={
        "path": Ret("path", "The image's directory, named by its id."), "id": Ret("str", "Digest of all it is built of.", "present"),
        "tree": Ret("path", "Its root directory.", "formats has tree"), "disk": Ret("path", "Its disk.", "formats has disk, raw or qcow2"),
        "kernel": Ret("path", "Kernel to boot the disk with.", "formats has disk"), "initrd": Ret("path", "Initrd to boot it with.", "formats has disk"),
        "append": Ret("str", "Kernel command line to boot it with.", "formats has disk"), "inputs": Ret("str", "The same as id.", "present"),
        "source": Ret("str", "The host that it was taken from: the source, or one that has had it since.", "it was taken from another host"),
        "through": Ret("str", "host: it came directly; controller: through the controller.", "it was taken from another host"),
    },
    examples="""\
- image: {name: debian, formats: [disk], packages: [nginx]}
- image: {name: web, base: {debian: bookworm}, roles: [app], formats: [tree, oci]}
- image: {recipe: ../images/web.yml}
- image: {name: web, source: build1}
""",
    notes=["An image is named by the digest of all it is built of: the base, the files of roles, the variables, and fleet's image format. What is there "
           "already is not built again, and what changed is built from the first layer that changed.",
           "It is made under a temporary name and renamed when complete: whole, or not there."],
)


def run(call: Call) -> Generator[Change, Any, dict[str, Any]]:
    args = call.args
    if not args.name and not args.recipe:
        raise ArgumentError("image needs a name or a recipe")
    store, name = args.store, args.name
    if args.path:
        store, name = os.path.split(args.path.rstrip("/"))
    if args.state == "absent":
        return (yield from absent(call, store, name or Path(args.recipe).stem))
    if args.source:
        return (yield from fanout.push(call, name, args.source, store))
    if args.state == "verified":
        return verify(call, recipe(call, name), store, args.boot)
    result = yield from build.ensure(call, recipe(call, name), store)
    fanout.expect(call, store, result.get("name") or name, result.get("id"))
    return {**result, "name": result.get("name") or name}


def absent(call: Call, store: str, name: str) -> Generator[Change, Any, dict[str, Any]]:
    known = must(call.module("_image_gc", {"store": store, "name": name}, check=True))
    if known["changed"]:
        yield Change(f"image {name}", "present", "absent", lambda: must(call.module("_image_gc", {"store": store, "name": name}, check=False)))
    return {"path": os.path.join(store, name)}


def recipe(call: Call, name: str | None) -> Recipe:
    """The recipe that the options come to."""
    args = call.args
    if args.recipe:
        path = call.find("images", args.recipe)
        data = load(path, call.static)
    else:
        path = Path(call.task.file or Path.cwd() / "image.yml")
        data = Map(call.task.pos or Pos(str(path)))
    words = Map(data.pos)
    words.update(data)
    words.keys_at = dict(data.keys_at)
    if not args.recipe and args.base is None:
        base = Map(data.pos)
        base.update({"debian": args.suite, "packages": args.packages, **({"mirror": args.mirror} if args.mirror else {})})
        words["base"] = base
    for option in ("base", "roles", "formats", "size"):
        value = getattr(args, option)
        if value is not None:
            words[option] = _map(value, data.pos)
    if args.vars:
        words["vars"] = {**(words.get("vars") or {}), **args.vars}
    found = parse(words, path=str(path), static=call.static, name=name or "")
    found.own = frozenset(args.vars)
    return found


def _map(value: Any, pos: Any) -> Any:
    """A mapping of the task's as a recipe has it."""
    if not isinstance(value, dict):
        return value
    found = Map(pos)
    found.update(value)
    return found
