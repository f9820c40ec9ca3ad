"""Containers that their host's systemd starts: a host in a container, rebooted, with no controller there at boot."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.booted import PYTHON, Box
from tests.modules.harness import run
from tests.virt.containersite import image

pytestmark = pytest.mark.virt
OPTIONS: dict[str, Any] = {"image": "/images", "command": ["sh", "-c", "echo started; exec sleep 1234"], "state": "running", "autostart": True, "timeout": 3}
BOXES: dict[str, dict[str, Any]] = {"web": {"restart_policy": "always", "health": {"command": ["test", "-e", "/etc/passwd"], "interval": 0.2}},
                                    "db": {"backend": "nspawn"}}
PROGRAM = "/var/lib/fleet/containers.pyz"


@pytest.fixture
def box(tmp_path: Path) -> Iterator[Box]:
    kept = tmp_path / "fleet"  # an overlay cannot lie upon another
    kept.mkdir()
    made = Box(tmp_path / "box", "--capability=all", "--system-call-filter=add_key keyctl bpf", f"--bind={kept}:/var/lib/fleet",
               f"--bind-ro={image()}:/images")
    made.boot()
    made.ready()
    yield made
    made.close()


def applied(box: Box, *words: str, **more: Any) -> str:
    """Declare both containers, with more options; what fleet prints."""
    written(box, **more)
    status, told = box.fleet(*(words or ("apply",)), "--diff", "site.yml")
    assert status == 0, told
    return told


def written(box: Box, **more: Any) -> None:
    tasks = "".join(f"    - container: {json.dumps({'name': name, **OPTIONS, **own, **more})}\n" for name, own in BOXES.items())
    (box.site / "site.yml").write_text("- hosts: localhost\n  gather_facts: false\n  tasks:\n" + tasks)


def state(box: Box, name: str) -> dict[str, Any]:
    return dict(json.loads(box.inside("cat", f"/run/fleet/containers/{name}/state.json") or "{}"))


def until(holds: Callable[[], Any]) -> None:
    end = time.monotonic() + 60
    while not holds() and time.monotonic() < end:
        time.sleep(0.1)
    assert holds()


def test_it_comes_back_without_fleet(box: Box) -> None:
    planned = applied(box, "plan")
    assert planned.count("at boot: not started → started") == 2 and planned.count("start program of containers") == 2
    assert "fleet-container" not in box.inside("ls", "/etc/systemd/system", "/var/lib/fleet"), "a plan only tells"
    applied(box)
    assert "changed 0" in applied(box)
    assert box.inside("systemctl", "is-enabled", "fleet-container-web", "fleet-container-db") == "enabled\nenabled\n"
    before = state(box, "web")
    boot = box.inside("journalctl", "--list-boots")

    (box.site / "site.yml").unlink()
    box.reboot()
    assert box.inside("journalctl", "--list-boots").count("\n") == boot.count("\n") + 1
    assert "Stopped fleet-container-web" in box.inside("journalctl", "-b", "-1", "--no-pager"), "it was stopped in order at shutdown"
    for name in BOXES:
        assert box.inside("systemctl", "is-active", f"fleet-container-{name}") == "active\n", box.inside("journalctl", "-b", "--no-pager")
        assert box.inside("cat", f"/var/lib/fleet/containers/{name}/log") == "started\nstarted\n"
        assert len(box.inside("cat", f"/proc/{state(box, name)['pid']}/root/etc/debian_version")) > 2
    ignored = box.inside("sh", "-c", "grep SigIgn /proc/$(pgrep -fn 'sleep 123[4]')/status").split()[1]
    assert int(ignored, 16) & ~(0b11 << 31) == 0, "nothing of how it was started stays, but for what glibc's posix_spawn leaves: its own signals 32 and 33"
    assert state(box, "web")["pid"] != before["pid"] or state(box, "web")["started"] != before["started"]
    assert "changed 0" in applied(box), "and a controller finds all as declared"

    # What a supervisor does, this one does too; and when it is killed itself, systemd starts it again where the policy says so.
    until(lambda: state(box, "web")["health"] == "healthy")
    box.inside("sh", "-c", f"kill -9 $(cat /proc/{state(box, 'web')['pid']}/task/*/children)")
    until(lambda: state(box, "web").get("restarts") == 1 and state(box, "web")["health"] == "healthy")
    first = state(box, "web")["supervisor"]
    for name in BOXES:
        box.inside("kill", "-9", str(state(box, name)["supervisor"]))
    until(lambda: state(box, "web").get("supervisor", first) != first and state(box, "web").get("health") == "healthy")
    assert "running: false → true" in applied(box) and "changed 0" in applied(box), "restart_policy: no waits for the next apply"

    # Changed, given up while it runs, and gone.
    changed = applied(box, timeout=4)
    assert changed.count("+TimeoutStopSec=19") == 2 and "running" not in changed
    box.inside("systemctl", "disable", "fleet-container-web")
    assert applied(box, timeout=4).count("at boot: not started → started") == 1, "what somebody else did is seen"
    pid = state(box, "web")["pid"]
    assert applied(box, timeout=4, autostart=False).count("enabled → absent") == 2 and "changed 0" in applied(box, timeout=4, autostart=False)
    assert state(box, "web")["pid"] == pid and not re.search("fleet-container|pyz", box.inside("ls", "-R", "/etc/systemd/system", "/var/lib/fleet"))
    assert "running: false → true" in applied(box, autostart=True, command=["sleep", "1235"]), "systemd starts it now"
    assert box.inside("systemctl", "is-active", "fleet-container-web") == "active\n"
    assert applied(box, state="absent").count("present → absent") == 2
    left = box.inside("ls", "-R", "/etc/systemd/system", "/var/lib/fleet", "/run/fleet")
    assert not re.search(r"fleet-container|pyz|^web|^db", left, re.MULTILINE), left
    assert "sleep" not in box.inside("ps", "-e", "-o", "args")


def test_a_controller_is_killed(box: Box) -> None:
    """At some moments of making, starting and removing what systemd starts: the next apply converges, and nothing of it is left behind."""
    for number, moment in enumerate((0.25, 0.3, 0.4, 0.45)):
        written(box, state=("running", "absent")[number % 2])
        box.inside("sh", "-c", f"cd /srv/site; HOME=/root exec timeout -s KILL {moment} {' '.join(PYTHON)} apply site.yml")
        applied(box)
    assert "changed 0" in applied(box)
    applied(box, state="absent")
    left = box.inside("ls", "-R", "/etc/systemd/system", "/var/lib/fleet", "/run/fleet")
    assert not re.search(r"fleet-container|pyz|^web|^db|tmp$", left, re.MULTILINE), left


def test_a_failed_start_says_why(box: Box) -> None:
    task = json.dumps({"name": "bad", **OPTIONS, "command": ["/no/such"], "restart_policy": "always"})
    (box.site / "site.yml").write_text(f"- hosts: localhost\n  gather_facts: false\n  tasks:\n    - container: {task}\n")
    status, told = box.fleet("apply", "site.yml")
    assert status == 2 and "its program ended with status 127; its log ends: fleet: cannot run /no/such" in told, told
    assert box.inside("systemctl", "is-active", "fleet-container-bad") in ("inactive\n", "failed\n"), "systemd does not go on trying"


def test_a_host_without_systemd(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fleet.modules._container_init.lives", lambda: False)
    for check in (False, True):
        result = run("container", {"name": "none", **OPTIONS}, check=check)
        assert result["failed"] and "autostart: true needs a host whose init is systemd; here it is '" in result["msg"]
