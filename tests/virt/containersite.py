"""What the tests of containers share: a Debian tree without Python, a lab whose hypervisor host is this machine, and one place to look at it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fleet.lab import Lab
from tests.engine.harness import Seen, Site

BACKENDS = ("chroot", "nspawn", "lxc", "crun")
HOME, STATE, VOLUMES = (Path(place) for place in ("/var/lib/fleet/containers", "/run/fleet/containers", "/var/lib/fleet/volumes"))


def image() -> Path:
    """A directory with a `tree`: Debian with systemd, busybox and iproute2, and no Python, built once a machine."""
    place = Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local/state") / "fleet" / "container-tree"
    if not (place / "tree/etc/fstab").exists() or (place / "tree/etc/fstab").read_text():
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir(parents=True)
        subprocess.run(["mmdebstrap", "--variant=minbase", "--mode=root", "--quiet", "--include=systemd-sysv,busybox,iproute2,procps,netbase", "bookworm",
                        str(place / "tree")], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        (place / "tree/etc/fstab").write_text("")
    assert not list((place / "tree/usr/bin").glob("python3*"))
    return place


PROGRAMS = "bin/sh bin/sleep bin/cat bin/ls bin/rm bin/touch lib64/ld-linux-x86-64.so.2 lib/x86_64-linux-gnu/libc.so.6 etc/passwd etc/issue " \
           "lib/x86_64-linux-gnu/libselinux.so.1 lib/x86_64-linux-gnu/libpcre2-8.so.0"


def small(image: Path, tree: Path) -> None:
    """Fill a tree with a few programs of the image: what copies a whole root need not copy much."""
    for each in ("usr", "dev", "proc", "sys", "run", "tmp", "srv"):
        (tree / each).mkdir(parents=True)
    for each in PROGRAMS.split():
        (tree / each).parent.mkdir(parents=True, exist_ok=True)
        subprocess.run(["cp", "-L", str(image / "tree" / each), str(tree / each)], check=True)


class Containers:
    """Containers of one test session. name(x): a name that is only ours."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.image = image()

    def name(self, name: str) -> str:
        return f"t{self.lab.id}-{name}"

    def names(self) -> list[str]:
        return [path.name for path in HOME.glob(f"t{self.lab.id}-*")] if HOME.exists() else []

    def leaks(self, name: str = "") -> list[str]:
        """What is left on the machine of containers that are gone: mounts, control groups, interfaces, processes, files of a run."""
        mark = self.name(name)
        found = [line for line in Path("/proc/self/mountinfo").read_text().splitlines() if mark in line]
        found += [str(path) for path in Path("/sys/fs/cgroup").glob(f"*/fleet/{mark}*")]
        found += [str(path) for place in (STATE, HOME) for path in place.glob(f"{mark}*")]
        links = subprocess.run(["ip", "-o", "link"], capture_output=True, text=True, check=True).stdout
        ids = [json.loads(path.read_text())["id"] for path in HOME.glob("*/container.json")]
        found += [line for line in links.splitlines() if ": fc" in line and not any(f"fc{each}" in line for each in ids)]
        done = subprocess.run(["ps", "-eo", "pid,args"], capture_output=True, text=True, check=True).stdout
        return found + [line for line in done.splitlines() if mark in line and "ps -eo" not in line]


class ContainerSite(Site):
    """A site on hv1, with one inventory host a container that a test names."""

    def __init__(self, path: Path, containers: Containers) -> None:
        super().__init__(path)
        self.containers = containers
        self.write("fleet.toml", "lock_timeout = 120\n")  # hv1 is this machine: other labs on it are waited for
        self.target("")

    def target(self, *names: str, on: str = "hv1", **more: str) -> None:
        """Make inventory hosts of containers of these short names."""
        lines = [self.containers.lab.inventory.read_text(), "[boxes]"] if not hasattr(self, "lines") else self.lines
        self.lines = lines + [" ".join([name, "ansible_connection=container", f"fleet_on={on}", f"fleet_container={self.containers.name(name)}",
                                        *(f"{key}={value}" for key, value in more.items())]) for name in names if name]
        self.write("hosts", "\n".join(self.lines) + "\n")

    def declare(self, short: str, check: bool = False, on: str = "hv1", ok: bool = True, **options: Any) -> dict[str, Any]:
        """Apply one declaration of a container; the result of the task."""
        given: dict[str, Any] = {"name": self.containers.name(short), "image": str(self.containers.image), **options}
        seen = self.run(f"- hosts: {on}\n  gather_facts: false\n  tasks:\n    - container: {json.dumps(given)}\n", check=check)
        result = seen.results(on)[0].result
        assert not ok or seen.status == 0, result
        return dict(result)

    def inside(self, short: str, tasks: str, check: bool = False, **options: Any) -> Seen:
        """Run tasks (YAML, a list) in a container."""
        body = "".join(f"    {line}\n" for line in tasks.strip("\n").splitlines())
        return self.run(f"- hosts: {short}\n  gather_facts: false\n  tasks:\n{body}", check=check, **options)

    def shell(self, short: str, command: str) -> dict[str, Any]:
        """One shell command in a container; its result."""
        seen = self.inside(short, "- shell: " + json.dumps(command) + "\n  ignore_errors: true")
        result = seen.results(short)[0].result
        assert "rc" in result, result
        return dict(result)


@pytest.fixture(scope="session")
def containers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Containers]:
    with Lab(tmp_path_factory.mktemp("lab")) as lab:
        lab.up(1, hypervisor=True)
        made = Containers(lab)
        yield made
        site = ContainerSite(tmp_path_factory.mktemp("end"), made)
        for name in made.names():
            site.declare(name.partition("-")[2], state="absent", purge=True)


@pytest.fixture
def boxes(containers: Containers, tmp_path: Path) -> ContainerSite:
    return ContainerSite(tmp_path, containers)
