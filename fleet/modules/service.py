"""Services, by whatever manages them on the target."""
import glob
import os
import re
import time
from typing import Any, Dict, Generator, List

from fleet.modules import _systemd
from fleet.runner.module import Change, Completed, Module
from fleet.runner.spec import Opt, Ret, Spec

SPEC = Spec(
    "service", "Manage services",
    dict({
        "name": Opt("str", "The service; not needed for daemon_reload and daemon_reexec alone."),
        "state": Opt("str", "started and stopped change something only when needed; restarted and reloaded always act.",
                     choices=["reloaded", "restarted", "started", "stopped"]),
        "enabled": Opt("bool", "Whether it starts with the system."),
        "pattern": Opt("str", "Where a script has no status: text that the command line of the running service holds."),
        "sleep": Opt("int", "Seconds between stop and start of a restart, for scripts that end too soon."),
        "runlevel": Opt("str", "The runlevel of OpenRC.", default="default"),
        "arguments": Opt("str", "Further words for a script.", default="", aliases=["args"]),
        "use": Opt("str", "What manages services; found out when not given.", default="auto",
                   choices=["auto", "openrc", "service", "systemd", "sysvinit"]),
    }, **{name: _systemd.OPTIONS[name] for name in ("masked", "force", "daemon_reload", "daemon_reexec", "scope", "no_block")}),
    required_by={"state": ["name"], "enabled": ["name"], "masked": ["name"]},
    required_one_of=[("state", "enabled", "masked", "daemon_reload", "daemon_reexec")],
    returns={"name": Ret("str", "The service."), "state": Ret("str", "Its state.", returned="state given"),
             "enabled": Ret("bool", "Whether it is enabled.", returned="enabled given"),
             "status": Ret("dict", "The unit's properties.", returned="systemd runs")},
    notes=["Options of systemd alone (masked, force, daemon_reload, daemon_reexec, scope, no_block) are left aside where something else manages the service.",
           "systemd, OpenRC and System V scripts are known. A container that runs none of them has no services to manage.",
           "In an image while it is built `state` changes nothing: what is enabled starts with each instance."],
    examples="""
- service:
    name: ssh
    state: restarted
""")

MYPY = False
if MYPY:
    Steps = Generator[Change, Any, Dict[str, Any]]


def run(m):
    # type: (Module) -> Steps
    args = m.args
    if args.name is None:
        return (yield from _systemd.module(m)) if _systemd.runs() else {}
    if args.name.startswith(("-", "/", ".")) or "/" in args.name or "\n" in args.name:
        m.fail("%r cannot be the name of a service" % args.name)
    kind = args.use if args.use not in ("auto", "service") else manager(m, args.name)
    if kind == "systemd":
        return (yield from _systemd.module(m))
    asked = args.state
    if _systemd.offline():
        args["state"] = None
    steps = _openrc(m) if kind == "openrc" else _script(m)
    yield from steps
    args["state"] = asked
    result = {"name": args.name}  # type: Dict[str, Any]
    if args.enabled is not None:
        result["enabled"] = args.enabled
    if args.state is not None:
        result["state"] = "stopped" if args.state == "stopped" else "started"
    return result


def manager(m, name):
    # type: (Module, str) -> str
    """systemd, openrc or sysvinit: what has this service here. ModuleError when nothing can."""
    if _systemd.runs():
        return "systemd"
    if os.path.isdir("/run/openrc") or os.path.exists("/sbin/openrc-run"):
        return "openrc"
    unit = glob.escape(name if name.endswith(".service") else name + ".service")
    units = [path for folder in ("/etc/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system") for path in glob.glob(folder + "/" + unit)]
    if units and (m.args.state is None or _systemd.offline()):
        return "systemd"
    if os.access("/etc/init.d/" + name, os.X_OK):
        return "sysvinit"
    if units:
        m.fail("%s is a unit of systemd (%s), and systemd does not run here: only `enabled` can be set" % (name, units[0]))
    if os.path.isdir("/etc/init.d") and m.check:
        return "sysvinit"
    m.fail("Could not find the requested service %s: nothing that manages services runs here, and there is no /etc/init.d/%s" % (name, name))
    return ""


def _wanted(m, running):
    # type: (Module, bool) -> List[str]
    """The verbs that bring the service to the state asked for."""
    state = m.args.state
    if state == "started":
        return [] if running else ["start"]
    if state == "stopped":
        return ["stop"] if running else []
    if state == "reloaded":
        return ["reload" if running else "start"]
    return ["stop", "start"] if m.args.sleep and running else ["restart"]


def _act(m, verbs, command):
    # type: (Module, List[str], Any) -> None
    for number, verb in enumerate(verbs):
        if number and m.args.sleep:
            time.sleep(m.args.sleep)
        done = m.run(command(verb))  # type: Completed
        if done.rc != 0:
            m.fail("Unable to %s service %s: %s" % (verb, m.args.name, done.stderr.strip() or done.stdout.strip()), rc=done.rc,
                   stdout=done.stdout, stderr=done.stderr)


def _script(m):
    # type: (Module) -> Generator[Change, Any, None]
    args = m.args
    path = "/etc/init.d/" + args.name
    if not os.path.exists(path):
        if not m.check:
            m.fail("Could not find the requested service %s: there is no %s" % (args.name, path))
        m.warn("there is no %s yet" % path)
    if args.enabled is not None:
        yield from _script_enabled(m)
    if args.state is None:
        return
    running = os.path.exists(path) and _running(m, path)
    verbs = _wanted(m, running)
    if verbs:
        words = args.arguments.split()
        yield Change("state of " + args.name, "started" if running else "stopped", args.state,
                     lambda: _act(m, verbs, lambda verb: [path, verb] + words))


def _running(m, path):
    # type: (Module, str) -> bool
    if m.args.pattern:
        return any(m.args.pattern in line for line in _command_lines())
    done = m.run([path, "status"] + m.args.arguments.split())
    if done.rc in (0, 1, 2, 3, 4):
        text = (done.stdout + done.stderr).lower()
        return done.rc == 0 and not re.search(r"\b(not running|stopped|is dead|inactive)\b", text)
    return False


def _command_lines():
    # type: () -> List[str]
    found = []
    for path in glob.glob("/proc/[0-9]*/cmdline"):
        if path.split("/")[2] == str(os.getpid()):
            continue
        try:
            with open(path, errors="replace") as stream:
                found.append(stream.read().replace("\0", " "))
        except OSError:
            continue
    return found


def _script_enabled(m):
    # type: (Module) -> Generator[Change, Any, None]
    name, wanted = m.args.name, m.args.enabled
    now = bool(glob.glob("/etc/rc[2345].d/S[0-9][0-9]" + glob.escape(name)))
    if now == wanted:
        return

    def apply():
        # type: () -> None
        if os.path.exists("/usr/sbin/update-rc.d"):
            if wanted:
                m.run(["/usr/sbin/update-rc.d", name, "defaults"], ok=[0])
            m.run(["/usr/sbin/update-rc.d", name, "enable" if wanted else "disable"], ok=[0])
        else:
            m.run(["/sbin/chkconfig", name, "on" if wanted else "off"], ok=[0])

    yield Change("enablement of " + name, now, wanted, apply)


def _openrc(m):
    # type: (Module) -> Generator[Change, Any, None]
    args = m.args
    if args.enabled is not None:
        now = os.path.lexists("/etc/runlevels/%s/%s" % (args.runlevel, args.name))
        if now != args.enabled:
            verb = "add" if args.enabled else "delete"
            yield Change("enablement of " + args.name, now, args.enabled,
                         lambda: m.run(["rc-update", verb, args.name, args.runlevel], ok=[0]))
    if args.state is None:
        return
    running = m.run(["rc-service", args.name, "status"]).rc == 0
    verbs = _wanted(m, running)
    if verbs:
        yield Change("state of " + args.name, "started" if running else "stopped", args.state,
                     lambda: _act(m, verbs, lambda verb: ["rc-service", args.name, verb] + args.arguments.split()))
