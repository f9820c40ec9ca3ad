"""Hypervisors of the lab: the machine's own root, but a network, process tree, /run and libvirt folders of their own.

So several libvirtd run beside each other and beside the machine's, each with its own guests, networks and cgroups, and all of them end with the
lab. libvirtd itself is not started here: that is what fleet's `hypervisor` module is for.
"""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Callable
from pathlib import Path

_SPACE = uuid.UUID("0b7c2f5e-6f3b-5d0e-8c64-f1ee70000002")
# QEMU as another user than root could not open the lab's files.
_QEMU = 'user = "root"\ngroup = "root"\nremember_owner = 0\nsecurity_driver = "none"\nnamespaces = [ ]\n'
# In a cgroup namespace of its own a hypervisor's cgroups begin at its own; the hybrid `unified` one, which libvirt stumbles over, is left out.
_START = """for group in /sys/fs/cgroup/*/; do
    [ -e $group/tasks ] || continue
    mkdir -p $group/fleet-%(id)s
    for name in cpuset.cpus cpuset.mems; do [ ! -e $group/$name ] || cat $group/$name >$group/fleet-%(id)s/$name; done
    echo $$ >$group/fleet-%(id)s/cgroup.procs
done
exec unshare -m -p -u -i -C -f --kill-child sh -c '
set -e
mount --make-rshared /
groups=$(cd /sys/fs/cgroup && for each in */tasks; do echo ${each%%/tasks}; done)
mount -t proc proc /proc; mount -t sysfs sysfs /sys
if [ "$groups" != "*" ]; then
    mount -t tmpfs tmpfs /sys/fs/cgroup
    for group in $groups; do
        options=$group
        [ $group != systemd ] || options=none,name=systemd
        mkdir /sys/fs/cgroup/$group
        mount -t cgroup -o $options cgroup /sys/fs/cgroup/$group
    done
else
    mount -t cgroup2 cgroup2 /sys/fs/cgroup
fi
cp -L /etc/resolv.conf %(dir)s/resolv.conf
mount -t tmpfs tmpfs /run; mkdir -p /run/sshd /run/lock
for each in lib/libvirt lib/fleet cache/libvirt log/libvirt; do mkdir -p /var/$each; mount --bind %(dir)s/var/$each /var/$each; done
mount --bind %(dir)s/etc /etc/libvirt
mkdir -p /etc/pki/qemu; mount --bind %(dir)s/pki /etc/pki/qemu
echo 1 >/proc/sys/net/ipv4/ip_forward
hostname %(name)s
exec /usr/sbin/sshd -D -e -f %(dir)s/sshd_config'
"""


def script(authorized: str) -> Callable[[str, Path], str]:
    """How a hypervisor starts (see fleet.lab.lab.Lab): its folder prepared, and the shell text that becomes its sshd. authorized: public keys."""
    def prepare(identity: str, folder: Path) -> str:
        for each in ("lib/libvirt", "lib/fleet", "cache/libvirt", "log/libvirt/qemu"):
            (folder / "var" / each).mkdir(parents=True, exist_ok=True)
        (folder / "pki").mkdir(exist_ok=True)
        configuration = folder / "etc"
        if not configuration.exists():
            shutil.copytree("/etc/libvirt", configuration, ignore=lambda path, names: names if path.endswith(("/qemu", "/storage", "/secrets")) else [])
            for name, text in (("libvirtd.conf", f'host_uuid = "{uuid.uuid5(_SPACE, identity)}"\n'), ("qemu.conf", _QEMU)):
                with (configuration / name).open("a") as file:
                    file.write("\n" + text)
        (folder / "authorized_keys").write_text(authorized)
        (folder / "sshd_config").write_text(
            f"Port 22\nHostKey {folder}/ssh_host_ed25519_key\nAuthorizedKeysFile {folder}/authorized_keys\nStrictModes no\nUsePAM no\nUseDNS no\n"
            "PermitRootLogin prohibit-password\nPasswordAuthentication no\nMaxStartups 500:30:1000\nMaxSessions 200\nPidFile /run/sshd.pid\n"
            "SetEnv SHLVL=1\n"  # the machine's .bashrc is no part of the lab
            "Subsystem sftp internal-sftp\n")
        return _START % {"id": _group(identity), "dir": folder, "name": folder.name}
    return prepare


def clean(identity: str) -> None:
    """Remove the cgroups of a hypervisor that has ended."""
    for top in Path("/sys/fs/cgroup").glob(f"*/fleet-{_group(identity)}"):
        for folder, _, _ in os.walk(top, topdown=False):
            try:
                os.rmdir(folder)
            except OSError:
                pass  # something in it still ends


def _group(identity: str) -> str:
    return identity.replace("/", "-")
