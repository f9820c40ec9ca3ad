"""Containers of this host: what is known of one, how its root is opened, and how a process becomes one of it.

Every mount is made in a mount namespace of the process that needs it, so the kernel takes them away with their last process and none can leak.
A root that somebody holds open already is shared, never mounted twice. Nothing in a root is trusted: every path in it is resolved after it has
become the root, and device nodes in it do not work.
"""
import errno
import fcntl
import json
import os
import re
import signal
import socket
import time
from typing import Any, Dict, List, Optional

from fleet.runner import namespace as ns

HOME = "/var/lib/fleet/containers"
VOLUMES = "/var/lib/fleet/volumes"
STATE = "/run/fleet/containers"
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$")
NAMESPACES = ("user", "ipc", "uts", "net", "pid", "cgroup", "mnt")
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
# What root may still do in a container unless its declaration says otherwise.
DEFAULT_CAPABILITIES = ("CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "SETGID", "SETUID", "SETPCAP", "NET_BIND_SERVICE", "NET_RAW", "SYS_CHROOT",
                        "AUDIT_WRITE", "SETFCAP")
DEVICES = ("null", "zero", "full", "random", "urandom", "tty")
HIDDEN = ("/proc/kcore", "/proc/keys", "/proc/timer_list", "/proc/sched_debug", "/proc/kmsg")
READ_ONLY = ("/proc/sys", "/proc/sysrq-trigger", "/proc/irq", "/proc/bus", "/proc/fs")


class Container:
    """One container that was made here. made: what container.json holds: options (as declared), clone, ids ([base, size] or None), image, id ..."""

    def __init__(self, name, made):
        # type: (str, Dict[str, Any]) -> None
        self.name = name
        self.made = made
        self.options = made["options"]  # type: Dict[str, Any]
        self.base = os.path.join(HOME, name)
        self.own = os.path.join(self.base, "root")  # the root's directory, unless it is an overlay
        self.runtime = os.path.join(STATE, name)
        self.root = os.path.join(self.runtime, "root")  # where it is mounted, in mount namespaces that no user of the host can reach
        self.log = os.path.join(self.base, "log")

    @property
    def ids(self):
        # type: () -> Any
        return self.made.get("ids")

    @property
    def hostname(self):
        # type: () -> str
        return str(self.options.get("hostname") or self.name)


def load(name):
    # type: (str) -> Optional[Container]
    """The container of this name, or None when there is none. Names that cannot be one's are None too."""
    if not NAME.match(name):
        return None
    made = read(os.path.join(HOME, name, "container.json"))
    return Container(name, made) if made and isinstance(made.get("options"), dict) else None


def names():
    # type: () -> List[str]
    try:
        return sorted(name for name in os.listdir(HOME) if NAME.match(name) and os.path.exists(os.path.join(HOME, name, "container.json")))
    except OSError:
        return []


def read(path):
    # type: (str) -> Optional[Dict[str, Any]]
    """A JSON object from a file; None when there is none."""
    try:
        with open(path) as stream:
            found = json.load(stream)
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None


def started(pid):
    # type: (Any) -> str
    """When a process started, in ticks since boot, as text; empty when it is not there or only waits to be reaped."""
    try:
        with open("/proc/%d/stat" % int(pid)) as stream:
            fields = stream.read().rpartition(")")[2].split()
    except (OSError, ValueError, TypeError):
        return ""
    return fields[19] if fields[0] not in "ZX" else ""


def state(name):
    # type: (str) -> Optional[Dict[str, Any]]
    """What the supervisor of a container says of it: pid, started (of its first process), supervisor ...; None unless that process lives."""
    found = read(os.path.join(STATE, name, "state.json"))
    return found if found and found.get("started") and started(found.get("pid")) == found["started"] else None


def supervised(found):
    # type: (Dict[str, Any]) -> bool
    """Whether the supervisor lives too; without one what runs is an orphan."""
    return bool(found.get("supervisor_started")) and started(found.get("supervisor")) == found["supervisor_started"]


# -- roots


class Held:
    """A lock on the opening and closing of a container's root."""

    def __init__(self, name):
        # type: (str) -> None
        os.makedirs(os.path.join(STATE, name), mode=0o711, exist_ok=True)
        self.path = os.path.join(STATE, name, "root.lock")

    def __enter__(self):
        # type: () -> Held
        self.fd = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        fcntl.flock(self.fd, fcntl.LOCK_EX)
        return self

    def __exit__(self, *error):
        # type: (*Any) -> None
        os.close(self.fd)


def holders(name):
    # type: (str) -> List[int]
    """Processes outside the container that hold its root open while it does not run (a task's runner, mostly)."""
    folder, found = os.path.join(STATE, name, "idle"), []
    for entry in os.listdir(folder) if os.path.isdir(folder) else ():
        path = os.path.join(folder, entry)
        with open(path) as stream:
            if started(entry) == stream.read():
                found.append(int(entry))
            else:
                os.unlink(path)
    return found


def hold(name):
    # type: (str) -> None
    """Say that this process holds the root open."""
    folder = os.path.join(STATE, name, "idle")
    os.makedirs(folder, mode=0o700, exist_ok=True)
    with open(os.path.join(folder, str(os.getpid())), "w") as stream:
        stream.write(started(os.getpid()))


def release(name):
    # type: (str) -> None
    """End the processes that hold the root open, and see them end: the container starts or changes, and they are to enter it anew."""
    for pid in holders(name):
        since = started(pid)
        try:
            with open("/proc/%d/task/%d/children" % (pid, pid)) as stream:
                below = [(int(word), started(word)) for word in stream.read().split()]
        except OSError:
            below = []
        end = time.time() + 5
        for each, when in below + [(pid, since)]:  # the inner one first: it has the connection
            while when and started(each) == when and time.time() < end:
                try:
                    os.kill(each, signal.SIGKILL)
                except OSError:
                    break
                time.sleep(0.002)


def open_root(c):
    # type: (Container) -> None
    """Mount the root of a container at its place, in this process's own mount namespace; call it within Held."""
    os.makedirs(c.root, mode=0o711, exist_ok=True)
    found = state(c.name)
    for pid in ([found["pid"]] if found else []) + holders(c.name):
        try:
            ns.attach(borrowed(pid), c.root)
            return
        except OSError:
            continue  # it ended just now
    if c.made["clone"] != "overlay":
        ns.bind(c.own, c.root, ns.ATTR_NODEV)
        return
    lower = os.path.join(c.made["image"], "tree")
    if not os.path.isdir(lower):
        raise OSError(errno.ENOENT, "the image of the container %s is gone: %s" % (c.name, lower))
    if c.ids:
        shifted = os.path.join(c.base, "lower")
        fd = ns.user_namespace(*c.ids)
        ns.bind(lower, shifted, 0, fd)
        os.close(fd)
        lower = shifted
    ns.mount("overlay", c.root, "overlay", ns.NODEV, "lowerdir=%s,upperdir=%s/upper,workdir=%s/work" % (lower, c.base, c.base))


def borrowed(pid):
    # type: (int) -> int
    """A bind mount of another process's root, as a descriptor."""
    ours = os.open("/proc/self/ns/mnt", os.O_RDONLY | os.O_CLOEXEC)
    theirs = os.open("/proc/%d/ns/mnt" % pid, os.O_RDONLY | os.O_CLOEXEC)
    try:
        ns.setns(theirs, "mount namespace")
        try:
            return ns.tree("/", ns.ATTR_NODEV)
        finally:
            ns.setns(ours, "mount namespace")
    finally:
        os.close(ours)
        os.close(theirs)


def sources(c):
    # type: (Container) -> List[Any]
    """The directories of the host to show inside: [(place inside, path on the host, read-only, whether it is a volume)]."""
    found = []  # type: List[Any]
    for kind in ("binds", "volumes"):
        for place, source in sorted((c.options.get(kind) or {}).items()):
            plain, only = (source[:-3], True) if source.endswith(":ro") else (source, False)
            found.append((place, os.path.join(VOLUMES, plain) if kind == "volumes" else plain, only, kind == "volumes"))
    return found


def capabilities(c):
    # type: (Container) -> List[str]
    """The capabilities its processes may have, in the kernel's order."""
    given = {name.upper().replace("CAP_", "") for name in c.options.get("cap_add") or ()}
    taken = {name.upper().replace("CAP_", "") for name in c.options.get("cap_drop") or ()}
    base = set() if "ALL" in taken else set(DEFAULT_CAPABILITIES)
    if c.options.get("boot") and "ALL" not in taken:
        base |= {"SYS_ADMIN", "NET_ADMIN", "SYS_PTRACE", "SYS_NICE", "SYS_RESOURCE", "IPC_OWNER", "LEASE", "LINUX_IMMUTABLE", "DAC_READ_SEARCH"}
    wanted = set(ns.CAPABILITIES) if "ALL" in given else (base - taken) | given
    return [name for name in ns.CAPABILITIES if name in wanted]


# -- being inside


def users(c):
    # type: (Container) -> Optional[int]
    """A descriptor of a user namespace with the container's ids. To be made before a PID namespace is entered, while /proc tells the truth."""
    return ns.user_namespace(*c.ids) if c.ids else None


def furnish(c, userns):
    # type: (Container, Optional[int]) -> None
    """Make the opened root this process's root, with what programs expect there: /proc, /sys, /dev, its volumes and binds.

    The process is in namespaces of its own already, and the first of its PID namespace. userns: as `users` gave it.
    """
    shown = [(place, ns.tree(path, ns.ATTR_NODEV | (ns.ATTR_RDONLY if only else 0), userns if volume else None), os.path.isdir(path))
             for place, path, only, volume in sources(c)]
    nodes = [("/dev/" + name, "/dev/" + name) for name in DEVICES] + lent(c)
    devices = [(path, ns.tree(node), os.stat(node)) for path, node in nodes if os.path.exists(node)]
    system = ns.tree(sysfs(c) if os.path.ismount(sysfs(c)) else "/sys", ns.ATTR_RDONLY | ns.ATTR_NOSUID | ns.ATTR_NODEV, recursive=True)
    names_of = os.path.join(c.runtime, "resolv.conf")
    names_of = names_of if os.path.exists(names_of) else "/etc/resolv.conf"
    resolver = ns.tree(names_of, ns.ATTR_RDONLY) if os.path.exists(names_of) and (c.options.get("dns") or c.options.get("network") == "host") else None
    ns.pivot(c.root)
    if c.ids:
        ns.own_files_as(c.ids[0])
    for place in ("/proc", "/sys", "/dev", "/tmp", "/run"):
        os.makedirs(place, exist_ok=True)
    _devices(devices, own=userns is None)
    ns.mount("proc", "/proc", "proc", ns.NOSUID | ns.NODEV | ns.NOEXEC)
    ns.attach(system, "/sys")
    for path in READ_ONLY:
        if os.path.exists(path):
            ns.bind(path, path, ns.ATTR_RDONLY)
    for path in HIDDEN:
        if os.path.exists(path):
            ns.bind("/dev/null", path)
    for place in c.options.get("tmpfs") or ():
        os.makedirs(place, exist_ok=True)
        ns.mount("tmpfs", place, "tmpfs", ns.NOSUID | ns.NODEV, "mode=1777")
    for place, fd, folder in shown:
        mount_point(place, folder)
        ns.attach(fd, place)
    if resolver is not None:
        try:
            mount_point("/etc/resolv.conf", False)
            ns.attach(resolver, "/etc/resolv.conf")
        except OSError:
            os.close(resolver)  # a link to nowhere: its own programs are to look after that
    if c.options.get("read_only"):
        ns.mount(None, "/", None, ns.REMOUNT | ns.BIND | ns.RDONLY | ns.NODEV)
    if userns is not None:
        ns.setns(userns, "user namespace")
        os.close(userns)
        os.setgroups([])
        os.setgid(0)
        os.setuid(0)


def _devices(devices, own):
    # type: (List[Any], bool) -> None
    """own: nodes of its own, since the host's root inside could change the host's; else the host's, on which an ordinary user has no hold."""
    ns.mount("tmpfs", "/dev", "tmpfs", ns.NOSUID | ns.NOEXEC | (0 if own else ns.NODEV), "mode=755,size=64k")
    for path, fd, now in devices:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        if own:
            os.close(fd)
            own_node(path, now)
        else:
            mount_point(path, False)
            ns.attach(fd, path)
    for name in ("pts", "shm"):
        os.mkdir("/dev/" + name)
    ns.mount("devpts", "/dev/pts", "devpts", ns.NOSUID | ns.NOEXEC, "newinstance,ptmxmode=0666,mode=620")
    ns.mount("tmpfs", "/dev/shm", "tmpfs", ns.NOSUID | ns.NODEV, "mode=1777")
    for name, target in (("ptmx", "pts/ptmx"), ("fd", "/proc/self/fd"), ("stdin", "/proc/self/fd/0"), ("stdout", "/proc/self/fd/1"),
                         ("stderr", "/proc/self/fd/2")):
        os.symlink(target, "/dev/" + name)


def lend(c):
    # type: (Container) -> None
    """Make nodes of the host's devices it may use that are its root's: the host's belong to nobody inside. In this process's mount namespace."""
    if not c.options.get("devices"):
        return
    folder = os.path.join(c.runtime, "devices")
    os.makedirs(folder, mode=0o711, exist_ok=True)
    ns.mount("tmpfs", folder, "tmpfs", ns.NOSUID | ns.NOEXEC, "mode=711,size=64k")
    for path, node in lent(c):
        own_node(node, os.stat(path))
        os.chown(node, c.ids[0] if c.ids else 0, c.ids[0] if c.ids else 0)


def lent(c):
    # type: (Container) -> List[Any]
    """[(path inside and on the host, the node that `lend` makes)]."""
    return [(path, os.path.join(c.runtime, "devices", str(number))) for number, path in enumerate(c.options.get("devices") or ())]


def own_node(path, now):
    # type: (str, os.stat_result) -> None
    os.mknod(path, now.st_mode, now.st_rdev)
    os.chmod(path, now.st_mode & 0o7777)


def mount_point(path, folder):
    # type: (str, bool) -> None
    if folder:
        os.makedirs(path, exist_ok=True)
    elif not os.path.exists(path):
        os.makedirs(os.path.dirname(path), exist_ok=True)
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT, 0o644))


def own_sysfs(c):
    # type: (Container) -> None
    """Mount the /sys of this process's network namespace for the container: the host's shows the host's interfaces."""
    os.makedirs(sysfs(c), mode=0o711, exist_ok=True)
    ns.mount("sysfs", sysfs(c), "sysfs", ns.RDONLY | ns.NOSUID | ns.NODEV | ns.NOEXEC)


def sysfs(c):
    # type: (Container) -> str
    """The place of the /sys that the container is to see; a mount only where it has a network of its own."""
    return os.path.join(c.runtime, "sys")


def confine(c):
    # type: (Container) -> None
    """Take from this process what the container's own may not have either."""
    if c.options.get("seccomp") != "unconfined":
        ns.deny_system_calls()
    ns.keep_capabilities(capabilities(c))
    if c.options.get("no_new_privileges"):
        ns.prctl(ns.SET_NO_NEW_PRIVS, 1)


# -- entering


def enter(name, root):
    # type: (str, str) -> Any
    """Become a process of a container, or of the directory `root` when there is none of that name. Call it in a fresh child.

    What is still to be done in a child of its own is returned as a function. Raises OSError.
    """
    found = state(name) if NAME.match(name) else None
    if found:
        return enter_process(found["pid"])
    c = load(name)
    if c is None:
        if not root or not os.path.isdir(root):
            raise OSError(errno.ENOENT, "there is no container '%s': it does not run, and no root directory of it is there" % name)
        return _enter_directory(name, root)
    with Held(name):
        ns.private_mounts()
        open_root(c)
        lend(c)
        hold(name)
    userns = users(c)
    ns.unshare(ns.PID | ns.IPC | ns.UTS)
    if c.options.get("network") == "none" and not c.options.get("networks"):
        ns.unshare(ns.NET)
        own_sysfs(c)
    socket.sethostname(c.hostname)

    def inside():
        # type: () -> None
        furnish(c, userns)
        confine(c)
        environment()
    return inside


def _enter_directory(name, root):
    # type: (str, str) -> Any
    """A directory that only happens to hold a root (the connection `chroot`): confined as a container is."""
    c = Container(name, {"options": {"network": "host"}, "ids": None})
    c.root = os.path.realpath(root)
    ns.private_mounts()
    ns.bind(c.root, c.root, ns.ATTR_NODEV, recursive=True)
    ns.unshare(ns.PID | ns.IPC)

    def inside():
        # type: () -> None
        furnish(c, None)
        confine(c)
        environment()
    return inside


def enter_process(pid):
    # type: (int) -> Any
    """Enter the namespaces, the root, the control groups and the confinement of a process."""
    kept, no_new, filtered = ns.bounding(pid)
    join_groups(pid)
    ns.prctl(ns.SET_DUMPABLE, 0)  # or the container could reach the host's Python through /proc/PID/exe of this very process
    opened = []
    for kind in NAMESPACES:
        theirs = "/proc/%d/ns/%s" % (pid, kind)
        if os.path.exists(theirs) and os.readlink(theirs) != os.readlink("/proc/self/ns/" + kind):
            opened.append((kind, os.open(theirs, os.O_RDONLY | os.O_CLOEXEC)))
    root = os.open("/proc/%d/root" % pid, os.O_RDONLY | os.O_CLOEXEC)
    # The user namespace last: entered first, it would take away the right to enter those that are not its own.
    for kind, fd in sorted(opened, key=lambda pair: pair[0] == "user"):
        ns.setns(fd, "container's %s namespace" % kind)
        os.close(fd)
        if kind == "mnt":
            os.fchdir(root)
            os.chroot(".")
            os.chdir("/")
    os.close(root)
    if any(kind == "user" for kind, _ in opened):
        os.setgroups([])
        os.setgid(0)
        os.setuid(0)
    if filtered:
        try:
            ns.deny_system_calls()
        except OSError:
            pass  # not one of ours to repeat where the machine has no table
    ns.keep_capabilities(kept)
    if no_new:
        ns.prctl(ns.SET_NO_NEW_PRIVS, 1)
    environment()
    return (lambda: None) if any(kind == "pid" for kind, _ in opened) else None


def join_groups(pid):
    # type: (int) -> None
    """Become a member of a process's control groups, so that what runs there counts against the container's limits."""
    with open("/proc/%d/cgroup" % pid) as stream:
        lines = stream.read().splitlines()
    for line in lines:
        _, controllers, path = line.split(":", 2)
        for folder in ("/sys/fs/cgroup/" + controllers.replace("name=", ""), "/sys/fs/cgroup/unified", "/sys/fs/cgroup"):
            procs = folder + path + "/cgroup.procs"
            if (controllers or "unified" in folder or os.path.exists(folder + "/cgroup.controllers")) and os.path.exists(procs):
                try:
                    with open(procs, "w") as stream:
                        stream.write(str(os.getpid()))
                except OSError:
                    pass  # a group that takes none, or not ours to give
                break


def environment():
    # type: () -> None
    os.environ.update(HOME="/root", USER="root", LOGNAME="root", SHELL="/bin/sh", PATH=PATH)
    os.environ.pop("XDG_RUNTIME_DIR", None)
