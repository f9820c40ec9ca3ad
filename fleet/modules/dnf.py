"""RPM packages, by dnf or yum."""
from typing import Any, Dict, Generator

from fleet.modules import _dnf_module
from fleet.runner.module import Change, Module
from fleet.runner.spec import Ret, Spec

SPEC = Spec(
    "dnf", "Manage RPM packages", _dnf_module.OPTIONS,
    returns={
        "results": Ret("list", "What was done, a line a package: `Installed: tool-2.0-1.noarch`.", elements="str"),
        "rc": Ret("int", "The exit status of dnf."),
        "msg": Ret("str", "`Nothing to do`.", returned="unchanged"),
        "stdout": Ret("str", "What dnf said.", returned="changed"),
        "stderr": Ret("str", "What it complained about.", returned="changed"),
    },
    notes=["`yum` and `dnf5` are names of the same module; the command that the target has is used.",
           "Under check, `dnf --assumeno` tells what would be changed, dependencies included."],
    examples="""
- dnf:
    name: [nginx, "@development", "php >= 8.1"]
    state: present

- dnf: {name: "*", state: latest, security: true}
""")


def run(m):
    # type: (Module) -> Generator[Change, Any, Dict[str, Any]]
    return _dnf_module.run(m)
