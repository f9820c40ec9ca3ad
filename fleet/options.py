"""What a user asks of one run, as plain data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class RunOptions:
    """The options that `fleet apply`, `plan`, `run` and `reconcile` share; names are ansible-playbook's.

    extra_vars: the -e values as given; inventory: the -i sources as given (empty: from the settings), or mappings as a YAML
    inventory has them. vars: above extra_vars, data and no templates. secrets: passwords asked for or read,
    by "become_password" and "connection_password".
    """

    inventory: tuple[str | Mapping[str, Any], ...] = ()
    limit: str | None = None
    tags: tuple[str, ...] = ()
    skip_tags: tuple[str, ...] = ()
    extra_vars: tuple[str, ...] = ()
    check: bool = False
    diff: bool = False
    step: bool = False
    start_at_task: str | None = None
    force_handlers: bool = False
    syntax_check: bool = False
    list_hosts: bool = False
    list_tasks: bool = False
    list_tags: bool = False
    vault_password_file: tuple[str, ...] = ()
    vault_id: tuple[str, ...] = ()
    ask_vault_pass: bool = False
    format: str = "console"
    verbosity: int = 0
    debug: bool = False
    vars: dict[str, Any] = field(default_factory=dict)
    secrets: dict[str, Any] = field(default_factory=dict)
