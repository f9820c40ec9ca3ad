"""The modules as methods. Their signatures are in tasks.pyi, which is generated from the modules' specs (`python -m fleet.dsl.stubs`)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from fleet import registry
from fleet.dsl.result import Result
from fleet.errors import nearest

KEYWORDS = (
    "task", "notify", "changed_when", "failed_when", "until", "retries", "delay", "tags", "become", "become_user", "become_method", "become_flags",
    "check_mode", "diff", "no_log", "ignore_errors", "ignore_unreachable", "timeout", "environment", "delegate_to", "delegate_facts",
    "remote_user", "vars",
)


class Tasks:
    """Every module as a method `t.NAME(...)`, which gives the promise of its result."""

    def _task(self, action: str, given: Mapping[str, Any], keywords: Mapping[str, Any]) -> Result:
        raise NotImplementedError

    def __getattr__(self, name: str) -> Callable[..., Result]:
        action = {"assert_": "assert"}.get(name, name)
        if name.startswith("_") or action not in registry.names():
            raise AttributeError(f"there is no module '{name}'. {nearest(name, registry.names())}")
        spec = registry.spec(action)

        def call(*args: Any, **given: Any) -> Result:
            first = spec.main
            if args and first is not None:
                # A command as a list of words is taken as they are.
                given["argv" if "argv" in spec.options and isinstance(args[0], (list, tuple)) else first] = args[0]
            if len(args) > 1:
                raise TypeError(f"{name}() takes one positional argument ({first}); give the others by name")
            keywords = {key: given.pop(key) for key in KEYWORDS if key in given and key not in spec.names}
            return self._task(action, given, keywords)

        call.__name__ = name
        call.__doc__ = spec.summary
        return call
