"""What a playbook holds without running it: --list-tasks and --list-tags; and which tasks --tags and --skip-tags select."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from typing import NamedTuple

from fleet.model import Block, Play, Playbook, Task


class Row(NamedTuple):
    """A task that is known before the run. role: the name of the role it stands in, or ""; tags: its own and those around it."""

    task: Task
    role: str
    tags: list[str]

    @property
    def name(self) -> str:
        """`role : name`; a task without a name is called by its action."""
        name = self.task.action if self.task.name is None else str(self.task.name)
        return f"{self.role} : {name}" if self.role else name


def selected(tags: Collection[str], only: Collection[str], skip: Collection[str]) -> bool:
    """Whether a task with these tags runs under --tags `only` (empty: all) and --skip-tags `skip`.

    `always` runs unless skipped by name, `never` only when one of its tags is asked for; `tagged`, `untagged` and `all` mean what they say.
    """
    own = set(tags)
    return _wanted(own, set(only) or {"all"}) and not _skipped(own, set(skip))


def _wanted(own: set[str], only: set[str]) -> bool:
    if "always" in own or own & only:
        return True
    if not own:
        return bool(only & {"all", "untagged"})
    return "never" not in own and bool(only & {"all", "tagged"})


def _skipped(own: set[str], skip: set[str]) -> bool:
    if own & skip:
        return True
    if "all" in skip and "always" not in own:
        return True
    return ("tagged" if own else "untagged") in skip


def rows(play: Play) -> Iterator[Row]:
    """The tasks of a play in the order they run, dependencies of roles before them; `meta` tasks are left out."""
    outer = [str(tag) for tag in play.keywords.tags]
    for section in (play.pre_tasks, play.roles, play.tasks, play.post_tasks):
        yield from _rows(section, outer)


def _rows(nodes: Iterable[Task | Block], outer: list[str]) -> Iterator[Row]:
    for node in nodes:
        tags = outer + [tag for tag in map(str, node.keywords.tags) if tag not in outer] if node.keywords.tags else outer
        if isinstance(node, Block):
            if node.is_role and node.role:
                yield from _rows(node.role.dependencies, tags)
            for section in (node.tasks, node.rescue, node.always):
                yield from _rows(section, tags)
        elif node.action != "meta":
            yield Row(node, node.role.name if node.role else "", tags)


def list_tasks(book: Playbook, only: Collection[str] = (), skip: Collection[str] = ()) -> str:
    """The text of --list-tasks."""
    lines = ["", f"playbook: {book.path}"]
    for number, play in enumerate(book.plays, 1):
        lines += ["", _head(number, play), "    tasks:"]
        lines += [f"      {row.name}\tTAGS: [{', '.join(sorted(row.tags))}]" for row in rows(play) if selected(row.tags, only, skip)]
        if play.body is not None:
            lines.append("      (a function in Python: `fleet plan` shows what it does)")
    return "\n".join(lines) + "\n"


def list_tags(book: Playbook, only: Collection[str] = (), skip: Collection[str] = ()) -> str:
    """The text of --list-tags."""
    lines = ["", f"playbook: {book.path}"]
    for number, play in enumerate(book.plays, 1):
        found = sorted({tag for row in rows(play) if selected(row.tags, only, skip) for tag in row.tags})
        lines += ["", _head(number, play), f"      TASK TAGS: [{', '.join(found)}]"]
    return "\n".join(lines) + "\n"


def _head(number: int, play: Play) -> str:
    hosts = ",".join(map(str, play.hosts)) if isinstance(play.hosts, list) else str(play.hosts)
    name = hosts if play.name is None else str(play.name)
    return f"  play #{number} ({hosts}): {name}\tTAGS: [{', '.join(map(str, play.keywords.tags))}]"
