"""The keywords of the playbook language, declared once: where each may stand, what it takes, what it means.

The table drives the loader's checks, the documentation and the editors' JSON Schema.
"""

from __future__ import annotations

import dataclasses
import keyword
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from fleet.errors import Pos, SourceError, nearest
from fleet.model import Keywords
from fleet.trust import is_template
from fleet.validate import boolean
from fleet.yamlfile import Map, Seq


@dataclasses.dataclass(frozen=True, slots=True)
class Keyword:
    """on: some of play, role, block, task, handler. kind: one of KINDS. refused: why it is not supported, if it is not."""

    name: str
    on: frozenset[str]
    kind: str
    doc: str
    refused: str = ""


KINDS = ("bool", "int", "float", "text", "any", "conditions", "tags", "list", "vars", "mapping", "tasks", "name")
_ALL = "play role block task handler"
_INNER = "role block task handler"
_TASK = "task handler"

_ROWS: tuple[tuple[str, str, str, str], ...] = (
    ("name", "play block task handler", "text", "What people see."),
    ("vars", _ALL, "vars", "Variables for what is inside."),
    ("tags", _ALL, "tags", "Names to select by; a list, or text with commas."),
    ("when", _INNER, "conditions", "Conditions that must all hold."),
    ("environment", _ALL, "list", "Environment variables: a mapping, or a list of mappings."),
    ("become", _ALL, "bool", "Act as another user."),
    ("become_user", _ALL, "text", "The user to act as."),
    ("become_method", _ALL, "text", "sudo, su or doas."),
    ("become_flags", _ALL, "text", "Options for the become method."),
    ("become_exe", _ALL, "text", "The program of the become method."),
    ("connection", _ALL, "text", "How to reach the host."),
    ("remote_user", _ALL, "text", "The user to log in as."),
    ("port", _ALL, "int", "The port to connect to."),
    ("check_mode", _ALL, "bool", "Only predict, or act even under --check."),
    ("diff", _ALL, "bool", "Show differences."),
    ("no_log", _ALL, "bool", "Show nothing of arguments and results."),
    ("ignore_errors", _ALL, "bool", "A failure does not stop the host."),
    ("ignore_unreachable", _ALL, "bool", "An unreachable host stays in the play."),
    ("any_errors_fatal", _ALL, "bool", "A failure on one host ends the play on all."),
    ("run_once", _ALL, "bool", "Run on the first host, share the result."),
    ("throttle", _ALL, "int", "At most so many hosts at once."),
    ("timeout", _ALL, "int", "Seconds a task may take."),
    ("debugger", _ALL, "text", "When to start the debugger."),
    ("module_defaults", _ALL, "list", "Default options, by module."),
    ("collections", _ALL, "any", "Accepted and ignored: modules are found by their names."),
    ("delegate_to", _INNER, "text", "Act on another host."),
    ("delegate_facts", _INNER, "bool", "Facts belong to the host delegated to."),
    ("block", "block", "tasks", "The tasks of a block."),
    ("rescue", "block", "tasks", "Tasks to run when one of the block fails."),
    ("always", "block", "tasks", "Tasks to run in any case."),
    ("notify", "block task handler", "list", "Handlers to run when something changed."),
    ("action", _TASK, "any", "The module and its options in one value."),
    ("local_action", _TASK, "any", "The same, on the controller."),
    ("args", _TASK, "any", "Options of the module."),
    ("loop", _TASK, "any", "A list; the task runs once an item. `with_NAME` loops over a lookup."),
    ("loop_control", _TASK, "mapping", "loop_var, index_var, label, pause, extended, break_when."),
    ("register", _TASK, "name", "The variable that takes the result."),
    ("until", _TASK, "conditions", "Try again until these hold."),
    ("retries", _TASK, "int", "How many times to try again."),
    ("delay", _TASK, "float", "Seconds between tries."),
    ("changed_when", _TASK, "conditions", "When the result counts as changed."),
    ("failed_when", _TASK, "conditions", "When the result counts as failed."),
    ("async", _TASK, "int", "Seconds the task may take in the background; see `poll`."),
    ("poll", _TASK, "int", "0: the task is left running, for async_status to look at; else it is waited for."),
    ("listen", "handler", "list", "Topics the handler answers to, beside its name."),
    ("hosts", "play", "any", "Pattern(s) of the hosts to act on."),
    ("gather_facts", "play", "bool", "Gather facts first."),
    ("gather_subset", "play", "any", "Which facts."),
    ("gather_timeout", "play", "int", "Accepted and ignored: facts have no time limit of their own."),
    ("fact_path", "play", "text", "Not supported on a play; give it to a `setup` task."),
    ("vars_files", "play", "any", "Files of variables; of a list inside the list the first that exists."),
    ("vars_prompt", "play", "any", "Variables to ask for."),
    ("roles", "play", "any", "Roles to run before the tasks."),
    ("pre_tasks", "play", "tasks", "Tasks before the roles."),
    ("tasks", "play", "tasks", "Tasks after the roles."),
    ("post_tasks", "play", "tasks", "Tasks after all others."),
    ("handlers", "play", "tasks", "Tasks run when notified."),
    ("serial", "play", "any", "Batch sizes: numbers or percentages."),
    ("strategy", "play", "text", "linear, free, host_pinned or debug."),
    ("max_fail_percentage", "play", "float", "The play ends when more hosts than this fail."),
    ("force_handlers", "play", "bool", "Run notified handlers even after a failure."),
    ("order", "play", "text", "inventory, reverse_inventory, sorted, reverse_sorted or shuffle."),
    ("validate_argspec", "play", "any", "Not supported; roles' argument specs are."),
)
_REFUSED = {
    "fact_path": "give fact_path to a `setup` task",
    "validate_argspec": "describe the variables in a role's meta/argument_specs.yml",
}
KEYWORDS: dict[str, Keyword] = {name: Keyword(name, frozenset(on.split()), kind, doc, _REFUSED.get(name, "")) for name, on, kind, doc in _ROWS}
ON: dict[str, frozenset[str]] = {
    place: frozenset(name for name, word in KEYWORDS.items() if place in word.on) for place in ("play", "role", "block", "task", "handler")
}
META_ACTIONS = ("flush_handlers", "noop", "end_play", "end_host", "end_batch", "end_role", "clear_facts", "clear_host_errors",
                "refresh_inventory", "reset_connection")
_SHARED = frozenset(field.name for field in dataclasses.fields(Keywords))
_SUMS = ("when", "tags", "environment", "module_defaults")
_NEAREST = tuple(sorted(_SHARED - {*_SUMS, "vars"}))


def parse_keywords(data: Any, pos: Pos) -> Keywords:
    """The `apply` of an include: keywords for everything that it brings in; its `notify` is with the include itself.

    Raises SourceError at what does not belong there.
    """
    if not isinstance(data, Mapping):
        raise SourceError(f"`apply` takes a mapping of keywords, not {kind_of(data)}", pos=pos)
    for key in data:
        if key in KEYWORDS and key not in _SHARED | {"name", "collections", "notify"}:
            raise SourceError(f"`apply` does not take '{key}'", pos=at(data, key, pos), hint="give it to the included tasks themselves")
        if key not in KEYWORDS:
            raise SourceError(f"there is no keyword '{key}' for `apply`", pos=at(data, key, pos), hint=nearest(str(key), _SHARED))
    return shared(data, pos)


def shared(data: Mapping[Any, Any], pos: Pos) -> Keywords:
    """The keywords all nodes share, out of a mapping whose keys were checked."""
    result = Keywords()
    for key, value in data.items():
        if key in _SHARED:
            setattr(result, key, convert(KEYWORDS[key], value, data, pos))
    return result


def convert(word: Keyword, value: Any, data: Mapping[Any, Any], pos: Pos) -> Any:
    """A keyword's value as the model has it. Raises SourceError for a literal that cannot be meant."""
    special = _CONVERT.get(word.name) or _CONVERT.get(word.kind)
    if special is not None:
        return special(word.name, value, at(data, word.name, pos))
    if value is None or is_template(value):
        return value
    check = _LITERALS.get(word.kind)
    if check is not None:
        try:
            return check(value)
        except (ValueError, TypeError):
            raise SourceError(f"'{word.name}' takes {_TAKES[word.kind]}, not {value!r}", pos=at(data, word.name, pos)) from None
    return value


def conditions(name: str, value: Any, pos: Pos) -> list[Any]:
    """One condition or a list of them; nothing is an empty list."""
    if value is None:
        return []
    for item in value if isinstance(value, list) else [value]:
        if not isinstance(item, (str, bool, int)):
            raise SourceError(f"'{name}' takes an expression or a list of them, not {kind_of(item)}", pos=pos,
                              hint="quote an expression that YAML reads as a mapping or a list")
    return list(value) if isinstance(value, list) else [value]


def tags(name: str, value: Any, pos: Pos) -> list[Any]:
    """Tags, split at commas; a template is one item."""
    found: list[Any] = []
    for item in value if isinstance(value, list) else [] if value is None else [value]:
        if isinstance(item, str):
            found += [item] if is_template(item) else [part for part in (each.strip() for each in item.split(",")) if part]
        elif isinstance(item, (int, float)):
            found.append(str(item))
        else:
            raise SourceError(f"'{name}' takes text or a list of texts, not {kind_of(item)}", pos=pos)
    return found


def listed(name: str, value: Any, pos: Pos) -> list[Any]:
    """A list, or one value as a list of one."""
    return list(value) if isinstance(value, list) else [] if value is None else [value]


def texts(name: str, value: Any, pos: Pos) -> list[Any]:
    """A list of texts, or one text."""
    found = listed(name, value, pos)
    for item in found:
        if not isinstance(item, (str, int)):
            raise SourceError(f"'{name}' takes text or a list of texts, not {kind_of(item)}", pos=pos)
    return found


def mappings(name: str, value: Any, pos: Pos) -> list[Any]:
    """A mapping or a list of them; templates may stand for mappings."""
    found = listed(name, value, pos)
    for item in found:
        if not isinstance(item, Mapping) and not is_template(item):
            raise SourceError(f"'{name}' takes a mapping or a list of mappings, not {kind_of(item)}", pos=pos)
    return found


def variables(name: str, value: Any, pos: Pos) -> dict[str, Any]:
    """A mapping of variables."""
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise SourceError(f"'{name}' takes a mapping of variables, not {kind_of(value)}", pos=pos, hint="write `name: value`, without a dash")
    for key in value:
        variable(key, at(value, key, pos))
    return value


def variable(name: Any, pos: Pos) -> str:
    """A name that a variable may have, or SourceError."""
    if not isinstance(name, str) or not name.isidentifier() or not name.isascii() or keyword.iskeyword(name):
        raise SourceError(f"{name!r} is an Invalid variable name", pos=pos, hint="letters, digits and _, not starting with a digit")
    return name


def merge(outer: Keywords, inner: Keywords) -> Keywords:
    """What a node says together with what the node around it says."""
    result = dataclasses.replace(inner, vars={**outer.vars, **inner.vars})
    for name in _SUMS:
        setattr(result, name, [*getattr(outer, name), *getattr(inner, name)])
    for name in _NEAREST:
        if getattr(result, name) is None:
            setattr(result, name, getattr(outer, name))
    return result


def unknown(key: Any, on: str, pos: Pos) -> SourceError:
    """The error for a key that a play, block, role or task cannot have."""
    word = KEYWORDS.get(key)
    if word is not None and word.on:
        places = " or ".join(f"a {place}" for place in ("play", "role", "block", "task", "handler") if place in word.on)
        return SourceError(f"'{key}' does not belong on a {on}", pos=pos, hint=f"it belongs on {places}")
    return SourceError(f"a {on} has no keyword '{key}'", pos=pos, hint=suggest(key, ON[on]))


def suggest(word: Any, words: Iterable[str]) -> str:
    """A hint: the nearest of the words, or all of them."""
    words = sorted(words)
    return nearest(str(word), words) or "there are: " + ", ".join(words)


def at(data: Any, key: Any, pos: Pos) -> Pos:
    """Where a key of a mapping (or an index of a list) stands, or `pos` for data without positions."""
    return data.at(key) if isinstance(data, (Map, Seq)) else pos


def kind_of(value: Any) -> str:
    """A value's kind in a user's words."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true or false"
    if isinstance(value, Mapping):
        return "a mapping"
    if isinstance(value, (list, tuple)):
        return "a list"
    return "text" if isinstance(value, str) else "a number"


def _bool(value: Any) -> Any:
    return boolean(value)


def _number(value: Any) -> Any:
    if isinstance(value, bool):
        raise ValueError(value)
    float(value)
    return value


def _int(value: Any) -> Any:
    if isinstance(value, bool) or float(value) != int(float(value)):
        raise ValueError(value)
    return int(value)


def _text(value: Any) -> Any:
    if isinstance(value, (dict, list)):
        raise ValueError(value)
    return value


_LITERALS: dict[str, Callable[[Any], Any]] = {"bool": _bool, "int": _int, "float": _number, "text": _text}
_TAKES = {"bool": "true or false", "int": "a whole number", "float": "a number", "text": "text"}
_CONVERT: dict[str, Callable[[str, Any, Pos], Any]] = {
    "conditions": conditions, "tags": tags, "list": texts, "vars": variables, "environment": mappings, "module_defaults": mappings,
}
