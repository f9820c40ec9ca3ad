"""A container's files: its root cloned from an image, its volumes, its snapshots. Nothing is visible under its final name before it is complete."""
import errno
import fcntl
import json
import os
import secrets
import shutil
import stat
import struct
from typing import Any, List, Optional

from fleet.runner import files
from fleet.runner import namespace as ns
from fleet.runner.container import HOME, VOLUMES, Container, load, names, open_root, read
from fleet.runner.module import Module

SIZE, FIRST = 65536, 524288  # ids of a container's users on the host; where the first container's begin
SUBVOLUME_INODE = 256  # of a btrfs subvolume's root directory
TRIED = "/run/fleet/tried"  # what this boot of the host was found to be able to do
SNAP_CREATE, SNAP_DESTROY = 0x50009401, 0x5000940F  # ioctl numbers of btrfs


def ids(name):
    # type: (str) -> List[int]
    """A range of the host's ids that no other container has, and no user by /etc/subuid."""
    taken = set()
    for other in names():
        c = load(other)
        if c is not None and other != name and c.ids:
            taken.add(c.ids[0] // SIZE)
    for path in ("/etc/subuid", "/etc/subgid"):
        try:
            with open(path) as stream:
                ranges = [line.strip().split(":")[1:] for line in stream if line.count(":") == 2]
        except OSError:
            continue
        for first, count in ranges:
            if first.isdigit() and count.isdigit():
                taken.update(range(int(first) // SIZE, (int(first) + int(count) - 1) // SIZE + 1))
    number = FIRST // SIZE
    while number in taken:
        number += 1
    return [number * SIZE, SIZE]


def image_id(image):
    # type: (str) -> Optional[str]
    """What an image directory says it is: its manifest's id or, from before there were ids, the digest of its inputs."""
    manifest = read(os.path.join(image, "manifest.json")) or {}
    found = manifest.get("id") or manifest.get("inputs")
    return str(found) if found else None


# -- making


def make(m, c):
    # type: (Module, Container) -> None
    """Clone the root and write the declaration, which is what makes the container exist. It is on the disk after `flush`."""
    if os.path.lexists(c.base):
        remove_tree(c.base)  # what a cut run left; without a declaration it is no container
    os.makedirs(HOME, mode=0o700, exist_ok=True)
    os.mkdir(c.base, 0o700)
    os.mkdir(c.own, 0o755)
    tree = os.path.join(c.made["image"], "tree")
    for kind in ("btrfs", "overlay", "copy"):
        if c.options["clone"] in ("auto", kind):
            try:
                _CLONES[kind](m, c, tree)
                c.made["clone"] = kind
                break
            except OSError as error:
                if c.options["clone"] == kind or kind == "copy":
                    m.fail("cannot clone %s by %s: %s" % (tree, kind, error.strerror or error))
    save(m, c, flush=False)


def save(m, c, flush=True):
    # type: (Module, Container, bool) -> None
    files.write(m, os.path.join(c.base, "container.json"), json.dumps(c.made, indent=1, sort_keys=True), mode=0o600, flush=flush)


def flush(c):
    # type: (Container) -> None
    """See the declaration on the disk; before that a loss of power can leave none, or a useless one, which is no container."""
    with open(os.path.join(c.base, "container.json")) as stream:
        os.fsync(stream.fileno())
    files.sync_folder(c.base)


def _overlay(m, c, tree):
    # type: (Module, Container, str) -> None
    for part in ("upper", "work", "lower"):
        os.makedirs(os.path.join(c.base, part), exist_ok=True)
    now = os.stat(tree)
    upper = os.path.join(c.base, "upper")
    os.chmod(upper, stat.S_IMODE(now.st_mode))
    if c.ids:
        os.chown(upper, c.ids[0] + now.st_uid, c.ids[0] + now.st_gid)
    problem = _trial(c, tree)
    if problem:
        for part in ("upper", "work", "lower"):
            remove_tree(os.path.join(c.base, part))
        raise OSError(errno.EOPNOTSUPP, problem)


def _trial(c, tree):
    # type: (Container, str) -> str
    """Try the mount in a child, whose mount namespace goes with it; what was wrong, or nothing.

    The end of an overlay flushes all of the filesystem that is written to, which can take long. So what once worked is not tried again until the
    host boots, between the same filesystems with the same kind of ids.
    """
    c.made["clone"] = "overlay"
    known = os.path.join(TRIED, "overlay-%s-%s%s" % (_device(tree), _device(c.base), "-ids" if c.ids else ""))
    if os.path.exists(known) and not set(",:\\") & set(tree + c.base):  # letters that are the options' own
        return ""
    reads, writes = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            ns.private_mounts()
            open_root(c)
            os.write(writes, b"ok")
        except OSError as error:
            os.write(writes, (error.strerror or "error").encode("utf-8", "replace"))
        finally:
            os._exit(0)
    os.close(writes)
    with os.fdopen(reads, "rb") as stream:
        said = stream.read().decode("utf-8", "replace")
    os.waitpid(pid, 0)
    if said != "ok":
        return said or "it cannot be mounted"
    os.makedirs(TRIED, mode=0o700, exist_ok=True)
    os.close(os.open(known, os.O_WRONLY | os.O_CREAT, 0o600))
    return ""


def _device(path):
    # type: (str) -> str
    """A mounted filesystem, told from any other of this boot."""
    return "%x.%x" % (os.stat(path).st_dev, getattr(os.statvfs(path), "f_fsid", 0))  # f_fsid: Python 3.7


def _copy(m, c, tree):
    # type: (Module, Container, str) -> None
    work = c.own + ".copying"
    m.run(["cp", "-a", "--reflink=auto", tree, work], ok=[0])
    if c.ids:
        shift(work, c.ids[0])
    os.rmdir(c.own)
    os.rename(work, c.own)


def _btrfs(m, c, tree):
    # type: (Module, Container, str) -> None
    if not is_subvolume(tree):
        raise OSError(errno.EOPNOTSUPP, "the image's tree is not a btrfs subvolume")
    os.rmdir(c.own)
    try:
        snapshot_subvolume(tree, c.own)
    except OSError:
        os.mkdir(c.own, 0o755)
        raise
    if c.ids:
        shift(c.own, c.ids[0])


_CLONES = {"overlay": _overlay, "copy": _copy, "btrfs": _btrfs}


def shift(top, base):
    # type: (str, int) -> None
    """Give every file under a directory to the same user and group counted from `base`; modes and capabilities stay."""
    for path in _walk(top):
        now = os.lstat(path)
        held = None
        try:
            held = os.getxattr(path, "security.capability", follow_symlinks=False)
        except OSError:
            pass
        os.lchown(path, base + now.st_uid, base + now.st_gid)
        if not stat.S_ISLNK(now.st_mode):
            if now.st_mode & 0o6000:
                os.chmod(path, stat.S_IMODE(now.st_mode))
            if held:
                os.setxattr(path, "security.capability", _rooted(held, base))


def _rooted(held, base):
    # type: (bytes, int) -> bytes
    """File capabilities that count in a user namespace whose root is `base` (struct vfs_ns_cap_data)."""
    magic = struct.unpack("<I", held[:4])[0]
    return struct.pack("<I", 0x03000000 | (magic & 1)) + held[4:20] + struct.pack("<I", base)


def _walk(top):
    # type: (str) -> Any
    yield top
    for folder, folders, names_ in os.walk(top):
        for name in folders + names_:
            yield os.path.join(folder, name)


def volumes(c):
    # type: (Container) -> None
    """Make the volumes it names that are not there; what is in them is nobody's but its users'."""
    os.makedirs(VOLUMES, mode=0o700, exist_ok=True)
    for source in (c.options.get("volumes") or {}).values():
        os.makedirs(os.path.join(VOLUMES, source[:-3] if source.endswith(":ro") else source), exist_ok=True)


# -- btrfs


def is_subvolume(path):
    # type: (str) -> bool
    try:
        return os.stat(path).st_ino == SUBVOLUME_INODE and filesystem(path) == "btrfs"
    except OSError:
        return False


def filesystem(path):
    # type: (str) -> str
    """The type of the filesystem that holds a path."""
    path, best, found = os.path.realpath(path), "", ""  # not by st_dev: a subvolume has one of its own
    with open("/proc/self/mountinfo") as stream:
        for line in stream:
            head, _, tail = line.partition(" - ")
            place = head.split()[4].encode("latin-1").decode("unicode_escape").encode("latin-1").decode("utf-8", "surrogateescape")
            if len(place) >= len(best) and (path + "/").startswith(place.rstrip("/") + "/"):
                best, found = place, tail.split()[0]
    return found


def snapshot_subvolume(source, target):
    # type: (str, str) -> None
    _subvolume(SNAP_CREATE, target, source)


def _subvolume(request, path, source=None):
    # type: (int, str, Optional[str]) -> None
    folder = os.open(os.path.dirname(path), os.O_RDONLY | os.O_DIRECTORY)
    given = os.open(source, os.O_RDONLY | os.O_DIRECTORY) if source else 0
    try:
        fcntl.ioctl(folder, request, bytearray(struct.pack("=q4088s", given, os.fsencode(os.path.basename(path)))))  # bytes may have 1024 at most
    finally:
        os.close(folder)
        if source:
            os.close(given)


def remove_tree(path):
    # type: (str) -> None
    """Remove a directory and all in it, subvolumes too. What is mounted there in this namespace is an error, not followed."""
    if not os.path.lexists(path):
        return
    if is_subvolume(path):
        os.chmod(path, 0o700)
        _subvolume(SNAP_DESTROY, path)
        return
    for name in os.listdir(path) if os.path.isdir(path) and not os.path.islink(path) else ():
        if is_subvolume(os.path.join(path, name)):
            _subvolume(SNAP_DESTROY, os.path.join(path, name))
    shutil.rmtree(path)


# -- snapshots


def _part(c):
    # type: (Container) -> str
    """The directory that holds what is the container's own."""
    return "upper" if c.made["clone"] == "overlay" else "root"


def snapshots(c):
    # type: (Container) -> List[str]
    folder = os.path.join(c.base, "snapshots")
    return sorted(name for name in os.listdir(folder) if not name.startswith(".")) if os.path.isdir(folder) else []


def snapshot(m, c, name):
    # type: (Module, Container, str) -> None
    """Keep the root as it is now; the caller sees that nothing writes meanwhile."""
    folder = os.path.join(c.base, "snapshots")
    os.makedirs(folder, mode=0o700, exist_ok=True)
    work = os.path.join(folder, "." + name)
    remove_tree(work)
    _duplicate(m, os.path.join(c.base, _part(c)), work)
    os.rename(work, os.path.join(folder, name))


def rollback(m, c, name):
    # type: (Module, Container, str) -> None
    """Make the root what it was; the container does not run. A cut rollback is finished or undone by the next one."""
    current, work = os.path.join(c.base, _part(c)), os.path.join(c.base, "rollback")
    remove_tree(work)
    _duplicate(m, os.path.join(c.base, "snapshots", name), work)
    remove_tree(current + ".old")
    os.rename(current, current + ".old")
    os.rename(work, current)
    if c.made["clone"] == "overlay":
        remove_tree(os.path.join(c.base, "work"))
        os.mkdir(os.path.join(c.base, "work"))
    remove_tree(current + ".old")


def repair(c):
    # type: (Container) -> None
    """Finish what a cut rollback left: the old root without a new one."""
    current = os.path.join(c.base, _part(c))
    if not os.path.lexists(current) and os.path.lexists(current + ".old"):
        os.rename(current + ".old", current)


def _duplicate(m, source, target):
    # type: (Module, str, str) -> None
    if is_subvolume(source):
        snapshot_subvolume(source, target)
    else:
        m.run(["cp", "-a", "--reflink=auto", source, target], ok=[0])


def new_id():
    # type: () -> str
    return secrets.token_hex(4)


def remove_snapshot(c, name):
    # type: (Container, str) -> None
    """Renamed first: a cut removal leaves no half snapshot under its name."""
    folder = os.path.join(c.base, "snapshots")
    gone = os.path.join(folder, "." + name)
    remove_tree(gone)
    os.rename(os.path.join(folder, name), gone)
    remove_tree(gone)
