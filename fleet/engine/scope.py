"""What a task inherits from the blocks, roles and play around it: one immutable scope a node, computed once and shared by all hosts."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from fleet.model import Block, Keywords, Play, Role, Task

# Said by the nearest node that says anything; all other keywords add up.
_NEAREST = tuple(f.name for f in dataclasses.fields(Keywords) if f.name not in ("when", "tags", "vars", "environment", "module_defaults"))


class Scope:
    """The sum of keywords from the play down to one node.

    vars: variable layers of the play's blocks and tasks, lowest first; params: layers of role and include parameters (above facts).
    when: conditions, outermost first. roles: the roles around, outermost first.
    """

    __slots__ = ("_children", "environment", "keywords", "module_defaults", "params", "parent", "plan", "roles", "tag_names", "tags", "vars", "when")

    def __init__(self, parent: Scope | None, keywords: Keywords, params: Mapping[str, Any] | None = None, role: Role | None = None,
                 when_first: bool = False) -> None:
        self.parent = parent
        self.plan: Any = None  # the arguments of the task in this scope (fleet.engine.arguments)
        self.tag_names: list[str] | None = None  # the tags as names, once somebody asked for them
        self._children: dict[int, tuple[Any, Scope]] = {}
        own_vars = (keywords.vars,) if keywords.vars else ()
        own_params = (params,) if params else ()
        if parent is None:
            self.keywords: dict[str, Any] = {}
            self.vars: tuple[Mapping[str, Any], ...] = ()
            self.params: tuple[Mapping[str, Any], ...] = ()
            self.when: tuple[Any, ...] = ()
            self.tags: tuple[Any, ...] = ()
            self.environment: tuple[Any, ...] = ()
            self.module_defaults: tuple[dict[str, Any], ...] = ()
            self.roles: tuple[Role, ...] = ()
        else:
            self.keywords = parent.keywords
            self.vars, self.params, self.when, self.tags = parent.vars, parent.params, parent.when, parent.tags
            self.environment, self.module_defaults, self.roles = parent.environment, parent.module_defaults, parent.roles
        said = {name: value for name in _NEAREST if (value := getattr(keywords, name)) is not None}
        if said:
            self.keywords = {**self.keywords, **said}
        self.vars += own_vars
        self.params += own_params
        self.when += tuple(keywords.when)
        self.tags += tuple(tag for tag in keywords.tags if tag not in self.tags)
        self.environment += tuple(keywords.environment)
        self.module_defaults += tuple(keywords.module_defaults)
        if role is not None:
            self.roles += (role,)

    def get(self, keyword: str, default: Any = None) -> Any:
        """A keyword's value as written, from the nearest node that says it."""
        return self.keywords.get(keyword, default)

    @property
    def role(self) -> Role | None:
        return self.roles[-1] if self.roles else None

    def enter(self, node: Task | Block) -> Scope:
        """The scope of a block or task directly inside this one (the same object each time)."""
        found = self._children.get(id(node))
        if found is None or found[0] is not node:
            role = node.role if node.role is not None and node.role is not self.role else None
            params = role.params if role is not None and isinstance(node, Block) and node.is_role else None
            found = (node, Scope(self, node.keywords, params, role))
            self._children[id(node)] = found
        return found[1]

    def extend(self, keywords: Keywords | None = None, params: Mapping[str, Any] | None = None) -> Scope:
        """A scope for what a dynamic include brings in: the include's `apply` keywords and its variables."""
        return Scope(self, keywords or Keywords(), params)


def of_play(play: Play) -> Scope:
    """The outermost scope: the play's own keywords without its variables, which have a place of their own in the precedence."""
    return Scope(None, dataclasses.replace(play.keywords, vars={}))
