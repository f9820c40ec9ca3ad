"""Units of systemd; another name of the module systemd."""
from typing import Any, Dict, Generator

from fleet.modules._systemd import OPTIONS, RETURNS, module
from fleet.runner.module import Change, Module
from fleet.runner.spec import Spec

SPEC = Spec(
    "systemd_service", "Manage units of systemd (the same as systemd)", OPTIONS, returns=RETURNS,
    required_by={"state": ["name"], "enabled": ["name"], "masked": ["name"]},
    notes=["Where systemd does not run (an image, a chroot), `enabled` and `masked` work on the unit files; `state` fails.",
           "daemon_reload and daemon_reexec alone do not count as a change."],
    examples="""
- systemd_service:
    name: nginx
    state: started
    enabled: true
    daemon_reload: true
""")


def run(m):
    # type: (Module) -> Generator[Change, Any, Dict[str, Any]]
    return module(m)
