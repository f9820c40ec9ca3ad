"""libvirtd on the target: found, or started."""
import os
import socket
import time
from typing import Any

from fleet.runner.files import write
from fleet.runner.module import Change, Module
from fleet.runner.spec import Opt, Ret, Spec

SPEC = Spec(
    "hypervisor", "Make sure that libvirtd answers on a host",
    {
        "state": Opt("str", "running: libvirtd answers, now.", default="running", choices=["running"]),
        "socket": Opt("path", "Where it listens.", default="/run/libvirt/libvirt-sock"),
        "timeout": Opt("float", "Seconds it may take to answer.", default=30.0),
    },
    returns={"socket": Ret("path", "Where it listens."), "started_by": Ret("str", "`systemd`, `fleet`, or empty when it was found running.")},
    examples="- hypervisor:\n",
    notes=["libvirt must be installed. Where systemd is PID 1 its unit is started. Elsewhere libvirtd is started by hand in a mount namespace of its "
           "own, with a QEMU configuration of its own (/run/fleet/libvirt/qemu.conf), so that no file of the host is changed.",
           "A hybrid cgroup mount confuses libvirt; it is hidden in that namespace."],
)
FOLDER = "/run/fleet/libvirt"
# Without systemd there is no machined to register with and usually no udev rule that opens /dev/kvm to QEMU's user.
QEMU_CONF = 'user = "root"\ngroup = "root"\nremember_owner = 0\nsecurity_driver = "none"\nnamespaces = [ ]\n'
START = """
umount /sys/fs/cgroup/unified 2>/dev/null
mount --bind %s/qemu.conf /etc/libvirt/qemu.conf || exit 1
pidof virtlogd >/dev/null || virtlogd -d
exec libvirtd -d
""" % FOLDER


def run(m):
    # type: (Module) -> Any
    path = m.args.socket
    if answers(path):
        return {"socket": path, "started_by": ""}
    if not any(os.access(os.path.join(folder, "libvirtd"), os.X_OK) for folder in ("/usr/sbin", "/usr/bin", "/sbin")):
        m.fail("libvirtd is not installed; install the package libvirt-daemon-system (or libvirt) first")
    by = "systemd" if os.path.isdir("/run/systemd/system") else "fleet"
    yield Change("libvirtd", "stopped", "running", lambda: (by_systemd if by == "systemd" else by_hand)(m))
    if not m.check:
        wait(m, path)
    return {"socket": path, "started_by": by}


def answers(path):
    # type: (str) -> bool
    probe = socket.socket(socket.AF_UNIX)
    try:
        probe.settimeout(2)
        probe.connect(path)
        return True
    except OSError:
        return False
    finally:
        probe.close()


def by_systemd(m):
    # type: (Module) -> None
    m.run(["systemctl", "start", "libvirtd"], ok=[0])


def by_hand(m):
    # type: (Module) -> None
    """In the host's own mount namespace where nothing has to be hidden from it, so that the filesystems of its pools are seen by all."""
    if suits():
        m.run(["sh", "-c", "pidof virtlogd >/dev/null || virtlogd -d; exec libvirtd -d"], ok=[0])
        return
    os.makedirs(FOLDER, exist_ok=True)
    write(m, FOLDER + "/qemu.conf", QEMU_CONF, mode=0o644)
    m.run(["unshare", "--mount", "--propagation", "slave", "sh", "-c", START], ok=[0])


def suits():
    # type: () -> bool
    """Whether this host is configured already as libvirtd without systemd needs it."""
    try:
        with open("/etc/libvirt/qemu.conf") as file:
            lines = set(file.read().splitlines())
    except OSError:
        return False
    return set(QEMU_CONF.splitlines()) <= lines and not os.path.ismount("/sys/fs/cgroup/unified")


def wait(m, path):
    # type: (Module, str) -> None
    end = time.time() + m.args.timeout
    while not answers(path):
        if time.time() > end:
            m.fail("libvirtd was started and does not answer on %s after %d s; its log says why" % (path, m.args.timeout))
        time.sleep(0.1)
