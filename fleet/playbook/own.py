"""Modules of people's own: files in library/ of a role or beside the playbook, called by their names."""

from __future__ import annotations

import os
from functools import cache

from fleet.playbook.source import Place

_IGNORED = (".md", ".txt", ".yml", ".yaml", ".json", ".pyc", "~")


def find(name: str, place: Place) -> str | None:
    """The file that a task's name means, if it is a module of the user's own: the role's, the playbook's, those of the setting `library`."""
    bases = [place.basedir, place.static.playbook_dir]
    if place.role:
        bases.insert(0, place.role.path)
    for folder in [*(os.path.join(base, "library") for base in bases), *place.static.library]:
        found = _files(os.path.abspath(folder)).get(name)
        if found:
            return found
    return _of_collection(name, place) if name.count(".") == 2 else None


def _of_collection(name: str, place: Place) -> str | None:
    namespace, collection, module = name.split(".")
    for base in (place.basedir, place.static.playbook_dir):
        folder = os.path.join(os.path.abspath(base), "collections/ansible_collections", namespace, collection, "plugins/modules")
        if found := _files(folder).get(module):
            return found
    return None


@cache
def _files(folder: str) -> dict[str, str]:
    """The modules of a directory by name."""
    if not os.path.isdir(folder):
        return {}
    found = {}
    for entry in sorted(os.scandir(folder), key=lambda each: each.name):
        if entry.is_file() and not entry.name.startswith((".", "_")) and not entry.name.endswith(_IGNORED):
            found[os.path.splitext(entry.name)[0]] = entry.path
    return found
