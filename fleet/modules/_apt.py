"""Running apt-get: its options, its locks, and what it says it would do."""
import fcntl
import os
import re
import stat
import struct
import time
from typing import Any, Iterable, List, Optional, Tuple

from fleet.runner.files import write
from fleet.runner.module import Completed, Module

ENVIRONMENT = {"DEBIAN_FRONTEND": "noninteractive", "DEBIAN_PRIORITY": "critical", "LC_ALL": "C.UTF-8", "LANG": "C.UTF-8",
               "APT_LISTCHANGES_FRONTEND": "none", "APT_LISTBUGS_FRONTEND": "none", "UCF_FORCE_CONFFOLD": "1", "NEEDRESTART_MODE": "l"}
FRONTEND_LOCKS = ("/var/lib/dpkg/lock-frontend", "/var/lib/dpkg/lock", "/var/cache/apt/archives/lock")
LIST_LOCKS = ("/var/lib/apt/lists/lock",)
POLICY = "/usr/sbin/policy-rc.d"
_STEP = re.compile(r"^(Inst|Remv|Purg) (\S+)(?: \[([^\]]*)\])?(?: \((\S+))?", re.MULTILINE)


def options(args):
    # type: (Any) -> List[str]
    """The words for apt-get that the module's options ask for."""
    words = ["-y", "-q", "-o", "DPkg::Lock::Timeout=%d" % args.lock_timeout]
    for option in (args.dpkg_options or "").split(","):
        if option.strip():
            words += ["-o", "Dpkg::Options::=--%s" % option.strip()]
    if args.install_recommends is not None:
        words += ["-o", "APT::Install-Recommends=%s" % ("true" if args.install_recommends else "false")]
    if args.default_release:
        words += ["-t", args.default_release]
    for wanted, word in (
            (args.only_upgrade, "--only-upgrade"), (args.fail_on_autoremove, "--no-remove"),
            (args.allow_unauthenticated or args.force, "--allow-unauthenticated"), (args.allow_downgrade or args.force, "--allow-downgrades"),
            (args.allow_change_held_packages or args.force, "--allow-change-held-packages"), (args.force, "--allow-remove-essential")):
        if wanted:
            words.append(word)
    return words


def simulate(m, words):
    # type: (Module, List[str]) -> Tuple[List[str], List[str]]
    """What an apt-get command would change: lines of what is there before, and after, for a diff. Nothing is locked."""
    done = m.run(["apt-get", "-s", "-o", "Debug::NoLocking=1", "-o", "APT::Get::Show-User-Simulation-Note=false"] + words, env=ENVIRONMENT)
    if done.rc != 0:
        fail(m, words, done)
    before, after = set(), set()
    for action, name, old, new in _STEP.findall(done.stdout):
        if old:
            before.add("%s %s" % (name, old))
        if action == "Inst":
            after.add("%s %s" % (name, new))
    return sorted(before), sorted(after)


def text(lines):
    # type: (Iterable[str]) -> str
    return "".join(line + "\n" for line in lines)


def fail(m, words, done):
    # type: (Module, List[str], Completed) -> None
    """ModuleError for an apt-get that did not end with 0, saying what apt said."""
    missing = re.search(r"Unable to locate package (\S+)", done.stderr)
    errors = [line[3:] for line in done.stderr.splitlines() if line.startswith("E: ")]
    result = {"stdout": done.stdout, "stderr": done.stderr, "rc": done.rc}
    if missing:
        hint = "" if any(name.endswith(("_Packages", "_Packages.lz4")) for name in _listdir("/var/lib/apt/lists")) else \
            "; there are no package lists: use `update_cache: true`"
        m.fail("No package matching '%s' is available%s" % (missing.group(1), hint), **result)
    reason = "; ".join(errors) or done.stderr.strip()[-500:] or done.stdout.strip()[-500:]
    m.fail("apt-get %s failed: %s" % (next((word for word in words if not word.startswith("-") and "=" not in word), ""), reason), **result)


def _listdir(path):
    # type: (str) -> List[str]
    try:
        return os.listdir(path)
    except OSError:
        return []


def apt_get(m, words, locks=FRONTEND_LOCKS):
    # type: (Module, List[str], Tuple[str, ...]) -> Completed
    """Run apt-get when its locks are free. Call it from a Change's `apply` only."""
    wait_for_locks(m, locks, m.args.lock_timeout)
    with Policy(m, m.args.policy_rc_d):
        done = m.run(["apt-get"] + words, env=ENVIRONMENT)
    if done.rc != 0:
        fail(m, words, done)
    return done


def refresh(m, lock_timeout):
    # type: (Module, float) -> bool
    """Bring the package lists up to date, trying again as the module's options say; whether they are new. Call it from a Change's `apply` only."""
    before, known = lists(), lists_age()
    for attempt in range(m.args.update_cache_retries + 1):
        wait_for_locks(m, LIST_LOCKS, lock_timeout)
        done = m.run(["apt-get", "update", "-q", "-o", "APT::Update::Error-Mode=any"], env=ENVIRONMENT)
        if done.rc == 0:
            os.utime("/var/lib/apt/lists")  # apt leaves it when nothing was new, and then nobody knows that this is known
            now = lists()
            return now != before or any(changed > known for _, _, changed in now)  # a list of a local archive is a link to it
        if attempt < m.args.update_cache_retries:
            time.sleep(min(2 ** attempt, m.args.update_cache_retry_max_delay))
    reason = "; ".join(line[3:] for line in done.stderr.splitlines() if line.startswith(("E: ", "W: "))) or done.stderr.strip()
    m.fail("Failed to update apt cache: %s" % (reason or "unknown reason"), stdout=done.stdout, stderr=done.stderr, rc=done.rc)
    return False


def wait_for_locks(m, paths, limit):
    # type: (Module, Iterable[str], float) -> None
    """Wait until nobody holds the locks; ModuleError naming who does when `limit` seconds are over."""
    end = time.time() + limit
    for path in paths:
        while True:
            pid = holder(path)
            if pid is None:
                break
            if time.time() >= end:
                m.fail("%s is locked by process %d (%s), still after %d seconds" % (path, pid, _program(pid), limit), holder=pid)
            time.sleep(min(0.5, max(0.05, end - time.time())))


def holder(path):
    # type: (str) -> Optional[int]
    """The process that holds a POSIX lock on a file, or None."""
    try:
        fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        asked = struct.pack("hhqqi4x", fcntl.F_WRLCK, 0, 0, 0, 0)
        kind, _whence, _start, _length, pid = struct.unpack("hhqqi4x", fcntl.fcntl(fd, fcntl.F_GETLK, asked))
    except OSError:
        return None
    finally:
        os.close(fd)
    return None if kind == fcntl.F_UNLCK else pid


def _program(pid):
    # type: (int) -> str
    try:
        with open("/proc/%d/cmdline" % pid) as stream:
            return stream.read().replace("\0", " ").strip()[:80] or "a kernel thread"
    except OSError:
        return "unknown: it is outside of this container" if pid <= 0 else "unknown"


class Policy:
    """While it is entered, /usr/sbin/policy-rc.d answers `code` to every service a package would start (101 = do not)."""

    def __init__(self, m, code):
        # type: (Module, Optional[int]) -> None
        self.m = m
        self.code = code
        self.kept = ""

    def __enter__(self):
        # type: () -> None
        import tempfile
        if self.code is None:
            return
        if os.path.exists(POLICY):
            fd, self.kept = tempfile.mkstemp(prefix="policy-rc.d.", dir=os.path.dirname(POLICY))
            os.close(fd)
            os.rename(POLICY, self.kept)
        write(self.m, POLICY, "#!/bin/sh\nexit %d\n" % self.code, mode=0o755)

    def __exit__(self, *_error):
        # type: (Any) -> None
        if self.code is None:
            return
        if self.kept:
            os.rename(self.kept, POLICY)
        else:
            os.unlink(POLICY)


def lists():
    # type: () -> List[Tuple[str, int, float]]
    """What the package lists are: their files, with sizes and times of the archive's."""
    folder = "/var/lib/apt/lists"
    return sorted((name, os.stat(os.path.join(folder, name)).st_size, os.stat(os.path.join(folder, name)).st_mtime)
                  for name in _listdir(folder) if os.path.isfile(os.path.join(folder, name)) and name != "lock")


def lists_age():
    # type: () -> float
    """When the package lists were last brought up to date, in seconds since the epoch; 0 = never."""
    times = [0.0]
    for path in ("/var/lib/apt/periodic/update-success-stamp", "/var/lib/apt/lists"):
        try:
            now = os.stat(path)
        except OSError:
            continue
        if not stat.S_ISDIR(now.st_mode) or set(_listdir(path)) - {"lock", "partial", "auxfiles"}:
            times.append(now.st_mtime)
    return max(times)
