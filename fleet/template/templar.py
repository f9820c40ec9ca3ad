"""Templates, expressions and conditions over a host's variables."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property, lru_cache, wraps
from itertools import chain, islice
from pathlib import Path
from typing import Any, cast

import jinja2
from jinja2 import nodes
from jinja2.ext import Extension
from jinja2.lexer import Lexer
from jinja2.nativetypes import NativeCodeGenerator, NativeTemplate
from jinja2.runtime import Context, Undefined
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.utils import missing
from jinja2.visitor import NodeTransformer

from fleet.errors import FleetError, Pos, TemplateError, UndefinedError, nearest
from fleet.template.lazy import OMIT, plain
from fleet.trust import Trusted, Unsafe, is_template, is_written

_PLAIN = re.compile(r"\{\{\s*([A-Za-z_]\w*)\s*\}\}")
MAX_RANGE = 1_000_000
MAX_TEXT = 64 * 1024 * 1024


class Missing(jinja2.StrictUndefined):
    """An undefined value that says what is missing, also through attributes of it (`a.b.c` without a.b)."""

    __slots__ = ()

    def __getattr__(self, name: str) -> Any:
        if name[:2] == "__":
            raise AttributeError(name)
        return self

    def __getitem__(self, key: Any) -> Any:
        return self


class VariableContext(Context):
    """Names are looked up where they are used: what the template sets, the Variables of the render, the global functions."""

    def resolve_or_missing(self, key: str) -> Any:
        if key in self.vars:
            return self.vars[key]
        if key in self.parent:
            return self.parent[key]
        variables = self.parent.get(_VARIABLES)
        if variables is not None:
            value = read(variables, key)
            if value is not missing:
                return value
        return self.environment.globals.get(key, missing)


def read(variables: Mapping[str, Any], name: str) -> Any:
    """A variable as a template sees it; `missing` when there is none."""
    lazy = getattr(variables, "lazy", None)
    if lazy is not None:
        return lazy(name)
    try:
        return variables[name]
    except KeyError:
        return missing


_WIDE = re.compile(r"\d{8}")  # a width in a format
_VARIABLES = " variables"
_CONDITION = "a condition"


def concat(values: Any) -> Any:
    """One value keeps its type; several become text. Undefined ones are errors; None in a text is empty."""
    values = iter(values)
    first = list(islice(values, 2))
    return _checked(first[0]) if len(first) == 1 else _joined(chain(first, values))


def _joined(values: Iterable[Any]) -> str:
    parts, size = [], 0
    for value in values:
        text = _text(value)
        size += len(text) + 1
        if size > MAX_TEXT:
            raise TemplateError(f"the template makes more than {MAX_TEXT >> 20} MiB of text")
        parts.append(text)
    return "".join(parts)


def _ends(text: str, newline: str) -> int:
    """How many newlines are at the end of a text."""
    count = 0
    while text.endswith(newline * (count + 1)):
        count += 1
    return count


def _text(part: Any) -> str:
    part = _checked(part)
    if part is None:
        return ""
    if part is OMIT:
        raise TemplateError("`omit` cannot be part of a text", hint='use it alone: "{{ x | default(omit) }}"')
    return part if isinstance(part, str) else str(plain(part))


def _checked(value: Any) -> Any:
    if isinstance(value, Undefined):
        value._fail_with_undefined_error()
    return value


class _Generator(NativeCodeGenerator):
    """Leaves constants of expressions to the run: folded into text they would lose their type."""

    def _output_child_to_const(self, node: nodes.Expr, frame: Any, finalize: Any) -> str:
        if not isinstance(node, nodes.TemplateData):
            raise nodes.Impossible
        return str(super()._output_child_to_const(node, frame, finalize))


class _Embedded(NodeTransformer):
    """Constants of an expression that hold a template become its value (in what a person wrote: conditions and arguments of lookups)."""

    def visit_Const(self, node: nodes.Const) -> nodes.Node:
        if not isinstance(node.value, str) or "{{" not in node.value:
            return node
        return nodes.Call(nodes.Name("_embedded", "load"), [node], [], None, None, lineno=node.lineno)


class _InLookups(NodeTransformer):
    def visit_Call(self, node: nodes.Call) -> nodes.Node:
        is_lookup = isinstance(node.node, nodes.Name) and node.node.name in ("lookup", "query", "q")
        if is_lookup and node.args:  # the lookup's name is no argument
            name, node.args = node.args[0], node.args[1:]
            NodeTransformer.generic_visit(_Embedded(), node)
            node.args.insert(0, name)
            return node
        return NodeTransformer.generic_visit(self, node)


class Environment(ImmutableSandboxedEnvironment):
    context_class = VariableContext
    sandboxed = True
    intercepted_binops = frozenset({"*", "**", "%"})

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        tree = super()._parse(source, name, filename)
        if "{{" not in source[2:]:
            return tree
        whole = name == _CONDITION
        return cast(nodes.Template, (_Embedded() if whole else _InLookups()).visit(tree).set_environment(self))

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        """Bounded: a template cannot ask for endless numbers or texts."""
        if operator == "**" and isinstance(right, (int, float)) and abs(right) > 1000:
            raise TemplateError("the exponent is too large")
        if operator == "%" and isinstance(left, str) and _WIDE.search(left):
            raise TemplateError("the width of a format is too large")
        if operator == "*":
            for one, other in ((left, right), (right, left)):
                if isinstance(one, (str, list, tuple)) and isinstance(other, int) and len(one) * other > MAX_TEXT:
                    raise TemplateError("the product is too large")
        return super().call_binop(context, operator, left, right)

    def call(self, context: Context, function: Any, /, *args: Any, **kw: Any) -> Any:
        of = getattr(getattr(function, "__wrapped__", function), "__self__", None)  # the sandbox wraps str.format
        if isinstance(of, str) and (any(isinstance(arg, int) and arg > MAX_TEXT for arg in args)
                                    or (function.__name__ in ("format", "format_map") and _WIDE.search(of))):
            raise TemplateError(f"a text of this width is too large: {function.__name__}")
        return super().call(context, function, *args, **kw)

    def getitem(self, obj: Any, argument: Any) -> Any:
        if isinstance(obj, Mapping) and not isinstance(obj, dict):
            value = read(obj, argument)
            return self.undefined(obj=obj, name=argument) if value is missing else value
        return super().getitem(obj, argument)

    def getattr(self, obj: Any, attribute: str) -> Any:
        # Keys come before methods (`item.items` is a key of data), except for what is no data.
        if isinstance(obj, Mapping) and attribute in obj:
            return read(obj, attribute)
        return super().getattr(obj, attribute)


class _Lexer(Lexer):
    """Backslashes in the texts of `{{ }}` stand for themselves: YAML has read a value's escapes already, and `\\1` is meant for a filter.

    Not in conditions and statements, where playbooks write them twice.
    """

    def tokeniter(self, source: str, name: str | None, filename: str | None = None, state: str | None = None) -> Iterator[tuple[int, str, str]]:
        inside = False
        for line, token, text in super().tokeniter(source, name, filename, state):
            if token in ("variable_begin", "variable_end"):
                inside = token == "variable_begin" and name != _CONDITION
            yield line, token, text.replace("\\", "\\\\") if inside and token == "string" else text


class NativeEnvironment(Environment):
    code_generator_class = _Generator

    @cached_property
    def lexer(self) -> Lexer:
        return _Lexer(self)

    concat = staticmethod(concat)
    template_class = NativeTemplate


class _Do(Extension):
    """{% do expression %}."""

    tags = {"do"}  # noqa: RUF012

    def parse(self, parser: Any) -> nodes.Node:
        node = nodes.ExprStmt(lineno=next(parser.stream).lineno)
        node.node = parser.parse_tuple()
        return node


def _listed(generate: Callable[..., Any]) -> Callable[..., list[Any]]:
    """A filter of Jinja's that gives a generator, giving a list: it can be counted, indexed and read twice."""
    @wraps(generate)
    def function(*args: Any, **kw: Any) -> list[Any]:
        return list(generate(*args, **kw))
    return function


class Templar:
    """Renders for any variables. Compiled templates are kept by their text."""

    def __init__(self, decrypt: Callable[[str, Pos], str] | None = None, any_condition: bool = False) -> None:
        """decrypt: decrypts vault text that lookups read from files. any_condition: the value of a condition need not be true or false."""
        self.decrypt = decrypt
        self.any_condition = any_condition
        self._brought: tuple[dict[str, Any], dict[str, Any]] = ({}, {})
        self.lookups: dict[str, Callable[..., list[Any]]] = {}  # those of the user's own
        self.native = self._environment(NativeEnvironment, trim_blocks=True)
        self._compiled: Callable[[str], Any] = lru_cache(8192)(self._compile)
        self._expressions: Callable[[str], Any] = lru_cache(8192)(self._compile_expression)
        self._texts: dict[tuple[Any, ...], Environment] = {}
        self._text: Callable[[Environment, str], Any] = lru_cache(512)(lambda environment, text: environment.from_string(text))
        self._depth = 0  # of renders inside renders
        self._counted = 0
        self._without: dict[int, Any] = {}  # by identity; the value is held, so its identity stays its own

    def _environment(self, kind: type[Environment], **options: Any) -> Environment:
        from fleet.template import lookups, tests
        from fleet.template.filters import FILTERS

        environment = kind(undefined=Missing, extensions=[_Do, "jinja2.ext.loopcontrols"], keep_trailing_newline=True, autoescape=False, **options)
        for table, ours in ((environment.filters, FILTERS), (environment.tests, tests.TESTS)):
            table.update(ours)
            for prefix in ("ansible.builtin.", "ansible.legacy."):
                table.update({prefix + name: function for name, function in list(table.items()) if "." not in name})
        environment.filters.update({name: function for name, function in FILTERS.items() if "." in name})
        for name in ("map", "select", "reject", "selectattr", "rejectattr", "batch", "slice", "items"):
            environment.filters[name] = _listed(environment.filters[name])
        environment.filters.update(self._brought[0])
        environment.tests.update(self._brought[1])
        environment.globals.update(lookups.globals_for(self), range=self._range, omit=OMIT)
        return environment

    def extend(self, filters: Mapping[str, Callable[..., Any]] | None = None, tests: Mapping[str, Callable[..., Any]] | None = None,
               lookups: Mapping[str, Callable[..., list[Any]]] | None = None) -> None:
        """Further filters, tests and lookups by name, above those that are there."""
        self.lookups.update(lookups or {})
        for brought, more in zip(self._brought, (filters, tests), strict=True):
            brought.update(more or {})
        for environment in (self.native, *self._texts.values()):
            environment.filters.update(filters or {})
            environment.tests.update(tests or {})

    # -- values

    def render(self, value: Any, variables: Mapping[str, Any], *, pos: Pos | None = None, undefined_ok: bool = False) -> Any:
        """Plain data with every trusted template in it evaluated. Strings that are not Trusted are returned as they are."""
        if isinstance(value, Trusted):
            try:
                return self._one(value, variables, pos)
            except UndefinedError:
                if undefined_ok:
                    return str.__str__(value)
                raise
        if isinstance(value, dict):
            if not is_template(value):
                return value
            pairs = {self.render(key, variables, pos=pos) if isinstance(key, Trusted) else key:
                     self.render(item, variables, pos=_at(value, key, pos), undefined_ok=undefined_ok) for key, item in value.items()}
            return {key: item for key, item in pairs.items() if item is not OMIT}
        if isinstance(value, (list, tuple)):
            if not is_template(value):
                return value
            found = [self.render(item, variables, pos=pos, undefined_ok=undefined_ok) for item in value]
            return [item for item in found if item is not OMIT]
        return value

    def _one(self, text: str, variables: Mapping[str, Any], pos: Pos | None) -> Any:
        with _Errors(self, text, variables, pos):
            return plain(self.value(text, variables, pos))

    def value(self, text: str, variables: Mapping[str, Any], pos: Pos | None = None) -> Any:
        """A template's value as another template sees it: containers in it may still be lazy. Undefined is an UndefinedError."""
        name = _PLAIN.fullmatch(text)
        with _Errors(self, text, variables, pos):
            if name:
                found = read(variables, name.group(1))
                if found is not missing:
                    return _checked(found)
            return self._rendered(self._compiled(str.__str__(text)), variables)

    def _compile(self, text: str) -> Any:
        return self.native.from_string(text)

    def _rendered(self, template: Any, variables: Mapping[str, Any]) -> Any:
        with self._bounds():
            return concat(template.root_render_func(template.new_context({_VARIABLES: variables}, shared=True)))

    @contextmanager
    def _bounds(self) -> Iterator[None]:
        """What the templates inside one render may count up to together."""
        self._depth += 1
        try:
            yield
        finally:
            self._depth -= 1
            if not self._depth:
                self._counted = 0

    def _range(self, *args: int) -> range:
        made = range(*args)
        self._counted += len(made)
        if len(made) > MAX_RANGE or self._counted > 10 * MAX_RANGE:
            raise TemplateError(f"a range of {len(made)} is too large; the limit is {MAX_RANGE}, and ten times that for a whole template")
        return made

    def has_template(self, value: Any) -> bool:
        """Whether a container of variables holds templates. Those that do not are remembered: facts are large and looked at often."""
        if self._without.get(id(value)) is value:
            return False
        if is_template(value):
            return True
        if len(self._without) > 10_000:
            self._without.clear()
        self._without[id(value)] = value
        return False

    # -- conditions

    def evaluate(self, expression: str, variables: Mapping[str, Any], *, pos: Pos | None = None) -> Any:
        """The value of a bare expression."""
        with _Errors(self, expression, variables, pos):
            return plain(_checked(self._rendered(self._expressions(str.__str__(expression).strip()), variables)))

    def _compile_expression(self, text: str) -> Any:
        code = self.native.compile("{{ " + text + " }}", _CONDITION)
        return self.native.template_class.from_code(self.native, code, self.native.globals)

    def test(self, condition: Any, variables: Mapping[str, Any], *, pos: Pos | None = None) -> bool:
        """Whether a condition holds: a bool, or the text of an expression whose value is a bool. Anything else is a TemplateError."""
        if isinstance(condition, bool):
            return condition
        if condition is None:
            return True
        if not isinstance(condition, str):
            raise TemplateError(f"a condition is an expression, not {type(condition).__name__}: {condition!r}", pos=pos)
        if isinstance(condition, Unsafe):
            raise TemplateError(f"a condition cannot be an untrusted template or expression: `{condition}`", pos=pos)
        text = str.__str__(condition).strip()
        if not text:
            return True
        if isinstance(condition, Trusted) and text.startswith(("{{", "{%")):
            value = self._one(Trusted(text), variables, pos)
            if not isinstance(value, str) or self.any_condition:
                return self._truth(value, condition, pos)
            if not is_written(value):
                raise TemplateError(f"a condition cannot be an untrusted template or expression: `{condition}`", pos=pos,
                                    hint="write the condition itself; a template may only pass on one that stands in a variable")
            text = value
        return self._truth(self.evaluate(text, variables, pos=pos), condition, pos)

    def _truth(self, value: Any, condition: Any, pos: Pos | None) -> bool:
        if isinstance(value, bool) or self.any_condition:
            return bool(value)
        raise TemplateError(f"the condition `{condition}` is {_kind(value)}, not true or false", pos=pos,
                            hint="compare it, or write `| bool`, `| length > 0`, `is defined` or `is truthy`")

    # -- texts

    def render_text(self, text: str, variables: Mapping[str, Any], *, name: str = "<template>", searchpath: Any = (), **options: Any) -> str:
        """A template file's text, always to a str. options: newline_sequence, trim_blocks (true), lstrip_blocks, block_start_string ..."""
        text, own = _header(text)
        given = {"trim_blocks": True, **{key: value for key, value in options.items() if value is not None}, **own}
        if "newline_sequence" in given:
            given["newline_sequence"] = given["newline_sequence"].encode().decode("unicode_escape") if "\\" in given["newline_sequence"] \
                else given["newline_sequence"]
        paths = tuple(str(path) for path in searchpath) or tuple(dict.fromkeys([str(Path(name).parent), *_search(variables)]))
        key = (paths, tuple(sorted(given.items())))
        environment = self._texts.get(key)
        if environment is None:
            environment = self._texts[key] = self._environment(Environment, finalize=_final, loader=jinja2.FileSystemLoader(paths), **given)
        with _Errors(self, text, variables, Pos(name)):
            template = self._text(environment, text)
            context = template.new_context({_VARIABLES: variables}, shared=True)
            with self._bounds():
                made = _joined(template.root_render_func(context))
        newline = str(given.get("newline_sequence", "\n"))
        return made + newline * (_ends(text, "\n") - _ends(made, newline))  # blocks at the end of a file take its newline with them

    def _missing(self, message: str, name: str, variables: Mapping[str, Any], pos: Pos | None, text: str) -> UndefinedError:
        known = list(variables) if name and f"'{name}' is undefined" in message else []
        return UndefinedError(message, pos=pos, hint=nearest(name, known) if known else "")


class _Errors:
    """Turns what Jinja raises into our errors, with the position of what was evaluated."""

    def __init__(self, templar: Templar, text: str, variables: Mapping[str, Any], pos: Pos | None) -> None:
        self.templar = templar
        self.text = text
        self.variables = variables
        self.pos = pos

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        if error is None or not isinstance(error, Exception):
            return
        if isinstance(error, FleetError):
            if error.pos is None:
                error.pos = self.pos
            return
        if isinstance(error, jinja2.UndefinedError):
            message = str(error.message or error)
            match = re.match(r"'(\w+)' is undefined", message)
            raise self.templar._missing(message, match.group(1) if match else "", self.variables, self.pos, self.text) from None
        if isinstance(error, jinja2.TemplateNotFound):
            raise TemplateError(f"there is no template '{error.name}' to include", pos=self.pos) from None
        if isinstance(error, jinja2.TemplateSyntaxError):
            pos = self.pos
            if pos is not None and not pos.line:
                pos = Pos(error.filename or pos.file, error.lineno)
            raise TemplateError(f"Syntax error in template: {error.message}", pos=pos, hint="" if pos and pos.line == error.lineno else
                                f"in: {' '.join(self.text.split())[:120]}") from None
        if isinstance(error, RecursionError):
            raise TemplateError("the template never ends (recursion)", pos=self.pos) from None
        shown = " ".join(self.text.split())[:120]
        said = f"there is no key {error}" if isinstance(error, KeyError) else str(error) or type(error).__name__
        raise TemplateError(f"Error rendering template: {said}", pos=self.pos, hint=f"in: {shown}") from None


def _final(value: Any) -> Any:
    return _text(value)


def _kind(value: Any) -> str:
    return "empty" if value is None else f"{value!r:.60} ({type(value).__name__})"


def _at(value: Any, key: Any, pos: Pos | None) -> Pos | None:
    at = getattr(value, "at", None)
    if at is None:
        return pos
    try:
        return cast(Pos, at(key)) or pos
    except (KeyError, TypeError):
        return pos


def _search(variables: Mapping[str, Any]) -> list[str]:
    paths = variables.get("ansible_search_path") if "ansible_search_path" in variables else None
    return [each for path in (paths or ()) for each in (str(path), f"{path}/templates")]


def _header(text: str) -> tuple[str, dict[str, Any]]:
    """The `#jinja2: name: value, ...` first line of a template file."""
    if not text.startswith("#jinja2:"):
        return text, {}
    line, _, rest = text.partition("\n")
    found: dict[str, Any] = {}
    for part in line[len("#jinja2:"):].split(","):
        name, colon, value = part.partition(":")
        if not colon:
            raise TemplateError(f"Missing key-value separator `:` in the `#jinja2:` line, at '{part.strip()}'", hint="write `name: value, name: value`")
        value = value.strip().strip("'\"")
        found[name.strip()] = {"true": True, "false": False}.get(value.lower(), value)
    return rest, found
