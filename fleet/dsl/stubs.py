"""Generate tasks.pyi, the types of every module's call and result, from the modules' specs: `python -m fleet.dsl.stubs`."""

from __future__ import annotations

import keyword
import textwrap
from pathlib import Path

from fleet import registry
from fleet.dsl.tasks import KEYWORDS
from fleet.runner.spec import Opt, Ret, Spec

TARGET = Path(__file__).with_name("tasks.pyi")
_TYPES = {"str": "str", "int": "int", "float": "float", "bool": "bool", "dict": "Mapping[str, Any]", "path": "str | PathLike[str]", "raw": "Any",
          "bytes": "int | str", "bits": "int | str", "list": "Any"}
_RESULTS = {**_TYPES, "dict": "Record", "path": "str", "bytes": "int", "bits": "int", "list": "list[Any]"}
_COMMON = {"changed", "failed", "skipped", "msg", "warnings", "diff"}
_HEAD = '''\
"""Generated from the modules' specs by `python -m fleet.dsl.stubs`; do not edit."""

from collections.abc import Callable, Mapping, Sequence
from os import PathLike
from typing import Any, Literal, TypedDict

from typing_extensions import Unpack

from fleet.dsl.result import Record
from fleet.dsl.result import Result as Result

KEYWORDS: tuple[str, ...]

class Keywords(TypedDict, total=False):
    """What any task call takes beside its module's options."""

    task: str
    notify: str | Callable[..., Any] | Sequence[str | Callable[..., Any]]
    changed_when: bool | Callable[[dict[str, Any]], bool]
    failed_when: bool | Callable[[dict[str, Any]], bool]
    until: Callable[[dict[str, Any]], bool]
    retries: int
    delay: float
    tags: str | Sequence[str]
    become: bool
    become_user: str
    become_method: Literal["sudo", "su", "doas"]
    become_flags: str
    check_mode: bool
    diff: bool
    no_log: bool
    ignore_errors: bool
    ignore_unreachable: bool
    timeout: float
    environment: Mapping[str, str]
    delegate_to: str
    delegate_facts: bool
    remote_user: str
    vars: Mapping[str, Any]

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


def result_class(action: str, spec: Spec) -> str:
    fields = [f"    {name}: {result_type(ret)}" for name, ret in spec.returns.items()
              if _writable(name) and name not in ("changed", "failed", "skipped")]
    body = "\n".join(["    changed: bool", "    failed: bool", "    skipped: bool", *fields])
    return f"class {class_name(action)}(Result):\n{body}\n"


def method(action: str, spec: Spec) -> str:
    first = spec.main
    given = [(name, opt) for name, opt in spec.options.items() if _writable(name) and name != first]
    parts = ["self"]
    if first is not None:
        parts.append(f"{first if _writable(first) else 'free'}: {option_type(spec.options[first])} = ...")
    if given:
        parts.append("*")
    parts += [f"{name}: {option_type(opt)} = ..." for name, opt in given]
    # A module's own option of a keyword's name wins, and a TypedDict may not repeat a parameter.
    clash = any(name in KEYWORDS for name, _ in given) or first in KEYWORDS
    parts.append("**more: Any" if spec.any_options or clash else "**keywords: Unpack[Keywords]")
    name = action + "_" if keyword.iskeyword(action) else action
    arguments = textwrap.indent(",\n".join(parts), " " * 8)
    doc = spec.summary.replace('"""', "'''").replace("\\", "\\\\")
    return f'    def {name}(\n{arguments},\n    ) -> {class_name(action)}:\n        """{doc}"""\n'


def text() -> str:
    """The whole stub file."""
    specs = {name: registry.spec(name) for name in registry.names()}
    classes = "\n".join(result_class(name, spec) for name, spec in specs.items())
    methods = "\n".join(method(name, spec) for name, spec in specs.items())
    base = '''class Tasks:
    """Every module as a method, which gives the promise of its result."""

    def _task(self, action: str, given: Mapping[str, Any], keywords: Mapping[str, Any]) -> Result: ...
'''
    return f"{_HEAD}{classes}\n{base}\n{methods}"


if __name__ == "__main__":
    TARGET.write_text(text())
    print(f"{TARGET}: {len(registry.names())} modules")
