"""Back-end OCI: a bundle (runtime-spec 1.0) run by crun."""
import json
import os
from typing import Any, Dict, List

from fleet.modules import _container_program as program
from fleet.runner import namespace as ns
from fleet.runner.container import HIDDEN, READ_ONLY, Container, capabilities, lent, sysfs

REQUIRES = "crun"
BOOTS = False


def refuse(c):
    # type: (Container) -> str
    return "boot: true needs a back-end that runs an init: nspawn or lxc" if c.options.get("boot") else ""


def run(c, shown):
    # type: (Container, List[Any]) -> None
    """Become crun. Never returns."""
    bundle = os.path.join(c.runtime, "bundle")
    os.makedirs(bundle, mode=0o711, exist_ok=True)
    with os.fdopen(os.open(os.path.join(bundle, "config.json"), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as stream:
        json.dump(config(c, shown), stream)
    words = ["crun", "--root", os.path.join(c.runtime, "crun"), "--cgroup-manager=disabled", "run", "--bundle", bundle, c.name]
    os.execvp(words[0], words)


def config(c, shown):
    # type: (Container, List[Any]) -> Dict[str, Any]
    options, kept = c.options, ["CAP_" + name for name in capabilities(c) if name in ns.CAPABILITIES[:38]]
    uid, gid = program.user(c)
    process = {"terminal": False, "user": {"uid": uid, "gid": gid}, "args": program.words(c), "cwd": options.get("workdir") or "/",
               "env": ["%s=%s" % pair for pair in sorted(program.environment(c).items())],
               "capabilities": dict.fromkeys(("bounding", "effective", "permitted"), kept),
               "noNewPrivileges": bool(options.get("no_new_privileges")),
               "rlimits": [{"type": "RLIMIT_" + name.upper(), "soft": soft & (1 << 64) - 1, "hard": hard & (1 << 64) - 1}
                           for name, soft, hard in program.ulimits(c)]}  # type: Dict[str, Any]
    linux = {"namespaces": [{"type": kind} for kind in ["pid", "ipc", "uts", "mount"] + (["user"] if c.ids else [])],
             "maskedPaths": list(HIDDEN), "readonlyPaths": list(READ_ONLY)}  # type: Dict[str, Any]
    if c.ids:
        linux["uidMappings"] = linux["gidMappings"] = [{"containerID": 0, "hostID": c.ids[0], "size": c.ids[1]}]
    if options.get("seccomp") != "unconfined":
        linux["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": sorted(ns.DENIED), "action": "SCMP_ACT_ERRNO", "errnoRet": 1}]}
    return {"ociVersion": "1.0.2", "process": process, "root": {"path": c.root, "readonly": bool(options.get("read_only"))}, "hostname": c.hostname,
            "mounts": _mounts(c, shown), "linux": linux}


def _mounts(c, shown):
    # type: (Container, List[Any]) -> List[Any]
    secure = ["nosuid", "noexec", "nodev"]
    found = [_mount("/proc", "proc", "proc", secure), _mount("/dev", "tmpfs", "tmpfs", ["nosuid", "noexec", "mode=755", "size=64k"]),
             _mount("/dev/pts", "devpts", "devpts", ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"]),
             _mount("/dev/shm", "tmpfs", "shm", ["nosuid", "nodev", "mode=1777"]), _mount("/dev/mqueue", "mqueue", "mqueue", secure),
             _mount("/sys", "none", sysfs(c) if os.path.ismount(sysfs(c)) else "/sys", ["rbind", "nosuid", "noexec", "nodev", "ro"])]
    found += [_mount(place, "tmpfs", "tmpfs", ["nosuid", "nodev", "mode=1777"]) for place in c.options.get("tmpfs") or ()]
    found += [_mount(place, "none", source, ["bind", "nodev", "ro" if only else "rw"]) for place, source, only in shown]
    return found + [_mount(path, "none", node, ["bind"]) for path, node in lent(c)]


def _mount(place, kind, source, options):
    # type: (str, str, str, List[str]) -> Dict[str, Any]
    return {"destination": place, "type": kind, "source": source, "options": options}
