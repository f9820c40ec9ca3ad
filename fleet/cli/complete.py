"""What the shell offers after Tab; nothing where it cannot be found out."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import click

from fleet.errors import FleetError

Complete = Callable[[click.Context, click.Parameter, str], list[Any]]


def files(ctx: click.Context, param: click.Parameter, begun: str) -> list[Any]:
    """Names of files, by the shell itself."""
    from click.shell_completion import CompletionItem
    return [CompletionItem(begun, type="file")]


def _of(names: Callable[[], Iterable[str]]) -> Complete:
    def complete(ctx: click.Context, param: click.Parameter, begun: str) -> list[Any]:
        try:
            return [name for name in names() if name.startswith(begun)]
        except FleetError:
            return []
    return complete


def _modules() -> list[str]:
    from fleet import registry
    return registry.names()


def _entries() -> list[str]:
    from fleet.reconcile import entries
    from fleet.settings import load_settings
    return [entry.name for entry in entries(load_settings())]


def _runs() -> list[str]:
    from fleet.cli.history import journal
    return ["last", *(run["id"] for run in journal().runs(50))]


modules, entries, runs = _of(_modules), _of(_entries), _of(_runs)
