"""include_tasks and include_role: tasks that come in while the play runs."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fleet.engine import results
from fleet.engine.call import search
from fleet.engine.scope import Scope
from fleet.engine.strategy import Key, Step
from fleet.engine.task import TaskRun, elapsed
from fleet.errors import FleetError, SourceError
from fleet.events import TaskResult
from fleet.model import Block, Keywords, Task
from fleet.playbook import parse_keywords
from fleet.template import OMIT
from fleet.validate import boolean

if TYPE_CHECKING:
    from fleet.engine.walk import Node, Walk


class Include:
    """One include on one host: its items in order, each loaded (once for all hosts) and walked."""

    def __init__(self, walk: Walk, step: Step, task: Task, scope: Scope, key: Key) -> None:
        self.walk = walk
        self.step = step
        self.task = task
        self.scope = scope
        self.key = key
        self.began = time.monotonic()

    def run(self) -> None:
        runner = self.walk.runner(self.step, self.task, self.scope)
        if isinstance(runner, dict):
            self.fail(runner)
            return
        try:
            items = [None] if self.task.loop is None else runner.items()
        except FleetError as error:
            self.fail(results.failure(error.render()))
            return
        if isinstance(items, dict):
            self.walk.conclude(self.step, self.task, self.scope, None, items, self.began)
            return
        extras: list[dict[str, Any] | None] = [None] if self.task.loop is None else [runner._item_vars(items, index) for index in range(len(items))]
        found = self.load_all(runner, extras)
        for index, (nodes, inner) in enumerate(found):
            self.walk.nodes(nodes, inner, (*self.key, 3, index))

    def load_all(self, runner: TaskRun, extras: list[dict[str, Any] | None]) -> list[tuple[list[Node], Scope]]:
        """What every item brings in; the include's own result is reported before any of it runs."""
        found, names, skipped = [], [], []
        for extra in extras:
            variables = runner.variables.child(extra) if extra else runner.variables
            try:
                condition = runner.false_condition(variables)
                if condition is not None:
                    skipped.append(condition)
                    continue
                args = {name: value for name, value in runner.run_.templar.render(
                    {k: v for k, v in self.task.args.items() if k != "apply"}, variables, pos=self.task.pos).items() if value is not OMIT}
                free = runner.run_.templar.render(self.task.free, variables, pos=self.task.pos)
                name, nodes = self.load(args, free, variables)
                inner = self.inner(extra, args)
                for node in nodes:
                    self.walk.play.collect(node, inner)
                found.append((nodes, inner))
                names.append(name)
            except FleetError as error:
                self.fail(results.failure(error.render()))
                return []
        if skipped and not found:
            self.walk.conclude(self.step, self.task, self.scope, None, results.skipped("Conditional result was False", skipped[0]), self.began)
        else:
            self.report(names)
        return found

    def inner(self, extra: Mapping[str, Any] | None, args: Mapping[str, Any]) -> Scope:
        outer = self.scope.parent or self.scope
        applied = self.task.args.get("apply")
        keywords = parse_keywords(applied, self.task.pos) if applied else Keywords()
        params = {**(extra or {}), **self.task.keywords.vars}
        return outer.extend(keywords, params)

    def load(self, args: Mapping[str, Any], free: Any, variables: Any) -> tuple[str, list[Node]]:
        if self.task.action == "include_role":
            return self.load_role(args)
        name = args.get("file") or args.get("_raw_params") or free
        if not name:
            raise SourceError("include_tasks needs a file", pos=self.task.pos)
        path = self.find(str(name))
        nodes = self.walk.run.tasks_of(str(path), self.scope.role, self.walk.in_handler, self.task.notify)
        return str(path), nodes

    def find(self, name: str) -> Path:
        role, walk = self.scope.role, self.walk
        candidates = search("tasks", name, role, self.task.file, walk.context.play.basedir)
        if walk.in_handler and role:
            candidates.insert(0, Path(role.path) / "handlers" / name)
        if self.task.file:  # a file beside the including one wins, as for a relative path anywhere else
            candidates.insert(0, Path(self.task.file).parent / name)
        for path in candidates:
            if path.is_file():
                return path
        raise SourceError(f"there is no tasks file '{name}'", pos=self.task.pos,
                          hint="looked for: " + ", ".join(dict.fromkeys(str(path) for path in candidates)))

    def load_role(self, args: Mapping[str, Any]) -> tuple[str, list[Node]]:
        name = args.get("name") or args.get("role")
        if not name:
            raise SourceError("include_role needs a name", pos=self.task.pos)
        block = self.walk.run.role_of(self.walk.context.play, args, self.task, self.scope)
        assert block.role is not None
        said = args.get("public")
        if self.walk.run.settings.private_role_vars is False if said is None else boolean(said):
            public = self.walk.context.public.setdefault(self.walk.host, ([], []))
            public[0].append(block.role.defaults)
            public[1].append(block.role.vars)
        return str(name), [block]

    def fail(self, result: dict[str, Any]) -> None:
        self.walk.conclude(self.step, self.task, self.scope, None, result, self.began)

    def report(self, names: list[str]) -> None:
        walk, task = self.walk, self.task
        walk.state.stats.ok += 1
        walk.ran += 1
        result = {"changed": False, "failed": False, "include": names[0] if len(names) == 1 else names,
                  "msg": "included: " + ", ".join(names) if names else "nothing to include"}
        if task.register:
            walk.state.set[task.register] = result
        walk.run.emit(TaskResult(task=self.step.number, host=walk.host, status="ok", result=result, name=walk.name_of(task, self.scope),
                                 action=task.action, position=str(task.pos), duration=elapsed(self.began)))


def role_blocks(block: Block) -> list[Block]:
    """A role block and those of its dependencies, dependencies first."""
    found: list[Block] = []
    if block.role:
        for dependency in block.role.dependencies:
            found += role_blocks(dependency)
    return [*found, block]
