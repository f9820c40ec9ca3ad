"""service by scripts, and units without a running systemd. A running systemd is tested in a booted container (tests/virt)."""

from __future__ import annotations

from pathlib import Path

from tests.modules.sysroot import inside, ok, run, settles

SCRIPT = """#!/bin/sh
### BEGIN INIT INFO
# Provides: thing
# Required-Start:
# Required-Stop:
# Default-Start: 2 3 4 5
# Default-Stop: 0 1 6
### END INIT INFO
echo "$1 $2" >> /tmp/thing.log
case "$1" in
    start|restart) touch /run/thing ;;
    stop) rm -f /run/thing ;;
    status) if test -e /run/thing; then echo running; else echo stopped; exit 3; fi ;;
    reload) test -e /run/thing ;;
    *) exit 2 ;;
esac
"""
UNIT = "[Unit]\nDescription=x\n[Service]\nExecStart=/bin/true\n[Install]\nWantedBy=multi-user.target\n"


def thing() -> None:
    path = Path("/etc/init.d/thing")
    path.write_text(SCRIPT)
    path.chmod(0o755)


def log() -> list[str]:
    path = Path("/tmp/thing.log")
    words = [line.strip() for line in path.read_text().splitlines()] if path.exists() else []
    path.unlink(missing_ok=True)
    return [word for word in words if not word.startswith("status")]


@inside
def test_a_script() -> None:
    thing()
    assert settles("service", name="thing", state="started")["state"] == "started"
    assert log() == ["start"]
    for state, verbs in (("restarted", ["restart"]), ("reloaded", ["reload"])):
        assert ok("service", name="thing", state=state)["changed"] and log() == verbs
    assert ok("service", name="thing", state="restarted", sleep=1)["changed"] and log() == ["stop", "start"]
    settles("service", name="thing", state="stopped")
    assert log() == ["stop"]
    assert ok("service", name="thing", state="reloaded", arguments="now")["changed"] and log() == ["start now"]


@inside
def test_enabling_a_script() -> None:
    thing()
    settles("service", name="thing", enabled=True)
    assert list(Path("/etc/rc3.d").glob("S*thing"))
    settles("service", name="thing", enabled=False)


@inside
def test_what_is_not_there() -> None:
    assert "Could not find the requested service nothing" in run("service", name="nothing", state="started")["msg"]
    assert ok("service", name="nothing", state="started", check=True)["warnings"]
    for name in ("../x", "-x", "/bin/sh"):
        assert run("service", name=name, state="started")["failed"]
    thing()
    Path("/etc/init.d/thing").write_text("#!/bin/sh\necho broken >&2; exit 7\n")
    broken = run("service", name="thing", state="started")
    assert (broken["rc"], broken["msg"]) == (7, "Unable to start service thing: broken")


@inside
def test_a_unit_without_systemd() -> None:
    Path("/etc/systemd/system").mkdir(parents=True, exist_ok=True)
    Path("/etc/systemd/system/app.service").write_text(UNIT)
    refused = run("service", name="app", state="started")
    assert refused["failed"] and "systemd does not run here" in refused["msg"]
