"""Which variables a task sees, and who wins.

The layers, lowest precedence first, as Ansible documents them: role defaults; inventory (group and host variables); facts; play vars;
vars_prompt; vars_files; role vars; block vars and task vars; include_vars; set_fact and registered results; role and include parameters; extra vars;
magic variables. Each is a plain mapping; nothing is merged or templated until a name is asked for.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from fleet import __version__
from fleet.engine.scope import Scope
from fleet.engine.state import HostState
from fleet.model import Block, Play, Role
from fleet.template import OMIT, Late, Variables

if TYPE_CHECKING:
    from fleet.engine.run import Run

Layer = Mapping[str, Any]


class PlayContext:
    """What all hosts of one play share: its variables' layers and the magic variables that do not depend on the host."""

    def __init__(self, run: Run, play: Play, name: str, prompts: Layer) -> None:
        self.run = run
        self.play = play
        self.name = name
        self.prompts = prompts
        self.public: dict[str, tuple[list[Layer], list[Layer]]] = {}  # host -> defaults, vars of the roles that it included with `public`
        self.files: dict[str, list[Layer]] = {}  # host -> the layers of vars_files, read once a host
        self.all_hosts: list[str] = []
        self.batch: list[str] = []
        self.live: dict[str, None] = {}
        roles = list(static_roles(play))
        shown = [role for role in roles if (not run.settings.private_role_vars if role.public is None else role.public)]
        self.defaults: list[Layer] = [role.defaults for role in shown if role.defaults]
        self.role_vars: list[Layer] = [role.vars for role in shown if role.vars]
        direct = [block.role.name for block in play.roles if block.role]
        names = list(dict.fromkeys(role.name for role in roles))
        self._magic: dict[str, Any] = {
            "playbook_dir": play.basedir or ".",
            "ansible_play_name": name,
            "role_names": names, "ansible_role_names": names, "ansible_play_role_names": direct,
            "ansible_dependent_role_names": [item for item in names if item not in direct],
            "ansible_forks": run.settings.forks,
            "ansible_version": {"full": "2.21.5", "major": 2, "minor": 21, "revision": 5, "string": "2.21.5"},
            "fleet_version": __version__,
            "ansible_run_tags": list(run.options.tags) or ["all"],
            "ansible_skip_tags": list(run.options.skip_tags),
            "ansible_playbook_python": sys.executable,
            "ansible_verbosity": run.options.verbosity,
            "ansible_limit": run.options.limit or "all",
            "ansible_config_file": run.settings.config_file,
            "groups": Groups(run),
            "hostvars": HostVars(run, self),
            "omit": OMIT,
            "environment": [],
            "inventory_file": run.inventory_file, "inventory_dir": run.inventory_dir,
            "inventory_hostname_short": Late(lambda seen: seen.raw("inventory_hostname").split(".")[0]),
            "group_names": Late(lambda seen: run.inventory.groups_of(seen.raw("inventory_hostname"))),
            "ansible_play_hosts_all": Late(lambda seen: self.all_hosts),
            "ansible_play_hosts": Late(lambda seen: [name for name in self.all_hosts if name in self.live or name not in self.batch]
                                       if self.batch else list(self.live)),
            "play_hosts": Late(lambda seen: [name for name in self.batch if name in self.live]),
            "ansible_play_batch": Late(lambda seen: [name for name in self.batch if name in self.live]),
            "vars": Late(lambda seen: seen),
        }

    def variables(self, host: HostState, scope: Scope | None, check: bool = False, diff: bool = False) -> Variables:
        """The host's variables as a task in `scope` sees them."""
        run, role = self.run, scope.role if scope else None
        public = self.public.get(host.name, ((), ()))
        layers: list[Layer] = [host.named, *self.defaults, *public[0]]
        if scope:
            layers += [each.defaults for each in scope.roles if each.defaults]
        layers.append(run.host_vars(host.name, self.play.basedir))
        layers += [host.injected, {"ansible_facts": host.facts}]
        layers += [self.play.keywords.vars, self.prompts, *self.files.get(host.name, ())]
        layers += [*self.role_vars, *public[1]]
        if scope:
            layers += [each.vars for each in scope.roles if each.vars]
            layers += scope.vars
        layers += [host.included, host.set]
        if scope:
            layers += scope.params
        layers.append(run.extra_vars)
        own = {"inventory_hostname": host.name, "ansible_check_mode": check, "ansible_diff_mode": diff,
               "ansible_search_path": search_path(role, self.play.basedir)}
        if role and scope:
            parents = list(scope.roles[:-1])[::-1]
            own.update(role_name=role.name, role_path=role.path, ansible_role_name=role.name,
                       ansible_parent_role_names=[each.name for each in parents], ansible_parent_role_paths=[each.path for each in parents])
        layers += [self._magic, own]
        return Variables(run.templar, layers)


def search_path(role: Role | None, basedir: str) -> list[str]:
    return [path for path in (role.path if role else "", basedir) if path]


def static_roles(play: Play) -> Iterator[Role]:
    """The roles a play names statically (roles:, import_role, their dependencies), dependencies first, in order."""
    for section in (play.roles, play.pre_tasks, play.tasks, play.post_tasks):
        for node in section:
            yield from _roles_in(node)


def _roles_in(node: Any) -> Iterator[Role]:
    if not isinstance(node, Block):
        return
    if node.is_role and node.role:
        for dependency in node.role.dependencies:
            yield from _roles_in(dependency)
        yield node.role
    for child in (*node.tasks, *node.rescue, *node.always):
        yield from _roles_in(child)


class HostVars(Mapping[str, Any]):
    """`hostvars`: every host's variables, made when asked for."""

    def __init__(self, run: Run, context: PlayContext) -> None:
        self._run = run
        self._context = context

    def __getitem__(self, host: str) -> Any:
        if host not in self._run.inventory.hosts and host not in self._run.states:
            raise KeyError(host)
        return self._context.variables(self._run.state(host), None)

    def __contains__(self, host: object) -> bool:
        return host in self._run.inventory.hosts

    def __iter__(self) -> Iterator[str]:
        return iter(self._run.inventory.hosts)

    def __len__(self) -> int:
        return len(self._run.inventory.hosts)


class Groups(Mapping[str, Any]):
    """`groups`: group -> its hosts, in inventory order."""

    def __init__(self, run: Run) -> None:
        self._run = run

    def __getitem__(self, name: str) -> list[str]:
        if name not in self._run.inventory.groups:
            raise KeyError(name)
        return self._run.inventory.group_hosts(name)

    def __iter__(self) -> Iterator[str]:
        return iter(self._run.inventory.groups)

    def __len__(self) -> int:
        return len(self._run.inventory.groups)
