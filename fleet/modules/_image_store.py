"""A host's store of images. An image is a directory named by its id, whole or not there; a name is a symbolic link to one.

    STORE/NAME -> sha256/ID            a name, which is a reference
    STORE/sha256/ID/manifest.json      an image: see `manifest`
    STORE/sha256/ID/names/NAME         a name that it has or had: inputs that are the same under two names are one image
    STORE/layers/KEY/                  what one step of a build made: `layer.json`, and `diff/` (upon its parents) or `full/`
    STORE/downloads/                   files that were fetched, by the digest of where they come from
    STORE/work/PID.STARTED.WHAT/       what is being made; swept when the process that made it is gone

Everything is made below work/ and renamed to its place, so that a kill at any point leaves what was there before.
"""
import ctypes
import hashlib
import json
import os
import re
import shutil
import stat
import time
from typing import Any, Dict, Iterator, List, Optional, Sequence

from fleet.runner import files
from fleet.runner.module import Module, ModuleError

DEFAULT = "/var/lib/fleet/images"
FORMAT = 2  # part of every key: raise it when the way of building changes what comes out
ID = re.compile(r"[0-9a-f]{64}\Z")
NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+-]{0,127}\Z")
TAKEN = frozenset(("sha256", "layers", "downloads", "work"))


def key(*parts):
    # type: (*Any) -> str
    """The digest of plain data: what everything in the store is named by."""
    return hashlib.sha256(json.dumps([FORMAT] + list(parts), sort_keys=True, separators=(",", ":")).encode()).hexdigest()


class Store:
    """The store in one directory."""

    def __init__(self, path=DEFAULT):
        # type: (str) -> None
        self.path = path.rstrip("/")

    def image(self, id_):
        # type: (str) -> str
        return os.path.join(self.path, "sha256", id_)

    def layer(self, key_):
        # type: (str) -> str
        return os.path.join(self.path, "layers", key_)

    def make(self):
        # type: () -> None
        """The directories. What is in them is of no concern to the host's users: images hold setuid programs and other people's secrets."""
        os.makedirs(self.path, mode=0o755, exist_ok=True)
        for name, mode in (("sha256", 0o711), ("layers", 0o700), ("downloads", 0o700), ("work", 0o700)):
            path = os.path.join(self.path, name)
            if not os.path.isdir(path):
                os.makedirs(path, exist_ok=True)
                os.chmod(path, mode)

    # -- names

    def names(self):
        # type: () -> Dict[str, str]
        """Every name with the id it stands for."""
        found = {}
        for name in sorted(os.listdir(self.path)) if os.path.isdir(self.path) else ():
            path = os.path.join(self.path, name)
            if os.path.islink(path):
                id_ = os.path.basename(os.readlink(path))
                if ID.match(id_):
                    found[name] = id_
        return found

    def ids(self):
        # type: () -> List[str]
        folder = os.path.join(self.path, "sha256")
        return sorted(name for name in os.listdir(folder) if ID.match(name)) if os.path.isdir(folder) else []

    def resolve(self, name):
        # type: (str) -> Optional[str]
        """The id that a name, an id or the beginning of one (8 digits or more) means; None when there is none."""
        known = self.names().get(name)
        if known and os.path.isdir(self.image(known)):
            return known
        if re.match(r"[0-9a-f]{8,64}$", name):
            fitting = [id_ for id_ in self.ids() if id_.startswith(name)]
            if len(fitting) == 1:
                return fitting[0]
        return None

    def named(self, id_):
        # type: (str) -> List[str]
        """The names that an image has or had, sorted."""
        folder = os.path.join(self.image(id_), "names")
        found = set(os.listdir(folder)) if os.path.isdir(folder) else set()
        return sorted(found | {name for name, known in self.names().items() if known == id_})

    def refer(self, name, id_):
        # type: (str, str) -> None
        """Make a name stand for an image, atomically."""
        checked(name)
        place = os.path.join(self.path, name)
        if os.path.isdir(self.image(id_)):
            os.makedirs(os.path.join(self.image(id_), "names"), exist_ok=True)
            with open(os.path.join(self.image(id_), "names", name), "w"):
                pass
        if os.path.lexists(place) and not os.path.islink(place):
            self.retire(place)
        temporary = os.path.join(self.path, "work", "%s.name.%s" % (owner(), name))
        if os.path.lexists(temporary):
            os.unlink(temporary)
        os.symlink(os.path.join("sha256", id_), temporary)
        os.rename(temporary, place)
        files.sync_folder(self.path)

    def retire(self, place):
        # type: (str) -> None
        """Take away a directory that an earlier fleet left where a name belongs."""
        aside = self.work("old")
        os.rename(place, os.path.join(aside, "image"))
        shutil.rmtree(aside)

    # -- what is being made

    def work(self, what):
        # type: (str) -> str
        """A new directory of this process below work/."""
        self.make()
        for number in range(1000):
            path = os.path.join(self.path, "work", "%s.%s%s" % (owner(), what, ".%d" % number if number else ""))
            try:
                os.mkdir(path, 0o755)
                return path
            except FileExistsError:
                continue
        raise ModuleError("there are too many builds in %s/work" % self.path)

    def leftovers(self):
        # type: () -> List[str]
        """What dead processes left below work/."""
        folder = os.path.join(self.path, "work")
        found = []
        for name in sorted(os.listdir(folder)) if os.path.isdir(folder) else ():
            parts = name.split(".")
            if len(parts) < 3 or not parts[0].isdigit() or started(int(parts[0])) != parts[1]:
                found.append(os.path.join(folder, name))
        return found

    def sweep(self):
        # type: () -> None
        for path in self.leftovers():
            remove(path)

    def has_layer(self, key_):
        # type: (str) -> bool
        """Whether a layer can be built upon. One that had not reached the disk when the host went down cannot be trusted."""
        path = self.layer(key_)
        return os.path.isdir(path) and (os.path.exists(path + "/synced") or read_json(path + "/layer.json").get("boot") == boot_id())

    def publish_layer(self, work, key_, said):
        # type: (str, str, Dict[str, Any]) -> None
        """Keep a layer. It reaches the disk with the image that is made of it."""
        write_json(os.path.join(work, "layer.json"), dict(said, boot=boot_id()))
        if os.path.isdir(self.layer(key_)) and not self.has_layer(key_):
            remove(self.layer(key_))
        self._publish(work, self.layer(key_))

    def publish(self, work, id_, layers=()):
        # type: (str, str, Sequence[str]) -> None
        """Give a complete image its place; when another process was first, theirs stays. It is on the disk then, with its layers."""
        sync(work)
        for key_ in layers:
            with open(self.layer(key_) + "/synced", "w"):
                pass
        self._publish(work, self.image(id_))

    def _publish(self, work, final):
        # type: (str, str) -> None
        try:
            os.rename(work, final)
        except OSError:
            if not os.path.isdir(final):
                raise
            remove(work)
        files.sync_folder(os.path.dirname(final))


def checked(name):
    # type: (str) -> str
    if not NAME.match(name) or name in TAKEN:
        raise ModuleError("'%s' cannot be the name of an image: letters, digits, '.', '_', '+' and '-', beginning with a letter, a digit or '_', and not "
                          "%s" % (name, ", ".join(sorted(TAKEN))))
    return name


def manifest(folder):
    # type: (str) -> Dict[str, Any]
    """The manifest in an image's directory; empty when there is none."""
    return read_json(os.path.join(folder, "manifest.json"))


def brief(known):
    # type: (Dict[str, Any]) -> Dict[str, Any]
    """A manifest without its long parts, as the image module returns it."""
    return {name: value for name, value in known.items() if name not in ("packages", "layers", "roles", "outputs")}


def read_json(path):
    # type: (str) -> Dict[str, Any]
    try:
        with open(path) as stream:
            known = json.load(stream)
    except (OSError, ValueError):
        return {}
    return known if isinstance(known, dict) else {}


def write_json(path, data):
    # type: (str, Any) -> None
    with open(path, "w") as stream:
        json.dump(data, stream, indent=1, sort_keys=True)
        stream.write("\n")
        stream.flush()
        os.fsync(stream.fileno())


def owner():
    # type: () -> str
    """This process as names in work/ have it."""
    return "%d.%s" % (os.getpid(), started(os.getpid()))


def started(pid):
    # type: (int) -> str
    """When a process started, in the kernel's ticks; empty when there is none."""
    try:
        with open("/proc/%d/stat" % pid) as stream:
            fields = stream.read().rpartition(")")[2].split()
    except OSError:
        return ""
    return fields[19] if fields[0] != "Z" else ""


def remove(path):
    # type: (str) -> None
    """A tree, a file or a link away; refuses where something is mounted below."""
    if os.path.islink(path) or os.path.isfile(path):
        os.unlink(path)
    elif os.path.isdir(path):
        with open("/proc/self/mountinfo") as mounts:
            below = [line.split()[4] for line in mounts if (line.split()[4] + "/").startswith(path.rstrip("/") + "/")]
        if below:
            raise ModuleError("something is mounted at %s; it is not removed" % below[0])
        shutil.rmtree(path)


def boot_id():
    # type: () -> str
    try:
        with open("/proc/sys/kernel/random/boot_id") as stream:
            return stream.read().strip()
    except OSError:
        return ""


def sync(folder):
    # type: (str) -> None
    """What was written to a directory's filesystem reaches the disk before this returns."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        ctypes.CDLL(None, use_errno=True).syncfs(fd)
    finally:
        os.close(fd)


def walk(root):
    # type: (str) -> Iterator[Any]
    """(path from the root, os.DirEntry) of all below a directory, sorted, not leaving it and following no link."""
    stack = [""]
    while stack:
        base = stack.pop()
        entries = sorted(os.scandir(os.path.join(root, base)), key=lambda entry: entry.name)
        for entry in entries:
            yield os.path.join(base, entry.name), entry
        stack += [os.path.join(base, entry.name) for entry in reversed(entries) if entry.is_dir(follow_symlinks=False)]


def tree_digest(root):
    # type: (str) -> str
    """One digest of a tree: names, kinds, modes, owners, sizes, contents, link targets and capabilities; not times."""
    total = hashlib.sha256()
    for name, entry in sorted(walk(root), key=lambda pair: pair[0]):
        now = entry.stat(follow_symlinks=False)
        kind = stat.S_IFMT(now.st_mode)
        content = ""
        if kind == stat.S_IFREG:
            content = files.digest(entry.path, "sha256") or ""
        elif kind == stat.S_IFLNK:
            content = os.readlink(entry.path)
        elif kind in (stat.S_IFCHR, stat.S_IFBLK):
            content = str(now.st_rdev)
        caps = _capability(entry.path) if kind == stat.S_IFREG else ""
        line = json.dumps([name, now.st_mode, now.st_uid, now.st_gid, content, caps])
        total.update(line.encode("utf-8", "surrogateescape") + b"\n")
    return total.hexdigest()


def _capability(path):
    # type: (str) -> str
    try:
        return os.getxattr(path, "security.capability").hex()
    except OSError:
        return ""


def size_of(folder):
    # type: (str) -> int
    """Bytes that a directory takes on its disk, each file once."""
    seen, total = set(), 0  # type: Any, int
    for _, entry in walk(folder):
        now = entry.stat(follow_symlinks=False)
        if now.st_nlink > 1 and not stat.S_ISDIR(now.st_mode):
            if now.st_ino in seen:
                continue
            seen.add(now.st_ino)
        total += now.st_blocks * 512
    return total


def age(path):
    # type: (str) -> float
    """Seconds since something was last changed."""
    return max(0.0, time.time() - os.lstat(path).st_mtime)
