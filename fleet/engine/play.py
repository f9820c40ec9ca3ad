"""One play: its hosts, its batches, its handlers, and when it ends early."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from fleet.engine import scope as scopes
from fleet.engine.scope import Scope
from fleet.engine.state import HostState
from fleet.engine.strategy import Free, Linear, PlayAborted
from fleet.engine.variables import PlayContext
from fleet.engine.walk import Walk, matches
from fleet.errors import FleetError, SourceError, nearest
from fleet.events import Note, PlayStarted
from fleet.model import Block, Play, Task
from fleet.validate import boolean

if TYPE_CHECKING:
    from fleet.engine.run import Run


class PlayRun:
    """One batch of a play in progress; what its hosts share."""

    def __init__(self, run: Run, play: Play, context: PlayContext, hosts: list[str], scope: Scope, started: bool) -> None:
        self.run = run
        self.play = play
        self.context = context
        self.hosts = hosts
        self.scope = scope
        strategy = Linear if (run.strategy or play.strategy) in ("linear", "debug") else Free
        self.strategy = strategy(run.hub, hosts, run.next_task)
        self.strategy.stop = self.stop
        self.handlers: list[tuple[Task, Scope]] = []
        self._with_handlers: set[int] = set()
        self._unusable: set[int] = set()
        self._roles: set[tuple[str, ...]] = set()
        self.shared: Any = None  # what the hosts of a Python play share
        self.fatal = False
        self.ended = False
        self.end_all = False
        self.failures = 0
        self.start_found = started
        value = play.force_handlers
        self.force_handlers = run.settings.force_handlers or run.options.force_handlers if value is None else boolean(value)
        self.gather_task = Task(play.pos, "setup", args=self._gather_args(), name="Gathering facts", file=play.pos.file)
        self.gather_task.keywords.tags = ["always"]
        for section in (play.roles, play.pre_tasks, play.tasks, play.post_tasks):
            for node in section:
                self.collect(node, scope)
        self.handlers += [(handler, scope) for handler in play.handlers]

    def collect(self, node: Task | Block, scope: Scope) -> None:
        """Make the handlers of the roles in a tree of tasks known."""
        if isinstance(node, Block):
            inner = scope.enter(node)
            if node.is_role:
                self.add_handlers(node, scope)
            for child in (*node.tasks, *node.rescue, *node.always):
                self.collect(child, inner)

    def add_handlers(self, block: Block, outer: Scope) -> None:
        """Make a role's handlers (and those of its dependencies) known; once a role block."""
        if id(block) in self._with_handlers or block.role is None:
            return
        self._with_handlers.add(id(block))
        scope = outer.enter(block)
        for dependency in block.role.dependencies:
            self.add_handlers(dependency, scope)
        role = block.role
        identity = (role.path, repr(role.params), *(handler.file for handler in role.handlers))
        if identity not in self._roles:  # a role used again with the same parameters has its handlers once
            self._roles.add(identity)
            self.handlers += [(handler, scope) for handler in role.handlers]

    def _gather_args(self) -> dict[str, Any]:
        play, settings = self.play, self.run.settings
        subset = play.gather_subset if play.gather_subset is not None else settings.gather_subset
        return {"gather_subset": subset} if subset else {}

    def wants_facts(self, state: HostState) -> bool:
        said = self.play.gather_facts
        if said is None:
            gathering = self.run.settings.gathering
            return gathering == "implicit" or (gathering == "smart" and not state.gathered)
        value = self.run.templar.render(said, self.context.variables(state, None))
        return boolean(value) and not (self.run.settings.gathering == "smart" and state.gathered)

    def tags_of(self, scope: Scope, walk: Walk) -> list[str]:
        found = scope.tag_names
        if found is None:
            variables = self.context.variables(walk.state, scope)
            found = []
            for tag in scope.tags:
                value = self.run.templar.render(tag, variables)
                found += [str(each).strip() for each in (value if isinstance(value, list) else str(value).split(","))]
            scope.tag_names = found
        return found

    def starts_at(self, name: str) -> bool:
        self.start_found = self.start_found or matches(name, self.run.options.start_at_task or "")
        return self.start_found

    def handlers_named(self, topic: str, walk: Walk, scope: Scope) -> list[int]:
        """The handlers a notification reaches: one of that name, and all that listen to it.

        Of several with the name it is the first in its list, and that of the list which was loaded last: a play's own win over a role's.
        """
        found: list[int] = []
        named = None
        for index, (handler, handler_scope) in enumerate(self.handlers):
            if handler.name is not None and topic in _names(self._name_of(handler, handler_scope, walk), handler_scope):
                named = index if named is None or self.handlers[named][1] is not handler_scope else named
            if any(topic in _names(str(listen), handler_scope) for listen in handler.listen):  # topics are never templates
                found.append(index)
        return [named, *found] if named is not None and named not in found else found

    def _name_of(self, handler: Task, scope: Scope, walk: Walk) -> str:
        """A handler's name; one that cannot be evaluated names nothing, and is warned about once."""
        try:
            return str(self.run.templar.render(handler.name, self.context.variables(walk.state, scope)))
        except FleetError as error:
            if id(handler) not in self._unusable and not handler.listen:
                self._unusable.add(id(handler))
                walk.note(f"Handler '{handler.name}' is unusable: its name cannot be evaluated: {error.message}", position=str(handler.pos))
            return ""

    def no_handler(self, topic: str, task: Task) -> FleetError:
        known = [str(handler.name) for handler, _ in self.handlers if handler.name] + [str(t) for h, _ in self.handlers for t in h.listen]
        return SourceError(f"The requested handler '{topic}' was not found in either the main handlers list nor in the listening handlers list",
                           pos=task.pos, hint=nearest(topic, known))

    def count_failure(self) -> None:
        self.failures += 1

    def stop(self) -> Exception | None:
        """Why no further task of this batch may start, or None."""
        if self.run.interrupted or self.ended:
            return PlayAborted("the play was ended")
        if self.fatal:
            return None  # each host fails by itself, so that its rescue and always sections run
        limit = self.play.max_fail_percentage
        if limit is not None:
            failed = sum(self.run.state(host).failed or self.run.state(host).unreachable for host in self.hosts)
            if failed and failed * 100.0 / len(self.hosts) > float(self.run.templar.render(limit, self.context.variables(
                    self.run.state(self.hosts[0]), None))):
                self.end_all = True
                return PlayAborted("too many hosts failed")
        return None

    def go(self) -> None:
        """Run the batch; returns when every host is through."""
        fibers = [self.run.hub.spawn(Walk(self, host).walk) for host in self.hosts]
        for fiber in fibers:
            fiber.wait()


def _names(name: str, scope: Scope) -> tuple[str, ...]:
    """What a handler (or a topic it listens to) may be called in a notification: alone, or with its role's name in front."""
    if scope.role is None:
        return (name,)
    role = scope.role.name
    return (name, *(f"{each}{colon}{name}" for each in (role, role.rpartition(".")[2]) for colon in (" : ", ": ")))


def run_play(run: Run, play: Play) -> bool:
    """Run one play on its hosts, batch after batch. False when the run must end here."""
    basics = {**play.keywords.vars, **run.extra_vars}
    pattern = run.templar.render(play.hosts, run.plain_variables(basics, play))
    hosts = [host for host in run.inventory.match(pattern, limit=run.options.limit or None)
             if not run.state(host).failed and not run.state(host).unreachable]
    name = str(run.templar.render(play.name, run.plain_variables(basics, play))) if play.name else ",".join(
        pattern if isinstance(pattern, list) else [str(pattern)])
    hosts = _ordered(hosts, play.order)
    for warning in run.new_warnings():
        run.emit(Note(message=warning))
    if not hosts:
        everyone = run.inventory.match(pattern, limit=run.options.limit or None)
        play_named = f"play '{name}': " if play.name else ""
        run.emit(Note(message=play_named + ("all its hosts have failed before" if everyone else f"no host matches '{pattern}'"), position=str(play.pos),
                      hint="" if run.inventory.hosts else "the inventory has no hosts: name one with -i, or with `inventory` in fleet.toml"))
        return True
    context = PlayContext(run, play, name, run.prompt(play))
    context.all_hosts = hosts
    context.live = dict.fromkeys(hosts)
    read_vars_files(run, play, context, hosts)
    scope = scopes.of_play(play)
    batches = list(_batches(run, play, hosts, basics))
    started = False
    for number, batch in enumerate(batches):
        context.batch = batch
        run.emit(PlayStarted(name=name, hosts=batch, position=str(play.pos), batch=number + 1, batches=len(batches)))
        batch_run = PlayRun(run, play, context, batch, scope, started)
        batch_run.go()
        started = batch_run.start_found
        batch_run.stop()  # a failure in the batch's last task counts as well
        if run.interrupted:
            return False
        if batch_run.end_all or all(run.state(host).failed or run.state(host).unreachable for host in batch):
            break
    return True


def _ordered(hosts: list[str], order: str) -> list[str]:
    if order == "sorted":
        return sorted(hosts)
    if order == "reverse_sorted":
        return sorted(hosts, reverse=True)
    if order == "reverse_inventory":
        return hosts[::-1]
    if order == "shuffle":
        import random
        return random.sample(hosts, len(hosts))
    return hosts


def _batches(run: Run, play: Play, hosts: list[str], basics: Mapping[str, Any]) -> Iterator[list[str]]:
    given = run.templar.render(list(play.serial), run.plain_variables(basics, play))
    sizes = [_size(play, each, len(hosts)) for item in given for each in (item if isinstance(item, list) else [item])]
    rest = hosts
    while rest:
        size = (sizes.pop(0) if len(sizes) > 1 else sizes[0]) if sizes else len(rest)
        yield rest[:size or len(rest)]
        rest = rest[size or len(rest):]


def _size(play: Play, value: Any, total: int) -> int:
    text = str(value).strip()
    try:
        if text.endswith("%"):
            return max(1, int(float(text[:-1]) * total / 100))
        return max(0, int(text))
    except ValueError:
        raise SourceError(f"serial takes a number or a percentage, not {value!r}", pos=play.pos) from None


def read_vars_files(run: Run, play: Play, context: PlayContext, hosts: list[str]) -> None:
    """The layers of vars_files, for each host, since their names may hold its variables."""
    cache: dict[str, Any] = {}
    for host in hosts if play.vars_files else ():
        layers: list[Mapping[str, Any]] = []
        context.files[host] = layers
        for entry in play.vars_files:
            variables = context.variables(run.state(host), None)
            names = run.templar.render(entry, variables, pos=play.pos)
            path = run.first_file(names if isinstance(names, list) else [names], play)
            if str(path) not in cache:
                cache[str(path)] = run.read_vars(path)
            layers.append(cache[str(path)])
