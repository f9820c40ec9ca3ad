"""The Debian root all lab hosts are overlays of, built once by mmdebstrap."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from fleet.errors import UsageError

# What the modules and containers need on a host; hosts are meant to be like small Debian servers.
PACKAGES = ("openssh-server,python3-minimal,libpython3-stdlib,sudo,iproute2,procps,ca-certificates,cron,git,rsync,unzip,zip,xz-utils,bzip2,zstd,acl,"
            "systemd,systemd-container,mmdebstrap,netbase,busybox")
VERSION = "1"  # raise it when the base is made differently
_SSHD = "MaxStartups 500:30:1000\nMaxSessions 200\nUseDNS no\nPermitRootLogin yes\nPrintMotd no\nUsePAM no\n"


def build(state: Path, say: object = print) -> Path:
    """The base's directory, built if there is none; under a temporary name until it is complete."""
    base = state / "base"
    if (base / ".complete").exists() and (base / ".complete").read_text() == VERSION + PACKAGES:
        return base
    if not shutil.which("mmdebstrap"):
        raise UsageError("the lab needs mmdebstrap", hint="apt install mmdebstrap")
    say("building the lab's Debian root (once, about half a minute)")  # type: ignore[operator]
    state.mkdir(parents=True, exist_ok=True)
    work = state / f"base.{os.getpid()}"
    log = state / "base.log"
    try:
        with log.open("wb") as out:
            done = subprocess.run(["mmdebstrap", "--variant=minbase", "--mode=root", "--skip=cleanup/apt/lists", f"--include={PACKAGES}", "bookworm",
                                   str(work)], stdout=out, stderr=out, stdin=subprocess.DEVNULL)
        if done.returncode:
            raise UsageError(f"the lab's root could not be built; the end of {log}:\n" + "\n".join(log.read_text(errors="replace").splitlines()[-8:]))
        _configure(state, work)
        (work / ".complete").write_text(VERSION + PACKAGES)
        if base.exists():
            base.rename(state / f"base.old.{os.getpid()}")
            shutil.rmtree(state / f"base.old.{os.getpid()}", ignore_errors=True)
        work.rename(base)
    finally:
        if work.exists():
            shutil.rmtree(work, ignore_errors=True)
    return base


def _configure(state: Path, root: Path) -> None:
    key = state / "id"
    if not key.exists():
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "fleet lab", "-f", str(key)], check=True)
    (root / "etc/hosts").write_text("127.0.0.1 localhost\n::1 localhost\n")
    (root / "etc/ssh/sshd_config.d/lab.conf").write_text(_SSHD)
    policy = root / "usr/sbin/policy-rc.d"
    policy.write_text("#!/bin/sh\nexit 101\n")
    policy.chmod(0o755)
    (root / "etc/fstab").write_text("")
    users = "useradd -m -s /bin/bash ops; echo ops:opspw | chpasswd; useradd -m -s /bin/bash opspw; echo opspw:opspw | chpasswd"
    subprocess.run(["chroot", str(root), "/bin/sh", "-c", users], check=True)
    (root / "etc/sudoers.d/lab").write_text("ops ALL=(ALL) NOPASSWD:ALL\nopspw ALL=(ALL) ALL\n")
    (root / "etc/sudoers.d/lab").chmod(0o440)
    public = key.with_suffix(".pub").read_text()
    for home, owner in (("root", 0), ("home/ops", None), ("home/opspw", None)):
        folder = root / home / ".ssh"
        folder.mkdir(mode=0o700, exist_ok=True)
        (folder / "authorized_keys").write_text(public)
        if owner is None:
            entry = (root / home).stat()
            for path in (folder, folder / "authorized_keys"):
                os.chown(path, entry.st_uid, entry.st_gid)
