"""Which services there are, and how they are, as facts."""
import os
import re
from typing import Any, Dict

from fleet.modules import _systemd
from fleet.runner.module import Module
from fleet.runner.spec import Ret, Spec

SPEC = Spec(
    "service_facts", "Gather which services there are, and how they are", {},
    returns={"ansible_facts": Ret("dict", "`services`: by name (with `.service` for a unit) a mapping of name, state (running, stopped, failed, inactive, "
                                          "unknown), status (enabled, disabled, static, masked ...) and source (systemd, sysv, openrc).")},
    notes=["Where systemd is installed but does not run, the state of its units is `unknown`. Scripts of System V are asked for their status."],
    examples="""
- service_facts:
- debug:
    msg: ssh runs
  when: services['ssh.service'].state == 'running'
""")


def run(m):
    # type: (Module) -> Dict[str, Any]
    services = {}  # type: Dict[str, Dict[str, str]]
    if os.path.isdir("/run/openrc"):
        services.update(_openrc(m))
    else:
        services.update(_sysv(m))
    if _systemd.runs() or os.path.exists("/usr/bin/systemctl") or os.path.exists("/bin/systemctl"):
        units = _units(m)
        services = {name: entry for name, entry in services.items() if name + ".service" not in units}
        services.update(units)
    if not services:
        m.fail("nothing that manages services was found: neither systemd nor OpenRC nor /etc/init.d")
    return {"ansible_facts": {"services": services}}


def _entry(name, state, status, source):
    # type: (str, str, str, str) -> Dict[str, str]
    return {"name": name, "state": state, "status": status, "source": source}


def _units(m):
    # type: (Module) -> Dict[str, Dict[str, str]]
    ctl = _systemd.Systemctl(m)
    found = {}
    listed = ctl("list-unit-files", "--no-pager", "--no-legend", "--type=service")
    if listed.rc != 0:
        m.fail("cannot ask systemd about its units: %s" % listed.stderr.strip(), rc=listed.rc)
    for line in listed.stdout.splitlines():
        words = line.split()
        if len(words) > 1:
            found[words[0]] = _entry(words[0], "inactive" if ctl.live else "unknown", words[1], "systemd")
    if not ctl.live:
        return found
    for line in ctl("list-units", "--no-pager", "--no-legend", "--plain", "--all", "--type=service").stdout.splitlines():
        words = line.replace("\u25cf", " ").split()
        if len(words) < 4:
            continue
        name, load, active, sub = words[:4]
        state = "running" if sub == "running" else "failed" if active == "failed" else "inactive" if active == "inactive" else "stopped"
        status = found[name]["status"] if name in found else load if load in ("not-found", "masked") else "unknown"
        found[name] = _entry(name, state, status, "systemd")
    return found


def _sysv(m):
    # type: (Module) -> Dict[str, Dict[str, str]]
    found = {}
    folder = "/etc/init.d"
    for name in sorted(os.listdir(folder)) if os.path.isdir(folder) else []:
        path = os.path.join(folder, name)
        if not os.path.isfile(path) or not os.access(path, os.X_OK) or name in ("functions", "rc", "rcS", "README", "skeleton"):
            continue
        with open(path, "rb") as stream:
            asks = b"status" in stream.read()
        state = "unknown"
        if asks and not _systemd.runs():
            state = "running" if m.run([path, "status"]).rc == 0 else "stopped"
        enabled = any(re.match(r"S\d\d%s$" % re.escape(name), link) for level in "2345S" for link in _listed("/etc/rc%s.d" % level))
        found[name] = _entry(name, state, "enabled" if enabled else "disabled", "sysv")
    return found


def _listed(path):
    # type: (str) -> Any
    return os.listdir(path) if os.path.isdir(path) else []


def _openrc(m):
    # type: (Module) -> Dict[str, Dict[str, str]]
    found = {}
    for line in m.run(["rc-status", "-a", "-s", "-C"]).stdout.splitlines():
        words = re.match(r"^\s*(\S+)\s*\[\s*(\w+)", line)
        if words:
            name, word = words.groups()
            enabled = any(name in _listed("/etc/runlevels/" + level) for level in _listed("/etc/runlevels"))
            found[name] = _entry(name, {"started": "running", "crashed": "failed"}.get(word, word), "enabled" if enabled else "disabled", "openrc")
    return found
