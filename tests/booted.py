"""A Debian root with fleet in it that systemd boots and reboots, in a container: where a test needs a host whose init is systemd."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from fleet.lab import Lab
from fleet.lab.base import build

REPOSITORY = Path(__file__).parents[1]
PYTHON = [sys.executable, "-m", "fleet"]


class Box:
    """An overlay on the lab's base, with the repository and this Python; `site` is a project in it. options: more of systemd-nspawn's."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.folder = folder
        self.root = folder / "root"
        self.site = self.root / "srv/site"
        name = f"fleet-test-{os.getpid()}"
        for each in ("up/srv/site", "work", "root"):
            (folder / each).mkdir(parents=True)
        subprocess.run(["mount", "-t", "overlay", "overlay", "-o", f"lowerdir={build(Lab().shared)},upperdir={folder}/up,workdir={folder}/work", str(self.root)],
                       check=True)
        (self.site / "hosts").write_text("localhost ansible_connection=local\n")
        own = [str(REPOSITORY), *([sys.base_prefix] if sys.base_prefix != "/usr" else [])]
        self.options = ["-q", "-D", str(self.root), "-M", name, "--register=no", "--keep-unit", "--private-network", "--link-journal=no",
                        *(f"--bind-ro={path}" for path in own), *options]
        self.process: subprocess.Popen[bytes] | None = None

    def fleet(self, *args: str) -> tuple[int, str]:
        """Run fleet in the site: in the booted system, or in one that is not."""
        command = ["sh", "-c", f"cd /srv/site && HOME=/root exec {' '.join(PYTHON)} \"$@\"", "fleet", *args]
        there = self._inside() if self.process is not None else ["systemd-nspawn", *self.options]
        done = subprocess.run([*there, *command], capture_output=True, text=True, timeout=120)
        return done.returncode, done.stdout or done.stderr

    def boot(self) -> None:
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(["systemd-nspawn", *self.options, "-b"], stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def ready(self) -> None:
        """Wait until it has booted."""
        end = time.monotonic() + 60
        while time.monotonic() < end:
            try:
                if self.inside("systemctl", "is-system-running").strip() in ("running", "degraded"):
                    return
            except IndexError:
                pass  # no process of it yet
            time.sleep(0.1)
        raise AssertionError("it does not come up: " + (self.folder / "log").read_text())

    def reboot(self) -> None:
        """As its own `reboot` does: everything in it is stopped, and its init starts anew."""
        assert self.process is not None
        self.inside("systemctl", "reboot")
        assert self.process.wait(60) == 133, "systemd-nspawn says so of a reboot"
        self.boot()
        self.ready()

    def inside(self, *command: str) -> str:
        """What a command in the booted system says."""
        done = subprocess.run([*self._inside(), *command], capture_output=True, text=True)
        return done.stdout + done.stderr

    def _inside(self) -> list[str]:
        assert self.process is not None
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return ["nsenter", "-t", children[0], "-m", "-p", "-u", "-i", "-n", "-r", "-w"]

    def close(self) -> None:
        if self.process is not None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(60)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        subprocess.run(["umount", "-l", str(self.root)], check=True)
