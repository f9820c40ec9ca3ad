"""A Debian tree made into a disk that boots quickly as a guest: its configuration, a small initrd, and the filesystem image."""
import os
import shutil
import stat
from typing import Any, Dict, Optional

from fleet.runner.module import Module, ModuleError

PACKAGES = ["linux-image-cloud-amd64", "systemd-sysv", "udev", "dbus", "openssh-server", "python3", "cloud-init", "qemu-guest-agent", "iproute2",
            "netbase", "sudo", "procps", "busybox-static", "ca-certificates"]
APPEND = ("root=/dev/vda rw console=ttyS0 quiet loglevel=3 mitigations=off audit=0 apparmor=0 random.trust_cpu=on tsc=reliable no_timer_check "
          "rcupdate.rcu_expedited=1 net.ifnames=0")
# What the root disk needs before the real modules are there; ext4 is built into Debian's cloud kernel. In load order.
DRIVERS = ["virtio_ring", "virtio", "virtio_pci_legacy_dev", "virtio_pci_modern_dev", "virtio_pci", "virtio_blk"]
INIT = """#!/busybox sh
/busybox mount -t devtmpfs devtmpfs /dev
/busybox mount -t proc proc /proc
root=/dev/vda
for word in $(/busybox cat /proc/cmdline); do case $word in root=/dev/*) root=${word#root=};; esac; done
/busybox umount /proc
for driver in %s; do [ -e /$driver.ko ] && /busybox insmod /$driver.ko; done
n=0
while [ ! -b $root ] && [ $n -lt 500 ]; do /busybox usleep 20000; n=$((n+1)); done
/busybox mount -t ext4 -o rw $root /root || exec /busybox sh
/busybox umount /dev
exec /busybox switch_root /root /sbin/init
""" % " ".join(DRIVERS)
# Of no use in a guest, and slow where the CPU is emulated.
MASKED = ["apt-daily.timer", "apt-daily-upgrade.timer", "dpkg-db-backup.timer", "e2scrub_all.timer", "e2scrub_reap.service", "fstrim.timer",
          "man-db.timer", "systemd-pstore.service", "systemd-binfmt.service", "proc-sys-fs-binfmt_misc.automount", "modprobe@drm.service",
          "modprobe@fuse.service", "modprobe@configfs.service", "systemd-networkd-wait-online.service", "networking.service", "ldconfig.service",
          "systemd-journal-flush.service", "getty@tty1.service"]
SEED = "f1ee7000-0000-4000-8000-000000000001"  # of filesystems and their hashes; what is unique is made at first start
FILES = {
    "etc/fstab": "LABEL=root / ext4 rw,relatime,errors=remount-ro 0 1\n",
    "etc/hostname": "guest\n",
    "etc/machine-id": "",
    "etc/network/interfaces": "auto lo\niface lo inet loopback\n",
    "etc/systemd/network/50-dhcp.network": "[Match]\nName=en* eth*\n\n[Network]\nDHCP=ipv4\nIPv6AcceptRA=no\nLinkLocalAddressing=no\n\n"
                                           "[DHCPv4]\nClientIdentifier=mac\n",
    "etc/systemd/journald.conf.d/fleet.conf": "[Journal]\nStorage=volatile\n",
    "etc/ssh/sshd_config.d/fleet.conf": "UseDNS no\nPermitRootLogin prohibit-password\n",
    # Few modules, since each costs seconds under emulation; none for locales, which Debian's own file has and a minimal root has not.
    "etc/cloud/cloud.cfg": """users: [default]
disable_root: false
preserve_hostname: false
datasource_list: [NoCloud, None]
cloud_init_modules: [bootcmd, write-files, growpart, resizefs, set_hostname, users-groups, ssh]
cloud_config_modules: [runcmd]
cloud_final_modules: [scripts-user, final-message]
system_info:
  distro: debian
  default_user: {name: debian, lock_passwd: true, groups: [sudo], sudo: ["ALL=(ALL) NOPASSWD:ALL"], shell: /bin/bash}
  paths: {cloud_dir: /var/lib/cloud/, templates_dir: /etc/cloud/templates/}
  ssh_svcname: ssh
  network: {renderers: [networkd]}
""",
    # A seed with nothing but what makes a guest itself says so by these files: then sshd need not wait for cloud-init, which does the rest after it.
    "usr/lib/fleet/identity": """#!/bin/sh
set -e
seed=/run/fleet/seed
mkdir -p $seed
for device in /dev/vd[b-z] /dev/sr[0-9]; do
    [ -b $device ] && [ "$(blkid -p -o value -s LABEL $device)" = cidata ] || continue
    mount -t iso9660 -o ro $device $seed
    if [ -e $seed/fleet-host-key ]; then
        if [ ! -s /etc/ssh/ssh_host_ed25519_key ]; then
            install -m 644 $seed/fleet-host-key.pub /etc/ssh/ssh_host_ed25519_key.pub
            install -m 600 $seed/fleet-host-key /etc/ssh/ssh_host_ed25519_key
            [ ! -e $seed/fleet-authorized-keys ] || install -m 700 -d /root/.ssh
            [ ! -e $seed/fleet-authorized-keys ] || install -m 600 $seed/fleet-authorized-keys /root/.ssh/authorized_keys
            sed -n 's/^local-hostname: //p' $seed/meta-data >/etc/hostname
            hostname -F /etc/hostname
        fi
        touch /run/fleet/identity
    fi
    umount $seed
    break
done
""",
    "etc/systemd/system/fleet-identity.service": """[Unit]
Description=Host key, login and name from the seed
DefaultDependencies=no
After=systemd-remount-fs.service
Before=cloud-init-local.service ssh.service sysinit.target shutdown.target
Conflicts=shutdown.target

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/sh /usr/lib/fleet/identity

[Install]
WantedBy=sysinit.target
""",
    "etc/systemd/system/fleet-cloud-init.service": """[Unit]
Description=cloud-init, after sshd
ConditionPathExists=/run/fleet/identity
After=ssh.service network-online.target
Wants=network-online.target

[Service]
Type=oneshot
RemainAfterExit=yes
TimeoutSec=0
StandardOutput=journal+console
ExecStart=-/usr/bin/cloud-init init --local
ExecStart=-/usr/bin/cloud-init init
ExecStart=-/usr/bin/cloud-init modules --mode=config
ExecStart=-/usr/bin/cloud-init modules --mode=final

[Install]
WantedBy=cloud-init.target
""",
}
for _unit in ("cloud-init-local", "cloud-init", "cloud-config", "cloud-final"):
    FILES["etc/systemd/system/%s.service.d/fleet.conf" % _unit] = "[Unit]\nConditionPathExists=!/run/fleet/identity\n"


def make(m, tree, folder, size):
    # type: (Module, str, str, int) -> Dict[str, Any]
    """Make disk.qcow2, vmlinuz and initrd for a direct kernel boot in `folder`, of a tree that is only read. Returns their part of the manifest."""
    kernel_files(tree, folder)
    raw = os.path.join(folder, "disk.raw")
    filesystem(m, tree, raw, size)
    m.run(["qemu-img", "convert", "-O", "qcow2", raw, os.path.join(folder, "disk.qcow2")], ok=[0])
    os.unlink(raw)
    return {"disk": "disk.qcow2", "disk_format": "qcow2", "kernel": "vmlinuz", "initrd": "initrd", "append": APPEND}


def kernel_files(tree, folder):
    # type: (str, str) -> None
    kernel = _kernel(tree)
    shutil.copyfile(os.path.join(tree, "boot", "vmlinuz-" + kernel), os.path.join(folder, "vmlinuz"))
    with open(os.path.join(folder, "initrd"), "wb") as stream:
        stream.write(initrd(tree, kernel))


def filesystem(m, tree, raw, size, offset=0):
    # type: (Module, str, str, int, int) -> None
    """An ext4 with a tree's content in a file, `offset` bytes from its start; its ids are the same each time."""
    options = "hash_seed=%s%s" % (SEED, ",offset=%d" % offset if offset else "")
    done = m.run(["mke2fs", "-q", "-t", "ext4", "-L", "root", "-U", SEED, "-E", options, "-O", "^metadata_csum", "-d", tree, raw, "%dk" % (size // 1024)])
    if done.rc != 0:
        small = "size" in done.stderr.lower() or "space" in done.stderr.lower() or "allocate" in done.stderr.lower()
        m.fail("the disk cannot be made%s: %s" % ("; a larger `size` may help" if small else "", done.stderr.strip()))


def customise(m, tree):
    # type: (Module, str) -> None
    for name, text in FILES.items():
        path = os.path.join(tree, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w") as stream:
            stream.write(text)
    keys = os.path.join(tree, "etc/ssh")
    for name in os.listdir(keys):
        if name.startswith("ssh_host_"):
            os.unlink(os.path.join(keys, name))
    units = os.path.join(tree, "etc/systemd/system")
    for unit in MASKED:
        target = os.path.join(units, unit)
        if os.path.lexists(target):
            os.unlink(target)
        os.symlink("/dev/null", target)
    m.run(["systemctl", "--root", tree, "enable", "ssh.service", "systemd-networkd.service", "qemu-guest-agent.service",
           "fleet-identity.service", "fleet-cloud-init.service"])
    m.run(["systemctl", "--root", tree, "set-default", "multi-user.target"])


def _kernel(tree):
    # type: (str) -> str
    found = sorted(name[8:] for name in os.listdir(os.path.join(tree, "boot")) if name.startswith("vmlinuz-"))
    if not found:
        raise ModuleError("the image has no kernel; its packages need one (linux-image-cloud-amd64)")
    return found[-1]


def initrd(tree, kernel):
    # type: (str, str) -> bytes
    """A cpio archive with busybox, the virtio drivers and a script that mounts the root disk and goes there."""
    parts = [_entry("busybox", _read(os.path.join(tree, "bin/busybox")), 0o755), _entry("init", INIT.encode(), 0o755)]
    for name in ("dev", "proc", "root"):
        parts.append(_entry(name, b"", stat.S_IFDIR | 0o755))
    modules = os.path.join(tree, "lib/modules", kernel)
    for driver in DRIVERS:
        path = _find(modules, driver + ".ko")
        if path:
            parts.append(_entry(driver + ".ko", _read(path), 0o644))
    parts.append(_entry("TRAILER!!!", b"", 0))
    return b"".join(parts)


def _entry(name, data, mode):
    # type: (str, bytes, int) -> bytes
    """One member of a cpio archive in the newc format (Linux, Documentation/driver-api/early-userspace/buffer-format.rst)."""
    if mode and not stat.S_IFMT(mode):
        mode |= stat.S_IFREG
    raw = name.encode() + b"\0"
    fields = [0, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(raw), 0]
    head = b"070701" + b"".join(b"%08x" % field for field in fields) + raw
    return _padded(head) + _padded(data)


def _padded(data):
    # type: (bytes) -> bytes
    return data + b"\0" * (-len(data) % 4)


def _read(path):
    # type: (str) -> bytes
    with open(path, "rb") as stream:
        return stream.read()


def _find(folder, name):
    # type: (str, str) -> Optional[str]
    for base, _, names in os.walk(folder):
        if name in names:
            return os.path.join(base, name)
    return None

