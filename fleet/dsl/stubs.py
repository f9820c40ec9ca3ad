"""Generate tasks.pyi, the types of every module's call and result, from the modules' specs: `python -m fleet.dsl.stubs`."""

from __future__ import annotations

import keyword
import textwrap
from pathlib import Path

from fleet import registry
from fleet.dsl.tasks import KEYWORDS
from fleet.runner.spec import Opt, Ret, Spec

TARGET = Path(__file__).with_name("tasks.pyi")
_TEXT = ("str", "path")
_TYPES = {"str": "str | Later", "int": "int", "float": "float", "bool": "bool", "dict": "Mapping[str, Any]", "path": "str | PathLike[str] | Later",
          "raw": "Any", "bytes": "int | str", "bits": "int | str", "list": "Any"}
_RESULTS = {"str": "str", "path": "str", "int": "int", "float": "float", "bool": "bool", "dict": "Record", "bytes": "int", "bits": "int",
            "list": "list[Any]"}
_COMMON = ("changed", "failed", "skipped", "msg", "warnings", "diff", "attempts")  # declared by Result itself
_KEYWORD_TYPES = {
    "task": "str", "notify": "str | Callable[[Host], Any] | Sequence[str | Callable[[Host], Any]]",
    "changed_when": "bool | Callable[[dict[str, Any]], bool]", "failed_when": "bool | Callable[[dict[str, Any]], bool]",
    "until": "Callable[[dict[str, Any]], bool]", "retries": "int", "delay": "float", "tags": "str | Sequence[str]", "become": "bool",
    "become_user": "str", "become_method": 'Literal["sudo", "su", "doas"]', "become_flags": "str", "check_mode": "bool", "diff": "bool",
    "no_log": "bool", "ignore_errors": "bool", "ignore_unreachable": "bool", "timeout": "float", "environment": "Mapping[str, str]",
    "delegate_to": "str", "delegate_facts": "bool", "remote_user": "str", "vars": "Mapping[str, Any]",
}
_HEAD = '''\
"""Generated from the modules' specs by `python -m fleet.dsl.stubs`; do not edit."""

from collections.abc import Callable, Mapping, Sequence
from os import PathLike
from typing import Any, Literal, TypedDict

from typing_extensions import Unpack

from fleet.dsl.host import Host
from fleet.dsl.later import Later
from fleet.dsl.result import Record
from fleet.dsl.result import Result as Result

KEYWORDS: tuple[str, ...]
'''


def option_type(opt: Opt) -> str:
    if opt.choices:
        kind = f"Literal[{', '.join(map(repr, opt.choices))}]"
        return f"Sequence[{kind}] | {kind}" if opt.type == "list" else kind
    if opt.type == "list":
        item = _TYPES.get(opt.elements or "raw", "Any")
        return "Any" if item == "Any" else f"Sequence[{item}] | {item}"
    return _TYPES[opt.type]


def result_type(ret: Ret) -> str:
    if ret.type == "list":
        return f"list[{_RESULTS.get(ret.elements or 'raw', 'Any')}]"
    return _RESULTS.get(ret.type, "Any")


def _writable(name: str) -> bool:
    return name.isidentifier() and not keyword.iskeyword(name)


def class_name(action: str) -> str:
    return "".join(part.title() for part in action.split("_")) + "Result"


def keywords_class(clash: tuple[str, ...]) -> str:
    return "But".join(["Keywords", *(name.title() for name in clash)])


def keywords(clash: tuple[str, ...]) -> str:
    """What any call takes beside its module's options, but for those that are options of its own."""
    what = f"; {' and '.join(clash)} is the module's own" if clash else ""
    fields = "\n".join(f"    {name}: {_KEYWORD_TYPES[name]}" for name in KEYWORDS if name not in clash)
    return f'class {keywords_class(clash)}(TypedDict, total=False):\n    """What any task call takes beside its module\'s options{what}."""\n\n{fields}\n'


def result_class(action: str, spec: Spec) -> str:
    returns = {name: ret for name, ret in spec.returns.items() if _writable(name) and name not in _COMMON}
    doc = [f"What `{action}` gives back."]
    doc += ["", *(f"    {name}: {_line(ret.doc)}" + ("" if ret.returned == "always" else f" Returned: {ret.returned}.") for name, ret in returns.items())]
    fields = [f"    {name}: {result_type(ret)}" for name, ret in returns.items()]
    texts = [name for name, ret in returns.items() if ret.type in _TEXT]
    if texts:
        fields.append(f"    def later(self, field: Literal[{', '.join(map(repr, texts))}]) -> Later: ...  # type: ignore[override]")
    return f"class {class_name(action)}(Result):\n" + _docstring(doc if returns else doc[:1], "    ") + "\n".join(["", *fields] if fields else []) + "\n"


def _line(text: str) -> str:
    return " ".join(text.split())


def _docstring(lines: list[str], indent: str) -> str:
    text = "\n".join(lines).replace("\\", "\\\\").replace('"""', "'''")
    body = textwrap.indent(text + ("\n" if len(lines) > 1 else ""), indent).lstrip()
    return f'{indent}"""{body}{indent if len(lines) > 1 else ""}"""\n'


def _named(name: str, opt: Opt) -> str:
    """An option as a parameter: a free text `_raw_params` goes by its alias."""
    return next((alias for alias in opt.aliases if _writable(alias)), "free") if name.startswith("_") else name


def method(action: str, spec: Spec) -> str:
    first = spec.main
    given = {name: opt for name, opt in spec.options.items() if _writable(name) and not name.startswith("_") and name != first}
    parts, doc = ["self"], []
    if first is not None:
        opt = spec.options[first]
        kind = option_type(opt) + (" | Sequence[str | Later]" if "argv" in given else "")
        named = _named(first, opt)
        needed = opt.required or (spec.free_form == first and "argv" not in given)
        parts += [f"{named}: {kind}" + ("" if needed else " = ..."), *(["/"] if named == "free" else [])]
        doc.append(_option(named, opt))
    if given:
        parts.append("*")
    parts += [f"{name}: {option_type(opt)}" + ("" if opt.required else " = ...") for name, opt in given.items()]
    doc += [_option(name, opt) for name, opt in given.items()]
    clash = tuple(name for name in KEYWORDS if name in spec.options)
    parts.append("**more: Any" if spec.any_options else f"**keywords: Unpack[{keywords_class(clash)}]")
    name = action + "_" if keyword.iskeyword(action) else action
    arguments = textwrap.indent(",\n".join(parts), " " * 8)
    text = _docstring([_line(spec.summary) + ".", *(["", "Args:", *doc] if doc else [])], " " * 8)
    return f"    def {name}(\n{arguments},\n    ) -> {class_name(action)}:\n{text}"


def _option(name: str, opt: Opt) -> str:
    default = f" Default: {opt.default!r}." if opt.default not in (None, [], {}) else ""
    return f"    {name}: {_line(opt.doc)}{default}"


def text() -> str:
    """The whole stub file."""
    specs = {name: registry.spec(name) for name in registry.names()}
    clashes = sorted({tuple(name for name in KEYWORDS if name in spec.options) for spec in specs.values()} | {()})
    tables = "\n".join(keywords(clash) for clash in clashes)
    classes = "\n".join(result_class(name, spec) for name, spec in specs.items())
    methods = "\n".join(method(name, spec) for name, spec in specs.items())
    base = '''class Tasks:
    """Every module as a method, which gives the promise of its result."""

    def _task(self, action: str, given: Mapping[str, Any], keywords: Mapping[str, Any]) -> Result: ...
'''
    return f"{_HEAD}\n{tables}\n{classes}\n{base}\n{methods}"


if __name__ == "__main__":
    TARGET.write_text(text())
    print(f"{TARGET}: {len(registry.names())} modules")
