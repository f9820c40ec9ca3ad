"""fleet: agentless automation for virtualized fleets. `from fleet import play, Host` begins a Python playbook (docs/dsl.md)."""

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from fleet.dsl import Host, TaskFailed, play

__all__ = ["Host", "TaskFailed", "__version__", "play"]


def __getattr__(name: str) -> Any:
    # Loaded when first used, so that `fleet --version` stays quick.
    if name in ("Host", "TaskFailed", "play"):
        from fleet import dsl
        return getattr(dsl, name)
    raise AttributeError(f"module 'fleet' has no attribute '{name}'")
