"""Separation is tried, not assumed: on every back-end a container tries to break out of, or exceed, each kind of it; docs/isolation.md is what came of it."""

from __future__ import annotations

import os
import shlex
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.virt.containersite import BACKENDS, Containers, ContainerSite, boxes, containers
from tests.virt.isolation import ATTEMPTS, PAGE, page

__all__ = ["boxes", "containers"]
pytestmark = pytest.mark.virt
# What a container on a shared kernel cannot be kept from.
SHARED = {"see how much memory the machine has", "see the machine's load"}
ESCAPE = r"""
#include <sys/stat.h>
#include <unistd.h>
#include <fcntl.h>
int main(int n, char **words) { int i, fd = open("/", O_RDONLY); mkdir("/esc", 0755); if (chroot("/esc")) return 2; fchdir(fd);
for (i = 0; i < 64; i++) chdir(".."); if (chroot(".")) return 3; execl("/bin/cat", "cat", words[1], (char *)0); return 4; }
"""


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Things of the host to be reached for: a file, a process, shared memory, a service."""
    folder = Path("/var/tmp") / f"fleet-isolation-{os.getpid()}"
    folder.mkdir(mode=0o755)
    token = f"fleet-mark-{os.getpid()}"
    (folder / "mark").write_text("of the host\n")
    Path(f"/dev/shm/{token}").write_text("of the host\n")
    process = subprocess.Popen(["sh", "-c", f"exec 3</dev/null; while :; do sleep 1000; done # {token}"])
    shared = subprocess.run(["ipcmk", "-M", "12345"], capture_output=True, text=True, check=True).stdout.split()[-1]
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                listener.accept()[0].sendall(b"reached\n")
            except OSError:
                return
    threading.Thread(target=serve, daemon=True).start()
    disk = os.stat("/").st_dev
    (folder / "escape.c").write_text(ESCAPE)
    subprocess.run(["gcc", "-static", "-w", "-o", str(folder / "escape"), str(folder / "escape.c")], check=True)
    yield {"MARK": str(folder / "mark"), "PID": str(process.pid), "TOKEN": token, "SHM": "12345", "PORT": str(listener.getsockname()[1]),
           "DISK": f"{os.major(disk)} {os.minor(disk)}", "HOSTNAME_OF_HOST": "taken", "folder": str(folder)}
    process.kill()
    process.wait()
    listener.close()
    subprocess.run(["ipcrm", "-m", shared], check=True)
    Path(f"/dev/shm/{token}").unlink()
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def results() -> dict[str, list[bool]]:
    return {}


@pytest.mark.parametrize("backend", BACKENDS)
def test_attempts(boxes: ContainerSite, containers: Containers, host: dict[str, str], results: dict[str, list[bool]], backend: str) -> None:
    short, name = f"iso-{backend}", containers.name(f"iso-{backend}")
    boxes.target(short)
    options: dict[str, Any] = {"backend": backend, "command": ["sleep", "1000"], "network": "none", "memory": "32M", "pids_limit": 50,
                               "device_write_bps": {"/": 1 << 20}, "clone": "overlay"}
    made = boxes.declare(short, state="present", **options)
    # A hostile image: what is in its root, the container can only have brought along.
    upper = Path(f"/var/lib/fleet/containers/{name}/upper")
    os.mknod(upper / "planted", 0o60666, os.stat("/").st_dev)
    os.chmod(upper / "planted", 0o666)
    shutil.copy(Path(host["folder"]) / "escape", upper / "escape")
    boxes.declare(short, state="running", cpus=0.05, **options)
    boxes.shell(short, "timeout 2 sh -c 'while :; do :; done & while :; do :; done'; true")
    boxes.declare(short, state="running", **options)
    # The token is not to be found in the command line of these attempts themselves.
    variables = "; ".join(f"{key}={shlex.quote(value[:3])}{shlex.quote(value[3:])}" if key != "TOKEN" else f"{key}={value[:3]}''{value[3:]}"
                          for key, value in host.items())
    lines = [variables]
    for number, (_, _, command) in enumerate(ATTEMPTS):
        command = {"CPU": "false", "USERS": "touch /made-by-root; false",
                   "IO": "dd if=/dev/zero of=/big bs=1M count=3 oflag=direct 2>&1"}.get(command, command)
        lines.append(f"began=$(date +%s%N)\nif (\n{command}\n) >/dev/null 2>&1 </dev/null\nthen echo {number} yes $((($(date +%s%N)-began)/1000000))\n"
                     f"else echo {number} no 0; fi")
    said = boxes.shell(short, "\n".join(lines))["stdout"]
    answers = {int(line.split()[0]): line.split()[1:] for line in said.splitlines() if line and line[0].isdigit()}
    assert set(answers) == set(range(len(ATTEMPTS))), said
    held = []
    for number, (_, _, command) in enumerate(ATTEMPTS):
        if command == "CPU":
            stat = next(Path("/sys/fs/cgroup/cpu/fleet").glob(f"{name}.*/cpu.stat")).read_text()
            held.append(int(stat.split("nr_throttled")[1].split()[0]) > 0)
        elif command == "IO":
            held.append(answers[number][0] == "no" or int(answers[number][1]) > 1800)  # 3 MiB at 1 MiB/s: the first second's worth may go at once
        elif command == "USERS":
            owner = (upper / "made-by-root").stat().st_uid
            held.append(owner == made["ids"][0] >= 65536)
        else:
            held.append(answers[number][0] == "no")
    results[backend] = held
    assert subprocess.run(["kill", "-0", host["PID"]]).returncode == 0, "the host's process lives"
    opened = {ATTEMPTS[number][1] for number, good in enumerate(held) if not good}
    boxes.declare(short, state="absent")
    assert opened <= SHARED, said
    assert time.time() > 1_700_000_000, "the clock is as it was"


def test_the_page_says_what_was_found(results: dict[str, list[bool]]) -> None:
    if set(results) != set(BACKENDS):
        return  # only some were asked for
    text = page(results)
    if os.environ.get("FLEET_WRITE_DOCS"):
        PAGE.write_text(text)
    assert PAGE.read_text() == text
