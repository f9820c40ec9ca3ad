"""Debian packages, by apt-get."""
from typing import Any, Dict, Generator

from fleet.modules import _apt_module
from fleet.runner.module import Change, Module
from fleet.runner.spec import Ret, Spec

SPEC = Spec(
    "apt", "Manage Debian packages", _apt_module.OPTIONS,
    mutually_exclusive=[("name", "upgrade", "deb")],
    returns={
        "cache_updated": Ret("bool", "Whether the lists were brought up to date."),
        "cache_update_time": Ret("int", "When they last were, in seconds since the epoch."),
        "stdout": Ret("str", "What apt-get said.", returned="changed"),
        "stderr": Ret("str", "What it complained about.", returned="changed"),
    },
    notes=["Under check, `apt-get -s` tells what would be changed, dependencies included."],
    examples="""
- apt:
    name: [nginx, postgresql-15]
    update_cache: true
    cache_valid_time: 3600

- apt:
    upgrade: dist
    autoremove: true
""")


def run(m):
    # type: (Module) -> Generator[Change, Any, Dict[str, Any]]
    return _apt_module.run(m)
