"""Control groups of a container, version 1 and 2: made before its first process, changed while it runs, removed with all that is in them."""
import errno
import os
import signal
import stat
import time
from typing import Any, Dict, List, Optional, Set, Tuple

from fleet.runner.container import started

PERIOD = 100000  # microseconds
# What is declared -> its controller.
CONTROLLERS = {"memory": "memory", "cpus": "cpu", "cpu_shares": "cpu", "pids_limit": "pids", "device_read_bps": "blkio", "device_write_bps": "blkio"}


def hierarchies():
    # type: () -> Tuple[Dict[str, str], Optional[str]]
    """The mounted hierarchies: version 1 as controller -> directory, and the directory of version 2."""
    one, two = {}, None
    with open("/proc/self/mountinfo") as stream:
        for line in stream:
            head, _, tail = line.partition(" - ")
            place, kind, options = head.split()[4], tail.split()[0], tail.split()[-1].split(",")
            if kind == "cgroup" and place.startswith("/sys/fs/cgroup"):
                for name in options:
                    if name == "name=systemd":
                        one["systemd"] = place  # an init inside works in its own part of it
                    if name in ("memory", "cpu", "cpuacct", "pids", "blkio", "devices", "freezer"):
                        one[name] = place
            elif kind == "cgroup2" and place.startswith("/sys/fs/cgroup"):
                two = place
    return one, two


class Groups:
    """The groups of one container. name: their path below each hierarchy, unique on the machine."""

    def __init__(self, name):
        # type: (str) -> None
        self.name = name
        self.one, self.two = hierarchies()
        if self.one and self.two and not _get(self.two + "/cgroup.controllers"):
            self.two = None  # of a hybrid host: it controls nothing
        self.above = os.path.join(self.two or "", "fleet")
        self.unified = os.path.join(self.above, name)

    def folders(self):
        # type: () -> List[str]
        return sorted({os.path.join(place, "fleet", self.name) for place in self.one.values()}) + ([self.unified] if self.two else [])

    def make(self):
        # type: () -> None
        made = set()
        for folder in self.folders():
            try:
                os.makedirs(folder)
                made.add(folder)
            except OSError as error:
                if error.errno not in (errno.EEXIST, errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOENT):
                    raise
        if self.unified in made:
            there = (_get(str(self.two) + "/cgroup.controllers") or "").split()
            for folder in (str(self.two), self.above):
                for name in ("cpu", "memory", "io", "pids"):
                    if name in there:
                        _put(folder + "/cgroup.subtree_control", "+" + name)
        if "devices" in self.one and os.path.join(self.one["devices"], "fleet", self.name) in made:
            self._devices()

    def _devices(self):
        # type: () -> None
        folder = os.path.join(self.one["devices"], "fleet", self.name)
        if _put(folder + "/devices.deny", "a"):
            for rule in ("c 1:3 rwm", "c 1:5 rwm", "c 1:7 rwm", "c 1:8 rwm", "c 1:9 rwm", "c 5:0 rwm", "c 5:1 rwm", "c 5:2 rwm", "c 136:* rwm", "c *:* m"):
                _put(folder + "/devices.allow", rule)

    def allow(self, paths):
        # type: (Any) -> None
        """Let it use further devices of the host."""
        for path in paths:
            now = os.stat(path)
            kind = "b" if stat.S_ISBLK(now.st_mode) else "c"
            if "devices" in self.one:
                _put(os.path.join(self.one["devices"], "fleet", self.name, "devices.allow"),
                     "%s %d:%d rwm" % (kind, os.major(now.st_rdev), os.minor(now.st_rdev)))

    def join(self):
        # type: () -> None
        for folder in self.folders():
            if os.path.isdir(folder):
                _put(folder + "/cgroup.procs", str(os.getpid()))

    def quicken(self):
        # type: () -> None
        """A process that changes its control group waits for an RCU grace period, 10 ms, unless another one has just done so. So one that is in no
        hurry goes ahead, to where it is."""
        _, controllers, path = (_get("/proc/self/cgroup") or "0::/").splitlines()[0].split(":", 2)
        place = self.one.get(controllers.replace("name=", "").split(",")[0], self.two)
        if place:
            _put(place + path + "/cgroup.procs", "0")

    def wanted(self, options):
        # type: (Dict[str, Any]) -> List[Tuple[str, str, str]]
        """What the declaration comes to here: [(option, file, value)]. ValueError where this host has no such control."""
        found = []
        for option, controller in CONTROLLERS.items():
            value = options.get(option)
            folder = self._folder(controller)
            if folder is None:
                if value:
                    raise ValueError("this host has no cgroup controller '%s', which %s needs" % (controller, option))
                continue
            for name, text in (_one if folder[0] == 1 else _two)(option, value):
                path = os.path.join(folder[1], name)
                if value or os.path.exists(path):
                    found.append((option, path, text))
        return found

    def _folder(self, controller):
        # type: (str) -> Optional[Tuple[int, str]]
        if controller in self.one:
            return 1, os.path.join(self.one[controller], "fleet", self.name)
        if self.two:
            with open(self.two + "/cgroup.controllers") as stream:
                if {"blkio": "io"}.get(controller, controller) in stream.read().split():
                    return 2, self.unified
        return None

    def differing(self, options):
        # type: (Dict[str, Any]) -> List[Tuple[str, str, str, str]]
        """The controls of the running container that are not as declared: [(option, file, is, wanted)]."""
        found = []
        for option, path, value in self.wanted(options):
            now = _get(path)
            if now is not None and not _same(now, value):
                found.append((option, path, now, value))
        return found

    def set(self, options):
        # type: (Dict[str, Any]) -> None
        for option, path, value in self.wanted(options):
            if options.get(option) or not _same(_get(path) or value, value):
                for each in _below(path) if "blkio" in path else [path]:
                    _write(each, value, option)

    def freeze(self, frozen):
        # type: (bool) -> None
        """Stop or resume all its processes at once."""
        folder = self._folder("freezer")
        if folder is not None and folder[0] == 1:
            path, values = folder[1] + "/freezer.state", ("THAWED", "FROZEN")
        elif self.two:
            path, values = self.unified + "/cgroup.freeze", ("0", "1")
        else:
            return
        if not _put(path, values[frozen]):
            return
        end = time.time() + 5
        while path.endswith("state") and (_get(path) or "") != values[frozen] and time.time() < end:
            time.sleep(0.005)

    def members(self):
        # type: () -> List[int]
        """All processes in its groups."""
        found = set()  # type: Set[int]
        for top in self.folders():
            for folder, _, _ in os.walk(top):
                found.update(int(word) for word in (_get(folder + "/cgroup.procs") or "").split())
        found.discard(os.getpid())
        return sorted(pid for pid in found if started(pid))

    def remove(self):
        # type: () -> None
        """Kill what is left in the groups and take them away."""
        end = time.time() + 5
        while time.time() < end:
            pids = self.members()
            for pid in pids:
                try:
                    os.kill(pid, signal.SIGKILL)
                except OSError:
                    pass
            if not pids:
                break
            time.sleep(0.005)
        for top in self.folders():
            for folder, _, _ in os.walk(top, topdown=False):
                for _ in range(100):
                    try:
                        os.rmdir(folder)
                        break
                    except OSError as error:
                        if error.errno != errno.EBUSY:
                            break
                        time.sleep(0.005)  # its last process is just going


def _one(option, value):
    # type: (str, Any) -> List[Tuple[str, str]]
    if option == "memory":
        return [("memory.limit_in_bytes", str(value or -1))]
    if option == "cpus":
        return [("cpu.cfs_period_us", str(PERIOD)), ("cpu.cfs_quota_us", str(int(value * PERIOD) if value else -1))]
    if option == "cpu_shares":
        return [("cpu.shares", str(value or 1024))]
    if option == "pids_limit":
        return [("pids.max", str(value or "max"))]
    name = "blkio.throttle.read_bps_device" if option == "device_read_bps" else "blkio.throttle.write_bps_device"
    return [(name, "%s %d" % (device(path), rate)) for path, rate in sorted((value or {}).items())]


def _two(option, value):
    # type: (str, Any) -> List[Tuple[str, str]]
    if option == "memory":
        return [("memory.max", str(value or "max")), ("memory.swap.max", "0" if value else "max")]
    if option == "cpus":
        return [("cpu.max", "%s %d" % (int(value * PERIOD) if value else "max", PERIOD))]
    if option == "cpu_shares":
        return [("cpu.weight", str(1 + (value - 2) * 9999 // 262142 if value else 100))]
    if option == "pids_limit":
        return [("pids.max", str(value or "max"))]
    name = "rbps" if option == "device_read_bps" else "wbps"
    return [("io.max", "%s %s=%d" % (device(path), name, rate)) for path, rate in sorted((value or {}).items())]


def device(path):
    # type: (str) -> str
    """MAJOR:MINOR of the whole disk that a block device, or a file's filesystem, is on."""
    now = os.stat(path)
    number = now.st_rdev or now.st_dev
    text = "%d:%d" % (os.major(number), os.minor(number))
    place = os.path.realpath("/sys/dev/block/" + text)
    if os.path.exists(place + "/partition"):
        text = _get(os.path.dirname(place) + "/dev") or text
    return text


def _below(path):
    # type: (str) -> List[str]
    """A control and the same one of all groups below: version 1 throttles each group by itself, and LXC has one of its own."""
    top, name = os.path.split(path)
    return [os.path.join(folder, name) for folder, _, _ in os.walk(top)]


def _same(now, value):
    # type: (str, str) -> bool
    if "=" in value:  # io.max: one device a line, with all its keys
        head, _, key = value.partition(" ")
        return any(line.split()[0] == head and key in line.split() for line in now.splitlines() if line.strip())
    if " " in value:
        return value in now.splitlines()
    if value == "-1" and now.isdigit():
        return int(now) > 1 << 60
    if value.isdigit() and now.isdigit() and int(value) > 65536:
        return int(now) == int(value) // 4096 * 4096 or now == value  # the kernel counts memory in pages
    return now == value


def _get(path):
    # type: (str) -> Optional[str]
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        found = b""
        for chunk in iter(lambda: os.read(fd, 65536), b""):
            found += chunk
        return found.decode().strip()
    except OSError:
        return None
    finally:
        os.close(fd)


def _put(path, value):
    # type: (str, str) -> bool
    try:
        _write(path, value, "")
        return True
    except OSError:
        return False


def _write(path, value, option):
    # type: (str, str, str) -> None
    try:
        fd = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
        try:
            os.write(fd, value.encode())
        finally:
            os.close(fd)
    except OSError as error:
        raise OSError(error.errno, "cannot set %s to %s: %s" % (option or os.path.basename(path), value, error.strerror), path)
