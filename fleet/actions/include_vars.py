"""Load variables from files of the controller."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from fleet import yamlfile
from fleet.actions import Call
from fleet.errors import ArgumentError
from fleet.runner.spec import Opt, Ret, Spec

SPEC = Spec(
    "include_vars", "Load variables from files",
    {
        "file": Opt("path", "The file: in `vars/` of the role or beside the playbook, or absolute.", aliases=["_raw_params"]),
        "dir": Opt("path", "A directory; its files are loaded in order of their names."),
        "depth": Opt("int", "How many levels of directories are read; 0 means all.", default=0),
        "files_matching": Opt("str", "Read only files whose name holds a match of this regular expression."),
        "ignore_files": Opt("list", "File names (regular expressions of the whole end of a name) that are not read.", elements="str"),
        "extensions": Opt("list", "Read only files with these extensions.", elements="str", default=["yaml", "yml", "json"]),
        "ignore_unknown_extensions": Opt("bool", "Pass over files with other extensions instead of failing.", default=False),
        "name": Opt("str", "Put the variables into one variable of this name."),
        "hash_behaviour": Opt("str", "Replace variables there are, or merge mappings.", choices=["replace", "merge"]),
    },
    free_form="file", mutually_exclusive=[("file", "dir")], required_one_of=[("file", "dir")],
    returns={"ansible_facts": Ret("dict", "The variables."),
             "ansible_included_var_files": Ret("list", "The files that were read, in order.", elements="str")},
    examples="""
- include_vars: "{{ ansible_os_family }}.yml"

- include_vars:
    dir: vars/services
    extensions: [yml]
    name: services
""")


def run(call: Call) -> dict[str, Any]:
    args = call.args
    if args.file is not None:
        for option in ("files_matching", "ignore_files"):
            if args[option] is not None:
                raise ArgumentError(f"include_vars: {option} is for `dir`, not for `file`")
        files = [call.find("vars", args.file)]
    else:
        files = list(_files(call, _folder(call, args.dir)))
    found: dict[str, Any] = {}
    for path in files:
        loaded = yamlfile.read(path, decrypt=call.decrypt)
        if loaded is None:
            continue
        if not isinstance(loaded, dict):
            raise ArgumentError(f"include_vars: {path} must hold a mapping of variables, not a {type(loaded).__name__}")
        found = merged(found, loaded) if args.hash_behaviour == "merge" else {**found, **loaded}
    facts = {args.name: found} if args.name else found
    if args.hash_behaviour == "merge":
        facts = {key: merged(call.vars[key], value) if isinstance(value, dict) and isinstance(call.vars.get(key), dict) else value
                 for key, value in facts.items()}
    return {"ansible_facts": facts, "ansible_included_var_files": [str(path) for path in files]}


def merged(low: Any, high: Any) -> dict[Any, Any]:
    """Two mappings as one: `high` wins, mappings inside are merged."""
    result = dict(low)
    for key, value in high.items():
        both = isinstance(value, dict) and isinstance(result.get(key), dict)
        result[key] = merged(result[key], value) if both else value
    return result


def _folder(call: Call, name: str) -> Path:
    path = call.find("vars", name)
    if not path.is_dir():
        raise ArgumentError(f"include_vars: {path} is not a directory", hint="use `file` for one file")
    return path


def _files(call: Call, folder: Path) -> Iterator[Path]:
    args = call.args
    extensions = {extension.lstrip(".") for extension in args.extensions}
    try:
        matching = re.compile(args.files_matching) if args.files_matching else None
        ignored = re.compile(f"(?:{'|'.join(args.ignore_files)})$") if args.ignore_files else None
    except re.error as error:
        raise ArgumentError(f"include_vars: bad regular expression: {error}") from None
    top = str(folder).count(os.sep)
    for base, folders, names in os.walk(folder, followlinks=True):
        folders.sort()
        if args.depth and base.count(os.sep) - top + 1 >= args.depth:
            folders.clear()
        for name in sorted(names):
            if (ignored and ignored.search(name)) or (matching and not matching.search(name)):
                continue
            if name.rpartition(".")[2] in extensions and "." in name.lstrip("."):
                yield Path(base, name)
            elif not args.ignore_unknown_extensions and not matching:
                raise ArgumentError(f"include_vars: {Path(base, name)} does not have a valid extension: {', '.join(sorted(extensions))}",
                                    hint="say `ignore_unknown_extensions: true` to pass over such files")
