"""What is known of a host's containers, and how their programs are started."""
import json
import os
import re
import shlex
import subprocess
from typing import Any, Dict, List, Optional

HOME = "/var/lib/fleet/containers"
STATE = "/run/fleet/containers"
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$")
# The supervisor of a chroot: its namespaces are gone with it, and so is every mount made in them.
CHROOT = """set -e
mount --make-rprivate /
mount -t proc proc "$ROOT/proc"; mount --rbind /sys "$ROOT/sys"; mount --rbind /dev "$ROOT/dev"
for pair in $BINDS; do
  inside=${pair%%=*}; outside=${pair#*=}; mkdir -p "$ROOT$inside"
  case $outside in *:ro) mount --bind "${outside%:ro}" "$ROOT$inside"; mount -o remount,bind,ro "$ROOT$inside";; *) mount --bind "$outside" "$ROOT$inside";; esac
done
[ -z "$LOOPBACK" ] || ip link set lo up 2>/dev/null || true
hostname "$NAME"
exec chroot "$ROOT" "$@"
"""


def declaration(name):
    # type: (str) -> Optional[Dict[str, Any]]
    return _json(os.path.join(HOME, name, "container.json"))


def running(name):
    # type: (str) -> Optional[Dict[str, Any]]
    """The state of a container whose first process lives, else None."""
    state = _json("%s/%s.json" % (STATE, name))
    return state if state and started(state["pid"]) == state["started"] else None


def _json(path):
    # type: (str) -> Optional[Dict[str, Any]]
    try:
        with open(path) as stream:
            found = json.load(stream)
        return found if isinstance(found, dict) else None
    except (OSError, ValueError):
        return None


def _fields(pid):
    # type: (int) -> List[str]
    try:
        with open("/proc/%d/stat" % pid) as stream:
            return stream.read().rpartition(")")[2].split()
    except OSError:
        return []


def started(pid):
    # type: (int) -> str
    fields = _fields(pid)
    return fields[19] if fields and fields[0] != "Z" else ""


def alive(pid):
    # type: (int) -> bool
    return bool(started(pid))


def children(pid):
    # type: (int) -> List[int]
    found = []
    for name in os.listdir("/proc"):
        if name.isdigit():
            fields = _fields(int(name))
            if fields and fields[1] == str(pid):
                found.append(int(name))
    return sorted(found)


def first_child(pid):
    # type: (int) -> Optional[int]
    found = children(pid)
    return found[0] if found else None


def inside(pid, root):
    # type: (int, str) -> bool
    """Whether a process lives in the container's root already."""
    try:
        return os.path.samestat(os.stat("/proc/%d/root/etc" % pid), os.stat(os.path.join(root, "etc")))
    except OSError:
        return False


def words(command):
    # type: (Any) -> List[str]
    return shlex.split(command[0]) if command and len(command) == 1 else list(command or ())


def command(args, name, root):
    # type: (Any, str, str) -> List[str]
    program = words(args.command)
    if args.backend == "nspawn":
        found = ["systemd-nspawn", "-q", "-D", root, "-M", name, "--register=no", "--keep-unit", "--link-journal=no", "--hostname=" + (args.hostname or name)]
        found += ["--private-network"] if args.network == "none" else []
        for place, source in sorted(args.binds.items()):
            plain = source[:-3] if source.endswith(":ro") else source
            found.append(("--bind-ro=" if source.endswith(":ro") else "--bind=") + "%s:%s" % (plain, place))
        return found + (["-b"] if args.boot else ["-a", "--"] + program)
    binds = " ".join("%s=%s" % pair for pair in sorted(args.binds.items()))
    found = ["env", "ROOT=" + root, "NAME=" + (args.hostname or name), "BINDS=" + binds, "LOOPBACK=" + ("1" if args.network == "none" else "")]
    found += ["unshare", "--mount", "--pid", "--ipc", "--uts", "--fork", "--kill-child"] + (["--net"] if args.network == "none" else [])
    return found + ["sh", "-c", CHROOT, "sh"] + program


def detached(argv, log):
    # type: (List[str], str) -> int
    """Start a process that outlives the runner; its output goes to the log."""
    with open(log, "ab") as stream:
        process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=stream, stderr=stream, start_new_session=True, close_fds=True, cwd="/")
    process.returncode = 0  # not waited for: it is to stay
    return process.pid
