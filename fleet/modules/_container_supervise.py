"""The supervisor of one running container: a process of the host that outlives the run which started it.

It owns everything the running container needs (mount namespace, network, control groups), starts its program through the back-end, keeps its log,
checks its health, starts it again by its policy, and stops it on SIGTERM. Nothing of the container outlives it but what `clean` removes.
"""
import errno
import fcntl
import importlib
import json
import os
import select
import shutil
import signal
import time
from typing import Any, Dict, List, Optional

from fleet.modules import _container_chroot, _container_crun, _container_lxc, _container_network, _container_nspawn, _container_processes
from fleet.modules._container_limits import Groups
from fleet.runner import container
from fleet.runner import namespace as ns
from fleet.runner.container import Container, Held

BACKENDS = {"chroot": _container_chroot, "nspawn": _container_nspawn, "lxc": _container_lxc, "crun": _container_crun}
LATE = 20.0  # seconds a back-end has to start
BACKOFF = (0.1, 10.0)  # seconds before a restart: the first, and the most


def groups(c):
    # type: (Container) -> Groups
    return Groups("%s.%s" % (c.name, c.made["id"]))


class Failed(Exception):
    """The container did not start; the text says why."""


class Supervisor:
    """report: a descriptor on which the first start's outcome is told, or None; held: its control groups, when the caller has them."""

    def __init__(self, c, report, held=None):
        # type: (Container, Optional[int], Optional[Groups]) -> None
        self.c = c
        self.report = report
        self.waiting = report is not None  # somebody waits for the first start's outcome
        self.backend = BACKENDS[c.options["backend"]]
        self.groups = held or groups(c)
        self.child = self.output = 0
        self.told = (-1, -1)  # a pipe on which the back-end's process is told what to run on
        self.leader = 0
        self.stopping = False
        self.kill_at = None  # type: Optional[float]
        self.state = {"supervisor": os.getpid(), "supervisor_started": container.started(os.getpid()), "backend": c.options["backend"],
                      "restarts": 0, "health": "none"}  # type: Dict[str, Any]
        self.network = None  # type: Optional[int]
        self.shown = []  # type: List[Any]
        self.wake = None  # type: Any

    def main(self):
        # type: () -> None
        status = 1
        try:
            self._lock()
            self._prepare()
            self._run()
            status = 0
        except (OSError, Failed, ValueError) as error:
            self.tell({"error": getattr(error, "strerror", None) or str(error)})
        except BaseException:
            import traceback
            self.tell({"error": traceback.format_exc()})
        finally:
            self._end()
            os._exit(status)

    def _lock(self):
        # type: () -> None
        if not os.path.isdir(self.c.base):
            self.groups = None  # type: ignore[assignment]
            raise Failed("it was removed meanwhile")
        os.makedirs(self.c.runtime, mode=0o711, exist_ok=True)
        fd = os.open(os.path.join(self.c.runtime, "lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self.groups = None  # type: ignore[assignment]
            self.tell({"rival": True})
            raise Failed("another supervisor runs it already")
        self.lock = fd
        os.ftruncate(fd, 0)
        os.write(fd, ("%d %s" % (os.getpid(), container.started(os.getpid()))).encode())

    def _prepare(self):
        # type: () -> None
        c = self.c
        self.log = os.open(c.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        self.wake = os.pipe()
        for fd in self.wake:
            os.set_blocking(fd, False)
        signal.set_wakeup_fd(self.wake[1])
        signal.signal(signal.SIGCHLD, lambda number, frame: None)
        signal.signal(signal.SIGTERM, self._asked)
        self._write_state()
        ns.private_mounts()
        self.groups.make()
        _plain_cgroups()
        self._hatch()
        with Held(c.name):
            container.open_root(c)
            container.lend(c)
        if c.options.get("dns"):
            with open(os.path.join(c.runtime, "resolv.conf"), "w") as stream:
                stream.write("".join("nameserver %s\n" % each for each in c.options["dns"]))
        self.shown = self._volumes() + self._resolver()
        self._mount_points()
        self.groups.set(c.options)
        self.groups.allow(c.options.get("devices") or ())
        if _container_network.isolated(c.options):
            self.network = _container_network.make(c)

    def _volumes(self):
        # type: () -> List[Any]
        """Binds and volumes for the back-end's own mounting, each at a place that its root can come to; a volume's files are the container's users'."""
        found = []
        for number, (place, source, only, volume) in enumerate(container.sources(self.c)):
            if self.c.options["backend"] != "chroot":
                mapped = os.path.join(self.c.runtime, "volumes", str(number))
                os.makedirs(os.path.dirname(mapped), mode=0o711, exist_ok=True)
                if os.path.isdir(source):
                    os.makedirs(mapped, exist_ok=True)
                else:
                    os.close(os.open(mapped, os.O_WRONLY | os.O_CREAT, 0o600))
                fd = container.users(self.c) if volume else None
                ns.bind(source, mapped, 0, fd)
                if fd is not None:
                    os.close(fd)
                source = mapped
            found.append((place, source, only))
        return found

    def _mount_points(self):
        # type: () -> None
        """Make the places of mounts in the root, from inside it, where no link leads out; a read-only root has to have them before it is one."""
        folders = [(place, os.path.isdir(source)) for place, source, _ in self.shown] + [(place, True) for place in self.c.options.get("tmpfs") or ()]
        top = os.path.realpath(self.c.root)
        folders = [(place, folder) for place, folder in folders
                   if os.path.realpath(top + place) != os.path.normpath(top + place) or not (os.path.isdir if folder else os.path.isfile)(top + place)]
        if not folders:
            return
        pid = os.fork()
        if pid == 0:
            try:
                os.chroot(self.c.root)
                os.chdir("/")
                if self.c.ids:
                    ns.own_files_as(self.c.ids[0])
                for place, folder in folders:
                    container.mount_point(place, folder)
            finally:
                os._exit(0)  # what could not be made, the back-end says better
        os.waitpid(pid, 0)

    def _resolver(self):
        # type: () -> List[Any]
        """The name servers: the declared ones, or the host's for what shares its network."""
        c = self.c
        if c.options["backend"] == "chroot" or not (c.options.get("dns") or not _container_network.isolated(c.options)):
            return []
        source = os.path.join(c.runtime, "resolv.conf") if c.options.get("dns") else os.path.realpath("/etc/resolv.conf")
        place = os.path.join(c.root, "etc/resolv.conf")
        if not os.path.exists(source) or os.path.islink(os.path.join(c.root, "etc")) or os.path.islink(place):
            return []
        return [("/etc/resolv.conf", source, True)]

    def _run(self):
        # type: () -> None
        policy, pause = self.c.options.get("restart_policy") or "no", BACKOFF[0]
        while True:
            began = time.time()
            status = self._once()
            if self.stopping or policy == "no" or (policy == "on-failure" and status == 0):
                return
            if time.time() - began > 30:
                pause = BACKOFF[0]
            end = time.time() + pause
            while time.time() < end and not self.stopping:
                self._wait(end - time.time())
            pause = min(pause * 2, BACKOFF[1])
            if self.stopping:
                return
            self.state["restarts"] += 1

    def _once(self):
        # type: () -> int
        """Start the program and stay with it until it ends; its exit status."""
        if not self.child:
            self._hatch()
        os.write(self.told[1], json.dumps([self.network, self.shown]).encode())
        for fd in self.told:
            os.close(fd)
        self.leader = 0
        self.state.update(started="", pid=0)
        try:
            self._first()
            health = _Health(self)
            while self._alive():
                self._wait(min(health.due(), self._left()))
                health.look()
                self._insist()
            return self.status
        finally:
            self._drain()
            os.close(self.output)
            self.output = 0
            self.state.update(started="", pid=0)
            self._write_state()

    status = 0

    def _hatch(self):
        # type: () -> None
        """Fork what becomes the back-end. It enters its control groups, which takes a while, and waits to be told on what."""
        self.output, writes = os.pipe()
        os.set_blocking(self.output, False)
        self.told = os.pipe()
        self.child = os.fork()
        if self.child == 0:
            self._become(writes)
        os.close(writes)

    def _become(self, writes):
        # type: (int) -> None
        """In the child: into the groups and the network, and become the back-end."""
        try:
            ns.prctl(ns.SET_PDEATHSIG, signal.SIGKILL)
            signal.set_wakeup_fd(-1)
            for number in (signal.SIGCHLD, signal.SIGTERM):
                signal.signal(number, signal.SIG_DFL)
            empty, end = os.pipe()  # not /dev/null: crun gives its standard input to the container's root
            os.close(end)
            os.dup2(empty, 0)
            os.dup2(writes, 1)
            os.dup2(writes, 2)
            for fd in (self.report, self.lock, self.log, self.output, self.told[1], writes, empty) + self.wake:
                if fd is not None:
                    os.close(fd)
            self.groups.join()
            with os.fdopen(self.told[0]) as stream:
                network, shown = json.load(stream)
            if network is not None:
                network = os.open("/proc/%d/fd/%d" % (os.getppid(), network), os.O_RDONLY | os.O_CLOEXEC)
                ns.setns(network, "network namespace")
            self.backend.run(self.c, shown)
        except BaseException as error:
            os.write(2, ("fleet: %s%s\n" % (getattr(error, "strerror", None) or error, _place(error))).encode("utf-8", "replace"))
        finally:
            os._exit(126)

    def _first(self):
        # type: () -> None
        """Wait until its first process is there and its program runs; tell whoever started us."""
        end, pause = time.time() + LATE, 0.001
        while self._alive():
            found = _container_processes.leader(self.child)
            if found:
                self.leader = found
                self.state.update(pid=found, started=container.started(found), since=time.time(), cgroup=self.groups.name)
                self.state["health"] = "starting" if self.c.options.get("health") else "none"
                if self.c.options.get("device_read_bps") or self.c.options.get("device_write_bps"):
                    self.groups.set(self.c.options)  # again, for groups that the back-end made
                self._write_state()
                self.tell(self.state)
                return
            if time.time() > end:
                self._kill()
                raise Failed("its first process did not come up within %d s" % LATE)
            self._wait(pause)
            pause = min(pause * 1.5, 0.002)
        self._drain()
        if self.waiting:
            raise Failed("its program ended with status %d" % self.status)

    # -- waiting, ending

    def _alive(self):
        # type: () -> bool
        if not self.child:
            return False
        pid, status = os.waitpid(self.child, os.WNOHANG)
        if not pid:
            return True
        self.status = os.WEXITSTATUS(status) if os.WIFEXITED(status) else 128 + os.WTERMSIG(status)
        self.child = 0
        return False

    def _wait(self, seconds):
        # type: (float) -> None
        """Until a signal, output or the time; what was said goes to the log."""
        readers = [self.wake[0]] + ([self.output] if self.output else [])
        try:
            ready = select.select(readers, [], [], max(seconds, 0))[0]
        except InterruptedError:
            return
        if self.wake[0] in ready:
            os.read(self.wake[0], 4096)
        if self.output in ready:
            self._drain()

    def _drain(self):
        # type: () -> None
        while True:
            try:
                data = os.read(self.output, 65536)
            except OSError:
                return
            if not data:
                time.sleep(0.01)  # all writers are gone; the child's end follows
                return
            self._keep(data)

    def _keep(self, data):
        # type: (bytes) -> None
        """To the log, which is turned over once at its size."""
        if os.fstat(self.log).st_size + len(data) > int(self.c.options.get("log_size") or 10 << 20):
            os.rename(self.c.log, self.c.log + ".1")
            os.close(self.log)
            self.log = os.open(self.c.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        os.write(self.log, data)

    def _asked(self, number, frame):
        # type: (int, Any) -> None
        self.stopping = True

    def _left(self):
        # type: () -> float
        return max(self.kill_at - time.time(), 0) if self.kill_at is not None else 3600.0

    def _insist(self):
        # type: () -> None
        """Asked to stop: ask the program once, and kill it when its time is over."""
        if self.stopping and self.kill_at is None:
            self.kill_at = time.time() + float(self.c.options.get("timeout") or 10)
            _container_processes.ask(self.c, self.leader)
        elif self.stopping and self._left() == 0:
            self._kill()

    def _kill(self):
        # type: () -> None
        for pid in [self.leader, self.child]:
            if pid:
                try:
                    os.kill(pid, signal.SIGKILL)
                except OSError:
                    pass
        if self.child:
            os.waitpid(self.child, 0)
            self.child = 0

    def _end(self):
        # type: () -> None
        if self.groups is None:
            return
        try:
            self._kill()
            self.groups.remove()
            if self.network is not None:
                os.close(self.network)
            _container_network.remove(self.c)
            # Only that: the rest is for `clean`, in the host's mount namespace, where no volume is mounted below the runtime directory.
            os.unlink(os.path.join(self.c.runtime, "state.json"))
        except OSError:
            pass  # the next start cleans

    # -- telling

    def _write_state(self):
        # type: () -> None
        path = os.path.join(self.c.runtime, "state.json")
        with open(path + ".new", "w") as stream:
            json.dump(self.state, stream)
        os.rename(path + ".new", path)

    def tell(self, message):
        # type: (Dict[str, Any]) -> None
        """How the first start came out: the state, {"error": text} or {"rival": True}. Only the first word counts."""
        self.waiting = False
        if self.report is not None:
            try:
                os.write(self.report, json.dumps(message).encode())
                os.close(self.report)
            except OSError:
                pass
            self.report = None


class _Health:
    """Runs the declared check in the container and counts."""

    def __init__(self, supervisor):
        # type: (Supervisor) -> None
        self.over = supervisor
        self.check = supervisor.c.options.get("health") or {}
        self.next = time.time() if self.check else 0.0
        self.began = time.time()
        self.failures = 0

    def due(self):
        # type: () -> float
        return max(self.next - time.time(), 0) if self.check else 3600.0

    def look(self):
        # type: () -> None
        over, check = self.over, self.check
        if not check or over.stopping or not over.leader or time.time() < self.next:
            return
        good = _container_processes.run_inside(over.leader, check["command"], float(check["timeout"]))
        self.failures = 0 if good else self.failures + 1
        grace = time.time() - self.began < float(check["start_period"])
        health = "healthy" if good else ("unhealthy" if self.failures >= int(check["retries"]) and not grace else over.state["health"])
        self.next = time.time() + (min(0.2, float(check["interval"])) if health == "starting" else float(check["interval"]))
        if health != over.state["health"]:
            over.state["health"] = health
            over._write_state()
        if health == "unhealthy" and (over.c.options.get("restart_policy") or "no") != "no":
            _container_processes.ask(over.c, over.leader)
            time.sleep(0.1)
            over._kill()


def _place(error):
    # type: (BaseException) -> str
    found = getattr(error, "filename", None)
    return ": %s" % found if found else ""


def _plain_cgroups():
    # type: () -> None
    """Take the empty version 2 hierarchy of a hybrid host out of sight, in this mount namespace: LXC and crun refuse a mixture."""
    if os.path.ismount("/sys/fs/cgroup/unified") and not os.path.exists("/sys/fs/cgroup/cgroup.controllers"):
        try:
            ns.umount("/sys/fs/cgroup/unified", ns.DETACH)
        except OSError:
            pass
