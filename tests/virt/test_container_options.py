"""What a declaration says is so inside, on every back-end; and what each change of it takes."""

from __future__ import annotations

import json
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from tests.modules.harness import run
from tests.virt.containersite import BACKENDS, HOME, STATE, VOLUMES, Containers, ContainerSite, boxes, containers

__all__ = ["boxes", "containers"]
pytestmark = pytest.mark.virt
SLEEP = ["sleep", "1000"]


@pytest.mark.parametrize("backend", BACKENDS)
def test_options(boxes: ContainerSite, containers: Containers, tmp_path: Path, backend: str) -> None:
    short = f"opt-{backend}"
    boxes.target(short)
    shown = tmp_path / "shown"
    shown.mkdir()
    shown.chmod(0o755)
    (shown / "file").write_text("of the host\n")
    volume = containers.name(f"vol-{backend}")
    options: dict[str, Any] = {
        "backend": backend, "state": "running", "command": ["sh", "-c", "id -u; pwd; echo $COLOUR; cat /data/kept; ulimit -n; exec sleep 1000"],
        "environment": {"COLOUR": "dark blue"}, "user": "daemon", "workdir": "/usr", "hostname": "inside", "binds": {"/mnt/host": f"{shown}:ro"},
        "volumes": {"/data": volume}, "tmpfs": ["/scratch"], "ulimits": {"nofile": "512:1024"}, "no_new_privileges": True, "cap_drop": ["net_raw"],
        "network": "none", "dns": ["192.0.2.53"], "memory": "64M", "pids_limit": 40, "cpus": 0.5}
    (VOLUMES / volume).mkdir(parents=True, exist_ok=True)
    (VOLUMES / volume / "kept").write_text("data\n")
    made = boxes.declare(short, **options)
    assert not boxes.declare(short, **options)["changed"]
    assert Path(made["log"]).read_text().split() == ["1", "/usr", "dark", "blue", "data", "512"]
    out = boxes.shell(short, "hostname; cat /mnt/host/file; touch /mnt/host/x 2>/dev/null && echo written; grep -c ' /scratch tmpfs' /proc/mounts; "
                             "cat /etc/resolv.conf; ls /sys/class/net; grep NoNewPrivs /proc/self/status; touch /data/made; stat -c %u /data/made")["stdout"]
    assert out.split() == ["inside", "of", "the", "host", "1", "nameserver", "192.0.2.53", "lo", "NoNewPrivs:", "1", "0"], out
    assert (VOLUMES / volume / "made").stat().st_uid == 0, "a volume's files are the same for every container"
    bounding = int(boxes.shell(short, "grep CapBnd /proc/self/status")["stdout"].split()[1], 16)
    assert not bounding >> 13 & 1 and not bounding >> 21 & 1, "neither NET_RAW nor SYS_ADMIN"
    # Its root is lost on recreation, its data are not.
    boxes.shell(short, "touch /srv/lost")
    pending = boxes.declare(short, **{**options, "unprivileged": False})
    assert not pending["changed"] and set(pending["pending"]) == {"unprivileged"} and "recreate" in pending["warnings"][0]
    assert boxes.declare(short, check=True, recreate=True, **{**options, "unprivileged": False})["changed"]
    again = boxes.declare(short, recreate=True, **{**options, "unprivileged": False, "user": "root"})
    assert again["effects"] == {"unprivileged": "recreate", "user": "restart"} and "ids" not in again
    assert boxes.shell(short, "ls /srv/lost /data/kept 2>/dev/null; cat /proc/self/uid_map")["stdout"].split()[:4] == ["/data/kept", "0", "0", "4294967295"]
    boxes.declare(short, **{**options, "state": "absent"})
    assert (VOLUMES / volume / "kept").exists() and (VOLUMES / volume / "made").exists()
    boxes.declare(short, **{**options, "state": "absent"}, purge=True)


@pytest.mark.parametrize("backend", BACKENDS)
def test_devices(boxes: ContainerSite, containers: Containers, tmp_path: Path, backend: str) -> None:
    """The devices that are declared can be used by an unprivileged root, running or not; no other can, not even by a node of its number."""
    short = f"dev-{backend}"
    boxes.target(short)
    (tmp_path / "disk").write_bytes(b"on the disk\n".ljust(1 << 20))
    loop = subprocess.run(["losetup", "-f", "--show", str(tmp_path / "disk")], capture_output=True, text=True, check=True).stdout.strip()
    try:
        tried = f"head -n 1 {loop}; sh -c 'exec 3<>/dev/fuse' && echo opened; ls /dev/kmsg /dev/loop-control 2>/dev/null; stat -c %U /dev/fuse"
        options: dict[str, Any] = {"backend": backend, "command": SLEEP, "devices": ["/dev/fuse", loop]}
        for state in ("stopped", "running"):
            boxes.declare(short, **options, state=state)
            assert not boxes.declare(short, **options, state=state)["changed"]
            assert boxes.shell(short, tried)["stdout"].split() == ["on", "the", "disk", "opened", "root"], state
        assert boxes.declare(short, **{**options, "devices": []}, state="running")["effects"] == {"devices": "restart"}
        assert boxes.shell(short, f"ls {loop} /dev/fuse 2>/dev/null; true")["stdout"] == ""
        assert "there is no device /dev/no" in boxes.declare(short, ok=False, backend=backend, command=SLEEP, devices=["/dev/no"])["msg"]
        boxes.declare(short, state="absent")
    finally:
        subprocess.run(["losetup", "-d", loop], check=True)
    assert containers.leaks(short) == []
    assert Path("/dev/fuse").stat().st_uid == 0


@pytest.mark.parametrize("backend", BACKENDS)
def test_limits_change_live(boxes: ContainerSite, containers: Containers, backend: str) -> None:
    short = f"live-{backend}"
    boxes.target(short)
    options: dict[str, Any] = {"backend": backend, "state": "running", "command": SLEEP, "memory": "64M", "pids_limit": 30, "cpus": 0.2}
    made = boxes.declare(short, **options)
    changed = boxes.declare(short, **{**options, "memory": "96M", "cpus": 1.5, "cpu_shares": 512})
    assert changed["effects"] == {"memory": "live", "cpus": "live", "cpu_shares": "live"} and changed["pid"] == made["pid"]
    group = next(Path("/sys/fs/cgroup/memory/fleet").glob(containers.name(short) + ".*"))
    assert (group / "memory.limit_in_bytes").read_text().strip() == str(96 << 20)
    (group / "memory.limit_in_bytes").write_text(str(128 << 20))
    drift = boxes.declare(short, check=True, **{**options, "memory": "96M", "cpus": 1.5, "cpu_shares": 512})
    assert drift["changed"], "what somebody else changed is seen"
    assert boxes.declare(short, **{**options, "memory": "96M", "cpus": 1.5, "cpu_shares": 512})["changed"]
    assert (group / "memory.limit_in_bytes").read_text().strip() == str(96 << 20)
    assert boxes.declare(short, backend=backend, state="running", command=SLEEP)["effects"] == {
        "memory": "live", "cpus": "live", "cpu_shares": "live", "pids_limit": "live"}
    assert not boxes.declare(short, backend=backend, state="running", command=SLEEP)["changed"], "no limits is a declaration too"
    boxes.declare(short, state="absent")


def test_restart_is_held_back_or_done(boxes: ContainerSite, containers: Containers) -> None:
    made = boxes.declare("held", command=SLEEP, state="running")
    held = boxes.declare("held", command=["sleep", "2000"], state="running", restart=False)
    assert not held["changed"] and held["pid"] == made["pid"] and held["pending"]["command"]["effect"] == "restart"
    done = boxes.declare("held", command=["sleep", "2000"])
    assert done["changed"] and done["running"] and done["pid"] != made["pid"], "present: what ran runs again"
    boxes.declare("held", state="absent")


@pytest.mark.parametrize(("options", "words"), [
    ({"name": "../up"}, "cannot be the name"), ({"name": "a b"}, "cannot be the name"), ({"command": SLEEP, "state": "running",
     "networks": [{"bridge": "no-such"}]}, "no bridge"), ({"state": "running"}, "needs a command"), ({"image": "/no/such"}, "no image with a tree"),
    ({"boot": True, "backend": "crun"}, "cannot do that"), ({"binds": {"/x": "/no/such"}}, "there is no /no/such"), ({"binds": {"x/../y": "/etc"}}, "absolute"),
    ({"volumes": {"/x": "../etc"}}, "name of a volume"), ({"cap_add": ["everything"]}, "no capability"), ({"environment": {"A": "b\nc"}}, "line break"),
    ({"command": ["/no/such"], "state": "running"}, "cannot run /no/such"), ({"command": ["false"], "state": "running", "user": "nobody-such"}, "no user"),
])
def test_refused(containers: Containers, options: dict[str, Any], words: str) -> None:
    result = run("container", {"name": containers.name("bad"), "image": str(containers.image), **options})
    assert result["failed"] and words in result["msg"], result["msg"]
    assert "Traceback" not in result["msg"]
    run("container", {"name": containers.name("bad"), "state": "absent"})
    assert containers.leaks("bad") == []


@pytest.mark.parametrize("backend", BACKENDS)
def test_read_only_root(boxes: ContainerSite, containers: Containers, backend: str) -> None:
    boxes.target("ro")
    boxes.declare("ro", backend=backend, state="running", command=SLEEP, read_only=True, tmpfs=["/scratch"], volumes={"/data": containers.name("ro")})
    out = boxes.shell("ro", "for place in / /etc /scratch /data; do touch $place/x 2>/dev/null && echo $place; done; true")
    assert out["stdout"].split() == ["/scratch", "/data"]
    boxes.declare("ro", state="absent")


@pytest.mark.parametrize("backend", BACKENDS)
def test_network_on_a_bridge(boxes: ContainerSite, containers: Containers, backend: str) -> None:
    short, net = f"net-{backend}", containers.lab.net
    boxes.target(short)
    address = f"10.{net[0]}.{net[1] + 3}.{BACKENDS.index(backend) + 10}"
    made = boxes.declare(short, backend=backend, state="running", command="busybox httpd -f -p 80 -h /etc", networks=[
        {"bridge": containers.lab.bridge, "addresses": [f"{address}/20"], "gateway": containers.lab.gateway, "mac": "02:00:00:00:00:07"},
        {"bridge": containers.lab.bridge, "interface": "second"}])
    assert made["running"]
    reached = subprocess.run(["curl", "-s", "--max-time", "5", "--retry", "5", "--retry-connrefused", "--retry-delay", "1", f"http://{address}/debian_version"],
                             capture_output=True, text=True)
    assert reached.stdout.startswith("12"), "an unprivileged root may listen on port 80 of its own network"
    assert boxes.shell(short, "cat /sys/class/net/eth0/address; ip route | head -1; ls /sys/class/net")["stdout"].split() == [
        "02:00:00:00:00:07", "default", "via", containers.lab.gateway, "dev", "eth0", "eth0", "lo", "second"]
    boxes.declare(short, state="absent")
    assert containers.leaks(short) == []


def test_health_and_restarts(boxes: ContainerSite, containers: Containers) -> None:
    boxes.target("well")
    program = ["sh", "-c", "rm -f /well; sleep 0.5; touch /well; exec sleep 1000"]
    options: dict[str, Any] = {"command": program, "state": "running", "restart_policy": "always",
                               "health": {"command": ["test -e /well"], "interval": 0.2, "retries": 2, "start_period": 2}}
    made = boxes.declare("well", **options)
    assert made["health"] == "healthy" and not boxes.declare("well", **options)["changed"]
    state = STATE / containers.name("well") / "state.json"
    boxes.shell("well", "rm /well")
    assert until(lambda: json.loads(state.read_text())["restarts"] > 0 and json.loads(state.read_text())["health"] == "healthy"), state.read_text()
    failed = boxes.declare("ill", ok=False, command=SLEEP, state="running", timeout=1, health={"command": ["false"], "interval": 0.1})
    assert failed["failed"] and "not healthy" in failed["msg"]
    for short in ("well", "ill"):
        boxes.declare(short, state="absent")


def until(holds: Any, seconds: float = 20) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            if holds():
                return True
        except (OSError, ValueError):
            pass
        time.sleep(0.05)
    return False


@pytest.mark.parametrize("backend", ["nspawn", "lxc"])
def test_system_container(boxes: ContainerSite, containers: Containers, backend: str) -> None:
    """Its own systemd runs, unprivileged, and services can be managed in it."""
    short = f"init-{backend}"
    boxes.target(short)
    boxes.declare(short, backend=backend, boot=True, state="running", network="none", timeout=20)
    up = until(lambda: boxes.shell(short, "systemctl is-system-running")["stdout"] in ("running", "degraded"), 60)
    assert up, (HOME / containers.name(short) / "log").read_text()
    seen = boxes.inside(short, """
- copy: {content: "[Service]\\nExecStart=/bin/sleep 999\\n[Install]\\nWantedBy=multi-user.target\\n", dest: /etc/systemd/system/nap.service}
- systemd: {name: nap, state: started, enabled: true, daemon_reload: true}
- command: systemctl is-active nap
""")
    assert seen.status == 0, [event.result for event in seen.results()]
    assert boxes.shell(short, "cat /proc/1/comm; cat /proc/1/uid_map")["stdout"].split()[0] == "systemd"
    assert boxes.declare(short, backend=backend, boot=True, state="stopped", network="none", timeout=20)["changed"]
    boxes.declare(short, state="absent")
    assert containers.leaks(short) == []
