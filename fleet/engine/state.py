"""What a run knows of each host, and nothing else: facts, set variables, results, counts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fleet.events import HostStats

# A fact with one of these names would redirect later tasks; it never takes effect (CVE-2020-10684).
_RESERVED = frozenset({
    "ansible_host", "ansible_port", "ansible_user", "ansible_connection", "ansible_password", "ansible_ssh_host", "ansible_ssh_port",
    "ansible_ssh_user", "ansible_ssh_pass", "ansible_ssh_private_key_file", "ansible_private_key_file", "ansible_ssh_common_args",
    "ansible_ssh_extra_args", "ansible_ssh_args", "ansible_python_interpreter", "ansible_shell_executable", "ansible_shell_type",
    "ansible_delegated_vars", "ansible_facts", "ansible_check_mode", "ansible_diff_mode", "ansible_loop_var", "ansible_remote_tmp",
    "hostvars", "groups", "group_names", "inventory_hostname", "vars", "omit", "playbook_dir", "environment",
})
_RESERVED_PREFIXES = ("ansible_become", "ansible_sudo", "ansible_su_", "ansible_ssh_", "fleet_")


class HostState:
    """One host's state across the plays of a run. Layers hold raw values; what came from the target is plain data."""

    __slots__ = ("epoch", "facts", "failed", "gathered", "included", "injected", "name", "named", "set", "stats", "unreachable")

    def __init__(self, name: str) -> None:
        self.name = name
        self.named: dict[str, Any] = {}  # facts of some modules, one's own among them, under their own names, below all other variables
        self.facts: dict[str, Any] = {}  # as ansible_facts shows them: without the ansible_ prefix
        self.injected: dict[str, Any] = {}  # the same as top-level ansible_* variables
        self.set: dict[str, Any] = {}  # set_fact and register
        self.included: dict[str, Any] = {}  # include_vars
        self.gathered = False
        self.failed = False
        self.unreachable = False
        self.stats = HostStats()
        self.epoch = 0

    def add_facts(self, facts: Mapping[str, Any], own: bool = False) -> None:
        """Take facts a module returned: `ansible_facts` and, unless they are named like connection variables, ansible_* variables.

        own: of a module whose facts are variables by their own names too: the user's own modules, `packages` of package_facts.
        """
        for name, value in facts.items():
            if own and name.isidentifier() and not name.startswith("ansible_"):
                self.named[name] = value
            short = name[8:] if name.startswith("ansible_") and name != "ansible_local" else name
            self.facts["local" if name == "ansible_local" else short] = value
            full = name if name.startswith("ansible_") else "ansible_" + name
            if full not in _RESERVED and not full.startswith(_RESERVED_PREFIXES):
                self.injected[full] = value
        self.epoch += 1

    def clear_facts(self) -> None:
        self.facts.clear()
        self.named.clear()
        self.injected.clear()
        self.gathered = False
        self.epoch += 1
