"""The time zone of the target, and what its hardware clock keeps."""
import os
from typing import Any, Dict, Generator

from fleet.modules import _text
from fleet.runner.module import Change, Module
from fleet.runner.spec import Opt, Spec

SPEC = Spec(
    "timezone", "Set the target's time zone",
    {
        "name": Opt("str", "The zone: Europe/Berlin, UTC ..."),
        "hwclock": Opt("str", "What the hardware clock keeps.", choices=["UTC", "local"], aliases=["rtc"]),
    },
    required_one_of=[("name", "hwclock")],
    notes=["Sets the link /etc/localtime, and /etc/timezone where there is one or the target is a Debian, as timedatectl does.",
           "hwclock is kept in /etc/adjtime; the clock itself is not turned.",
           "Programs that run, cron among them, see a new zone when they are started again."],
    examples="- timezone: {name: Europe/Berlin}\n")

LINK, NAME, ADJUST, ZONES = "/etc/localtime", "/etc/timezone", "/etc/adjtime", "/usr/share/zoneinfo"


def run(m):
    # type: (Module) -> Generator[Change, Any, Dict[str, Any]]
    if m.args.name is not None:
        yield from _zone(m, m.args.name)
    if m.args.hwclock is not None:
        yield from _clock(m)
    return {"name": m.args.name, "hwclock": m.args.hwclock}


def _zone(m, name):
    # type: (Module, str) -> Generator[Change, Any, None]
    path = os.path.normpath(os.path.join(ZONES, name))
    if not path.startswith(ZONES + "/") or not os.path.isfile(path):
        hint = "" if os.path.isdir(ZONES) else ": the package tzdata is not installed"
        m.fail("there is no time zone %s on this target%s" % (name, hint))
    target = os.readlink(LINK) if os.path.islink(LINK) else None
    now = os.path.normpath(os.path.join("/etc", target)) if target is not None else None
    if now != path:
        before = "absent" if not os.path.lexists(LINK) else "file" if now is None else now
        yield Change("time zone", before, path, lambda: _link(path), LINK)
    old = _text.content(NAME)
    if (old is not None or os.path.exists("/etc/debian_version")) and (old or "").strip() != name:
        yield from _text.rewrite(m, NAME, old, name + "\n")


def _link(path):
    # type: (str) -> None
    new = "%s.fleet-%d" % (LINK, os.getpid())
    os.symlink(path, new)
    try:
        os.rename(new, LINK)
    except OSError:
        os.unlink(new)
        raise


def _clock(m):
    # type: (Module) -> Generator[Change, Any, None]
    old = _text.content(ADJUST)
    lines = (old or "").splitlines() + ["0.0 0 0.0", "0", "UTC"][len((old or "").splitlines()):]
    wanted = "LOCAL" if m.args.hwclock == "local" else "UTC"
    if lines[2].strip() != wanted:
        yield from _text.rewrite(m, ADJUST, old, "\n".join(lines[:2] + [wanted]) + "\n")
