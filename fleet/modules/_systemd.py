"""Units of systemd: what systemd and service share."""
import os
from typing import Any, Dict, Generator, List, Optional

from fleet.runner.module import Change, Completed, Module
from fleet.runner.spec import Opt, Ret

ACTIVE = ("active", "activating", "reloading", "refreshing")
OPTIONS = {
    "name": Opt("str", "The unit; .service is added when it has no suffix.", aliases=["service", "unit"]),
    "state": Opt("str", "started and stopped change something only when needed; restarted and reloaded always act.",
                 choices=["reloaded", "restarted", "started", "stopped"]),
    "enabled": Opt("bool", "Whether it starts with the system."),
    "masked": Opt("bool", "Whether it cannot be started at all."),
    "force": Opt("bool", "Overwrite conflicting links when enabling or masking."),
    "daemon_reload": Opt("bool", "Read changed unit files first.", default=False, aliases=["daemon-reload"]),
    "daemon_reexec": Opt("bool", "Start systemd itself anew first.", default=False, aliases=["daemon-reexec"]),
    "scope": Opt("str", "The system's manager, the manager of the user, or what all users' managers enable.", default="system",
                 choices=["global", "system", "user"]),
    "no_block": Opt("bool", "Do not wait until the unit is started or stopped.", default=False),
}
RETURNS = {
    "name": Ret("str", "The unit.", returned="name given"), "state": Ret("str", "Its state.", returned="state given"),
    "enabled": Ret("bool", "Whether it is enabled.", returned="enabled given"),
    "status": Ret("dict", "All properties of the unit, as `systemctl show` has them.", returned="systemd runs"),
}


def runs():
    # type: () -> bool
    """Whether systemd manages this system (or container)."""
    return os.path.isdir("/run/systemd/system")


def offline():
    # type: () -> bool
    """Whether this is an image while it is built: nothing is to run here, and what should run will when an instance starts."""
    return os.path.isdir("/run/fleet/offline")


class Systemctl:
    """systemctl with the words that scope and the running system ask for."""

    def __init__(self, m, scope="system"):
        # type: (Module, str) -> None
        self.m = m
        self.live = runs() or scope == "user"
        self.words = ["systemctl", "--no-ask-password"] + {"system": [], "user": ["--user"], "global": ["--global"]}[scope]
        self.env = {"LC_ALL": "C.UTF-8", "SYSTEMD_PAGER": "", "SYSTEMD_COLORS": "0"}
        if scope == "user" and "XDG_RUNTIME_DIR" not in os.environ:
            self.env["XDG_RUNTIME_DIR"] = "/run/user/%d" % os.getuid()
        if not self.live and scope == "system":
            self.words.append("--root=/")

    def __call__(self, *words):
        # type: (*str) -> Completed
        return self.m.run(self.words + list(words), env=self.env)

    def must(self, what, *words):
        # type: (str, *str) -> None
        done = self(*words)
        if done.rc != 0:
            self.m.fail("Unable to %s: %s" % (what, done.stderr.strip() or done.stdout.strip()), rc=done.rc, stdout=done.stdout, stderr=done.stderr)

    def show(self, unit):
        # type: (str) -> Dict[str, str]
        done = self("show", "--", unit)
        if done.rc != 0:
            self.m.fail("cannot ask systemd about %s: %s" % (unit, done.stderr.strip()), rc=done.rc)
        status = {}  # type: Dict[str, str]
        name = ""
        for line in done.stdout.splitlines():
            key, equals, value = line.partition("=")
            if equals and key[:1].isupper() and key.isalnum():
                name = key
                status[name] = value
            elif name:
                status[name] += "\n" + line
        return status

    def enablement(self, unit):
        # type: (str) -> Completed
        return self("is-enabled", "--", unit)


def manage(m, name, state, enabled, masked=None, force=False, scope="system", no_block=False):
    # type: (Module, str, Optional[str], Optional[bool], Optional[bool], Optional[bool], str, bool) -> Generator[Change, Any, Dict[str, Any]]
    """Bring a unit to what is asked; returns name, state, enabled and status."""
    ctl = Systemctl(m, scope)
    if name.startswith("-") or "\n" in name:
        m.fail("%r cannot be the name of a unit" % name)
    unit = name if "." in os.path.basename(name) and name.rsplit(".", 1)[1] in _SUFFIXES else name + ".service"
    status = ctl.show(unit) if ctl.live and scope != "global" else {}
    asked = state
    if state is not None and not ctl.live and offline():
        state = None
    if state is not None and not ctl.live:
        m.fail("cannot make %s %s: systemd does not run here (it is not process 1), so only enabled and masked can be set" % (unit, state))
    _known(m, ctl, unit, status)
    result = {"name": name, "status": status}  # type: Dict[str, Any]
    if masked is not None:
        yield from _mask(m, ctl, unit, masked, force, status)
    if enabled is not None:
        yield from _enable(m, ctl, unit, enabled, force)
        result["enabled"] = enabled
    if state is not None:
        yield from _state(ctl, unit, state, status, no_block)
    if asked is not None:
        result["state"] = {"restarted": "started", "reloaded": "started"}.get(asked, asked)
    return result


_SUFFIXES = frozenset(("service", "socket", "device", "mount", "automount", "swap", "target", "path", "timer", "slice", "scope"))


def _known(m, ctl, unit, status):
    # type: (Module, Systemctl, str, Dict[str, str]) -> None
    """ModuleError when there is no such unit. Under check an earlier task may be the one that would bring it."""
    missing = status.get("LoadState") == "not-found"
    if not ctl.live:
        done = ctl.enablement(unit)
        missing = done.rc != 0 and not done.stdout.strip()
    if not missing:
        return
    if not m.check:
        m.fail("Could not find the requested service %s: there is no such unit" % unit)
    m.warn("there is no unit %s yet" % unit)


def _mask(m, ctl, unit, masked, force, status):
    # type: (Module, Systemctl, str, bool, Optional[bool], Dict[str, str]) -> Generator[Change, Any, None]
    now = status.get("LoadState") == "masked" if status else ctl.enablement(unit).stdout.strip().startswith("masked")
    if now != masked:
        verb = "mask" if masked else "unmask"
        words = [verb] + (["--force"] if force and masked else []) + ["--", unit]
        yield Change("mask of " + unit, now, masked, lambda: ctl.must("%s service %s" % (verb, unit), *words))


def _enable(m, ctl, unit, enabled, force):
    # type: (Module, Systemctl, str, bool, Optional[bool]) -> Generator[Change, Any, None]
    done = ctl.enablement(unit)
    word = done.stdout.strip().splitlines()[-1] if done.stdout.strip() else "disabled"
    is_on = done.rc == 0 if enabled else word in ("enabled", "enabled-runtime", "linked", "linked-runtime")
    if is_on == enabled:
        return
    if word.startswith("masked") and enabled and m.args.get("masked") is not False:
        m.fail("%s is masked and cannot be enabled: use `masked: false`" % unit)
    verb = "enable" if enabled else "disable"
    words = [verb] + (["--force"] if force and enabled else []) + ["--", unit]
    yield Change("enablement of " + unit, word, verb + "d", lambda: ctl.must("%s service %s" % (verb, unit), *words))


def _state(ctl, unit, state, status, no_block):
    # type: (Systemctl, str, str, Dict[str, str], bool) -> Generator[Change, Any, None]
    now = status.get("ActiveState", "inactive")
    verb = ""
    if state == "started":
        verb = "" if now in ACTIVE else "start"
    elif state == "stopped":
        verb = "stop" if now in ACTIVE or now == "deactivating" else ""
    elif state == "restarted":
        verb = "restart" if now in ACTIVE else "start"
    else:
        verb = "reload" if now in ACTIVE else "start"
    if not verb:
        return
    words = [verb] + (["--no-block"] if no_block else []) + ["--", unit]  # type: List[str]
    yield Change("state of " + unit, now, state, lambda: ctl.must("%s service %s" % (verb, unit), *words))


def module(m):
    # type: (Module) -> Generator[Change, Any, Dict[str, Any]]
    """The module systemd."""
    args = m.args
    ctl = Systemctl(m, args.scope)
    for wanted, verb in ((args.daemon_reload, "daemon-reload"), (args.daemon_reexec, "daemon-reexec")):
        if wanted and ctl.live and args.scope != "global":
            what = verb.replace("-", " ")
            yield Change(what, apply=lambda verb=verb, what=what: ctl.must(what, verb))  # type: ignore[misc]
    if args.name is None:
        return {"changed": False}
    steps = manage(m, args.name, args.state, args.enabled, args.masked, args.force, args.scope, args.no_block)
    return (yield from counted(steps))


def counted(steps):
    # type: (Generator[Change, Any, Dict[str, Any]]) -> Generator[Change, Any, Dict[str, Any]]
    """The same steps; `changed` in the result says whether one of these was a change (reading unit files again is none)."""
    changed = False
    answer = None  # type: Any
    try:
        while True:
            change = steps.send(answer)
            changed = True
            answer = yield change
    except StopIteration as stop:
        return dict(stop.value, changed=changed)
