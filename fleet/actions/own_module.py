"""The controller's side of own_module: the file goes along with the request, with what it imports."""

from __future__ import annotations

import ast
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from fleet.actions import Call
from fleet.connection.codestore import path_of
from fleet.errors import ArgumentError, Pos, SourceError
from fleet.modules.own_module import SPEC as SPEC

UTILS = "ansible.module_utils"
# What is imported of Ansible's, and the file of ours that it is.
OURS = {f"{UTILS}.basic": "_own_basic", f"{UTILS}._text": "_own_text", f"{UTILS}.common.text.converters": "_own_text"}


def run(call: Call) -> dict[str, Any]:
    path = call.find("library", call.args.file)
    if not path.is_file():
        raise ArgumentError(f"{path} is no module: it is not a file")
    source = path.read_bytes().decode("utf-8", "surrogateescape")
    first = source.partition("\n")[0]
    sent: dict[str, Any] = {"source": source, "file": path.name, "given": {"name": path.stem}, "modules": {}}
    if path.suffix == ".py" or (first.startswith("#!") and "python" in first):
        folders = [path.parent.parent / "module_utils", Path(call.static.playbook_dir) / "module_utils"]
        sent.update(python=True, loader=path_of("fleet.modules._own_loader").read_text(), modules=gathered(path, source, folders))
    blob = json.dumps(sent).encode("utf-8", "surrogateescape")
    return call.module("own_module", {**call.args, "file": path.name}, blob=blob, last=True)


def gathered(path: Path, source: str, folders: list[Path]) -> dict[str, Any]:
    """What a module imports of Ansible's names, by those: (is it a package, its source, its file). What is nowhere is left for Python's own error there."""
    found: dict[str, Any] = {}
    waiting = [(path, source)]
    while waiting:
        file, text = waiting.pop()
        for name in _imports(file, text):
            located = _located(name, folders)
            if located is None or name in found:
                continue
            parts = name.split(".")
            for depth in range(1, len(parts)):
                found.setdefault(".".join(parts[:depth]), (True, "", "<package>"))
            package, where = located
            content = where.read_text()
            found[name] = (package, content, str(where.name))
            waiting.append((where, content))
    return found


def _imports(file: Path, source: str) -> Iterator[str]:
    """The names in `ansible.` that a source imports, and each name of a `from`, as it may be a module."""
    try:
        tree = ast.parse(source)
    except SyntaxError as error:
        raise SourceError(f"Python cannot read it: {error.msg}", pos=Pos(str(file), error.lineno or 0, error.offset or 0)) from None
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.startswith("ansible."))
        elif isinstance(node, ast.ImportFrom) and not node.level and (node.module or "").startswith("ansible."):
            yield str(node.module)
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _located(name: str, folders: list[Path]) -> tuple[bool, Path] | None:
    """Whether what is imported by this name is a package, and its file: the user's own before ours."""
    if not name.startswith(UTILS + "."):
        return None
    below = name[len(UTILS) + 1:].replace(".", os.sep)
    for folder in folders:
        for package, candidate in ((False, folder / f"{below}.py"), (True, folder / below / "__init__.py")):
            if candidate.is_file():
                return package, candidate
    return (False, path_of(f"fleet.modules.{OURS[name]}")) if name in OURS else None
