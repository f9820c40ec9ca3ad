"""A real sshd on 127.0.0.1 with keys of its own, for any test that needs a target."""

from __future__ import annotations

import dataclasses
import os
import pwd
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from fleet.connection.base import Endpoint


def keygen(path: Path, passphrase: str = "", kind: str = "ed25519") -> Path:
    subprocess.run(["ssh-keygen", "-q", "-t", kind, "-N", passphrase, "-f", str(path)], check=True)
    return path


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


class Sshd:
    """One sshd. key: a private key that is let in as any user; known_hosts: a file that knows the server."""

    def __init__(self, folder: Path, *lines: str) -> None:
        self.folder, self.lines = folder, lines
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o755)
        self.port = free_port()
        self.key = keygen(folder / "id")
        self.host_key = keygen(folder / "host")
        self.known_hosts = folder / "known_hosts"
        shutil.copy(folder / "id.pub", folder / "authorized")
        self.process: subprocess.Popen[bytes] | None = None
        self.learn()
        self.start()

    def learn(self) -> None:
        """Write the server's present key to known_hosts."""
        kind, key = Path(f"{self.host_key}.pub").read_text().split()[:2]
        self.known_hosts.write_text(f"[127.0.0.1]:{self.port} {kind} {key}\n")

    def start(self) -> None:
        os.makedirs("/run/sshd", exist_ok=True)
        config = self.folder / "sshd_config"
        config.write_text("\n".join((
            *self.lines, f"Port {self.port}", "ListenAddress 127.0.0.1", f"HostKey {self.host_key}", f"AuthorizedKeysFile {self.folder}/authorized",
            "StrictModes no", "UseDNS no", "PermitRootLogin yes", "PasswordAuthentication yes", "KbdInteractiveAuthentication no", "UsePAM no",
            "AllowTcpForwarding yes", "PrintMotd no", f"PidFile {self.folder}/pid", "MaxStartups 200", "")))
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(["/usr/sbin/sshd", "-D", "-e", "-f", str(config)], stdin=subprocess.DEVNULL, stderr=log)
        for _ in range(200):
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            except OSError:
                time.sleep(0.02)
        raise RuntimeError("sshd did not start: " + (self.folder / "log").read_text())

    def stop(self) -> None:
        if self.process is not None:
            self.process.terminate()
            self.process.wait()

    def endpoint(self, name: str = "target", **changes: object) -> Endpoint:
        plain = Endpoint(name, "ssh", "127.0.0.1", self.port, "root", key_files=(str(self.key),), known_hosts=(str(self.known_hosts),), config="",
                         python="/usr/bin/python3")
        return dataclasses.replace(plain, **changes)  # type: ignore[arg-type]


@pytest.fixture(scope="session")
def sshd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    folder = tmp_path_factory.mktemp("sshd")
    for above in (folder.parent, folder.parent.parent):
        above.chmod(above.stat().st_mode & 0o7777 | 0o055)  # other users log in to it too
    server = Sshd(folder)
    yield server
    server.stop()


@pytest.fixture(scope="session")
def make_user() -> Iterator[Callable[..., str]]:
    """Make users for the test: make_user(name, password="", shell="/bin/bash", sudo=""); sudo: the right side of a sudoers line."""
    made: list[str] = []

    def make(name: str, password: str = "", shell: str = "/bin/bash", sudo: str = "") -> str:
        try:
            pwd.getpwnam(name)
        except KeyError:
            subprocess.run(["useradd", "-m", "-s", shell, name], check=True)
        made.append(name)
        subprocess.run(["chpasswd"], input=f"{name}:{password or os.urandom(9).hex()}".encode(), check=True)
        if sudo:
            rule = Path(f"/etc/sudoers.d/{name}")
            rule.write_text(sudo.replace("USER", name) + "\n")
            rule.chmod(0o440)
        return name

    yield make
    for name in made:
        Path(f"/etc/sudoers.d/{name}").unlink(missing_ok=True)
        subprocess.run(["userdel", "-rf", name], stderr=subprocess.DEVNULL)
