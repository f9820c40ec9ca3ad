"""Lists of tasks: tasks, blocks, and what static imports bring in."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping
from typing import Any

from fleet import argspec, registry
from fleet.errors import Pos, SourceError
from fleet.model import Block, Keywords, LoopControl, Role, Task
from fleet.playbook import action as actions
from fleet.playbook import own
from fleet.playbook.action import Action
from fleet.playbook.keywords import KEYWORDS, ON, at, convert, kind_of, merge, parse_keywords, shared, suggest, unknown, variable
from fleet.playbook.roles import GALAXY, Use, argument_specs, find_role, flag, in_python, mapping, part, read_role
from fleet.playbook.source import Place, shown
from fleet.trust import is_template
from fleet.validate import boolean
from fleet.yamlfile import Map, Seq

Node = Task | Block

# What an include that is carried out at run time may say for itself; all else goes into `apply`.
_INCLUDE_KEYWORDS = frozenset({
    "action", "args", "collections", "debugger", "ignore_errors", "listen", "loop", "loop_control", "name", "no_log", "register",
    "run_once", "tags", "timeout", "vars", "when", "notify",
})
_TASKS_OPTIONS = ("file", "apply")
_FROMS = ("tasks_from", "vars_from", "defaults_from", "handlers_from")
_ROLE_FLAGS = ("public", "allow_duplicates", "rolespec_validate")
_ROLE_OPTIONS = ("name", "role", "apply", "rescuable", *_FROMS, *_ROLE_FLAGS)
_LOOP_CONTROL = ("loop_var", "index_var", "label", "pause", "extended", "extended_allitems", "break_when")
_PLAIN = ("name", "register", "until", "retries", "delay", "changed_when", "failed_when", "listen", "poll")


def load_file(place: Place, pos: Pos | None = None) -> list[Node]:
    """The tasks of the file the place stands in."""
    data = place.static.read(place.file)
    if data is None:
        return []
    if not isinstance(data, Seq):
        raise SourceError(f"a tasks file is a list of tasks, not {kind_of(data)}", pos=at(data, None, Pos(shown(place.file), 1, 1)),
                          hint="begin each task with `- `")
    return load_list(data, place)


def load_list(data: Any, place: Place, what: str = "tasks", pos: Pos | None = None) -> list[Node]:
    """The nodes of one list in a play, block or file. None is an empty list."""
    if data is None:
        return []
    if not isinstance(data, Seq):
        raise SourceError(f"'{what}' takes a list of tasks, not {kind_of(data)}", pos=pos, hint="begin each task with `- `")
    found: list[Node] = []
    for index, item in enumerate(data):
        if item is None:
            raise SourceError("this task is empty", pos=data.at(index), hint="remove the dash, or name a module")
        if not isinstance(item, Map):
            hint = "begin with the name of a module, such as `command: ls`"
            if isinstance(item, list):
                hint = "there is one dash too many"
            elif isinstance(item, str) and ("hosts" in item or "=" in item):
                hint = "a colon is missing after the name of the module"
            raise SourceError(f"a task is a mapping, not {kind_of(item)}", pos=data.at(index), hint=hint)
        found.append(load_node(item, place))
    return found


def load_handlers(data: Any, place: Place, pos: Pos | None = None) -> list[Task]:
    """Handlers; the tasks of a static import stand here themselves, each with what the import says."""
    return flatten(load_list(data, dataclasses.replace(place, handlers=True), "handlers", pos))


def flatten(nodes: list[Node], outer: Keywords | None = None) -> list[Task]:
    found: list[Task] = []
    for node in nodes:
        keywords = merge(outer, node.keywords) if outer else node.keywords
        if isinstance(node, Block):
            found += flatten(node.tasks, keywords)
        else:
            node.keywords = keywords
            found.append(node)
    return found


def load_node(data: Map, place: Place) -> Node:
    if "block" in data:
        return _block(data, place)
    for key in ("rescue", "always"):
        if key in data:
            raise SourceError(f"'{key}' without a block", pos=data.at(key), hint="put the tasks it belongs to under `block:` beside it")
    on = "handler" if place.handlers else "task"
    action = actions.find(data, on, place.guarded, lambda name: own.find(name, place))
    if action.name in ("import_tasks", "import_role"):
        return _import(data, action, place, on)
    if action.name == "include_role" and place.handlers:
        raise _no_handler(action)
    if action.name == "meta" and action.free == "flush_handlers" and place.handlers:
        raise SourceError("flush_handlers cannot be used as a handler", pos=action.pos)
    return _task(data, action, place, on)


def _no_handler(action: Action) -> SourceError:
    return SourceError(f"Using '{action.name}' as a handler is not supported.", pos=action.pos, hint="use its tasks file, with import_tasks or include_tasks")


def _block(data: Map, place: Place) -> Block:
    if place.handlers:
        raise SourceError("Using a block as a handler is not supported.", pos=data.at("block"), hint="let several handlers listen to one topic")
    for key in data:
        if key not in ON["block"]:
            if actions.is_module(key):
                raise SourceError(f"this block has the action '{key}' as well", pos=data.at(key), hint="a task of its own begins with `- `")
            raise unknown(key, "block", data.at(key))
    keywords = shared(data, data.pos)
    inner = _inside(place, data, keywords)
    sections = {name: load_list(data[name], inner, name, data.at(name)) for name in ("block", "rescue", "always") if name in data}
    return Block(data.pos, sections["block"], sections.get("rescue", []), sections.get("always", []), name=data.get("name"),
                 keywords=keywords, role=place.role, file=place.file)


def _inside(place: Place, data: Map, keywords: Keywords) -> Place:
    """The place of what stands inside a block or comes in by a static import."""
    changes: dict[str, Any] = {}
    if keywords.vars:
        changes["vars"] = {**place.vars, **keywords.vars}
    if keywords.when:
        changes["guarded"] = True
    if "notify" in data:
        changes["notify"] = (*place.notify, *_converted(data, "notify"))
    if keywords.module_defaults and place.defaulted is not None:
        changes["defaulted"] = defaulted(place.defaulted, keywords)
    return dataclasses.replace(place, **changes) if changes else place


def defaulted(around: frozenset[str], keywords: Keywords) -> frozenset[str] | None:
    """The modules that `module_defaults` name; None when that cannot be known (a template, a group)."""
    names = set(around)
    for layer in keywords.module_defaults:
        if not isinstance(layer, Mapping) or any(is_template(key) or str(key).startswith("group/") for key in layer):
            return None
        names.update(registry.short(str(key)) for key in layer)
    return frozenset(names)


def _converted(data: Map, key: str) -> Any:
    return convert(KEYWORDS[key], data[key], data, data.pos)


def _task(data: Map, action: Action, place: Place, on: str) -> Task:
    keywords = shared(data, data.pos)
    if action.name in actions.INCLUDES:
        action = _include(data, action)
    else:
        around = defaulted(place.defaulted, keywords) if place.defaulted is not None and keywords.module_defaults else place.defaulted
        if not data.get("ignore_errors"):  # who expects a failure gets it when the task runs
            actions.check(action, around is None or action.name in around)
    if action.name in actions.INCLUDES and isinstance(applied := action.args.get("apply"), Map) and "notify" in applied:
        place = dataclasses.replace(place, notify=(*place.notify, *_converted(applied, "notify")))
    if action.local and keywords.delegate_to is None:
        keywords.delegate_to = "localhost"
    task = Task(data.pos, action.name, action.args, action.free, keywords=keywords, role=place.role, file=place.file)
    for key in _PLAIN:
        if key in data:
            setattr(task, key, _converted(data, key))
    if action.name == actions.OWN and task.name is None:
        task.name = os.path.splitext(os.path.basename(str(action.args.get("file"))))[0]
    if task.register is not None:
        variable(task.register, data.at("register"))
    task.seconds = _converted(data, "async") if "async" in data else None
    if place.notify or "notify" in data:
        task.notify = [*place.notify, *(_converted(data, "notify") if "notify" in data else ())]
    _loop(data, task)
    return task


def _loop(data: Map, task: Task) -> None:
    loops = [key for key in data if key == "loop" or (isinstance(key, str) and key.startswith("with_"))]
    if len(loops) > 1:
        raise SourceError(f"this task has two loops: '{loops[0]}' and '{loops[1]}'", pos=data.at(loops[1]), hint="nest them with include_tasks")
    for key in loops:
        task.loop = data[key]
        task.loop_with = None if key == "loop" else key[len("with_"):]
        if task.loop is None:
            raise SourceError(f"'{key}' has no value", pos=data.at(key), hint="give it a list")
        if key == "loop" and not isinstance(task.loop, list) and not is_template(task.loop):
            raise SourceError(f"'loop' takes a list, not {kind_of(task.loop)}", pos=data.at(key),
                              hint="a variable is written \"{{ name }}\"" if isinstance(task.loop, str) else "use `| dict2items` for a mapping")
    if data.get("loop_control") is not None:
        task.loop_control = _loop_control(data["loop_control"], data.at("loop_control"))


def _loop_control(data: Any, pos: Pos) -> LoopControl:
    if not isinstance(data, Map):
        raise SourceError(f"'loop_control' takes a mapping, not {kind_of(data)}", pos=pos)
    control = LoopControl()
    for key, value in data.items():
        if key not in _LOOP_CONTROL:
            raise SourceError(f"loop_control has no option '{key}'", pos=data.at(key), hint=suggest(key, _LOOP_CONTROL))
        if key in ("loop_var", "index_var") and not is_template(value):
            variable(value, data.at(key))
        if key == "break_when":
            control.break_when = list(value) if isinstance(value, list) else [value]
        else:
            setattr(control, key, value)
    return control


# -- includes and imports

def _options(data: Map, action: Action) -> dict[str, Any]:
    """The options of an include or import, free text put where it belongs."""
    name = action.name
    if not isinstance(action.args, dict):
        raise SourceError(f"the options of '{name}' must be written out", pos=action.pos)
    known: tuple[str, ...] = _TASKS_OPTIONS if name.endswith("tasks") else _ROLE_OPTIONS
    if name.startswith("import_"):
        known = tuple(option for option in known if option not in ("apply", "rescuable"))
    for key in action.args:
        if key not in known:
            raise SourceError(f"'{name}' has no option '{key}'", pos=at(action.args, key, action.pos),
                              hint=suggest(key, known))
    options = dict(action.args)
    main = "file" if name.endswith("tasks") else "name"
    if action.free is not None:
        if main in options:
            raise SourceError(f"'{name}' has its {main} twice", pos=action.pos)
        if "=" in action.free and not is_template(action.free):
            raise SourceError(f"'{name}' takes no options here: {str(action.free)[:60]!r}", pos=action.pos, hint="give variables with `vars:`")
        options[main] = action.free
    if "role" in options:
        options.setdefault("name", options.pop("role"))
    if not isinstance(options.get(main), (str, int)) or options[main] == "":
        hint = "one name; loop over several with include_" + name.split("_")[1] if isinstance(options.get(main), list) else ""
        pos = at(action.args, main, action.pos) if main in action.args else action.pos
        raise SourceError(f"'{name}' needs the {main} of what to {name.split('_')[0]}", pos=pos, hint=hint)
    return options


def _include(data: Map, action: Action) -> Action:
    for key in data:
        if key in KEYWORDS and key not in _INCLUDE_KEYWORDS:
            raise SourceError(f"'{key}' does not belong on '{action.name}'", pos=data.at(key),
                              hint=f"to give it to what is included write `apply: {{{key}: ...}}` among its options")
    options = _options(data, action)
    if options.get("apply") is not None and not is_template(options["apply"]):
        parse_keywords(options["apply"], at(action.args, "apply", action.pos))
    return Action(action.name, options, None, action.pos)


def _import(data: Map, action: Action, place: Place, on: str) -> Block:
    for key in data:
        if key in ("loop", "loop_control") or str(key).startswith("with_"):
            raise SourceError(f"'{key}' cannot be used with '{action.name}'", pos=data.at(key),
                              hint=f"use {action.name.replace('import', 'include')}, which can loop")
    keywords = shared(data, data.pos)
    inner = _inside(place, data, keywords)
    options = _options(data, action)
    if action.name == "import_role":
        if place.handlers:
            raise _no_handler(action)
        options.update({key: inner.render(options[key], key, action.pos) for key in (*_FROMS, *_ROLE_FLAGS) if options.get(key)})
        return use_role(role_use(options, action.pos, keywords), inner)
    name = str(inner.render(options["file"], "import_tasks", action.pos))
    path = place.tasks_file(name, action.pos)
    inner = dataclasses.replace(inner, file=path, chain=place.into(path, shown(path), action.pos))
    return Block(data.pos, load_file(inner), name=data.get("name"), keywords=keywords, role=place.role, file=place.file)


def role_use(options: Mapping[str, Any], pos: Pos, keywords: Keywords) -> Use:
    """What an import_role asks for."""
    flags = {}
    for key in _ROLE_FLAGS:
        if options.get(key) is not None:
            try:
                flags[key] = boolean(options[key])
            except ValueError:
                raise SourceError(f"'{key}' takes true or false, not {options[key]!r}", pos=pos) from None
    froms = {key: options[key] for key in _FROMS if options.get(key)}
    return Use(options["name"], pos, keywords=keywords, **{"allow_duplicates": True, **flags, **froms})


# -- roles

def role_entry(data: Any, place: Place, pos: Pos) -> Block:
    """A role as an item of `roles` or of a role's `dependencies`: a name, or a mapping with keywords and parameters."""
    if isinstance(data, str):
        return use_role(Use(data, pos), place)
    if not isinstance(data, Map):
        raise SourceError(f"a role is a name or a mapping, not {kind_of(data)}", pos=pos)
    name = data.get("role") or data.get("name") or data.get("src")
    if not isinstance(name, (str, int)):
        raise SourceError("this entry names no role", pos=pos, hint="write `role: NAME`")
    params = {}
    for key, value in data.items():
        if key in ("role", "name", *GALAXY) or key in ON["role"]:
            continue
        if key in KEYWORDS:
            raise SourceError(f"'{key}' does not belong on a role", pos=data.at(key))
        params[variable(key, data.at(key))] = value
    return use_role(Use(name, pos, params, keywords=shared(data, data.pos)), place)


def use_role(use: Use, place: Place) -> Block:
    """The role as a block with all it brings. Raises SourceError when it is not found, when something in it is wrong, or for a circle."""
    name = str(place.render(use.name, "a role's name", use.pos))
    path = find_role(name, place, use.pos)
    if in_python(path):
        return _python_role(use, name, path, place)
    chain = place.into(f"role {path} {use.tasks_from}", f"role {os.path.basename(path)}", use.pos)
    place.static.plugins(path)
    role = read_role(use, name, path, place)
    around = place.defaulted
    if around is not None and use.keywords.module_defaults:
        around = defaulted(around, use.keywords)
    inner = dataclasses.replace(place, role=role, vars={**role.defaults, **place.vars, **role.vars, **use.keywords.vars, **use.params}, chain=chain,
                                handlers=False, defaulted=around, guarded=place.guarded or bool(use.keywords.when))
    meta = mapping(inner, part(path, "meta", "main", use), "a role's meta file")
    role.allow_duplicates = flag(meta, "allow_duplicates") if use.allow_duplicates is None else use.allow_duplicates
    role.dependencies = _dependencies(meta, inner)
    handlers = part(path, "handlers", use.handlers_from or "main", use, use.handlers_from is not None)
    if handlers:
        beside = dataclasses.replace(inner, file=handlers, notify=())
        role.handlers = load_handlers(inner.static.read(handlers), beside, Pos(shown(handlers), 1, 1))
    file = part(path, "tasks", use.tasks_from, use, use.tasks_from != "main")
    tasks = load_file(dataclasses.replace(inner, file=file)) if file else []
    if use.rolespec_validate:
        role.argument_specs = argument_specs(meta, use.tasks_from, inner, use)
        tasks = [*_validation(role, use, inner), *tasks]
    return Block(use.pos, tasks, name=role.name, keywords=use.keywords, role=role, file=place.file, is_role=True)


def _validation(role: Role, use: Use, place: Place) -> list[Node]:
    """The task that checks the role's variables where it has an argument spec. Raises SourceError for parameters written wrong."""
    options = role.argument_specs.get("options")
    if not options:
        return []
    entry = os.path.splitext(use.tasks_from)[0]
    declared = argspec.spec(role.name, options, use.pos)
    for key, problem in argspec.written(declared, use.params):
        if key not in place.static.extra_vars:
            raise SourceError(f"the role '{role.name}': {problem}", pos=use.pos, hint=declared.options[declared.names[key]].doc)
    about = role.argument_specs.get("short_description")
    context = {"type": "role", "name": os.path.basename(role.path), "argument_spec_name": entry, "path": role.path}
    name = f"Validating arguments against arg spec '{entry}'" + (f" - {about}" if about else "")
    return [Task(use.pos, "validate_argument_spec", {"argument_spec": _plain(options), "validate_args_context": context}, name=name,
                 keywords=Keywords(tags=["always"]), role=role, file=place.file)]


def _plain(data: Any) -> Any:
    """Data none of which is a template: a spec's default is not evaluated."""
    if isinstance(data, Mapping):
        return {str(key): _plain(value) for key, value in data.items()}
    if isinstance(data, (list, tuple)):
        return [_plain(value) for value in data]
    return str.__str__(data) if isinstance(data, str) else data


def _python_role(use: Use, name: str, path: str, place: Place) -> Block:
    if place.static.python is None:
        raise SourceError(f"the role '{name}' is written in Python, and only YAML is read here", pos=use.pos)
    if use.tasks_from != "main":
        raise SourceError(f"the role '{name}' is written in Python and has no '{use.tasks_from}'", pos=use.pos, hint="give it a parameter instead")
    body, directory = place.static.python.role(path, name, use.params, {**use.keywords.vars, **use.vars}, use.pos)
    role = Role(name, directory, params=dict(use.params), public=use.public, allow_duplicates=bool(use.allow_duplicates))
    return Block(use.pos, name=name, keywords=use.keywords, role=role, file=place.file, is_role=True, body=body)


def _dependencies(meta: Mapping[str, Any], place: Place) -> list[Block]:
    listed = meta.get("dependencies")
    if listed is None:
        return []
    pos = at(meta, "dependencies", Pos(place.file))
    if not isinstance(listed, Seq):
        raise SourceError(f"'dependencies' takes a list of roles, not {kind_of(listed)}", pos=pos)
    return [role_entry(item, place, listed.at(index)) for index, item in enumerate(listed)]
