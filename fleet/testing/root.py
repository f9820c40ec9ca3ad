"""A target that is this machine with a temporary root: what is written lands in memory, and is gone with it.

A child process holds a mount namespace with overlays of the machine's directories on a tmpfs; runs enter it. Everything real is there to read (Python, the package
manager, users), nothing outside changes, and modules work as on any host. Root's, or anybody's where user namespaces are allowed; without root there is one
user inside, root, so chown to others fails.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from fleet.connection import payload
from fleet.connection.base import Endpoint
from fleet.connection.local import ProcessStream
from fleet.connection.pool import Pool
from fleet.errors import UsageError

# Each directory of / is an overlay of its own: the root itself cannot be one in a user namespace. One that cannot be either (a filesystem mounted below
# it, without root) is there to read. elsewhere: Python, when it is on a filesystem of its own.
_MAKE = """set -e
mount -t tmpfs tmpfs {top}
cd {top}
mkdir upper work root root/run root/tmp
chmod 1777 root/tmp
for path in /*; do
    name=${{path#/}}
    case $name in
        run|tmp) continue ;;
        proc|dev|sys) mkdir "root/$name"; mount --rbind "$path" "root/$name"; continue ;;
    esac
    if [ -L "$path" ]; then cp -P "$path" root/; continue; fi
    [ -d "$path" ] || continue
    mkdir "upper/$name" "work/$name" "root/$name"
    mount -t overlay overlay -o "lowerdir=$path,upperdir=upper/$name,workdir=work/$name" "root/$name" 2>/dev/null ||
        {{ mount --rbind "$path" "root/$name"; mount -o remount,bind,ro "root/$name" 2>/dev/null || true; }}
done
{elsewhere}
echo ready
exec cat
"""


class Root:
    """The namespace. path: its root directory as this process sees it; close() ends it."""

    def __init__(self) -> None:
        for program in ("unshare", "nsenter", "mount"):
            if not shutil.which(program):
                raise UsageError(f"a temporary root needs the program {program}", hint="install util-linux")
        self.folder = Path(tempfile.mkdtemp(prefix="fleet-root-"))
        self._user = [] if os.getuid() == 0 else ["--user", "--map-root-user"]
        self._holder = subprocess.Popen(["unshare", "--mount", "--propagation", "private", *self._user, "sh", "-c", self._script()],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        assert self._holder.stdout is not None and self._holder.stderr is not None
        if self._holder.stdout.readline() != b"ready\n":
            said = self._holder.stderr.read().decode(errors="replace").strip()
            self.close()
            raise UsageError(f"a temporary root cannot be made here: {said}", hint="run the tests as root, or allow user namespaces and overlays in them")
        self.path = Path(f"/proc/{self._holder.pid}/root{self.folder}/root")

    def _script(self) -> str:
        elsewhere = "\n".join(f"mkdir -p root{place}; mount --rbind {place} root{place}" for place in map(shlex.quote, _elsewhere()))
        return _MAKE.format(top=shlex.quote(str(self.folder)), elsewhere=elsewhere)

    def command(self, inside: str) -> list[str]:
        """The argv that runs a shell command inside."""
        user = ["--user", "--preserve-credentials"] if self._user else []
        return ["nsenter", "--target", str(self._holder.pid), "--mount", *user, "--", "chroot", f"{self.folder}/root", "/bin/sh", "-c", inside]

    def close(self) -> None:
        assert self._holder.stdin is not None
        self._holder.stdin.close()
        self._holder.wait(10)
        for stream in (self._holder.stdout, self._holder.stderr):
            if stream is not None:
                stream.close()
        shutil.rmtree(self.folder, ignore_errors=True)


def _elsewhere() -> list[str]:
    found = []
    for place in (sys.prefix, sys.base_prefix):
        mount = Path(place).resolve()
        while not os.path.ismount(mount):
            mount = mount.parent
        hidden = Path(place).resolve().parts[1] in ("tmp", "run")  # which are empty inside
        wanted = str(Path(place).resolve()) if hidden else str(mount)
        if wanted != "/" and wanted not in found:
            found.append(wanted)
    return found


class RootPool(Pool):
    """The connections of a run whose local ones lead into a temporary root."""

    def __init__(self, root: Root) -> None:
        super().__init__(lock_timeout=30.0)
        self._root = root

    def _stream(self, base: Endpoint, machine: Any) -> Any:
        if base.kind != "local" or base.name != "target":
            return super()._stream(base, machine)
        return ProcessStream(self._root.command(payload.shell_command(base.python or sys.executable)))
