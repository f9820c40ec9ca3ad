"""Linux namespaces, mounts and confinement from the standard library: what Python has no call for, by ctypes. All of it needs root."""
import ctypes
import errno
import os
import struct
import sys
from typing import Any, Iterable, List, Optional, Tuple

USER, NET, PID, IPC, UTS, MNT, CGROUP = 0x10000000, 0x40000000, 0x20000000, 0x08000000, 0x04000000, 0x00020000, 0x02000000
RDONLY, NOSUID, NODEV, NOEXEC, REMOUNT, BIND, REC, PRIVATE, SLAVE = 1, 2, 4, 8, 32, 0x1000, 0x4000, 1 << 18, 1 << 19
DETACH = 2
ATTR_RDONLY, ATTR_NOSUID, ATTR_NODEV, ATTR_IDMAP = 1, 2, 4, 0x00100000
OPEN_TREE, MOVE_MOUNT, MOUNT_SETATTR, PIVOT_ROOT = 428, 429, 442, {"x86_64": 155, "aarch64": 41}
AT_RECURSIVE, AT_EMPTY_PATH = 0x8000, 0x1000
SET_PDEATHSIG, SET_DUMPABLE, SET_SECCOMP, CAPBSET_DROP, SET_NO_NEW_PRIVS, SET_CHILD_SUBREAPER = 1, 4, 22, 24, 38, 36
_libc = None  # type: Any

CAPABILITIES = [
    "CHOWN", "DAC_OVERRIDE", "DAC_READ_SEARCH", "FOWNER", "FSETID", "KILL", "SETGID", "SETUID", "SETPCAP", "LINUX_IMMUTABLE",
    "NET_BIND_SERVICE", "NET_BROADCAST", "NET_ADMIN", "NET_RAW", "IPC_LOCK", "IPC_OWNER", "SYS_MODULE", "SYS_RAWIO", "SYS_CHROOT",
    "SYS_PTRACE", "SYS_PACCT", "SYS_ADMIN", "SYS_BOOT", "SYS_NICE", "SYS_RESOURCE", "SYS_TIME", "SYS_TTY_CONFIG", "MKNOD", "LEASE",
    "AUDIT_WRITE", "AUDIT_CONTROL", "SETFCAP", "MAC_OVERRIDE", "MAC_ADMIN", "SYSLOG", "WAKE_ALARM", "BLOCK_SUSPEND", "AUDIT_READ",
    "PERFMON", "BPF", "CHECKPOINT_RESTORE",
]
# System calls that reach the kernel itself rather than the container: name -> number on x86_64, on aarch64.
DENIED = {
    "acct": (163, 89), "add_key": (248, 217), "bpf": (321, 280), "clock_settime": (227, 112), "delete_module": (176, 106), "finit_module": (313, 273),
    "init_module": (175, 105), "ioperm": (173, None), "iopl": (172, None), "kexec_file_load": (320, 294), "kexec_load": (246, 104), "keyctl": (250, 219),
    "lookup_dcookie": (212, 18), "open_by_handle_at": (304, 265), "perf_event_open": (298, 241), "quotactl": (179, 60), "reboot": (169, 142),
    "request_key": (249, 218), "settimeofday": (164, 170), "swapoff": (168, 225), "swapon": (167, 224), "syslog": (103, 116), "userfaultfd": (323, 282),
}


def libc():
    # type: () -> Any
    global _libc
    if _libc is None:
        _libc = ctypes.CDLL(None, use_errno=True)
    return _libc


def _checked(value, what):
    # type: (int, str) -> int
    if value < 0:
        number = ctypes.get_errno()
        raise OSError(number, "%s: %s" % (what, os.strerror(number)))
    return value


def unshare(flags):
    # type: (int) -> None
    _checked(libc().unshare(flags), "cannot make a namespace")


def setns(fd, what="namespace"):
    # type: (int, str) -> None
    _checked(libc().setns(fd, 0), "cannot enter the %s" % what)


def prctl(option, value=0):
    # type: (int, Any) -> None
    _checked(libc().prctl(option, value, 0, 0, 0), "prctl %d" % option)


# -- mounts


def mount(source, target, kind=None, flags=0, data=None):
    # type: (Optional[str], str, Optional[str], int, Optional[str]) -> None
    words = [None if text is None else os.fsencode(text) for text in (source, target, kind, data)]
    _checked(libc().mount(words[0], words[1], words[2], ctypes.c_ulong(flags), words[3]), "cannot mount %s" % target)


def umount(target, flags=0):
    # type: (str, int) -> None
    _checked(libc().umount2(os.fsencode(target), flags), "cannot unmount %s" % target)


def private_mounts():
    # type: () -> None
    """A mount namespace of our own, from which nothing spreads to the host's, and whose root is what is `/` to us."""
    unshare(MNT)
    # In a chroot the kernel allows no user namespace. Entering its own mount namespace leaves it; then what was `/` becomes the real root.
    place, own = os.open("/", os.O_RDONLY), os.open("/proc/self/ns/mnt", os.O_RDONLY)
    try:
        setns(own, "mount namespace")
        mount(None, "/", None, REC | PRIVATE)
        if not os.path.samestat(os.stat("/"), os.fstat(place)):
            os.fchdir(place)
            try:
                pivot(".")
            except OSError:  # not a mount point: chrooted it stays
                os.chroot(".")
        os.chdir("/")
    finally:
        os.close(place)
        os.close(own)


class _Attributes(ctypes.Structure):
    _fields_ = [("set", ctypes.c_uint64), ("clear", ctypes.c_uint64), ("propagation", ctypes.c_uint64), ("userns", ctypes.c_uint64)]


def tree(path, attributes=0, userns=None, recursive=False):
    # type: (str, int, Optional[int], bool) -> int
    """A detached bind mount of a path, as a descriptor for `attach`; attributes: ATTR_*; userns: descriptor of a user namespace whose map it gets."""
    flags = 1 | os.O_CLOEXEC | (AT_RECURSIVE if recursive else 0)
    fd = _checked(libc().syscall(OPEN_TREE, -100, os.fsencode(path), flags), "cannot bind %s" % path)
    if attributes or userns is not None:
        wanted = _Attributes(attributes | (ATTR_IDMAP if userns is not None else 0), 0, 0, userns or 0)
        try:
            _checked(libc().syscall(MOUNT_SETATTR, fd, b"", AT_EMPTY_PATH | (AT_RECURSIVE if recursive else 0), ctypes.byref(wanted),
                                    ctypes.sizeof(wanted)), "cannot set attributes of the mount of %s" % path)
        except OSError:
            os.close(fd)
            raise
    return fd


def attach(fd, target):
    # type: (int, str) -> None
    _checked(libc().syscall(MOVE_MOUNT, fd, b"", -100, os.fsencode(target), 4), "cannot mount %s" % target)
    os.close(fd)


def bind(source, target, attributes=0, userns=None, recursive=False):
    # type: (str, str, int, Optional[int], bool) -> None
    attach(tree(source, attributes, userns, recursive), target)


def pivot(root):
    # type: (str) -> None
    """Make a mounted directory the root; the old one is gone from this mount namespace, so nothing leads back to it."""
    os.chdir(root)
    number = PIVOT_ROOT.get(os.uname().machine)
    if number is None:
        raise OSError(errno.ENOSYS, "pivot_root on %s" % os.uname().machine)
    _checked(libc().syscall(number, b".", b"."), "cannot make %s the root" % root)
    umount(".", DETACH)
    os.chdir("/")


def user_namespace(base, size):
    # type: (int, int) -> int
    """A descriptor of a user namespace in which 0 to size-1 are `base` and up on the host."""
    ready, go = os.pipe(), os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.close(go[1])
            unshare(USER)
            os.write(ready[1], b"1")
            os.read(go[0], 1)
        finally:
            os._exit(0)
    try:
        os.close(ready[1])
        if os.read(ready[0], 1) != b"1":
            raise OSError(errno.EPERM, "cannot make a user namespace")
        for kind in ("uid", "gid"):
            with open("/proc/%d/%s_map" % (pid, kind), "w") as stream:
                stream.write("0 %d %d\n" % (base, size))
        return os.open("/proc/%d/ns/user" % pid, os.O_RDONLY | os.O_CLOEXEC)
    finally:
        for fd in (ready[0], go[0], go[1]):
            os.close(fd)
        os.waitpid(pid, 0)


def own_files_as(uid):
    # type: (int) -> None
    """Make and look at files as this user of the host and the group of the same number, while keeping the right to mount."""
    libc().setfsgid(uid)
    libc().setfsuid(uid)


# -- confinement


def keep_capabilities(names):
    # type: (Iterable[str]) -> None
    """Give up every capability but these, for good: from the bounding set and, at the next exec or change of user, from the others."""
    kept = set(names)
    for number, name in enumerate(CAPABILITIES):
        if name not in kept:
            try:
                prctl(CAPBSET_DROP, number)
            except OSError as error:
                if error.errno != errno.EINVAL:  # a kernel that does not know this one yet
                    raise
    mask = sum(1 << number for number, name in enumerate(CAPABILITIES) if name in kept)
    header = struct.pack("=Ii", 0x20080522, 0)
    low, high = mask & 0xFFFFFFFF, mask >> 32
    now = (ctypes.c_uint32 * 6)()
    _checked(libc().capget(header, ctypes.byref(now)), "capget")
    data = (ctypes.c_uint32 * 6)(now[0] & low, now[1] & low, 0, now[3] & high, now[4] & high, 0)
    _checked(libc().capset(header, ctypes.byref(data)), "capset")


def bounding(pid):
    # type: (int) -> Tuple[List[str], bool, bool]
    """What a process can still gain: its bounding capabilities, whether it has no_new_privs, whether a seccomp filter holds it."""
    fields = {}
    with open("/proc/%d/status" % pid) as stream:
        for line in stream:
            key, _, value = line.partition(":")
            fields[key] = value.strip()
    mask = int(fields.get("CapBnd", "0"), 16)
    names = [name for number, name in enumerate(CAPABILITIES) if mask >> number & 1]
    return names, fields.get("NoNewPrivs") == "1", fields.get("Seccomp") == "2"


def deny_system_calls():
    # type: () -> None
    """A seccomp filter: the calls of DENIED, and those of a foreign architecture, fail with EPERM."""
    machine = os.uname().machine
    if machine not in ("x86_64", "aarch64"):
        raise OSError(errno.ENOSYS, "there is no system call filter for %s" % machine)
    arch, column = (0xC000003E, 0) if machine == "x86_64" else (0xC00000B7, 1)
    numbers = sorted(pair[column] for pair in DENIED.values() if pair[column] is not None)  # type: ignore[type-var]
    deny, allow = struct.pack("=HBBI", 6, 0, 0, 0x00050000 | errno.EPERM), struct.pack("=HBBI", 6, 0, 0, 0x7FFF0000)
    code = [struct.pack("=HBBI", 0x20, 0, 0, 4), struct.pack("=HBBI", 0x15, 1, 0, arch), deny, struct.pack("=HBBI", 0x20, 0, 0, 0)]
    if machine == "x86_64":  # the x32 numbers are the same calls by another name
        code += [struct.pack("=HBBI", 0x35, 0, 1, 0x40000000), deny]
    for left, number in zip(range(len(numbers), 0, -1), numbers):
        code.append(struct.pack("=HBBI", 0x15, left, 0, number))
    code += [allow, deny]
    text = b"".join(code)
    buffer = ctypes.create_string_buffer(text, len(text))
    program = struct.pack("HL" if sys.maxsize < 2 ** 32 else "HxxxxxxQ", len(code), ctypes.addressof(buffer))
    _checked(libc().prctl(SET_SECCOMP, 2, program, 0, 0), "cannot set the system call filter")
