"""paramiko, loaded without invoke: a third of its load time, for one thing, `Match exec` of an SSH configuration."""

from __future__ import annotations

import sys

_MISSING = object()


def _load() -> None:
    before = sys.modules.get("invoke", _MISSING)
    if before is _MISSING and "paramiko" not in sys.modules:
        sys.modules["invoke"] = None  # type: ignore[assignment]
        try:
            import paramiko  # noqa: F401
        finally:
            del sys.modules["invoke"]


def with_match_exec() -> None:
    """Give paramiko's reader of SSH configurations what it needs for `Match exec`."""
    import invoke
    import paramiko.config
    paramiko.config.invoke = invoke  # type: ignore[attr-defined]


_load()
