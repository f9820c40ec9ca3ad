"""A run: everything one `fleet apply` needs and knows, and the loop over its plays."""

from __future__ import annotations

import getpass
import sys
import time
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from fleet import __version__, yamlfile
from fleet.connection.base import Connections, Endpoint
from fleet.engine.endpoints import KEYWORDS, LOCAL, VARIABLES, endpoint
from fleet.engine.hub import Hub
from fleet.engine.planned import Planned
from fleet.engine.play import run_play
from fleet.engine.scope import Scope
from fleet.engine.state import HostState
from fleet.engine.strategy import Gate
from fleet.errors import FleetError, Pos, SourceError, UsageError
from fleet.events import Event, HostStats, Note, RunFinished, RunStarted, Subscriber
from fleet.inventory import Inventory
from fleet.model import Block, Play, Playbook, Role, Task
from fleet.options import RunOptions
from fleet.playbook import Static, load_role, load_tasks
from fleet.settings import Settings
from fleet.template import Templar, Variables
from fleet.trust import Trusted, trust
from fleet.validate import boolean
from fleet.vault.redact import Redactor


class Run:
    """The state of a run, owned by the thread that calls `execute`.

    inventory, settings, options and static (how to load more of the playbook) are given; connections post their replies to the hub.
    """

    def __init__(self, *, inventory: Inventory, settings: Settings, options: RunOptions, connections: Connections, static: Static,
                 templar: Templar, extra_vars: Mapping[str, Any], command: str = "apply",
                 sources: Iterable[str | Mapping[str, Any]] = (),
                 subscribers: Iterable[Subscriber] = (), run_id: str = "", entry: str = "",
                 redactor: Redactor | None = None) -> None:
        self.id = run_id or new_id()
        self.inventory = inventory
        self.settings = settings
        self.options = options
        self.connections = connections
        self.static = static
        self.templar = templar
        self.extra_vars = dict(extra_vars)
        self.command = command
        self.entry = entry
        self.sources = list(sources)
        self.subscribers = list(subscribers)
        self.redactor = redactor if redactor is not None else Redactor([])
        self.hub = Hub()
        self.states: dict[str, HostState] = {}
        self.strategy = ""
        self.interrupted = False
        self.performed = False  # a task that was asked for has begun
        files = [source for source in self.sources if isinstance(source, str)]
        self.inventory_file = next((source for source in files if Path(source).is_file()), None)
        self.inventory_dir = _directory(files)
        self.planned = Planned()
        self.shared: dict[str, Any] = {}  # what actions keep for the whole run (open libvirt connections)
        self.closing: list[Callable[[], None]] = []  # called at its end
        self._added: list[tuple[str, dict[str, Any], list[str]]] = []  # what add_host and group_by brought: it outlives a refresh of the inventory
        self._grouped: list[tuple[str, str, list[str]]] = []
        self.custom_stats: dict[str, dict[str, Any]] = {}  # what set_stats set, by host, and for the run under "_run"
        self.cleared = 0  # how often errors were forgiven (meta: clear_host_errors)
        self._numbers = 0
        self._gates: dict[int, Gate] = {}
        self._roles: dict[tuple[Any, ...], Block] = {}
        self._tasks: dict[tuple[Any, ...], list[Task | Block]] = {}
        self._warned = 0
        self._endpoints: dict[tuple[Any, ...], Endpoint] = {}

    # -- events

    def emit(self, event: Event) -> None:
        if self.redactor:
            for name in ("result", "message", "hint", "label", "text", "name", "error", "custom_stats"):
                value = getattr(event, name, None)
                if value:
                    setattr(event, name, self.redactor.clean(value))
        for subscriber in self.subscribers:
            subscriber(event)

    def next_task(self) -> int:
        self._numbers += 1
        return self._numbers

    def new_warnings(self) -> list[str]:
        fresh = self.inventory.warnings[self._warned:]
        self._warned = len(self.inventory.warnings)
        return fresh

    # -- hosts

    def state(self, host: str) -> HostState:
        state = self.states.get(host)
        if state is None:
            state = self.states[host] = HostState(host)
        return state

    def host_vars(self, host: str, basedir: str) -> Mapping[str, Any]:
        if host in self.inventory.hosts or host in LOCAL:
            return self.inventory.host_vars(host, basedir or None)
        return {}

    def endpoint(self, host: str, variables: Variables, keyword: Callable[[str], Any]) -> Endpoint:
        """Where a task on a host takes effect. Made once for equal connection variables and keywords, unless one of them is a template."""
        written = variables.written(VARIABLES)
        key: tuple[Any, ...] = (host, *[keyword(name) for name in KEYWORDS], *written.items())
        try:
            return self._endpoints[key]
        except KeyError:
            fixed = "fleet_on" not in written and not any(isinstance(value, Trusted) for value in written.values())
        except TypeError:  # a list among them
            fixed = False
        found = self._endpoint(host, variables, keyword)
        if fixed:
            self._endpoints[key] = found
        return found

    def _endpoint(self, host: str, variables: Mapping[str, Any], keyword: Callable[[str], Any]) -> Endpoint:
        secrets = self.options.secrets

        def said(name: str) -> Any:
            if name in ("become_password", "connection_password"):
                return secrets.get(name)
            return keyword(name)

        if host in LOCAL and host not in self.inventory.hosts and not variables.get("ansible_connection"):
            return endpoint(host, {**_chosen(variables), "ansible_connection": "local"}, said, self.settings, self.through)
        return endpoint(host, variables, said, self.settings, self.through)

    def through(self, host: str) -> Endpoint:
        """The endpoint of a host that others live on, by its own variables."""
        if host not in self.inventory.hosts and host not in LOCAL:
            raise FleetError(f"fleet_on names the host '{host}', which the inventory does not have", hint="add it, or mend fleet_on")
        variables = Variables(self.templar, [self.host_vars(host, ""), self.state(host).set, self.extra_vars, {"inventory_hostname": host}])
        return self.endpoint(host, variables, lambda name: None)

    def add_host(self, wanted: Mapping[str, Any]) -> bool:
        name = str(wanted.get("name") or wanted.get("host_name") or "")
        groups = [str(group) for group in wanted.get("groups") or ()]
        values = dict(wanted.get("vars") or wanted.get("host_vars") or {})
        known = self.inventory.hosts.get(name)
        new = known is None or any(name not in self.inventory.group_hosts(group) for group in groups if group in self.inventory.groups) \
            or any(group not in self.inventory.groups for group in groups) or any(known.vars.get(k) != v for k, v in values.items())
        self._added.append((name, values, groups))
        self.inventory.add_host(name, values, groups)
        return new

    def add_group(self, host: str, name: str, parents: list[str]) -> bool:
        new = name not in self.inventory.groups or host not in self.inventory.group_hosts(name)
        self._grouped.append((host, name, parents))
        self.inventory.add_group(name, parents)
        self.inventory.add_host(host, {}, [name])
        return new

    def add_stats(self, host: str, data: Mapping[str, Any], aggregate: bool) -> None:
        """Take what set_stats sets. aggregate: numbers are added, lists and texts joined, mappings merged; what cannot be is replaced."""
        mine = self.custom_stats.setdefault(host, {})
        for name, value in data.items():
            mine[name] = _joined(mine[name], value) if aggregate and name in mine else value

    def clear_errors(self) -> None:
        for state in self.states.values():
            state.failed = state.unreachable = False
        self.cleared += 1

    def refresh_inventory(self) -> None:
        from fleet.inventory import load_inventory
        self.inventory = load_inventory(self.sources, decrypt=self.static.decrypt)
        for name, values, groups in self._added:
            self.inventory.add_host(name, values, groups)
        for host, group, parents in self._grouped:
            self.inventory.add_group(group, parents)
            if host in self.inventory.hosts:
                self.inventory.add_host(host, {}, [group])
        self._warned = 0

    # -- what plays need

    def plain_variables(self, basics: Mapping[str, Any], play: Play) -> Variables:
        """Variables for what is templated before there is a host: host patterns, play names, serial."""
        from fleet.engine.variables import Groups
        return Variables(self.templar, [basics, {"groups": Groups(self), "playbook_dir": play.basedir}])

    def gate(self, task: Task, size: int) -> Gate:
        return self._gates.setdefault(id(task), Gate(self.hub, size))

    def tasks_of(self, path: str, role: Role | None, handlers: bool, notify: Sequence[Any] = ()) -> list[Task | Block]:
        key = (path, id(role), handlers, repr(notify))
        if key not in self._tasks:
            self._tasks[key] = load_tasks(path, static=self.static, role=role, handlers=handlers, notify=tuple(notify))
        return self._tasks[key]

    def role_of(self, play: Play, args: Mapping[str, Any], task: Task, scope: Scope) -> Block:
        """The role an include_role names, loaded once for all hosts."""
        name = str(args.get("name") or args.get("role"))
        froms = {key: args[key] for key in ("tasks_from", "vars_from", "defaults_from", "handlers_from") if args.get(key)}
        key = (name, id(task), tuple(sorted(froms.items())))
        if key not in self._roles:
            block = load_role(name, static=self.static, basedir=str(Path(task.file).parent) if task.file else play.basedir, params={},
                              allow_duplicates=boolean(args.get("allow_duplicates", True)),
                              rolespec_validate=boolean(args.get("rolespec_validate", True)), pos=task.pos, notify=tuple(task.notify), vars=task.keywords.vars,
                              parents=tuple(role.path for role in scope.roles), **froms)
            self._roles[key] = block
        return self._roles[key]

    def first_file(self, names: list[Any], play: Play) -> Path:
        looked = []
        for name in names:
            path = Path(str(name)).expanduser()
            for candidate in [path] if path.is_absolute() else [Path(play.basedir) / "vars" / path, Path(play.basedir) / path]:
                if candidate.is_file():
                    return candidate
                looked.append(str(candidate))
        raise SourceError(f"vars_files: there is no file {' or '.join(str(name) for name in names)}", pos=play.pos,
                          hint="looked for: " + ", ".join(looked))

    def read_vars(self, path: Path) -> Mapping[str, Any]:
        data = yamlfile.read(path, decrypt=self.static.decrypt)
        if data is None:
            return {}
        if not isinstance(data, Mapping):
            raise SourceError("a variables file holds a mapping", pos=Pos(str(path), 1, 1))
        return data

    def prompt(self, play: Play) -> dict[str, Any]:
        """Ask for the play's vars_prompt; names given by -e are not asked for."""
        answers: dict[str, Any] = {}
        for wanted in play.vars_prompt:
            if wanted.name in self.extra_vars:
                continue
            answer: Any = wanted.default
            if sys.stdin.isatty():
                text = f"{wanted.prompt or wanted.name}" + (f" [{wanted.default}]" if wanted.default is not None else "") + ": "
                ask = getpass.getpass if wanted.private else input
                answer = ask(text) or wanted.default
                if wanted.confirm and ask("confirm " + text) != (answer or ""):
                    raise UsageError(f"the two answers for {wanted.name} differ", pos=play.pos)
            elif answer is None:
                self.emit(Note(message=f"cannot ask for '{wanted.name}' without a terminal", hint=f"give it with -e {wanted.name}=…",
                               position=str(play.pos)))
            if wanted.encrypt and answer is not None:
                from fleet.template.filters import lookup_filter
                answer = lookup_filter("password_hash")(answer, wanted.encrypt)
            answers[wanted.name] = answer if wanted.unsafe else trust(answer)
            if wanted.private and isinstance(answer, str):
                self.redactor.add(answer)
        return answers

    def confirm(self, name: str) -> None:
        """--step: ask before a task. Ends the run on no."""
        if input(f"Perform task: {name} (y/n): ").strip().lower() not in ("y", "yes"):
            self.interrupted = True

    # -- the run

    def execute(self, playbooks: Iterable[Playbook]) -> RunFinished:
        """Run all plays. Always ends with RunFinished, also when it is returned because of an error (status 1) or interrupt (130)."""
        began = time.time()
        books = list(playbooks)
        error = ""
        try:
            self.emit(RunStarted(run=self.id, command=self.command, playbooks=[book.path for book in books], plays=[len(book.plays) for book in books],
                                 inventory=[source if isinstance(source, str) else "(given)" for source in self.sources],
                                 check=self.options.check, diff=self.options.diff, user=getpass.getuser(), version=__version__,
                                 limit=self.options.limit or "", tags=list(self.options.tags), project=self.settings.project, entry=self.entry))
            self.hub.run(lambda: self._plays(books))
        except FleetError as failure:
            error = failure.render()
        except KeyboardInterrupt:
            self.interrupted = True
        finally:
            for close in self.closing:
                close()
            self.connections.close()
        finished = RunFinished(run=self.id, status=self._status(error), duration=round(time.time() - began, 3), interrupted=self.interrupted,
                               stats=self.stats(), error=error, custom_stats=self.custom_stats)
        self.emit(finished)
        return finished

    def _plays(self, playbooks: Iterable[Playbook]) -> None:
        for book in playbooks:
            for play in book.plays:
                if not run_play(self, play):
                    return
        self._nothing_selected()

    def _nothing_selected(self) -> None:
        """Say so when no task was one of those asked for: most likely a name is misspelt."""
        if self.performed or not self.states:
            return
        if self.options.start_at_task:
            self.emit(Note(message=f"no task is called '{self.options.start_at_task}'; nothing was done", hint="--list-tasks shows their names"))
        elif self.options.tags:
            self.emit(Note(message=f"no task has the tag {' or '.join(self.options.tags)}; nothing was done", hint="--list-tags shows the tags there are"))

    def stats(self) -> dict[str, HostStats]:
        return {name: state.stats for name, state in self.states.items() if state.stats != HostStats()}

    def _status(self, error: str) -> int:
        if self.interrupted:
            return 130
        if error:
            return 1
        failed = any(state.failed for state in self.states.values())  # failures that were forgiven do not count
        unreachable = any(state.unreachable for state in self.states.values())
        return (2 if failed else 0) + (4 if unreachable else 0)

    def interrupt(self) -> None:
        """Ctrl-C once: start no further task; what runs may finish. Safe to call from a signal handler."""
        self.interrupted = True
        self.hub.post(self.emit, Note(message="interrupted: no new tasks; waiting for those that run (Ctrl-C again stops now)"))


def _chosen(variables: Mapping[str, Any]) -> dict[str, Any]:
    """The connection variables that are set, as a plain dict."""
    names = ("ansible_python_interpreter", "ansible_become", "ansible_become_user", "ansible_become_method", "ansible_become_password",
             "ansible_become_pass", "ansible_become_flags", "ansible_become_exe")
    return {name: variables[name] for name in names if name in variables}


def _directory(sources: list[str]) -> str | None:
    for source in sources:
        path = Path(source)
        if path.is_dir():
            return str(path.resolve())
        if path.exists():
            return str(path.resolve().parent)
    return None


def new_id() -> str:
    """A run's id: its start (UTC) and four random hex digits, so that ids sort by time."""
    return time.strftime("%Y%m%d-%H%M%S-", time.gmtime()) + uuid.uuid4().hex[:4]


def _joined(old: Any, value: Any) -> Any:
    if isinstance(old, Mapping) and isinstance(value, Mapping):
        return {**old, **value}
    for kind in (str, list, (int, float)):
        if isinstance(old, kind) and isinstance(value, kind):
            first: Any = old
            return first + value
    return value
