"""Units of systemd."""
from typing import Any, Dict, Generator

from fleet.modules._systemd import OPTIONS, RETURNS, module
from fleet.runner.module import Change, Module
from fleet.runner.spec import Spec

SPEC = Spec(
    "systemd", "Manage units of systemd", OPTIONS, returns=RETURNS,
    required_by={"state": ["name"], "enabled": ["name"], "masked": ["name"]},
    notes=["Where systemd does not run (a chroot), `enabled` and `masked` work on the unit files; `state` fails. In an image while it is built `state` "
           "changes nothing: what is enabled starts with each instance.",
           "daemon_reload and daemon_reexec alone do not count as a change."],
    examples="""
- systemd:
    name: nginx
    state: started
    enabled: true
    daemon_reload: true
""")


def run(m):
    # type: (Module) -> Generator[Change, Any, Dict[str, Any]]
    return module(m)
