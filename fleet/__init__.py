"""fleet: agentless automation for virtualized fleets. `from fleet import play, Host` begins a Python playbook (docs/dsl.md)."""

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from fleet.dsl import Host, TaskFailed, play
    from fleet.errors import FleetError
    from fleet.library import Run, RunFailed, run, run_async, stream

_WHERE = {"Host": "dsl", "TaskFailed": "dsl", "play": "dsl", "FleetError": "errors", "Run": "library", "RunFailed": "library", "run": "library",
          "run_async": "library", "stream": "library"}
__all__ = ["FleetError", "Host", "Run", "RunFailed", "TaskFailed", "__version__", "play", "run", "run_async", "stream"]


def __getattr__(name: str) -> Any:
    # Loaded when first used, so that `fleet --version` stays quick.
    if name in _WHERE:
        import importlib
        return getattr(importlib.import_module(f"fleet.{_WHERE[name]}"), name)
    raise AttributeError(f"module 'fleet' has no attribute '{name}'")
