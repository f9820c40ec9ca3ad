"""Playbooks: plays and imports of further playbooks."""

from __future__ import annotations

import dataclasses
import os
from typing import Any

from fleet import registry
from fleet.errors import Pos, SourceError
from fleet.model import Block, Play, Playbook, VarsPrompt
from fleet.playbook import action as actions
from fleet.playbook.keywords import KEYWORDS, ON, convert, kind_of, merge, shared, suggest, unknown, variable
from fleet.playbook.source import Chain, Place, Static, existing, shown
from fleet.playbook.tasks import defaulted, load_handlers, load_list, role_entry
from fleet.validate import boolean
from fleet.yamlfile import Map, Seq

STRATEGIES = ("linear", "free", "host_pinned", "debug")
ORDERS = ("inventory", "reverse_inventory", "sorted", "reverse_sorted", "shuffle")
_IMPORT_KEYWORDS = frozenset({"name", "vars", "tags", "when", "collections"})
_PROMPT = tuple(field.name for field in dataclasses.fields(VarsPrompt))
_AS_IS = ("name", "gather_facts", "gather_subset", "max_fail_percentage", "force_handlers")


def read_book(place: Place) -> list[Play]:
    """The plays of the file the place stands in, YAML or Python."""
    place.static.plugins(place.basedir)
    if place.file.endswith(".py") and place.static.python is not None:
        return place.static.python.plays(place.file, place.static, place.chain)
    return load_book(place)


def load_book(place: Place) -> list[Play]:
    """The plays of the file the place stands in, imported ones in their places."""
    data = place.static.read(place.file)
    pos = Pos(shown(place.file), 1, 1)
    if data is None:
        raise SourceError("this playbook is empty", pos=pos, hint="a playbook is a list of plays, each with `hosts` and `tasks`")
    if not isinstance(data, Seq):
        raise SourceError(f"a playbook is a list of plays, not {kind_of(data)}", pos=getattr(data, "pos", pos),
                          hint="begin each play with `- hosts: ...`")
    plays: list[Play] = []
    for index, item in enumerate(data):
        if not isinstance(item, Map):
            raise SourceError(f"a play is a mapping, not {kind_of(item)}", pos=data.at(index), hint="begin each play with `- hosts: ...`")
        imports = [key for key in item if isinstance(key, str) and registry.short(key) == "import_playbook"]
        plays += _imported(item, imports[0], place) if imports else [load_play(item, place)]
    return plays


def _imported(data: Map, key: str, place: Place) -> list[Play]:
    pos = data.at(key)
    for other in data:
        if other != key and other not in _IMPORT_KEYWORDS:
            raise SourceError(f"'{other}' does not belong beside import_playbook", pos=data.at(other), hint="it takes: name, vars, tags, when")
    if not isinstance(data[key], str) or not data[key].strip():
        raise SourceError("import_playbook takes the name of a file", pos=pos)
    keywords = shared(data, data.pos)
    place = dataclasses.replace(place, vars={**place.vars, **keywords.vars})
    name = str(place.render(data[key], "import_playbook", pos)).strip()
    path = existing([os.path.join(os.path.dirname(place.file), os.path.expanduser(name))], f"there is no playbook '{name}'", pos)
    inner = dataclasses.replace(place, file=path, basedir=os.path.dirname(path), chain=place.into(path, shown(path), pos),
                                vars={**place.vars, **keywords.vars})
    plays = read_book(inner)
    for play in plays:
        play.keywords = merge(keywords, play.keywords)
        play.keywords.vars.update(keywords.vars)
    return plays


def load_play(data: Map, place: Place) -> Play:
    words = _words(data)
    if "hosts" not in words:
        raise _no_hosts(data)
    keywords = shared(words, data.pos)
    play = Play(data.pos, _hosts(words), keywords=keywords, basedir=place.basedir)
    for key in _AS_IS:
        if key in words:
            setattr(play, key, convert(KEYWORDS[key], words[key], words, data.pos))
    serial = words.get("serial")
    play.serial = list(serial) if isinstance(serial, list) else [] if serial is None else [serial]
    place = dataclasses.replace(place, vars={**keywords.vars, **place.vars}, defaulted=defaulted(frozenset(), keywords))
    play.strategy = _one_of(words, "strategy", STRATEGIES, "linear", place)
    play.order = _one_of(words, "order", ORDERS, "inventory", place)
    play.vars_files = _vars_files(words)
    play.vars_prompt = _vars_prompt(words)
    play.roles = _roles(words, place)
    for section in ("pre_tasks", "tasks", "post_tasks"):
        setattr(play, section, load_list(words.get(section), place, section, words.at(section)))
    play.handlers = load_handlers(words.get("handlers"), place, words.at("handlers"))
    return play


def _words(data: Map) -> Map:
    """The play with `user` under its present name, its keys checked."""
    words = data
    if "user" in data:
        if "remote_user" in data:
            raise SourceError("'user' and 'remote_user' are the same", pos=data.at("user"), hint="give remote_user")
        words = Map(data.pos)
        words.update({"remote_user" if key == "user" else key: value for key, value in data.items()})
        words.keys_at = {"remote_user" if key == "user" else key: at for key, at in data.keys_at.items()}
    for key in words:
        if key not in ON["play"]:
            raise _no_hosts(data) if "hosts" not in words and actions.is_module(key) else unknown(key, "play", words.at(key))
        if KEYWORDS[key].refused:
            raise SourceError(f"'{key}' is not supported on a play", pos=words.at(key), hint=KEYWORDS[key].refused)
    return words


def _no_hosts(data: Map) -> SourceError:
    task = next((key for key in data if actions.is_module(key)), None)
    if task is not None:
        return SourceError(f"'{task}' is not a valid attribute for a Play, and this play has no 'hosts'", pos=data.at(task),
                           hint="it looks like a task: put it under the `tasks:` of a play")
    return SourceError("this play has no 'hosts'", pos=data.pos, hint="say where to run it: `hosts: all`")


def _hosts(words: Map) -> Any:
    hosts = words["hosts"]
    patterns = hosts if isinstance(hosts, list) else [hosts]
    if not patterns or any(item is None or item == "" for item in patterns):
        raise SourceError("'hosts' is empty", pos=words.at("hosts"), hint="say where to run the play: `hosts: all`")
    for item in patterns:
        if not isinstance(item, (str, int)) or isinstance(item, bool):
            raise SourceError(f"'hosts' takes a pattern or a list of them, not {kind_of(item)}", pos=words.at("hosts"))
    return hosts


def _one_of(words: Map, key: str, choices: tuple[str, ...], default: str, place: Place) -> str:
    value = words.get(key)
    if value is None:
        return default
    value = str(place.render(value, f"'{key}'", words.at(key))).removeprefix("ansible.builtin.")
    if value not in choices:
        raise SourceError(f"the {key} '{value}' is not supported", pos=words.at(key), hint=suggest(value, choices))
    return value


def _vars_files(words: Map) -> list[Any]:
    value = words.get("vars_files")
    entries = value if isinstance(value, list) else [] if value is None else [value]
    for entry in entries:
        if not all(isinstance(name, str) for name in (entry if isinstance(entry, list) else [entry])):
            raise SourceError("'vars_files' takes a list of file names", pos=words.at("vars_files"))
    return list(entries)


def _vars_prompt(words: Map) -> list[VarsPrompt]:
    value = words.get("vars_prompt")
    found: list[VarsPrompt] = []
    for item in value if isinstance(value, list) else [] if value is None else [value]:
        if not isinstance(item, Map):
            raise SourceError("'vars_prompt' takes a list of mappings, each with `name` and `prompt`", pos=words.at("vars_prompt"))
        for key in item:
            if key not in _PROMPT:
                raise SourceError(f"vars_prompt has no option '{key}'", pos=item.at(key), hint=suggest(key, _PROMPT))
        if "name" not in item:
            raise SourceError("this prompt names no variable", pos=item.pos, hint="write `name: VARIABLE`")
        variable(item["name"], item.at("name"))
        found.append(_prompt(item))
    return found


def _prompt(item: Map) -> VarsPrompt:
    values: dict[str, Any] = dict(item)
    for key in ("private", "confirm", "unsafe"):
        if key in item:
            try:
                values[key] = boolean(item[key])
            except ValueError:
                raise SourceError(f"'{key}' takes true or false, not {item[key]!r}", pos=item.at(key)) from None
    values["prompt"] = str(item.get("prompt") or "")
    return VarsPrompt(**values)


def _roles(words: Map, place: Place) -> list[Block]:
    value = words.get("roles")
    if value is None:
        return []
    if not isinstance(value, Seq):
        raise SourceError(f"'roles' takes a list of roles, not {kind_of(value)}", pos=words.at("roles"), hint="begin each role with `- `")
    return [role_entry(item, place, value.at(index)) for index, item in enumerate(value)]


def load_playbook(path: str | os.PathLike[str], *, static: Static, chain: Chain = ()) -> Playbook:
    """Read a playbook, YAML or Python, with all it imports statically. chain: the imports on the way here.

    Raises SourceError for the first thing that is wrong.
    """
    absolute = os.path.abspath(path)
    place = Place(static, absolute, os.path.dirname(absolute), chain=chain)
    place = dataclasses.replace(place, chain=place.into(absolute, shown(absolute), Pos(shown(absolute), 1, 1)))
    return Playbook(str(path), read_book(place))


