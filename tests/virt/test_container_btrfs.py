"""Roots that are snapshots on a real btrfs, which lies under /var/lib/fleet in a mount namespace of the test's own."""

from __future__ import annotations

import os
import subprocess
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fleet.runner import namespace as ns
from tests.modules.harness import run
from tests.virt.containersite import STATE, Containers, containers, small

__all__ = ["containers"]
pytestmark = pytest.mark.virt


def within(mounts: Callable[[], None], test: Callable[[], None], tidy: Callable[[], None]) -> None:
    """Run a test in a child with a mount namespace of its own; its failure is ours."""
    reads, writes = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            ns.private_mounts()
            mounts()
            test()
        except BaseException:
            os.write(writes, traceback.format_exc()[-60000:].encode())
            tidy()
        finally:
            os._exit(0)
    os.close(writes)
    with os.fdopen(reads, "rb") as stream:
        said = stream.read().decode()
    os.waitpid(pid, 0)
    assert said == "", said


def test_snapshots_of_a_subvolume(containers: Containers, tmp_path: Path) -> None:
    disk, place = tmp_path / "disk", Path("/var/lib/fleet")
    subprocess.run(["truncate", "-s", "256M", str(disk)], check=True)
    subprocess.run(["mkfs.btrfs", "-q", str(disk)], check=True)
    name = containers.name("butter")
    given: dict[str, Any] = {"name": name, "image": str(place / "image"), "command": ["sleep", "1000"], "state": "running", "timeout": 1}

    def mounts() -> None:
        place.mkdir(parents=True, exist_ok=True)
        subprocess.run(["mount", "-o", "loop", str(disk), str(place)], check=True)
        (place / "image").mkdir()
        subprocess.run(["btrfs", "-q", "subvolume", "create", str(place / "image/tree")], check=True)
        small(containers.image, place / "image/tree")

    def good(module: str, changed: bool = True, **args: Any) -> dict[str, Any]:
        result = run(module, args)
        assert not result.get("failed") and result["changed"] is changed, result
        return result

    def subvolumes() -> list[str]:
        listed = subprocess.run(["btrfs", "subvolume", "list", str(place)], capture_output=True, text=True, check=True).stdout
        return sorted(line.rpartition(" ")[2].replace(name, "box") for line in listed.splitlines())

    def test() -> None:
        made = good("container", **given)
        assert made["clone"] == "btrfs" and subvolumes() == ["containers/box/root", "image/tree"]
        root = Path(made["root"])
        assert (root / "etc/passwd").stat().st_uid == made["ids"][0] and (place / "image/tree/etc/passwd").stat().st_uid == 0
        good("container", changed=False, **given)
        for backend in ("nspawn", "lxc", "crun", "chroot"):
            assert good("container", **{**given, "backend": backend})["running"], backend
        (root / "etc/passwd").write_text("before\n")
        good("container_snapshot", container=name, name="one")
        good("container_snapshot", changed=False, container=name, name="one")
        (root / "etc/passwd").write_text("after\n")
        good("container_snapshot", container=name, name="one", state="rolled_back")
        assert (root / "etc/passwd").read_text() == "before\n" and "containers/box/snapshots/one" in subvolumes()
        good("container_snapshot", container=name, name="one", state="absent")
        again = good("container", **{**given, "unprivileged": False}, recreate=True)
        assert again["clone"] == "btrfs" and (root / "etc/passwd").read_text() != "before\n" and (root / "etc/passwd").stat().st_uid == 0
        assert good("container", name="none" + name, image=given["image"], clone="overlay")["clone"] == "overlay", "it may be asked for otherwise"
        for each in (name, "none" + name):
            good("container", name=each, state="absent")
        assert subvolumes() == ["image/tree"] and not list(STATE.glob(f"*{name}"))
        subprocess.run(["umount", str(place)], check=True)  # nothing holds it

    def tidy() -> None:
        for each in (name, "none" + name):
            run("container", {"name": each, "state": "absent"})

    within(mounts, test, tidy)
    assert containers.leaks("butter") == []
    assert str(disk) not in subprocess.run(["losetup", "-a"], capture_output=True, text=True, check=True).stdout
