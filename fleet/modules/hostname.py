"""The name of the target."""
import os
import re
import socket
from typing import Any, Dict, Generator

from fleet.modules._facts_system import read, system
from fleet.runner.files import write
from fleet.runner.module import Change, Module
from fleet.runner.spec import Opt, Ret, Spec

SPEC = Spec(
    "hostname", "Set the target's name",
    {
        "name": Opt("str", "The name.", required=True),
        "use": Opt("str", "How the system keeps it; found out when not given. All of these keep it in /etc/hostname.",
                   choices=["alpine", "debian", "generic", "redhat", "systemd"]),
    },
    returns={"name": Ret("str", "The name."), "ansible_facts": Ret("dict", "The facts that follow from it.")},
    notes=["/etc/hosts is not touched."],
    examples="""
- hostname:
    name: web01
""")

_GOOD = re.compile(r"^(?=.{1,253}\Z)[A-Za-z0-9]([A-Za-z0-9-]{0,62})(\.[A-Za-z0-9]([A-Za-z0-9-]{0,62}))*\Z")
PATH = "/etc/hostname"


def run(m):
    # type: (Module) -> Generator[Change, Any, Dict[str, Any]]
    name = m.args.name
    if not _GOOD.match(name):
        m.fail("%r cannot be a host's name: letters, digits, dashes and dots" % name)
    if len(name) > 64:
        m.fail("the kernel takes names up to 64 characters; this one has %d" % len(name))
    kept = next((line.strip() for line in read(PATH).splitlines() if line.strip() and not line.startswith("#")), "")
    if kept != name:
        mode = None if os.path.exists(PATH) else 0o644
        yield Change("content of " + PATH, kept + "\n", name + "\n", lambda: write(m, PATH, name + "\n", mode=mode), PATH)
    now = os.uname().nodename
    if now != name:
        yield Change("hostname", now, name, lambda: _set(m, name))
    facts = system()
    if m.check:
        facts.update(nodename=name, hostname=name.split(".")[0])
    return {"name": name, "ansible_facts": {"ansible_" + key: facts[key] for key in ("hostname", "nodename", "fqdn", "domain")}}


def _set(m, name):
    # type: (Module, str) -> None
    try:
        socket.sethostname(name)
    except OSError as error:
        m.fail("cannot set the hostname: %s" % error.strerror)
