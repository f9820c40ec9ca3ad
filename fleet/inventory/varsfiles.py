"""group_vars/ and host_vars/ of one directory, read when first asked for."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from fleet import yamlfile
from fleet.errors import Pos, SourceError
from fleet.inventory.names import check_connection
from fleet.yamlfile import Decrypt

SUFFIXES = ("", ".yml", ".yaml", ".json")


class VarsFiles:
    """NAME, or the first of NAME.yml, .yaml, .json that is there; each a file or a directory of files. warn: called with what was passed over."""

    def __init__(self, base: Path, decrypt: Decrypt | None, warn: Callable[[str], None]) -> None:
        self._base = base
        self._decrypt = decrypt
        self._warn = warn
        self._listed: dict[str, frozenset[str]] = {}
        self._groups: dict[str, Mapping[str, Any]] = {}

    def of_group(self, name: str) -> Mapping[str, Any]:
        if name not in self._groups:
            self._groups[name] = self._read("group_vars", name)
        return self._groups[name]

    def of_host(self, name: str) -> Mapping[str, Any]:
        return self._read("host_vars", name)

    def _read(self, kind: str, name: str) -> Mapping[str, Any]:
        listed = self._listed.get(kind)
        if listed is None:
            folder = self._base / kind
            try:
                listed = self._listed[kind] = frozenset(os.listdir(folder)) if folder.is_dir() else frozenset()
            except OSError as error:
                raise SourceError(f"cannot read {folder}: {error.strerror}", pos=Pos(str(folder))) from None
        if not listed:
            return {}
        there = [self._base / kind / (name + suffix) for suffix in SUFFIXES if name + suffix in listed]
        for path in there[1:]:
            self._warn(f"{path} is not read, because {there[0]} is there")
        found: dict[str, Any] = {}
        for path in self._files(there[0]) if there else ():
            found.update(self._load(path))
        return found

    def _files(self, path: Path) -> list[Path]:
        if not path.is_dir():
            return [path]
        inner = [each for each in sorted(path.iterdir()) if not each.name.startswith(".") and not each.name.endswith("~")]
        return [file for each in inner if each.is_dir() or each.suffix in SUFFIXES for file in self._files(each)]

    def _load(self, path: Path) -> Mapping[str, Any]:
        data = yamlfile.read(path, decrypt=self._decrypt)
        if data is None:
            return {}
        if not isinstance(data, Mapping):
            raise SourceError("a variables file holds a mapping of names to values", pos=Pos(str(path), 1, 1))
        check_connection(data, Pos(str(path)))
        return data
