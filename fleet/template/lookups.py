"""Lookups: what lookup(), query() and with_NAME read on the controller. What they give is data, never a template."""

from __future__ import annotations

import configparser
import csv
import datetime
import glob
import itertools
import os
import random
import re
import secrets
import string
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jinja2 import pass_context
from jinja2.runtime import Undefined

from fleet.errors import FleetError, TemplateError, UndefinedError, nearest
from fleet.template.lazy import plain

if TYPE_CHECKING:
    from fleet.template.templar import Templar

Lookup = Callable[..., list[Any]]


class Scene:
    """Where a lookup is made: the variables and what is read of them."""

    def __init__(self, variables: Mapping[str, Any], templar: Templar) -> None:
        self.variables = variables
        self.templar = templar

    def find(self, name: str, kind: str = "files") -> Path | None:
        path = Path(name).expanduser()
        if path.is_absolute():
            return path if path.exists() else None
        bases = self.variables.get("ansible_search_path", []) if "ansible_search_path" in self.variables else []
        for base in [*bases, "."]:
            for candidate in (Path(base, kind, name), Path(base, name)):
                if candidate.exists():
                    return candidate
        return None

    def read(self, name: Any, kind: str = "files") -> str:
        path = self.find(str(name), kind)
        if path is None:
            raise TemplateError(f"there is no file '{name}' on the controller", hint=f"it is looked for in {kind}/ of the role and beside the playbook")
        return path.read_text(errors="surrogateescape")


def _file(scene: Scene, terms: list[Any], lstrip: bool = False, rstrip: bool = True, **more: Any) -> list[Any]:
    texts = [scene.read(term) for term in terms]
    return [(text.rstrip() if rstrip else text).lstrip() if lstrip else text.rstrip() if rstrip else text for text in texts]


def _template(scene: Scene, terms: list[Any], template_vars: Any = None, **options: Any) -> list[Any]:
    from fleet.template.variables import Variables
    variables: Any = scene.variables
    if template_vars:
        variables = variables.child(template_vars) if isinstance(variables, Variables) else {**variables, **template_vars}
    known = {name: options[name] for name in ("trim_blocks", "lstrip_blocks", "variable_start_string", "variable_end_string", "block_start_string",
                                              "block_end_string", "comment_start_string", "comment_end_string") if name in options}
    return [scene.templar.render_text(scene.read(term, "templates"), variables, name=str(scene.find(str(term), "templates")), **known) for term in terms]


def _env(scene: Scene, terms: list[Any], default: Any = "", **more: Any) -> list[Any]:
    if isinstance(default, Undefined):
        missing = [term for term in terms if term not in os.environ]
        if missing:
            raise UndefinedError(f"the environment has no '{missing[0]}'")
    return [os.environ.get(str(term).split()[0] if str(term).strip() else "", default) for term in terms]


def _run(command: str, capture: bool = True) -> str:
    done = subprocess.run(command, shell=True, capture_output=True)
    if done.returncode:
        raise TemplateError(f"the command `{command}` ended with status {done.returncode}: {done.stderr.decode(errors='replace').strip()[-500:]}")
    return done.stdout.decode(errors="surrogateescape").rstrip()


def _vars(scene: Scene, terms: list[Any], default: Any = None, **more: Any) -> list[Any]:
    found = []
    for term in terms:
        if term in scene.variables:
            found.append(scene.variables[term])
        elif default is not None:
            found.append(default)
        else:
            raise UndefinedError(f"no variable is called '{term}'", hint=nearest(str(term), scene.variables))
    return found


def _password(scene: Scene, terms: list[Any], length: Any = 20, chars: Any = None, encrypt: str | None = None, seed: Any = None, **more: Any) -> list[Any]:
    found = []
    for term in terms:
        words = str(term).split()
        given = dict(word.split("=", 1) for word in words[1:] if "=" in word)
        path, size = Path(words[0]).expanduser(), int(given.get("length", length))
        wanted = given.get("chars", chars) or ["ascii_letters", "digits", ".,:-_"]
        wanted = wanted.split(",") if isinstance(wanted, str) else wanted
        letters = "".join(getattr(string, each, each) for each in wanted)
        source: Any = random.Random(seed) if seed is not None else secrets.SystemRandom()
        if str(path) == "/dev/null":
            text = "".join(source.choice(letters) for _ in range(size))
        elif path.exists():
            text = path.read_text().split("\n")[0].split(" salt=")[0]
        else:
            text = "".join(source.choice(letters) for _ in range(size))
            path.parent.mkdir(parents=True, exist_ok=True)
            with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
                file.write(text + "\n")
        if encrypt or given.get("encrypt"):
            from fleet.template.filters.text import password_hash
            text = password_hash(text, encrypt or given["encrypt"])
        found.append(text)
    return found


def _first_found(scene: Scene, terms: list[Any], files: Any = None, paths: Any = None, skip: bool = False, **more: Any) -> list[Any]:
    names: list[str] = []
    for term in [*terms, *([{"files": files, "paths": paths}] if files else [])]:
        if isinstance(term, Mapping):
            skip = bool(term.get("skip", skip))
            inner, bases = _words(term.get("files")), _words(term.get("paths"))
            names += [str(Path(base, name)) for base in bases for name in inner] if bases and inner else inner or bases
        else:
            names += _words(term)
    for name in names:
        for kind in ("files", "templates", "vars", "tasks"):
            path = scene.find(name, kind)
            if path is not None and path.is_file():
                return [str(path.absolute())]
    if skip:
        return []
    raise TemplateError(f"first_found: none of these files exists: {', '.join(names) or '(none named)'}", hint="`skip: true` makes that an empty list")


def _words(value: Any) -> list[str]:
    if value is None:
        return []
    if isinstance(value, str):
        return [part.strip() for part in re.split(r"[,;]", value) if part.strip()]
    return [each for item in value for each in _words(item)]


def _flat(terms: list[Any], deep: bool = False) -> list[Any]:
    found: list[Any] = []
    for term in terms:
        if isinstance(term, (list, tuple)):
            found += _flat(list(term), True) if deep else term
        else:
            found.append(term)
    return found


_SEQUENCE = re.compile(r"(?:(0x[0-9a-f]+|\d+)-)?(0x[0-9a-f]+|\d+)(?:/(0x[0-9a-f]+|-?\d+))?(?::(.+))?", re.I)


def _sequence(scene: Scene, terms: list[Any], **given: Any) -> list[Any]:
    found: list[str] = []
    for term in terms or [""]:
        options: dict[str, Any] = {"start": 1, "stride": None, "format": "%d", "count": None, "end": None, **given}
        match = _SEQUENCE.fullmatch(str(term).strip())
        if match:
            options.update({key: value for key, value in zip(("start", "end", "stride", "format"), match.groups(), strict=True) if value is not None})
        else:
            for word in str(term).split():
                key, _, value = word.partition("=")
                if key not in options:
                    raise TemplateError(f"sequence has no option '{key}'", hint="there are start, end, count, stride, format")
                options[key] = value
        numbers = {key: int(str(options[key]), 0) for key in ("start", "end", "count", "stride") if options[key] is not None}
        found += [options["format"] % number for number in _numbers(**numbers)]
    return found


def _numbers(start: int = 1, end: int | None = None, count: int | None = None, stride: int | None = None) -> list[int]:
    if (end is None) == (count is None):
        raise TemplateError("sequence takes one of end and count")
    if count == 0:
        return []
    step = stride if stride is not None else (1 if end is None or end >= start else -1)
    if count is not None:
        end = start + step * (count - 1)
    assert end is not None
    if step == 0:
        raise TemplateError("sequence cannot have a stride of 0")
    if (end - start) * step < 0:
        raise TemplateError("to count down, give a negative stride" if end < start else "to count up, give a positive stride")
    return list(range(start, end + (1 if step > 0 else -1), step))


def _dict(scene: Scene, terms: list[Any], **more: Any) -> list[Any]:
    found = []
    for term in terms:
        if not isinstance(term, Mapping):
            raise TemplateError(f"with_dict takes a mapping, not {type(term).__name__}")
        found += [{"key": key, "value": value} for key, value in term.items()]
    return found


def _subelements(scene: Scene, terms: list[Any], **more: Any) -> list[Any]:
    from fleet.template.filters.data import subelements
    options = terms[2] if len(terms) > 2 and isinstance(terms[2], Mapping) else {}
    return [list(pair) for pair in subelements(terms[0], terms[1], bool(options.get("skip_missing", False)))]


def _hostnames(scene: Scene, terms: list[Any], **more: Any) -> list[Any]:
    groups = scene.variables["groups"]
    found: dict[str, None] = {}
    for term in _flat(terms):
        for part in str(term).replace(",", ":").split(":"):
            names = groups[part.lstrip("!&")] if part.lstrip("!&") in groups else [part.lstrip("!&")]
            if part.startswith("!"):
                found = {name: None for name in found if name not in names}
            elif part.startswith("&"):
                found = {name: None for name in found if name in names}
            else:
                found.update(dict.fromkeys(names))
    return list(found)


def _csvfile(scene: Scene, terms: list[Any], file: str = "ansible.csv", delimiter: str = "TAB", col: Any = 1, default: Any = None, **more: Any) -> list[Any]:
    rows = list(csv.reader(scene.read(file).splitlines(), delimiter="\t" if delimiter in ("TAB", "\t") else delimiter))
    return [next((row[int(col)] for row in rows if row and row[0] == str(term)), default) for term in terms]


def _ini(scene: Scene, terms: list[Any], file: str = "ansible.ini", section: str = "global", default: Any = "", **more: Any) -> list[Any]:
    parser = configparser.ConfigParser(interpolation=None)
    parser.read_string(scene.read(file))
    return [parser.get(section, str(term), fallback=default) for term in terms]


def _url(scene: Scene, terms: list[Any], split_lines: bool = True, **more: Any) -> list[Any]:
    from urllib.request import urlopen
    found: list[Any] = []
    for term in terms:
        if not str(term).startswith(("http://", "https://")):
            raise TemplateError(f"the url lookup takes http and https, not '{term}'")
        with urlopen(str(term), timeout=10) as answer:
            text = answer.read(16 << 20).decode(errors="replace")
        found += text.splitlines() if split_lines else [text]
    return found


def _globbed(scene: Scene, terms: list[Any]) -> list[Any]:
    found: list[str] = []
    for term in terms:
        bases = [""] if os.path.isabs(os.path.expanduser(str(term))) else [
            os.path.join(base, kind) for base in scene.variables.get("ansible_search_path") or ["."] for kind in ("files", "")]
        for base in bases:
            matches = sorted(path for path in glob.glob(os.path.join(base, os.path.expanduser(str(term)))) if os.path.isfile(path))
            if matches:
                found += matches
                break
    return found


LOOKUPS: dict[str, Lookup] = {
    "file": _file, "template": _template, "env": _env, "vars": _vars, "password": _password, "first_found": _first_found, "sequence": _sequence,
    "dict": _dict, "subelements": _subelements, "inventory_hostnames": _hostnames, "csvfile": _csvfile, "ini": _ini, "url": _url,
    "pipe": lambda scene, terms, **more: [_run(str(term)) for term in terms],
    "lines": lambda scene, terms, **more: [line for term in terms for line in _run(str(term)).splitlines()],
    "items": lambda scene, terms, **more: _flat(terms), "list": lambda scene, terms, **more: terms,
    "flattened": lambda scene, terms, **more: _flat(terms, True),
    "fileglob": lambda scene, terms, **more: _globbed(scene, terms),
    "nested": lambda scene, terms, **more: [_flat(list(item)) for item in itertools.product(*(_each(term) for term in terms))],
    "cartesian": lambda scene, terms, **more: [list(item) for item in itertools.product(*(_each(term) for term in terms))],
    "together": lambda scene, terms, **more: [list(item) for item in itertools.zip_longest(*(_each(term) for term in terms))],
    "indexed_items": lambda scene, terms, **more: list(enumerate(_flat(terms))),
    "random_choice": lambda scene, terms, **more: [random.choice(terms)] if terms else [],
    "varnames": lambda scene, terms, **more: [name for name in scene.variables if any(re.search(str(term), name) for term in terms)],
    "unvault": _file,
}


def _each(term: Any) -> list[Any]:
    return list(term) if isinstance(term, (list, tuple)) else [term]


def run_lookup(name: str, terms: Any, variables: Mapping[str, Any], templar: Templar, **options: Any) -> list[Any]:
    """What the lookup of a name gives for terms (templated first). Raises TemplateError."""
    word = name.removeprefix("ansible.builtin.").removeprefix("ansible.legacy.")
    lookup = LOOKUPS.get(word)
    if lookup is None:
        raise TemplateError(f"there is no lookup '{name}'", hint=nearest(word, LOOKUPS))
    terms = plain(templar.render(terms, variables))
    options = {key: value if isinstance(value, Undefined) else plain(value) for key, value in options.items()}
    given = list(terms) if isinstance(terms, (list, tuple, range)) else [terms]
    return list(lookup(Scene(variables, templar), given, **options))


def globals_for(templar: Templar) -> dict[str, Any]:
    """The functions of templates: lookup, query, q, now, undef."""

    @pass_context
    def query(context: Any, name: str, *terms: Any, errors: str = "strict", wantlist: bool = True, **options: Any) -> list[Any]:
        variables = context.parent.get(" variables", {})
        flat = list(terms[0]) if len(terms) == 1 and isinstance(terms[0], (list, tuple)) else list(terms)
        try:
            return run_lookup(name, flat, _with_locals(context, variables), templar, **options)
        except FleetError:
            if errors in ("ignore", "warn"):
                return []
            raise

    @pass_context
    def lookup(context: Any, name: str, *terms: Any, wantlist: bool = False, **options: Any) -> Any:
        found = query(context, name, *terms, **options)
        if wantlist:
            return found
        if len(found) == 1:
            return found[0]
        return ",".join(map(str, found)) if all(isinstance(item, str) for item in found) else found

    def now(utc: bool = False, fmt: str | None = None) -> Any:
        moment = datetime.datetime.now(datetime.timezone.utc).replace(tzinfo=None) if utc else datetime.datetime.now()
        return moment.strftime(fmt) if fmt else moment

    def undef(hint: str | None = None) -> Any:
        from fleet.template.templar import Missing
        return Missing(hint or "an undefined value by undef()")

    return {"query": query, "q": query, "lookup": lookup, "now": now, "undef": undef}


def _with_locals(context: Any, variables: Any) -> Any:
    """The variables with what the template itself has set on top."""
    own = {name: value for name, value in context.vars.items() if not name.startswith("_")}
    return variables.child(own) if own and hasattr(variables, "child") else variables
