"""The plain typed data a run is made of. Loaders build it, the engine reads it; it does nothing itself.

Values that came from YAML may hold `fleet.trust.Trusted` strings (templates); everything else is literal.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from fleet.errors import Pos


@dataclass(slots=True)
class Group:
    """An inventory group. depth: longest way from `all` (0); priority: `ansible_group_priority`."""

    name: str
    vars: dict[str, Any] = field(default_factory=dict)
    hosts: list[str] = field(default_factory=list)
    children: list[str] = field(default_factory=list)
    parents: list[str] = field(default_factory=list)
    depth: int = 0
    priority: int = 1


@dataclass(slots=True)
class Host:
    """An inventory host; groups: the names of the groups it is directly in."""

    name: str
    vars: dict[str, Any] = field(default_factory=dict)
    groups: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Keywords:
    """What plays, roles, blocks and tasks all may say, and what they inherit. None (or empty) = not said here.

    Every value may be a template. when: conditions that must all hold. tags: templates already split on commas.
    """

    when: list[Any] = field(default_factory=list)
    tags: list[Any] = field(default_factory=list)
    vars: dict[str, Any] = field(default_factory=dict)
    environment: list[Any] = field(default_factory=list)
    become: Any = None
    become_user: Any = None
    become_method: Any = None
    become_flags: Any = None
    become_exe: Any = None
    connection: Any = None
    remote_user: Any = None
    port: Any = None
    check_mode: Any = None
    diff: Any = None
    no_log: Any = None
    ignore_errors: Any = None
    ignore_unreachable: Any = None
    any_errors_fatal: Any = None
    run_once: Any = None
    throttle: Any = None
    timeout: Any = None
    delegate_to: Any = None
    delegate_facts: Any = None
    debugger: Any = None
    module_defaults: list[dict[str, Any]] = field(default_factory=list)


@dataclass(slots=True)
class LoopControl:
    loop_var: str = "item"
    index_var: str | None = None
    label: Any = None
    pause: Any = None
    extended: Any = None
    extended_allitems: Any = None
    break_when: list[Any] = field(default_factory=list)


@dataclass(slots=True)
class Task:
    """One task. action: the canonical short name of a module or action (see fleet.registry), or an include_*/meta.

    args: option -> value as written (aliases not yet resolved); free: the free text of a free-form module, or None.
    loop: the `loop:` or `with_NAME:` value, loop_with: NAME for with_NAME, None for `loop:` (or no loop at all when loop is None).
    seconds, poll: `async` and `poll`. name: None when not given. listen: a handler's topics. notify, changed_when, failed_when, until: None = not said.
    """

    pos: Pos
    action: str
    args: dict[str, Any] = field(default_factory=dict)
    free: Any = None
    name: Any = None
    keywords: Keywords = field(default_factory=Keywords)
    loop: Any = None
    loop_with: str | None = None
    loop_control: LoopControl = field(default_factory=LoopControl)
    register: str | None = None
    until: list[Any] | None = None
    retries: Any = None
    delay: Any = None
    seconds: Any = None
    poll: Any = None
    changed_when: list[Any] | None = None
    failed_when: list[Any] | None = None
    notify: list[Any] = field(default_factory=list)
    listen: list[Any] = field(default_factory=list)
    role: Role | None = None
    file: str = ""


@dataclass(slots=True)
class Block:
    """Tasks run together. A static import of tasks is a block too; so is a role (role set, its tasks in `tasks`).

    body: a Python role's own function, called with a host's walk, the block's scope and its key in place of the tasks.
    """

    pos: Pos
    tasks: list[Task | Block] = field(default_factory=list)
    rescue: list[Task | Block] = field(default_factory=list)
    always: list[Task | Block] = field(default_factory=list)
    name: Any = None
    keywords: Keywords = field(default_factory=Keywords)
    role: Role | None = None
    file: str = ""
    is_role: bool = False
    body: Callable[[Any, Any, Any], Any] | None = None


@dataclass(slots=True)
class Role:
    """A loaded role in one place of use. name: as shown; path: its directory; params: given where it is used (above vars/).

    public: whether the play sees its variables; None = as configured.
    dependencies: blocks (is_role) to run first. handlers: tasks of handlers/main.yml, role set to this one.
    """

    name: str
    path: str
    defaults: dict[str, Any] = field(default_factory=dict)
    vars: dict[str, Any] = field(default_factory=dict)
    params: dict[str, Any] = field(default_factory=dict)
    handlers: list[Task] = field(default_factory=list)
    dependencies: list[Block] = field(default_factory=list)
    allow_duplicates: bool = False
    public: bool | None = None
    parents: tuple[str, ...] = ()
    argument_specs: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class VarsPrompt:
    name: str
    prompt: str = ""
    default: Any = None
    private: bool = True
    confirm: bool = False
    encrypt: str | None = None
    salt_size: int | None = None
    unsafe: bool = False


@dataclass(slots=True)
class Play:
    """One play. hosts: pattern(s), may be templates. roles are blocks with is_role; gather_facts None = as configured (yes).

    serial: [] = all at once, else sizes (ints, numerals or percentages). strategy: linear | free | host_pinned | debug.
    body: a Python play's own function, called with each host's walk behind its roles.
    """

    pos: Pos
    hosts: Any
    name: Any = None
    keywords: Keywords = field(default_factory=Keywords)
    pre_tasks: list[Task | Block] = field(default_factory=list)
    roles: list[Block] = field(default_factory=list)
    tasks: list[Task | Block] = field(default_factory=list)
    post_tasks: list[Task | Block] = field(default_factory=list)
    handlers: list[Task] = field(default_factory=list)
    vars_files: list[Any] = field(default_factory=list)
    vars_prompt: list[VarsPrompt] = field(default_factory=list)
    gather_facts: Any = None
    gather_subset: Any = None
    serial: list[Any] = field(default_factory=list)
    strategy: str = "linear"
    max_fail_percentage: Any = None
    force_handlers: Any = None
    order: str = "inventory"
    basedir: str = ""
    body: Callable[[Any], None] | None = None


@dataclass(slots=True)
class Playbook:
    """The plays of one playbook file, imports resolved; each play's `basedir` is the directory of the file it stands in."""

    path: str
    plays: list[Play] = field(default_factory=list)
