"""The inventory as it stands: hosts, groups, patterns, and each host's variables by precedence."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from fleet.errors import InventoryError, Pos
from fleet.inventory.names import check_connection, checked
from fleet.inventory.patterns import match, split
from fleet.inventory.varsfiles import VarsFiles
from fleet.model import Group, Host
from fleet.yamlfile import Decrypt

LOCAL = ("localhost", "127.0.0.1", "::1")


class Inventory:
    """hosts and groups by name, in inventory order; warnings: what was odd, for people."""

    def __init__(self, decrypt: Decrypt | None = None) -> None:
        self.hosts: dict[str, Host] = {}
        self.groups: dict[str, Group] = {"all": Group("all"), "ungrouped": Group("ungrouped", parents=["all"])}
        self.groups["all"].children.append("ungrouped")
        self.warnings: list[str] = []
        self.directories: list[str] = []
        self._decrypt = decrypt
        self._files: dict[str, VarsFiles] = {}
        self._vars: dict[tuple[str, str | None], dict[str, Any]] = {}
        self._shared: dict[tuple[Any, ...], dict[str, Any]] = {}
        self._members: dict[str, list[str]] = {}
        self._ancestors: dict[str, list[str]] = {}
        self._order: dict[str, int] = {}

    # -- building

    def host(self, name: str, group: str | None = None, pos: Pos | None = None) -> Host:
        """The host of a name, made if new, and put into a group."""
        found = self.hosts.get(name)
        if found is None:
            found = self.hosts[name] = Host(checked(name, "host", pos))
        if group and group != "all" and group not in found.groups:
            self.groups[group].hosts.append(name)
            found.groups.append(group)
        return found

    def group(self, name: str, pos: Pos | None = None) -> Group:
        found = self.groups.get(name)
        if found is None:
            found = self.groups[name] = Group(checked(name, "group", pos))
        return found

    def child(self, parent: str, child: str, pos: Pos | None = None) -> None:
        """Put a group into another. Raises InventoryError for a circle."""
        above, below = self.group(parent, pos), self.group(child, pos)
        if child == "all":
            raise InventoryError("the group 'all' cannot be in another group", pos=pos)
        if child not in above.children:
            chain = self._chain(child, parent)
            if chain:
                raise InventoryError(f"groups go round in a circle: {' -> '.join([parent, *chain])}", pos=pos)
            above.children.append(child)
            below.parents.append(parent)

    def _chain(self, start: str, wanted: str) -> list[str]:
        if start == wanted:
            return [start]
        for child in self.groups[start].children:
            rest = self._chain(child, wanted)
            if rest:
                return [start, *rest]
        return []

    def finish(self) -> None:
        """Complete the tree after loading: every group below `all`, hosts without a group in `ungrouped`, depths, priorities."""
        for group in self.groups.values():
            if not group.parents and group.name != "all":
                self.groups["all"].children.append(group.name)
                group.parents.append("all")
        for host in self.hosts.values():
            if not host.groups:
                self.host(host.name, "ungrouped")
            elif len(host.groups) > 1 and "ungrouped" in host.groups:
                host.groups.remove("ungrouped")
        self.groups["ungrouped"].hosts = [name for name in self.groups["ungrouped"].hosts if "ungrouped" in self.hosts[name].groups]
        for name in self.hosts.keys() & self.groups.keys():
            self._warn(f"'{name}' is the name of a host and of a group; a pattern means the host")
        self._changed()

    def _warn(self, text: str) -> None:
        if text not in self.warnings:
            self.warnings.append(text)

    def _forget(self) -> None:
        for cache in (self._vars, self._shared, self._members, self._ancestors):
            cache.clear()

    def _changed(self) -> None:
        self._forget()
        self._order = {name: index for index, name in enumerate(self.hosts)}
        depths: dict[str, int] = {}

        def depth(name: str) -> int:
            if name not in depths:
                depths[name] = 1 + max((depth(parent) for parent in self.groups[name].parents), default=-1)
            return depths[name]

        for group in self.groups.values():
            group.depth = depth(group.name)
            try:
                group.priority = int(group.vars.get("ansible_group_priority", 1))
            except (TypeError, ValueError):
                raise InventoryError(f"group {group.name}: ansible_group_priority is a number") from None

    def add_host(self, name: str, values: Mapping[str, Any] | None = None, groups: Sequence[str] = ()) -> None:
        """What the add_host module adds during a run. Raises InventoryError for names and addresses that cannot be."""
        check_connection(values or {})
        host = self.host(name)
        host.vars.update(values or {})
        self._order.setdefault(name, len(self._order))
        for group in groups:
            self.add_group(group)
            self.host(name, group)
        if not host.groups:
            self.host(name, "ungrouped")
        elif len(host.groups) > 1 and "ungrouped" in host.groups:
            host.groups.remove("ungrouped")
            self.groups["ungrouped"].hosts.remove(name)
        self._forget()

    def add_group(self, name: str, parents: Sequence[str] = ()) -> None:
        """A group, made if new, put into others. Raises InventoryError for a circle."""
        if name in self.groups and all(parent in self.groups[name].parents for parent in parents):
            return
        self.group(name)
        for parent in parents:
            self.child(parent, name)
        self.finish()

    # -- asking

    def group_hosts(self, name: str) -> list[str]:
        """All hosts of a group, also of those below it, in inventory order."""
        found = self._members.get(name)
        if found is None:
            if name == "all":
                found = list(self.hosts)
            else:
                group = self.groups[name]
                members = dict.fromkeys(group.hosts)
                for child in group.children:
                    members.update(dict.fromkeys(self.group_hosts(child)))
                found = sorted(members, key=self._order.__getitem__) if group.children else list(members)
            self._members[name] = found
        return found

    def groups_of(self, host: str) -> list[str]:
        """The groups a host is in, with those above them, without `all`, sorted by name."""
        if host not in self.hosts:
            return []
        found: set[str] = set()
        for name in self.hosts[host].groups:
            found.update(self._above(name))
        return sorted(found - {"all"})

    def _above(self, name: str) -> list[str]:
        found = self._ancestors.get(name)
        if found is None:
            found = [name]
            for parent in self.groups[name].parents:
                found += [each for each in self._above(parent) if each not in found]
            self._ancestors[name] = found
        return found

    def match(self, pattern: str | list[str], *, limit: str | None = None) -> list[str]:
        """The hosts a pattern means, in the order it names them, within a limit. What names nothing gives a warning. Raises InventoryError."""
        found = match(self, pattern)
        if limit:
            allowed = set(match(self, _limit(limit)))
            found = [name for name in found if name in allowed]
        return found

    def host_vars(self, host: str, playbook_dir: str | None = None) -> dict[str, Any]:
        """A host's variables from inventory, group_vars/ and host_vars/, as written. Not to be changed."""
        key = (host, playbook_dir)
        found = self._vars.get(key)
        if found is None:
            found = self._vars[key] = self._merged(host, playbook_dir)
        return found

    def _merged(self, name: str, playbook_dir: str | None) -> dict[str, Any]:
        host = self.hosts.get(name)
        if host is None:
            if name not in LOCAL:
                return {}
            # The implicit localhost is in no group, and still has what is said of all.
            host = Host(name, {"ansible_connection": "local", "ansible_python_interpreter": sys.executable})
        files = [self._in(folder) for folder in self.directories]
        folder = os.path.abspath(playbook_dir) if playbook_dir else ""
        beside = [self._in(folder)] if folder and folder not in self.directories else []
        groups = ("all", *(group for group in self._ordered(tuple(host.groups)) if group != "all"))
        shared = self._shared.get((groups, playbook_dir))
        if shared is None:
            shared = {}
            for group in groups:
                shared.update(self.groups[group].vars)
            for layer in (("all",), groups[1:]):
                for sources in (files, beside):
                    for group in layer:
                        for each in sources:
                            shared.update(each.of_group(group))
            self._shared[groups, playbook_dir] = shared
        own = {**host.vars}
        for each in (*files, *beside):
            own.update(each.of_host(name))
        return {**shared, **own} if own else shared

    def _ordered(self, groups: tuple[str, ...]) -> list[str]:
        names = {each for group in groups for each in self._above(group)}
        return sorted(names, key=lambda each: (self.groups[each].depth, self.groups[each].priority, each))

    def _in(self, folder: str) -> VarsFiles:
        if folder not in self._files:
            self._files[folder] = VarsFiles(Path(folder), self._decrypt, self._warn)
        return self._files[folder]


def _limit(limit: str) -> list[str]:
    """The patterns of a limit; a part @FILE stands for the lines of that file."""
    words: list[str] = []
    for part in split(limit):
        if not part.startswith("@"):
            words.append(part)
            continue
        path = Path(part[1:]).expanduser()
        if not path.is_file():
            raise InventoryError(f"--limit: there is no file {part[1:]}")
        lines = path.read_text(errors="replace").splitlines()
        words += [line.strip() for line in lines if line.strip() and not line.startswith("#")]
    return words
