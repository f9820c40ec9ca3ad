"""Back-end LXC (lxc-start)."""
import os
from typing import Any, List

from fleet.modules import _container_program as program
from fleet.runner import namespace as ns
from fleet.runner.container import Container, capabilities, lent, sysfs

REQUIRES = "lxc-start"
BOOTS = True


def refuse(c):
    # type: (Container) -> str
    return ""


def run(c, shown):
    # type: (Container, List[Any]) -> None
    """Become lxc-start, in the foreground. Never returns."""
    folder = os.path.join(c.runtime, "lxc")
    os.makedirs(os.path.join(folder, c.name), mode=0o711, exist_ok=True)
    config = os.path.join(folder, "config")
    with os.fdopen(os.open(config, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as stream:  # its environment is nobody else's business
        stream.write("".join("%s = %s\n" % pair for pair in _config(c, shown, folder)))
    if c.ids:  # LXC maps ids through newuidmap where there is one, and that asks these files; they are ours alone in this mount namespace
        for path in ("/etc/subuid", "/etc/subgid"):
            if os.path.exists(path):
                own = os.path.join(folder, os.path.basename(path))
                with open(own, "w") as stream:
                    stream.write("root:%d:%d\n" % tuple(c.ids))
                ns.bind(own, path)
    words = ["lxc-start", "-n", c.name, "-P", folder, "-f", config, "-F", "-o", os.path.join(folder, "log"), "-l", "ERROR"]
    os.execvp(words[0], words + ["--"] + program.words(c))


def _config(c, shown, folder):
    # type: (Container, List[Any], str) -> List[Any]
    options, kept = c.options, capabilities(c)
    lines = [("lxc.uts.name", c.hostname), ("lxc.rootfs.path", "dir:" + c.root), ("lxc.net.0.type", "none"), ("lxc.apparmor.profile", "unconfined"),
             ("lxc.autodev", "1"), ("lxc.tty.max", "0"), ("lxc.pty.max", "64"), ("lxc.console.path", "none"), ("lxc.cgroup.relative", "1"),
             ("lxc.cap.keep", " ".join(name.lower() for name in kept) or "none"), ("lxc.environment", "container=lxc")]
    if c.ids:
        lines += [("lxc.idmap", "%s 0 %d %d" % (kind, c.ids[0], c.ids[1])) for kind in "ug"]
    lines += [("lxc.mount.auto", "proc:mixed"), ("lxc.mount.entry", "%s sys none rbind,ro,nosuid,nodev 0 0" % (sysfs(c) if os.path.ismount(sysfs(c)) else "/sys"))]
    if options.get("boot"):
        lines += [("lxc.mount.auto", "cgroup:mixed:force"), ("lxc.mount.entry", "tmpfs run tmpfs rw,nosuid,nodev,mode=755,create=dir 0 0")]
    if options.get("no_new_privileges"):
        lines.append(("lxc.no_new_privs", "1"))
    if options.get("seccomp") != "unconfined":
        profile = os.path.join(folder, "seccomp")
        with open(profile, "w") as stream:
            stream.write("2\ndenylist\n" + "".join("%s errno 1\n" % name for name in sorted(ns.DENIED)))
        lines.append(("lxc.seccomp.profile", profile))
    if options.get("read_only"):
        lines.append(("lxc.rootfs.options", "ro"))
    lines += [("lxc.mount.entry", "tmpfs %s tmpfs rw,nosuid,nodev,mode=1777,create=dir 0 0" % _escaped(place.lstrip("/"))) for place in options.get("tmpfs") or ()]
    lines += [("lxc.mount.entry", "%s %s none bind%s,nodev,create=%s 0 0" % (_escaped(source), _escaped(place.lstrip("/")), ",ro" if only else "",
                                                                             "dir" if os.path.isdir(source) else "file"))
              for place, source, only in shown]
    lines += [("lxc.mount.entry", "%s %s none bind,create=file 0 0" % (_escaped(node), _escaped(path.lstrip("/")))) for path, node in lent(c)]
    lines += [("lxc.prlimit." + name, ":".join("unlimited" if value < 0 else str(value) for value in (soft, hard)))
              for name, soft, hard in program.ulimits(c)]
    lines += [("lxc.environment", "%s=%s" % pair) for pair in sorted(program.environment(c).items()) if pair[0] != "container"]
    uid, gid = program.user(c)
    if (uid, gid) != (0, 0):
        lines += [("lxc.init.uid", str(uid)), ("lxc.init.gid", str(gid))]
    if options.get("workdir"):
        lines.append(("lxc.init.cwd", options["workdir"]))
    return lines


def _escaped(path):
    # type: (str) -> str
    """A path in a line of the fstab kind."""
    return path.replace("\\", "\\134").replace(" ", "\\040").replace("\t", "\\011").replace("\n", "\\012")
