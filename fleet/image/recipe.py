"""A recipe: the base, the steps upon it, and the outputs of an image, with a digest of each that changes exactly when what it means does."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fleet.errors import Pos, SourceError, nearest
from fleet.model import Block, Play, Task
from fleet.playbook import Static, load_playbook, parse_play
from fleet.yamlfile import Map, Seq

BASES = ("debian", "tar", "oci", "image", "disk")
BASE_OPTIONS = {
    "debian": ("packages", "variant", "mirror", "components", "arch", "refresh"),
    "tar": ("strip",), "oci": ("ref",), "image": (), "disk": (),
}
FETCH_OPTIONS = ("checksum", "signature", "keyring", "sums", "fetch_by", "unverified")
KEYS = ("name", "base", "vars", "groups", "roles", "tasks", "handlers", "playbook", "formats", "size", "config", "inputs", "become")
FORMATS = ("tree", "tar", "squashfs", "oci", "disk", "raw", "qcow2")
DISKS = frozenset({"disk", "raw", "qcow2"})
# Beside a recipe or playbook, what its tasks may read by short names.
_BESIDE = ("files", "templates", "tasks", "vars", "handlers")
_SKIPPED = frozenset({".git", "__pycache__", ".svn", ".hg"})


@dataclass(slots=True)
class Step:
    """One layer: plays applied to the image. kind: role, tasks or playbook; digest: of all that they are made of, but variables."""

    name: str
    kind: str
    plays: list[Play]
    digest: str


@dataclass(slots=True)
class Recipe:
    """What an image is built of. base: as the build host takes it; config: of the OCI image; vars: variables of the image as a host; own: the names
    of those that -e does not change."""

    name: str
    base: dict[str, Any]
    steps: list[Step] = field(default_factory=list)
    formats: tuple[str, ...] = ("tree",)
    size: int = 2 << 30
    config: dict[str, Any] = field(default_factory=dict)
    vars: dict[str, Any] = field(default_factory=dict)
    own: frozenset[str] = frozenset()
    groups: tuple[str, ...] = ("images",)
    pos: Pos = Pos("image")

    def seal(self) -> str:
        """Digest of what the outputs are made by."""
        return digest([sorted(self.formats), self.size if DISKS & set(self.formats) else 0, self.config])


def load(path: Path, static: Static) -> Map:
    """A recipe file's mapping. Raises SourceError."""
    if not path.is_file():
        raise SourceError(f"there is no recipe {path}", hint="an image's recipe is a YAML file with `base` and `roles`, `tasks` or `playbook`")
    data = static.read(str(path))
    if not isinstance(data, Map):
        raise SourceError("a recipe is a mapping", pos=Pos(str(path), 1, 1), hint="it has: " + ", ".join(KEYS))
    return data


def parse(data: Map, *, path: str, static: Static, name: str = "") -> Recipe:
    """A recipe from its mapping; `path` is the file that its relative names start from. Raises SourceError for whatever is wrong."""
    for key in data:
        if key not in KEYS:
            raise SourceError(f"a recipe has no '{key}'", pos=data.at(key), hint=nearest(str(key), KEYS) or "it has: " + ", ".join(KEYS))
    name = name or str(data.get("name") or Path(path).stem)
    recipe = Recipe(name, base(data, path), pos=data.pos)
    formats = data.get("formats") or ["tree"]
    for form in formats if isinstance(formats, list) else [formats]:
        if form not in FORMATS:
            raise SourceError(f"there is no format '{form}'", pos=data.at("formats"), hint=nearest(str(form), FORMATS) or "there are: " + ", ".join(FORMATS))
    recipe.formats = tuple(dict.fromkeys(formats if isinstance(formats, list) else [formats]))
    if "size" in data:
        recipe.size = size(data["size"], data.at("size"))
    for key in ("vars", "config"):
        if data.get(key) is not None:
            if not isinstance(data[key], Mapping):
                raise SourceError(f"'{key}' takes a mapping", pos=data.at(key))
            setattr(recipe, key, dict(data[key]))
    recipe.groups = tuple(dict.fromkeys(["images", *(str(group) for group in data.get("groups") or ())]))
    if DISKS & set(recipe.formats) and "debian" in recipe.base:
        recipe.base["guest"] = True
    recipe.steps = steps(data, path, static, name)
    return recipe


def size(value: Any, pos: Pos) -> int:
    from fleet.runner.spec import Opt, Spec
    from fleet.validate import validate
    try:
        return int(validate(Spec("image", "", {"size": Opt("bytes")}), {"size": value})["size"])
    except Exception:
        raise SourceError(f"{value!r} is not a size", pos=pos, hint="for example 2G") from None


def base(data: Map, path: str) -> dict[str, Any]:
    """What the image is made of. Names of files are the build host's, but URLs and `./` names, which start at the recipe."""
    given = data.get("base")
    if isinstance(given, str):
        return {"image": given}
    if not isinstance(given, Map):
        raise SourceError("a recipe needs a `base`", pos=data.at("base"), hint="for example `base: {debian: bookworm}`; there are: " + ", ".join(BASES))
    kinds = [kind for kind in BASES if given.get(kind)]
    if len(kinds) != 1:
        raise SourceError(f"a base is one of {', '.join(BASES)}", pos=given.pos)
    for key in given:
        if key != kinds[0] and key not in BASE_OPTIONS[kinds[0]] and not (kinds[0] in ("tar", "disk") and key in FETCH_OPTIONS):
            raise SourceError(f"a base of the kind {kinds[0]} has no option '{key}'", pos=given.at(key),
                              hint=nearest(str(key), [*BASE_OPTIONS[kinds[0]], *FETCH_OPTIONS]))
    found = json.loads(json.dumps(given))
    if kinds[0] == "debian":
        packages = found.get("packages") or []
        found["packages"] = packages.split() if isinstance(packages, str) else packages
    if str(found[kinds[0]]).startswith(("./", "../")):
        found["local"] = str((Path(path).parent / found[kinds[0]]).resolve())
    return dict(found)


def steps(data: Map, path: str, static: Static, name: str) -> list[Step]:
    found: list[Step] = []
    extra = files_digest([Path(path).parent / str(each) for each in data.get("inputs") or ()])
    roles = data.get("roles") or []
    if not isinstance(roles, list):
        raise SourceError("'roles' takes a list", pos=data.at("roles"))
    become = {"become": data["become"]} if "become" in data else {}
    for index, entry in enumerate(roles):
        play = parse_play(_play(data, name, {"roles": _seq(roles, index), **become}), path=path, static=static)
        found.append(Step(play.roles[0].role.name if play.roles[0].role else "role", "role", [play], digest(["role", entry, inputs(play, path), extra])))
    if data.get("tasks"):
        words = {key: data[key] for key in ("tasks", "handlers") if data.get(key)}
        play = parse_play(_play(data, name, {**words, **become}), path=path, static=static)
        found.append(Step("tasks", "tasks", [play], digest(["tasks", words, inputs(play, path), beside(path), extra])))
    if data.get("playbook"):
        book = os.path.join(os.path.dirname(path), str(data["playbook"]))
        if not os.path.isfile(book):
            raise SourceError(f"there is no playbook '{data['playbook']}'", pos=data.at("playbook"))
        plays = load_playbook(book, static=static).plays
        known = [inputs(play, book) for play in plays]
        found.append(Step(Path(book).stem, "playbook", plays, digest(["playbook", files_digest([Path(book)]), known, beside(book), extra])))
    return found


def _play(data: Map, name: str, words: Mapping[str, Any]) -> Map:
    play = Map(data.pos)
    play.update({"hosts": name, "name": name, **words})
    play.keys_at = dict(data.keys_at)
    return play


def _seq(items: Any, index: int) -> Seq:
    one = Seq(items.pos if isinstance(items, Seq) else Pos("image"))
    one.append(items[index])
    one.items_at = [items.items_at[index]] if isinstance(items, Seq) and index < len(items.items_at) else []
    return one


# -- digests


def digest(data: Any) -> str:
    """Digest of plain data, strings of any kind being their text."""
    return hashlib.sha256(json.dumps(data, sort_keys=True, default=str, separators=(",", ":")).encode()).hexdigest()


def inputs(play: Play, path: str) -> list[str]:
    """Digests of the directories of all roles that a play brings, with those they depend on."""
    found: dict[str, None] = {}
    for section in (play.roles, play.pre_tasks, play.tasks, play.post_tasks, play.handlers):
        _roles(section, path, found)
    return [tree_digest(Path(role)) for role in found]


def _roles(nodes: Sequence[Task | Block], path: str, found: dict[str, None]) -> None:
    for node in nodes:
        if node.role is not None and node.role.path not in found:
            found[node.role.path] = None
            _roles(node.role.dependencies, path, found)
        if isinstance(node, Block):
            _roles([*node.tasks, *node.rescue, *node.always], path, found)
        elif node.action == "include_role":
            # Which role it is shows when it runs; all of its neighbours count.
            for folder in (Path(node.file or path).parent / "roles", Path(path).parent / "roles", *([Path(node.role.path).parent] if node.role else ())):
                if folder.is_dir():
                    found[str(folder)] = None


def beside(path: str) -> list[str]:
    """Digests of the directories that tasks of a file read by short names."""
    return [tree_digest(Path(path).parent / name) for name in _BESIDE]


def tree_digest(folder: Path) -> str:
    """Digest of a directory on the controller: names, modes and contents."""
    total = hashlib.sha256()
    for base_, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if name not in _SKIPPED)
        for name in sorted(names):
            place = Path(base_, name)
            relative = os.path.relpath(place, folder)
            if place.is_symlink():
                total.update(json.dumps([relative, os.readlink(place)]).encode())
            elif place.is_file() and not name.endswith((".pyc", "~")):
                total.update(json.dumps([relative, place.stat().st_mode & 0o111, hashlib.sha256(place.read_bytes()).hexdigest()]).encode())
    return total.hexdigest()


def files_digest(paths: Iterable[Path]) -> list[str]:
    """Digests of files and directories by name. Raises SourceError for one that is not there."""
    found = []
    for path in paths:
        if not path.exists():
            raise SourceError(f"there is no input {path}")
        found.append(tree_digest(path) if path.is_dir() else hashlib.sha256(path.read_bytes()).hexdigest())
    return found
