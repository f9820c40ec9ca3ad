"""What a step of a build leaves behind that belongs to the moment, not to the image: taken away, and times made those of its inputs."""
import os
import re
import stat
from typing import Iterator, Tuple

from fleet.modules import _image_ns as ns

# Logs, caches and seeds that programs make anew. A directory stays; what is in it goes.
EMPTIED = ("var/lib/apt/lists", "var/cache/apt", "run", "var/log/journal", "var/log/apt")
GONE = re.compile(r"(var/log/(dpkg|alternatives|bootstrap|fontconfig)\.log|var/cache/ldconfig/aux-cache"
                  r"|var/lib/systemd/(random-seed|catalog/database|deb-systemd-helper-enabled/.*\.tmp)|var/lib/dpkg/.*-old|var/cache/debconf/.*-old"
                  r"|etc/\.pwd\.lock|etc/ssh/ssh_host_[a-z0-9]+_key(\.pub)?|etc/hostname|var/lib/dbus/machine-id|var/lib/dpkg/(lock|lock-frontend|triggers/Lock)"
                  r"|root/\.(bash_history|wget-hsts|lesshst)|usr/sbin/policy-rc\.d|etc/resolv\.conf)$")


def clean():
    # type: () -> None
    """Run in the root of what a step made (see `_image_ns.inside`). Deletes only there; a parent's file of the same place shows again."""
    for name, path in _files("/"):
        if GONE.match(name) and _ours(name, path):
            os.unlink(path)
    for name in EMPTIED:
        for path in _below("/" + name):
            os.unlink(path)
    if os.path.isfile("/etc/machine-id") and not os.path.islink("/etc/machine-id"):
        with open("/etc/machine-id", "w"):
            pass  # empty: the first start of each instance fills it


def _ours(name, path):
    # type: (str, str) -> bool
    """Whether the build put it there. The two files that the build itself needs are known by their content."""
    if name == "etc/resolv.conf":
        return os.path.getsize(path) == 0 and not os.path.islink(path)
    if name == "usr/sbin/policy-rc.d":
        with open(path, errors="replace") as stream:
            return stream.read() == ns.POLICY
    return not name.endswith("machine-id") or not os.path.islink(path)


def _files(root):
    # type: (str) -> Iterator[Tuple[str, str]]
    for folder in ("var/log", "var/cache", "var/lib", "etc", "root", "usr/sbin"):
        for base, folders, names in os.walk(os.path.join(root, folder)):
            for name in names:
                path = os.path.join(base, name)
                if not stat.S_ISCHR(os.lstat(path).st_mode):  # an overlay's mark that something is gone
                    yield os.path.relpath(path, root), path
            if folder in ("root", "usr/sbin") or (folder == "etc" and base.count("/") >= 2):
                del folders[:]


def _below(folder):
    # type: (str) -> Iterator[str]
    for base, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(base, name)
            if not stat.S_ISCHR(os.lstat(path).st_mode):
                yield path


def newest(before):
    # type: (float) -> int
    """The newest change time of content from before a moment: that of the newest package, so the same for every build of the same inputs."""
    latest = 0.0
    for _, now in _all("/"):
        if latest < now.st_mtime < before:
            latest = now.st_mtime
    return int(latest)


def settle(before, epoch):
    # type: (float, int) -> None
    """Give what was written since `before` the time `epoch`. What packages bring keeps its own."""
    for path, now in _all("/"):
        if now.st_mtime >= before:
            os.utime(path, (epoch, epoch), follow_symlinks=False)
        elif now.st_mtime_ns % 1000000000:
            os.utime(path, (int(now.st_mtime), int(now.st_mtime)), follow_symlinks=False)
    os.utime("/", (epoch, epoch))


def _all(root):
    # type: (str) -> Iterator[Tuple[str, os.stat_result]]
    stack = [root]
    while stack:
        base = stack.pop()
        for entry in os.scandir(base):
            yield entry.path, entry.stat(follow_symlinks=False)
            if entry.is_dir(follow_symlinks=False):
                stack.append(entry.path)
