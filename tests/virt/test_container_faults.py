"""Whoever is killed, whenever: the next apply converges, and nothing is left when the container is gone."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from fleet.runner.container import started
from tests.modules.harness import run
from tests.virt.containersite import BACKENDS, STATE, VOLUMES, Containers, ContainerSite, boxes, containers

__all__ = ["boxes", "containers"]
pytestmark = pytest.mark.virt


def options(containers: Containers, short: str, **more: Any) -> dict[str, Any]:
    return {"name": containers.name(short), "image": str(containers.image), "command": ["sleep", "1000"], "state": "running", "timeout": 1, **more}


def converges(given: dict[str, Any]) -> None:
    result = run("container", given)
    assert not result.get("failed") and result["running"], result
    assert not run("container", given)["changed"], "and stays so"


def killed(pid: int) -> None:
    """Kill a process and see it gone."""
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return  # it went with the one before
    end = time.monotonic() + 20
    while started(pid) and time.monotonic() < end:
        time.sleep(0.01)


@pytest.mark.parametrize("backend", BACKENDS)
def test_the_supervisor_or_the_host_is_killed(containers: Containers, backend: str) -> None:
    given = options(containers, f"kill-{backend}", backend=backend, volumes={"/data": containers.name("kept")},
                    networks=[{"bridge": containers.lab.bridge}], memory="64M")
    converges(given)
    state = STATE / given["name"] / "state.json"
    (VOLUMES / containers.name("kept") / "file").write_text("data\n")
    first = json.loads(state.read_text())
    killed(first["supervisor"])
    converges(given)
    # As after a power loss: no process of it lives, and /run is empty.
    now = json.loads(state.read_text())
    assert now["pid"] != first["pid"]
    for each in ("supervisor", "pid"):
        killed(now[each])
    shutil.rmtree(state.parent)
    converges(given)
    assert run("container", {"name": given["name"], "state": "absent"})["changed"]
    assert (VOLUMES / containers.name("kept") / "file").read_text() == "data\n"
    assert containers.leaks(f"kill-{backend}") == []


# What a process does to the host, as Python tells its audit hooks; and files that are opened to be written.
STEPS = frozenset({"os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.chown", "os.chmod", "os.symlink", "subprocess.Popen", "os.fork", "os.kill", "os.exec"})


def dies(wanted: dict[str, Any], last: int) -> bool:
    """Run the module in a process which kills itself, as does each process that comes of it, when it begins one more than `last` things; whether it did."""
    pid = os.fork()
    if pid:
        return os.WIFSIGNALED(os.waitpid(pid, 0)[1])
    done = 0

    def hook(event: str, args: tuple[Any, ...]) -> None:
        nonlocal done
        if event in STEPS or (event == "open" and isinstance(args[2], int) and args[2] & (os.O_WRONLY | os.O_RDWR)):
            done += 1
            if done == last + 1:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(hook)
    try:
        run("container", wanted)
    finally:
        os._exit(0)


@pytest.mark.parametrize("backend", BACKENDS)
def test_killed_at_each_step(containers: Containers, backend: str) -> None:
    """The runner at each step of clone, start, stop and removal, the supervisor it starts at every other one of its many; shared out among the back-ends."""
    short = f"step-{backend}"
    given = options(containers, short, backend=backend, networks=[{"bridge": containers.lab.bridge}], memory="64M", volumes={"/data": containers.name("step")})
    gone = {"name": given["name"], "state": "absent", "purge": True}
    number, died = BACKENDS.index(backend), {"running": 0, "stopped": 0, "absent": 0}
    for last in (*range(number, 20, len(BACKENDS)), *range(20 + 2 * number, 84, 2 * len(BACKENDS))):
        for state in died if last < 20 else ("running",):
            died[state] += dies({**given, "state": state, "purge": True}, last)
            if state != "absent":
                converges(given)
        assert not run("container", gone).get("failed")
        assert containers.leaks(short) == [], f"after step {last}"
    assert died["running"] >= 4 and died["stopped"] and died["absent"], died


@pytest.mark.parametrize("backend", BACKENDS)
def test_the_runner_is_killed_at_any_moment(containers: Containers, backend: str) -> None:
    """While it clones, starts, stops or removes: twelve moments spread over what each takes."""
    short = f"cut-{backend}"
    given = options(containers, short, backend=backend, networks=[{"bridge": containers.lab.bridge}])
    gone = {"name": given["name"], "state": "absent"}
    for number in range(12):
        wanted = given if number % 2 == 0 else gone
        pid = os.fork()
        if pid == 0:
            try:
                run("container", wanted)
            finally:
                os._exit(0)
        time.sleep(0.003 * (number // 2 + 1) ** 2)
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        if number % 2 == 0:
            converges(given)
    result = run("container", gone)
    assert not result.get("failed"), result
    assert not run("container", gone)["changed"]
    assert containers.leaks(short) == []


def test_a_hostile_root_leads_nowhere(boxes: ContainerSite, containers: Containers, tmp_path: Path) -> None:
    """Links to the host where files and mount points are expected, a FIFO for a file, and a link for /etc itself."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "passwd").write_text("root:x:0:0::/:/bin/sh\n")
    tmp_path.chmod(0o755)
    boxes.target("hostile")
    made = boxes.declare("hostile", command=["sleep", "1000"], clone="copy", network="none", unprivileged=False)
    root = Path(made["root"])
    (root / "srv/out").symlink_to(outside)
    os.mkfifo(root / "srv/pipe")
    shutil.rmtree(root / "proc")
    (root / "proc").symlink_to(outside)
    (root / "etc").rename(root / "etc.real")
    (root / "etc").symlink_to(outside)
    before = sorted(path.name for path in outside.iterdir())
    for state in ("stopped", "running"):
        boxes.declare("hostile", command=["sleep", "1000"], clone="copy", network="none", unprivileged=False, state=state, dns=["192.0.2.1"],
                      volumes={"/srv/out/volume": containers.name("hostile")}, ok=False)
        boxes.inside("hostile", """
- copy: {content: x, dest: /srv/out/written}
  ignore_errors: true
- copy: {content: x, dest: /etc/written}
  ignore_errors: true
- slurp: {src: /srv/pipe}
  ignore_errors: true
  timeout: 5
""")
        assert sorted(path.name for path in outside.iterdir()) == before, f"nothing of the host was written ({state})"
    boxes.declare("hostile", state="absent", volumes={"/x": containers.name("hostile")}, purge=True)
