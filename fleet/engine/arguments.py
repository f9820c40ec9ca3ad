"""What of a task's arguments is known from its text alone: validated once a task, and not once a host and loop item."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from fleet import registry
from fleet.engine.scope import Scope
from fleet.errors import ArgumentError
from fleet.model import Task
from fleet.playbook.action import LATER
from fleet.runner.module import Args
from fleet.template import OMIT, Templar, Variables
from fleet.trust import Trusted, is_template
from fleet.validate import Partial


class Plan:
    """The arguments of one task. partial: those written out, or None when nothing can be said before it runs; later: (option, template) of the rest."""

    __slots__ = ("later", "partial", "secret", "task")

    def __init__(self, task: Task, scope: Scope) -> None:
        self.task = task
        self.partial: Partial | None = None
        self.later: list[tuple[str, Any]] = []
        spec, given, free = registry.spec(task.action), task.args, task.free
        self.secret = [name for name, option in spec.options.items() if option.no_log]
        if scope.module_defaults or not isinstance(given, Mapping) or LATER in given or any(isinstance(name, Trusted) for name in given):
            return
        if free is not None:
            if not spec.free_form:
                return
            given = {**given, spec.free_form: free}
        self.later = [(name, value) for name, value in given.items() if is_template(value)]
        templates = {name for name, _ in self.later}
        try:
            self.partial = Partial(spec, {name: value for name, value in given.items() if name not in templates}, templates)
        except ArgumentError:
            pass  # said with everything else when it runs

    def arguments(self, templar: Templar, variables: Variables, hide: Callable[[str], None]) -> Args:
        """The arguments for one host and item. Raises FleetError for what does not fit the spec."""
        assert self.partial is not None
        task = self.task
        at = getattr(task.args, "at", None)
        known = {}
        for name, raw in self.later:
            value = templar.render(raw, variables, pos=at(name) if at else task.pos)
            if value is not OMIT:
                known[name] = value
        args = self.partial.complete(known)
        for name in self.secret:
            if isinstance(args.get(name), str):
                hide(args[name])
        return args
