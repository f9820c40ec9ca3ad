"""A container's network: a namespace made before its first process, with its interfaces and addresses in place when that starts."""
import os
import subprocess
from typing import Any, Dict, List

from fleet.runner import namespace as ns
from fleet.runner.container import Container, own_sysfs


def isolated(options):
    # type: (Dict[str, Any]) -> bool
    """Whether it has a network of its own."""
    return bool(options.get("networks")) or options.get("network") != "host"


def missing(options):
    # type: (Dict[str, Any]) -> List[str]
    """Bridges that are declared and not there."""
    return [each["bridge"] for each in options.get("networks") or () if not os.path.isdir("/sys/class/net/%s/bridge" % each["bridge"])]


def links(c):
    # type: (Container) -> List[str]
    """The host's ends of its interfaces."""
    return ["fc%s%d" % (c.made["id"], number) for number in range(len(c.options.get("networks") or ()))]


def make(c):
    # type: (Container) -> int
    """A descriptor of its network namespace, complete. Raises OSError."""
    ready, go = os.pipe(), os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.close(ready[0])
            os.close(go[1])
            ns.unshare(ns.NET)
            os.write(ready[1], b"1")
            os.read(go[0], 1)
            if _inside(c):
                own_sysfs(c)
                os.write(ready[1], b"2")
        finally:
            os._exit(0)
    os.close(ready[1])
    os.close(go[0])
    try:
        if os.read(ready[0], 1) != b"1":
            raise OSError(1, "cannot make a network namespace")
        fd = os.open("/proc/%d/ns/net" % pid, os.O_RDONLY | os.O_CLOEXEC)
        _outside(c, pid)
        os.write(go[1], b"1")
        if os.read(ready[0], 1) != b"2":
            raise OSError(5, "the container's network could not be set up; its log says why")
        return fd
    finally:
        os.close(ready[0])
        os.close(go[1])
        os.waitpid(pid, 0)


def _outside(c, pid):
    # type: (Container, int) -> None
    remove(c)
    for host, (number, each) in zip(links(c), enumerate(c.options.get("networks") or ())):
        peer = ["peer", "name", each.get("interface") or "eth%d" % number, "netns", str(pid)]
        _ip(["link", "add", host] + (["mtu", str(each["mtu"])] if each.get("mtu") else []) + ["type", "veth"] + peer)
        _ip(["link", "set", host, "master", each["bridge"], "up"])


def _inside(c):
    # type: (Container) -> bool
    """In its namespace: interfaces, addresses, routes, and what an unprivileged root could not allow itself."""
    lines = ["link set lo up"]
    for number, each in enumerate(c.options.get("networks") or ()):
        name = each.get("interface") or "eth%d" % number
        if each.get("mac"):
            lines.append("link set %s address %s" % (name, each["mac"]))
        if each.get("mtu"):
            lines.append("link set %s mtu %s" % (name, each["mtu"]))
        lines += ["addr add %s dev %s" % (address, name) for address in each.get("addresses") or ()]
        lines.append("link set %s up" % name)
        if each.get("gateway"):
            lines.append("route add default via %s dev %s" % (each["gateway"], name))
    for name, value in (("ip_unprivileged_port_start", "0"), ("ping_group_range", "0 2147483647")):
        try:
            with open("/proc/sys/net/ipv4/" + name, "w") as stream:
                stream.write(value)
        except OSError:
            pass  # a kernel without it, or a /proc of another's
    done = subprocess.run(["ip", "-batch", "-"], input="\n".join(lines).encode(), stdout=subprocess.DEVNULL)
    return done.returncode == 0


def remove(c):
    # type: (Container) -> None
    """Take away interfaces that a fault left on the host; with its namespace they go by themselves."""
    for host in links(c):
        if os.path.isdir("/sys/class/net/" + host):
            subprocess.run(["ip", "link", "del", host], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def _ip(words):
    # type: (List[str]) -> None
    done = subprocess.run(["ip"] + words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    if done.returncode:
        raise OSError(5, "ip %s: %s" % (" ".join(words), done.stderr.decode("utf-8", "replace").strip()))
