"""Namespaces of a build: what is mounted in them is gone with their last process, however that ends.

`inside` runs a function with mounts of its own; `hold` keeps an image's root ready, as a container that plays can enter.
"""
import ctypes
import errno
import json
import os
import shutil
import signal
import sys
from typing import Any, Callable, Dict, List, Optional

from fleet.runner.module import ModuleError

NEWNS, NEWUTS, NEWIPC, NEWPID = 0x20000, 0x4000000, 0x8000000, 0x20000000
RDONLY, NOSUID, NODEV, NOEXEC, BIND, REC, PRIVATE = 1, 2, 4, 8, 0x1000, 0x4000, 1 << 18
PDEATHSIG = 1
NODES = ("null", "zero", "full", "random", "urandom", "tty")
MAX_LAYERS = 50  # the kernel takes a page of options
POLICY = "#!/bin/sh\n# An image is being built: nothing is started in it.\nexit 101\n"


def libc():
    # type: () -> Any
    return ctypes.CDLL(None, use_errno=True)


def mount(source, target, kind=None, flags=0, options=None):
    # type: (str, str, Optional[str], int, Optional[str]) -> None
    """mount(2). Raises OSError."""
    raw = [None if text is None else os.fsencode(text) for text in (source, target, kind, options)]
    if libc().mount(raw[0], raw[1], raw[2], ctypes.c_ulong(flags), raw[3]):
        number = ctypes.get_errno()
        raise OSError(number, "cannot mount %s: %s" % (target, os.strerror(number)))


def unshare(flags):
    # type: (int) -> None
    if libc().unshare(flags):
        raise OSError(ctypes.get_errno(), "cannot make namespaces: %s" % os.strerror(ctypes.get_errno()))
    mount("none", "/", None, REC | PRIVATE)


def alone():
    # type: () -> None
    """In a forked child: end with the parent, and take signals as any process does."""
    libc().prctl(PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1, signal.SIGALRM, signal.SIGCHLD):
        signal.signal(number, signal.SIG_DFL)


def inside(function, root=None):
    # type: (Callable[[], Any], Optional[str]) -> Any
    """Call a function in a child process with mounts and processes of its own: whatever it started ends with it. With a root of its own as well when
    one is given: nothing in a hostile tree leads out of it then. Its value must be JSON; its ModuleError or OSError is raised here."""
    reads, writes = os.pipe()
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            os.close(reads)
            alone()
            unshare(NEWNS | NEWPID)
            first = os.fork()
            if first:
                os.close(writes)
                os.waitpid(first, 0)
                os._exit(0)
            alone()
            mount("proc", "/proc", "proc", NOSUID | NODEV | NOEXEC)
            if root is not None:
                os.chroot(root)
                os.chdir("/")
            answer = {"value": function()}  # type: Dict[str, Any]
            status = 0
        except ModuleError as error:
            answer = {"error": error.msg}
        except OSError as error:
            answer = {"error": "%s%s" % (error.strerror or error, ": %s" % os.fsdecode(error.filename) if error.filename else "")}
        except BaseException as error:
            answer = {"error": "%s: %s" % (type(error).__name__, error)}
        try:
            with os.fdopen(writes, "w") as stream:
                json.dump(answer, stream)
        finally:
            os._exit(status)
    os.close(writes)
    try:
        with os.fdopen(reads) as stream:
            text = stream.read()
    except BaseException:
        os.kill(pid, signal.SIGKILL)
        raise
    finally:
        os.waitpid(pid, 0)
    if not text:
        raise ModuleError("a process of the build was killed")
    answer = json.loads(text)
    if "error" in answer:
        raise ModuleError(answer["error"])
    return answer["value"]


def lower(layers):
    # type: (List[str]) -> List[str]
    """The directories that a stack of layers (the first one made first) is merged of, the topmost first."""
    found = []  # type: List[str]
    for layer in reversed(layers):
        full = os.path.join(layer, "full")
        if os.path.isdir(full):
            return found + [full]
        found.append(os.path.join(layer, "diff"))
    return found


def overlay(layers, target, upper=None, work=None):
    # type: (List[str], str, Optional[str], Optional[str]) -> None
    """Show a stack of layers at `target`: read-only, or with what is written going to `upper`."""
    places = lower(layers)
    if len(places) > MAX_LAYERS:
        raise ModuleError("an image has at most %d steps upon one base" % MAX_LAYERS)
    if upper is None and len(places) == 1:
        mount(places[0], target, None, BIND)
        mount(places[0], target, None, BIND | RDONLY | 0x20)
        return
    before = os.getcwd()
    base = os.path.commonpath([os.path.dirname(place) for place in places])
    os.chdir(base)  # relative names, since the kernel takes one page of options
    try:
        options = "lowerdir=" + ":".join(os.path.relpath(place, base) for place in places)
        if upper:
            options += ",upperdir=%s,workdir=%s" % (upper, work)
        mount("overlay", target, "overlay", 0, options)
    finally:
        os.chdir(before)


def writable(m, layers, work):
    # type: (Any, List[str], str) -> str
    """Ready `work` for a step upon a stack: "diff" where the filesystem takes overlays, else "full", a copy."""
    for name in ("diff", "ovl", "root"):
        os.mkdir(os.path.join(work, name), 0o755)
    top = os.stat(lower(layers)[0])
    os.chown(os.path.join(work, "diff"), top.st_uid, top.st_gid)
    os.chmod(os.path.join(work, "diff"), top.st_mode & 0o7777)
    try:
        inside(lambda: overlay(layers, work + "/root", work + "/diff", work + "/ovl"))
        return "diff"
    except ModuleError:
        os.rmdir(os.path.join(work, "diff"))
    places = lower(layers)
    if len(places) > 1:
        raise ModuleError("this filesystem takes no overlays, and the layers were made on one that did; remove %s" % os.path.dirname(layers[0]))
    inside(lambda: copy(m, places[0], os.path.join(work, "full")))
    return "full"


def copy(m, source, target):
    # type: (Any, str, str) -> None
    """A tree with all its attributes; sharing the blocks where the filesystem can."""
    os.mkdir(target)
    m.run(["cp", "-a", "--reflink=auto", source + "/.", target], ok=[0])


def hold(layers, work, kind, hostname):
    # type: (List[str], str, str, str) -> int
    """Start the process that keeps an image's root and its namespaces; its pid. It ends with this process, and everything in it then."""
    reads, writes = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.close(reads)
            alone()
            unshare(NEWNS | NEWPID | NEWIPC | NEWUTS)
            root = os.path.join(work, "root")
            if kind == "diff":
                overlay(layers, root, os.path.join(work, "diff"), os.path.join(work, "ovl"))
            else:
                mount(os.path.join(work, kind), root, None, BIND)
            first = os.fork()
            if first:
                os.write(writes, b"pid %d\n" % first)
                os.close(writes)
                os.waitpid(first, 0)
                os._exit(0)
            alone()
            _lists(layers[0], work, root, kind)
            _furnish(root, hostname)
            os.write(writes, b"ready\n")
            os.close(writes)
            _reap()
        except OSError as error:
            os.write(writes, b"error %s\n" % str(error.strerror or error).encode())
        except BaseException as error:
            os.write(writes, b"error %s\n" % repr(error).encode())
        finally:
            os._exit(1)
    os.close(writes)
    with os.fdopen(reads) as stream:
        said = stream.read().splitlines()
    leader = [int(line[4:]) for line in said if line.startswith("pid ")]
    if "ready" not in said or not leader:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        wrong = [line[6:] for line in said if line.startswith("error ")]
        raise ModuleError("the image's root cannot be entered: %s" % (wrong[0] if wrong else "its process was killed"))
    return leader[0]


def _lists(base, work, root, kind):
    # type: (str, str, str, str) -> None
    """Show the package lists that the base was made from; what a step updates of them is its own."""
    known, place = os.path.join(base, "lists"), os.path.join(root, "var/lib/apt/lists")
    if not os.path.isdir(known) or os.path.realpath(place) != place:
        return
    own = os.path.join(work, "lists")
    if kind == "diff":
        os.makedirs(own + "/up")
        os.makedirs(own + "/ovl")
        mount("overlay", place, "overlay", 0, "lowerdir=%s,upperdir=%s/up,workdir=%s/ovl" % (known, own, own))
    else:
        shutil.copytree(known, own)
        mount(own, place, None, BIND)


def _furnish(root, hostname):
    # type: (str, str) -> None
    """What programs expect of a running system, mounted after the change of root, so that links in the image lead nowhere else."""
    nodes = {}
    for name in NODES:
        try:
            nodes[name] = os.open("/dev/" + name, os.O_PATH)
        except OSError:
            continue
    resolver = os.open("/etc/resolv.conf", os.O_RDONLY) if os.path.exists("/etc/resolv.conf") else None
    os.chroot(root)
    os.chdir("/")
    for name in ("proc", "sys", "dev", "run", "tmp"):
        if not os.path.isdir("/" + name):
            os.mkdir("/" + name, 0o1777 if name == "tmp" else 0o755)
    mount("proc", "/proc", "proc", NOSUID | NODEV | NOEXEC)
    try:
        mount("sysfs", "/sys", "sysfs", NOSUID | NODEV | NOEXEC | RDONLY)
    except OSError:
        pass  # not every host lets its root have one; few programs look there
    mount("tmpfs", "/run", "tmpfs", NOSUID | NODEV, "mode=755")
    mount("tmpfs", "/dev", "tmpfs", NOSUID, "mode=755")
    for name, fd in nodes.items():
        _bind(fd, "/dev/" + name)
    for name, target in (("fd", "/proc/self/fd"), ("stdin", "fd/0"), ("stdout", "fd/1"), ("stderr", "fd/2"), ("ptmx", "pts/ptmx")):
        os.symlink(target, "/dev/" + name)
    for name, kind, options in (("pts", "devpts", "newinstance,ptmxmode=0666,mode=620"), ("shm", "tmpfs", "mode=1777")):
        os.mkdir("/dev/" + name, 0o755)
        mount(kind, "/dev/" + name, kind, NOSUID | NOEXEC, options)
    for path in ("/run/fleet/offline", "/run/lock"):  # the first tells modules that nothing is to be started here
        os.makedirs(path)
    os.chmod("/run/lock", 0o1777)
    if resolver is not None:
        _resolver(resolver)
    if os.path.isdir("/usr/sbin") and not os.path.lexists("/usr/sbin/policy-rc.d"):
        with open("/usr/sbin/policy-rc.d", "w") as stream:
            stream.write(POLICY)
        os.chmod("/usr/sbin/policy-rc.d", 0o755)
    raw = hostname.encode()
    libc().sethostname(raw, len(raw))


def _resolver(fd):
    # type: (int) -> None
    """The host's name servers, where the image's own file is, or where its link points (there is nothing below /run yet)."""
    place = "/etc/resolv.conf"
    if not os.path.isdir("/etc"):
        return
    if os.path.islink(place):
        place = os.path.normpath(os.path.join("/etc", os.readlink(place)))
        if not place.startswith("/run/"):
            return
        os.makedirs(os.path.dirname(place), exist_ok=True)
    _bind(fd, place)


def _bind(fd, place):
    # type: (int, str) -> None
    if not os.path.lexists(place):
        os.close(os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644))
    mount("/proc/self/fd/%d" % fd, place, None, BIND)
    os.close(fd)


def _reap():
    # type: () -> None
    """Process 1 of the image while it is built: it waits for the orphans."""
    null = os.open("/dev/null", os.O_RDWR)
    for fd in (0, 1, 2):
        os.dup2(null, fd)
    limit = os.sysconf("SC_OPEN_MAX")
    os.closerange(3, min(limit, 65536))
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGCHLD])
    while True:
        signal.sigwait([signal.SIGCHLD])
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except OSError as error:
            if error.errno != errno.ECHILD:
                raise


def end(pid):
    # type: (int) -> None
    """End what `hold` started, and everything in it; returns when it is gone, and with it every mount."""
    try:
        with open("/proc/%d/stat" % pid) as stream:
            parent = int(stream.read().rpartition(")")[2].split()[1])
    except OSError:
        return
    try:
        os.kill(pid, signal.SIGKILL)
    except OSError:
        pass
    try:
        os.waitpid(parent, 0)
    except OSError:
        pass  # it was another process's child, and ends with that one
    sys.stdout.flush()
