"""Which module a task calls and with what: every spelling of it becomes (name, options, free text)."""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Mapping
from typing import Any, NamedTuple

from fleet import registry
from fleet.errors import Pos, SourceError, nearest
from fleet.playbook import freeform
from fleet.playbook.keywords import KEYWORDS, META_ACTIONS, ON, at, kind_of, suggest, unknown
from fleet.runner.spec import Spec
from fleet.trust import Trusted, is_template, trust_str
from fleet.validate import check_static
from fleet.yamlfile import Map

RAW = frozenset({"command", "shell", "raw", "script"})
INCLUDES = frozenset({"include_tasks", "import_tasks", "include_role", "import_role"})
_OWN_TEXT = INCLUDES | {"meta"}


Own = Callable[[str], str | None]
OWN = "own_module"


class Action(NamedTuple):
    """name: canonical; args: options as written, or a template that gives them; free: free text; pos: the module's key."""

    name: str
    args: Any
    free: Any
    pos: Pos
    local: bool = False


def is_module(name: Any) -> bool:
    if not isinstance(name, str):
        return False
    try:
        registry.canonical(name)
    except SourceError:
        return False
    return True


def find(data: Map, on: str, guarded: bool = False, own: Own = lambda name: None) -> Action:
    """The one action of a task. Raises SourceError for none, for two, and for a key that is neither keyword nor module.

    own: the file of a module of the user's own, by name.

    guarded: a condition may keep the task from running; then a module that fleet lacks becomes a failure for when it does not.
    """
    allowed = ON[on]
    found = [key for key in data if key in ("action", "local_action")]
    strange = [key for key in data if key not in allowed and not (isinstance(key, str) and key.startswith("with_"))]
    modules = [key for key in strange if isinstance(key, str) and (own(key) or is_module(key) or registry.lacking(key))]
    found += modules
    if len(found) > 1:
        raise SourceError(f"this task has two actions: '{found[0]}' and '{found[1]}'", pos=data.at(found[1]), hint="make it two tasks")
    wrong = next((key for key in strange if key not in modules), None)
    if wrong is not None:
        if found or wrong in KEYWORDS:
            raise unknown(wrong, on, data.at(wrong))
        hint = nearest(str(wrong), [*allowed, *registry.names(), *registry.CORE])
        raise SourceError(f"there is no module or keyword '{wrong}'", pos=data.at(wrong), hint=hint or "`fleet doc --list` shows what there is")
    if not found:
        raise SourceError("this task has no action", pos=data.pos, hint="name a module, such as `command: ls`")
    return _parse(data, found[0], guarded or bool(data.get("when")), own)


def _parse(data: Map, key: str, guarded: bool, own: Own) -> Action:
    pos, value = data.at(key), data[key]
    local = key == "local_action"
    if key in ("action", "local_action"):
        name, value = _old_style(key, value, pos)
        if isinstance(name, Trusted):
            return _unnamed(data, name, value, pos, local)
    else:
        name = key
    file = own(name)
    if file:
        return Action(OWN, _own_options(data, name, file, value, pos), None, pos, local)
    if guarded and registry.lacking(name):
        return Action("fail", {"msg": ": ".join(filter(None, [f"fleet has no module '{name}'", registry.instead(name)]))}, None, pos)
    name = registry.canonical(name, pos)
    if name == "import_playbook":
        raise SourceError("import_playbook stands among plays, not among tasks", pos=pos)
    args, free = _arguments(name, value, pos)
    more = data.get("args")
    if more is not None:
        args = _with_args(name, args, more, data.at("args"))
    return Action(name, args, free, pos, local)


def _own_options(data: Map, name: str, file: str, value: Any, pos: Pos) -> Map:
    """The options of `own_module` for a module that is called by its name; what they may be, only that module knows."""
    if isinstance(value, str) and not is_template(value):
        value, free = freeform.split(value, None, pos)
        if free is not None:
            raise no_free_text(name, free, pos)
    more = data.get("args")
    if isinstance(more, Trusted) and not value:
        value = more
    elif more is not None:
        value = _with_args(name, value or {}, more, data.at("args"))
    if value is not None and not isinstance(value, (dict, Trusted)):
        raise SourceError(f"'{name}' takes a mapping of options, not {kind_of(value)}", pos=pos)
    made = Map(pos)
    made.update(file=file, options=value or {})
    return made


def _unnamed(data: Map, name: str, value: Any, pos: Pos, local: bool) -> Action:
    """An action whose name is a template: which module it is, and whether its options are right, is found out when it runs."""
    args, free = (value, None) if isinstance(value, Map) else ({}, value)
    if data.get("args") is not None:
        args = _with_args(name, args, data["args"], data.at("args"))
    return Action(name, args or {}, free, pos, local)


def named(name: str, args: Any, free: Any, pos: Pos) -> Action:
    """The action of a task once its name is known. Raises SourceError when there is no such module."""
    name = registry.canonical(name, pos)
    if name in registry.CORE:
        raise SourceError(f"'{name}' must be written out, its name cannot come from a template", pos=pos)
    if isinstance(free, str):
        options, free = _arguments(name, free, pos)
        args = {**args, **options} if args else options
    return Action(name, args, free, pos)


def _old_style(key: str, value: Any, pos: Pos) -> tuple[str, Any]:
    """`action: NAME options` and `action: {module: NAME, ...}`."""
    if isinstance(value, Map):
        name = value.get("module")
        if not isinstance(name, str):
            raise SourceError(f"'{key}' needs `module: NAME` in its mapping", pos=pos)
        words = [word for word in _head(name) if word]
        rest: Any = Map(value.pos)
        rest.keys_at = value.keys_at
        rest.update({k: v for k, v in value.items() if k not in ("module", "args")})
        if value.get("args") is not None:
            rest = _with_args(name, rest, value["args"], value.at("args"))
        if len(words) > 1:  # `module: copy src=a` with more options beside it
            rest = _with_args(name, rest, trust_str(words[1]), pos)
        return words[0], rest
    if isinstance(value, str) and value.strip():
        head, rest = _head(value)
        return head, trust_str(rest) if rest else None
    raise SourceError(f"'{key}' takes `NAME options` or a mapping with `module`, not {kind_of(value)}", pos=pos)


def _head(text: str) -> tuple[str, str]:
    """The name of a module, and the text behind it; blanks inside a template are part of it."""
    match = re.match(r"\s*((?:\{\{.*?\}\}|\S)+)\s*", text, re.DOTALL)
    assert match is not None
    return trust_str(match.group(1)), text[match.end():]


def _arguments(name: str, value: Any, pos: Pos) -> tuple[Any, Any]:
    if value is None:
        return {}, None
    if isinstance(value, dict):
        if "_raw_params" in value:  # the free text's name in Ansible's own results
            rest = Map(value.pos if isinstance(value, Map) else pos)
            rest.update({k: v for k, v in value.items() if k != "_raw_params"})
            return rest, value["_raw_params"]
        return value, None
    if not isinstance(value, str):
        hint = "write `option: value`, without a dash" if isinstance(value, list) else "quote text that YAML reads as something else"
        raise SourceError(f"'{name}' takes a mapping of options, not {kind_of(value)}", pos=pos, hint=hint)
    if name in RAW:
        known: Container[str] | None = freeform.RAW_OPTIONS & set(registry.spec(name).names)
    else:
        known = ("file",) if name in ("include_tasks", "import_tasks") else () if name == "meta" else None
    options, free = freeform.split(value, known, pos)
    if free is None:
        return options, None
    if name in _OWN_TEXT or name in RAW or registry.spec(name).free_form:
        return options, free
    if isinstance(free, Trusted) and not options and free.startswith("{{") and free.endswith("}}"):
        return free, None  # all options in one variable
    return options, free  # refused by `check`, or when the task runs and is expected to fail


def no_free_text(name: str, free: Any, pos: Pos) -> SourceError:
    """The error for text where a module takes options only."""
    return SourceError(f"'{name}' takes options, not the text {str(free)[:60]!r}", pos=pos,
                       hint="write `name: value` lines, or `name=value`; quote a value that holds blanks")


# Options that a template gives stand under this name until the task runs.
LATER = "_args_from_template"


def _with_args(name: str, args: Any, more: Any, pos: Pos) -> Any:
    """The `args` keyword beside the module's own options, which win."""
    if isinstance(more, str) and is_template(more):
        both = Map(pos)
        both.update(args or {})
        both[LATER] = more
        return both
    if isinstance(more, str):
        more = freeform.split(more, None, pos)[0]
    if not isinstance(more, dict):
        raise SourceError(f"'args' takes a mapping of options, not {kind_of(more)}", pos=pos)
    if not args:
        return more
    both = Map(pos)
    if isinstance(args, str):
        both.update(more)
        both[LATER] = args
        return both
    for part in (more, args):
        both.update(part)
        both.keys_at.update(part.keys_at if isinstance(part, Map) else {})
    return both


def check(action: Action, defaulted: bool) -> None:
    """Find the wrong options of a task. defaulted: required ones may come from module_defaults."""
    if action.name == "meta":
        _check_meta(action)
        return
    if action.name in INCLUDES or isinstance(action.name, Trusted) or not isinstance(action.args, dict) or LATER in action.args:
        return
    spec = registry.spec(action.name)
    args = action.args
    if action.free is not None and not spec.free_form:
        raise no_free_text(action.name, action.free, action.pos)

    def pos_of(key: str) -> Pos:
        return at(args, key, action.pos) if key else action.pos

    if action.free is not None and spec.free_form:
        if any(spec.names.get(key) == spec.free_form for key in args):
            raise SourceError(f"{spec.name}: '{spec.free_form}' is given twice, as text and as an option", pos=action.pos)
        args = {**args, spec.free_form: action.free}
    if defaulted:
        given = {spec.names.get(key) for key in args}
        args = {**args, **{key: Trusted("{{ omit }}") for key, option in spec.options.items() if option.required and key not in given}}
    check_static(spec, args, lambda key: at(action.args, key, action.pos) if key else action.pos)
    _check_rules(spec, args, pos_of, defaulted)


def _check_rules(spec: Spec, args: Mapping[str, Any], pos_of: Any, defaulted: bool) -> None:
    """The rules between options, as far as literals show that they are broken."""
    given = {spec.names[key]: (key, value) for key, value in args.items() if key in spec.names and value is not None}
    for group in spec.mutually_exclusive:
        both = [given[name][0] for name in group
                if name in given and not is_template(given[name][1]) and given[name][1] != spec.options[name].default]
        if len(both) > 1:
            raise SourceError(f"{spec.name}: '{both[0]}' and '{both[1]}' exclude each other", pos=pos_of(both[1]), hint="give one of them")
    if defaulted:
        return
    for group in spec.required_one_of:
        if not any(name in given or spec.options[name].default is not None for name in group if name in spec.options):
            raise SourceError(f"{spec.name} needs one of the options: {', '.join(group)}", pos=pos_of(""))
    for name, value, needed, *rest in spec.required_if:
        if name in given and given[name][1] == value:
            missing = [key for key in needed if key not in given and spec.options[key].default is None]
            if missing and not (rest and rest[0] and len(missing) < len(needed)):
                raise SourceError(f"{spec.name} with {name}={value} needs: {', '.join(missing)}", pos=pos_of(given[name][0]))


def _check_meta(action: Action) -> None:
    name = action.free if action.free is not None else action.args.get("free_form") if isinstance(action.args, dict) else None
    if not isinstance(name, str) or is_template(name):
        if name is None:
            raise SourceError("meta needs an action", pos=action.pos, hint="there are: " + ", ".join(META_ACTIONS))
    elif name.strip() not in META_ACTIONS:
        raise SourceError(f"there is no meta action '{name}'", pos=action.pos, hint=suggest(name, META_ACTIONS))
