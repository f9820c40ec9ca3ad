"""What a task call gives back in the DSL: a promise of its result."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from fleet.dsl.later import Later

if TYPE_CHECKING:
    from fleet.dsl.stream import Pending


class Record(dict[str, Any]):
    """A mapping whose keys are attributes as well: `result.stat.exists`, `t.vars.sites`."""

    def __getattr__(self, name: str) -> Any:
        try:
            return wrap(self[name])
        except KeyError:
            known = ", ".join(sorted(map(str, self))[:12])
            raise AttributeError(f"there is no '{name}' here; there is: {known or 'nothing'}") from None


def wrap(value: Any) -> Any:
    """Data with attribute access: mappings become Records, also inside lists."""
    if isinstance(value, dict) and type(value) is not Record:
        return Record(value.items())  # by items(), which evaluates what is still a template
    if isinstance(value, list):
        return [wrap(item) for item in value]
    return value


_ALWAYS = ("msg", "warnings", "diff", "skip_reason", "attempts")


class Result:
    """A task's result that comes later. Reading any field waits for it; a failed task raises TaskFailed there.

    Every result has changed, failed and skipped (bool); the module's documentation names the others. `if result:` is true when the task
    was carried out and did not fail. A skipped task (check mode, tags) has none of its module's fields.
    """

    __slots__ = ("_action", "_pending", "_value", "_wait")

    if TYPE_CHECKING:
        changed: bool
        failed: bool
        skipped: bool
        msg: str
        warnings: list[str]
        diff: list[Any]
        attempts: int

    def __init__(self, action: str, wait: Callable[[], dict[str, Any]], pending: Pending | None = None) -> None:
        self._action = action
        self._pending = pending
        self._wait = wait
        self._value: Record | None = None

    def wait(self) -> Record:
        """The whole result. Raises TaskFailed."""
        if self._value is None:
            self._value = Record(self._wait())
        return self._value

    def later(self, field: str) -> Later:
        """A field as an argument of another task, not waited for: `t.command(["cat", made.later("path")])`."""
        return Later(self, field)

    # The fields are declared in tasks.pyi; hidden from type checkers, so that they find one that is not.
    if not TYPE_CHECKING:
        def __getattr__(self, name):
            return self._field(name)

    def _field(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        value = self.wait()
        if name in ("changed", "failed", "skipped"):
            return bool(value.get(name))
        if name in value and (name in _ALWAYS or not value.get("skipped")):
            return wrap(value[name])
        if value.get("skip_reason"):
            raise AttributeError(f"{self._action} was skipped ({value['skip_reason']}) and has no '{name}'; test `.skipped` first")
        if value.get("skipped"):
            raise AttributeError(f"{self._action} was skipped and has no '{name}'; test `.skipped` first, or give it check_mode=False "
                                 "if it only reads")
        raise AttributeError(f"the result of {self._action} has no '{name}'; it has: {', '.join(sorted(value))}")

    def __getitem__(self, name: str) -> Any:
        return wrap(self.wait()[name])

    def __bool__(self) -> bool:
        value = self.wait()
        return not value.get("failed") and not value.get("skipped")

    def __str__(self) -> str:
        value = self.wait()
        return str(value["stdout"] if "stdout" in value else value.get("msg", dict(value)))

    def __repr__(self) -> str:
        return f"<Result of {self._action}: {dict(self._value) if self._value is not None else 'not touched yet'}>"
