"""A module's arguments against its spec: names, types, choices and the rules between options.

`validate` is for values that are final; it runs before anything is sent to a target. `check_static` is for a playbook's text, where values may
still be templates: it finds wrong names and wrong literals before any host is touched.
"""

from __future__ import annotations

import json
import os
import re
from ast import literal_eval
from collections.abc import Callable, Collection, Mapping
from typing import Any

from fleet.errors import ArgumentError, Pos, SourceError, nearest
from fleet.runner.module import Args
from fleet.runner.spec import Opt, Spec
from fleet.trust import Trusted, is_template

TRUE = frozenset({"y", "yes", "on", "1", "true", "t", "1.0"})
FALSE = frozenset({"n", "no", "off", "0", "false", "f", "0.0"})
_SIZES = {"b": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40, "p": 1 << 50, "e": 1 << 60}


def validate(spec: Spec, args: Mapping[str, Any]) -> Args:
    """The arguments as the module gets them: every option present, aliases resolved, values coerced.

    Raises ArgumentError naming the module, the option, and what it takes.
    """
    try:
        result = _options(spec.options, spec.names, args, spec.any_options, f"({spec.name}) module")
        _rules(spec, result)
    except _Wrong as error:
        raise error.of(spec) from None
    return Args(result)


class Partial:
    """Arguments some of which are known now, and the names of those that come later. Raises ArgumentError as `validate`."""

    __slots__ = ("given", "known", "spec")

    def __init__(self, spec: Spec, args: Mapping[str, Any], later: Collection[str]) -> None:
        self.spec = spec
        keys = {spec.names.get(name, name) for name in later}
        self.given = {spec.names.get(name, name) for name in args}
        try:
            if len(keys) < len(later) or self.given & keys:
                raise _Wrong("an option and its alias are both given")
            self.known = _options(spec.options, spec.names, args, spec.any_options, f"({spec.name}) module", keys)
        except _Wrong as error:
            raise error.of(spec) from None

    def complete(self, args: Mapping[str, Any]) -> Args:
        """All of them, with those known by now; one that is not given after all has its default. Raises ArgumentError."""
        spec, result = self.spec, Args(self.known)
        try:
            for name, value in args.items():
                key = spec.names.get(name)
                if key is None:
                    result[name] = value
                elif value is not None or spec.options[key].type == "raw":
                    result[key] = _value(key, spec.options[key], value)
            if any(result.get(key) is None for key in spec.required):
                _needed(spec.options, result, self.given | {spec.names.get(name, name) for name in args})
            _rules(spec, result)
        except _Wrong as error:
            raise error.of(spec) from None
        return result


def problems(spec: Spec, args: Mapping[str, Any], written: bool = False) -> list[str]:
    """Everything that is wrong with values, a sentence each, where `validate` stops at the first. written: some may be templates, or be missing."""
    found = []
    unknown = [str(name) for name in args if name not in spec.names]
    if unknown:
        found.append(f"Unsupported parameters: {', '.join(unknown)}. It takes: {', '.join(sorted(spec.options))}")
    given = {key for name, value in args.items() if (key := spec.names.get(name)) and (value is not None or spec.options[key].type == "raw")}
    missing = sorted(key for key in spec.required if key not in given)
    if missing and not written:
        found.append(f"missing required arguments: {', '.join(missing)}")
    for name, value in args.items():
        if name in spec.names and not (written and is_template(value)):
            try:
                _value(name, spec.options[spec.names[name]], value)
            except _Wrong as error:
                found.append(str(error))
    return found


def check_static(spec: Spec, args: Mapping[str, Any], pos_of: Callable[[str], Pos]) -> None:
    """Find what is surely wrong in written arguments: unknown or doubled options, literals of a wrong type, a required option missing.

    pos_of gives the position of an option's key ("" = the task's). Raises SourceError.
    """
    seen: dict[str, str] = {}
    for name, value in args.items():
        if isinstance(name, Trusted):
            return
        if name not in spec.names:
            if spec.any_options:
                continue
            raise SourceError(f"{spec.name} has no option '{name}'", pos=pos_of(name), hint=nearest(str(name), spec.names) or _known(spec))
        key = spec.names[name]
        if key in seen:
            raise SourceError(f"{spec.name}: '{name}' and '{seen[key]}' are the same option", pos=pos_of(name), hint="give it once")
        seen[key] = name
        if not is_template(value):
            try:
                _value(key, spec.options[key], value)
            except _Wrong as error:
                raise SourceError(f"{spec.name}: {error}", pos=pos_of(name), hint=error.hint) from None
    for key, option in spec.options.items():
        if option.required and key not in seen:
            raise SourceError(f"{spec.name} needs the option '{key}'", pos=pos_of(""), hint=option.doc.split(". ")[0])


class _Wrong(Exception):
    """complete: the message needs no module's name in front; it is the one that playbooks compare."""

    def __init__(self, message: str, hint: str = "", complete: bool = False) -> None:
        super().__init__(message)
        self.hint = hint
        self.complete = complete

    def of(self, spec: Spec) -> ArgumentError:
        return ArgumentError(str(self) if self.complete else f"{spec.name}: {self}", hint=self.hint)


def _known(spec: Spec) -> str:
    return "it takes: " + ", ".join(sorted(spec.options))


def _options(options: Mapping[str, Opt], names: Mapping[str, str], args: Mapping[str, Any], any_options: bool, where: str,
             later: Collection[str] = ()) -> dict[str, Any]:
    """Every option with its value, coerced, or its default; `later` may still be missing though required."""
    result: dict[str, Any] = {}
    for name, value in args.items():
        key = names.get(name)
        if key is None:
            if not any_options:
                unknown = [str(each) for each in args if each not in names]
                raise _Wrong(f"Unsupported parameters for {where}: {', '.join(unknown)}",
                             nearest(unknown[0], names) or "it takes: " + ", ".join(sorted(options)), complete=True)
            result[name] = value
        elif key in result and result[key] is not None and name != key:
            continue  # an alias beside the option itself: the option's own name wins
        else:
            result[key] = None if value is None else _value(key, options[key], value)
    _needed(options, result, set(result), later)
    for key, option in options.items():
        if result.get(key) is None and not (key in result and option.type == "raw"):
            # A size's default is written as a person writes it.
            result[key] = _value(key, option, option.default) if option.type in ("bytes", "bits") and option.default is not None else option.default
    return result


def _needed(options: Mapping[str, Opt], result: Mapping[str, Any], given: Collection[str], later: Collection[str] = ()) -> None:
    """Refuse when a required option has no value; null is one where any value is taken."""
    missing = [key for key, option in options.items()
               if option.required and result.get(key) is None and key not in later and not (option.type == "raw" and key in given)]
    if missing:
        raise _Wrong(f"missing required arguments: {', '.join(missing)}", options[missing[0]].doc.split(". ")[0], complete=True)


def _value(key: str, option: Opt, value: Any) -> Any:
    if value is None:
        return None
    try:
        value = coerce(option.type, value)
    except ValueError:
        shown = "a secret value" if option.no_log else repr(value)
        raise _Wrong(f"the option '{key}' takes {_article(option.type)}, not {shown}") from None
    if option.type == "list":
        value = [_element(key, option, item) for item in value]
        if option.choices is not None:
            for item in value:
                _choice(key, option, item)
    elif option.choices is not None:
        value = _choice(key, option, value)
    if option.type == "dict" and option.suboptions:
        value = _suboptions(key, option.suboptions, value)
    return value


def _element(key: str, option: Opt, item: Any) -> Any:
    if option.elements is None:
        return item
    try:
        item = coerce(option.elements, item)
    except ValueError:
        raise _Wrong(f"an item of the option '{key}' must be {_article(option.elements)}, not {item!r}") from None
    return _suboptions(key, option.suboptions, item) if option.elements == "dict" and option.suboptions else item


def _suboptions(key: str, options: Mapping[str, Opt], value: Mapping[str, Any]) -> dict[str, Any]:
    names = {alias: name for name, opt in options.items() for alias in (name, *opt.aliases)}
    try:
        return _options(options, names, value, False, f"the option '{key}'")
    except _Wrong as error:
        raise _Wrong(str(error) if error.complete else f"in '{key}': {error}", error.hint) from None


def _choice(key: str, option: Opt, value: Any) -> Any:
    choices = option.choices or []
    if value in choices:
        return value
    if isinstance(value, bool):  # YAML reads a bare yes/no/on/off as a boolean
        for word in choices:
            if isinstance(word, str) and word.lower() in (("yes", "on", "true") if value else ("no", "off", "false")):
                return word
    for word in choices:
        if str(word) == str(value):
            return word
    listed = ", ".join(str(word) for word in choices)
    if option.no_log:
        raise _Wrong(f"the option '{key}' is one of: {listed}")
    raise _Wrong(f"the option '{key}' is one of: {listed}; not {value!r}", nearest(str(value), [str(word) for word in choices]))


def _article(kind: str) -> str:
    names = {"int": "an integer", "float": "a number", "bool": "true or false", "list": "a list", "dict": "a mapping", "path": "a path",
             "str": "text",
             "bytes": "a size such as 10M", "bits": "a number of bits such as 10Mb"}
    return names.get(kind, kind)


def coerce(kind: str, value: Any) -> Any:
    """A value as the type an option declares. Raises ValueError when it cannot be that."""
    return _COERCE[kind](value)


def boolean(value: Any) -> bool:
    """Ansible's meaning of truth in options: yes/no, on/off, 1/0, true/false. ValueError otherwise."""
    if isinstance(value, bool):
        return value
    word = str(value).strip().lower()
    if word in TRUE:
        return True
    if word in FALSE:
        return False
    raise ValueError(value)


def _str(value: Any) -> str:
    if isinstance(value, str):
        return value if type(value) is str else str.__str__(value)
    if isinstance(value, (dict, list)):
        return json.dumps(value) if isinstance(value, dict) else str(value)
    return str(value)


def _int(value: Any) -> int:
    if isinstance(value, bool):
        raise ValueError(value)
    if isinstance(value, float):
        if value != int(value):
            raise ValueError(value)
        return int(value)
    return int(value) if isinstance(value, int) else int(str(value).strip())


def _float(value: Any) -> float:
    if isinstance(value, bool):
        raise ValueError(value)
    return float(value)


def _list(value: Any) -> list[Any]:
    if isinstance(value, (list, tuple)):
        return list(value)
    if isinstance(value, str):
        return [part.strip() for part in value.split(",")] if value else []
    if isinstance(value, (int, float)):
        return [str(value)]
    raise ValueError(value)


def _dict(value: Any) -> dict[str, Any]:
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, str):
        text = value.strip()
        if text.startswith("{"):
            for parse in (json.loads, literal_eval):
                try:
                    parsed = parse(text)
                except (ValueError, SyntaxError):
                    continue
                if isinstance(parsed, dict):
                    return parsed
        elif "=" in text:
            return dict(part.strip().split("=", 1) for part in re.split(r"[,\s]+", text) if part)
    raise ValueError(value)


def _path(value: Any) -> str:
    if not isinstance(value, (str, int)) or isinstance(value, bool):
        raise ValueError(value)
    text = _str(value)
    if "\0" in text:
        raise ValueError(value)
    return text


def _size(unit: str) -> Callable[[Any], int]:
    pattern = re.compile(r"^\s*([0-9.]+)\s*([bkmgtpe]?)(i?" + unit + r"|bytes?|bits?)?\s*$", re.IGNORECASE)

    def convert(value: Any) -> int:
        match = pattern.match(str(value))
        if not match:
            raise ValueError(value)
        return int(float(match.group(1)) * _SIZES[(match.group(2) or "b").lower()])

    return convert


def _raw(value: Any) -> Any:
    return value


_COERCE: dict[str, Callable[[Any], Any]] = {
    "str": _str, "int": _int, "float": _float, "bool": boolean, "list": _list, "dict": _dict, "path": _path, "raw": _raw,
    "bytes": _size("b"), "bits": _size("b"),
}


def _rules(spec: Spec, args: Mapping[str, Any]) -> None:
    def given(name: str) -> bool:
        return args.get(name) is not None and (args[name] is not False or spec.options[name].default is not False)

    for group in spec.mutually_exclusive:
        both = [name for name in group if args.get(name) is not None and args[name] != spec.options[name].default]
        if len(both) > 1:
            raise _Wrong(f"the options are mutually exclusive: {', '.join(both)}")
    for group in spec.required_one_of:
        if not any(given(name) for name in group):
            raise _Wrong(f"one of the following is required: {', '.join(group)}")
    for group in spec.required_together:
        some = [name for name in group if given(name)]
        if some and len(some) < len(group):
            raise _Wrong(f"these options belong together: {', '.join(group)}")
    for name, value, needed, *rest in spec.required_if:
        if args.get(name) == value:
            missing = [key for key in needed if args.get(key) is None]
            if missing and not (rest and rest[0] and len(missing) < len(needed)):
                raise _Wrong(f"{name}={value} needs: {', '.join(missing)}")
    for name, needed in spec.required_by.items():
        if given(name):
            missing = [key for key in needed if args.get(key) is None]
            if missing:
                raise _Wrong(f"'{name}' needs: {', '.join(missing)}")


def expand_path(path: str) -> str:
    """A controller path with ~ and environment variables expanded."""
    return os.path.expanduser(os.path.expandvars(path))
