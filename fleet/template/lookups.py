"""Lookups: what lookup(), query() and with_NAME read on the controller. What they give is data, never a template."""

from __future__ import annotations

import configparser
import csv
import datetime
import fnmatch
import glob
import itertools
import os
import random
import re
import secrets
import shlex
import string
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jinja2 import pass_context
from jinja2.runtime import Undefined

from fleet.errors import FleetError, Pos, TemplateError, UndefinedError, nearest
from fleet.template.lazy import plain
from fleet.trust import Trusted

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
        text = path.read_bytes().decode("utf-8", "surrogateescape")
        if not text.startswith("$ANSIBLE_VAULT;"):
            return text
        if self.templar.decrypt is None:
            raise TemplateError(f"the file '{name}' is vault-encrypted and no vault password was given", hint="use --vault-password-file or --ask-vault-pass")
        return self.templar.decrypt(text, Pos(str(path), 1, 1))

    def base(self) -> Path:
        """Where relative paths begin: the playbook's folder."""
        return Path(str(self.variables["playbook_dir"])) if "playbook_dir" in self.variables else Path()


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


def _letters(chars: Any) -> str:
    wanted = chars or ["ascii_letters", "digits", ".,:-_"]
    wanted = wanted.replace(",,", ",comma").split(",") if isinstance(wanted, str) else wanted
    return "".join("," if each == "comma" else str(getattr(string, each, each)) for each in wanted)


def _password(scene: Scene, terms: list[Any], **options: Any) -> list[Any]:
    """A password kept in a file: made when there is none. The salt of `encrypt` is kept too, so the hash stays the same."""
    found = []
    for term in terms:
        name, *words = str(term).split()
        given = {"length": 20, **options, **dict(word.split("=", 1) for word in words if "=" in word)}
        path = scene.base() / Path(name).expanduser()
        source: Any = random.Random(given["seed"]) if given.get("seed") is not None else secrets.SystemRandom()
        kept = path.read_text().rstrip("\n") if name != "/dev/null" and path.exists() else ""
        text, _, salt = kept.partition(" salt=")
        letters = _letters(given.get("chars"))
        text = text or "".join(source.choice(letters) for _ in range(int(given["length"])))
        method = given.get("encrypt")
        if method and not salt:
            salt = "".join(source.choice(string.ascii_letters + string.digits) for _ in range(22 if method in ("bcrypt", "blowfish") else 8))
        line = f"{text} salt={salt}" if salt else text
        if line != kept and name != "/dev/null":
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
                file.write(line + "\n")
        found.append(_hashed(text, method, salt.partition(" ident=")[0], given.get("ident")) if method else text)
    return found


def _hashed(text: str, method: str, salt: str, ident: str | None) -> str:
    from fleet.template.filters.text import password_hash
    return password_hash(text, method, salt=salt, ident=ident)


def _first_found(scene: Scene, terms: list[Any], files: Any = None, paths: Any = None, skip: bool = False, **more: Any) -> list[Any]:
    names: list[str] = []
    for term in [*_flat(terms), *([{"files": files, "paths": paths}] if files else [])]:
        if isinstance(term, Mapping):
            skip = bool(term.get("skip", skip))
            inner, bases = _words(term.get("files")), _words(term.get("paths"))
            names += [str(Path(base, name)) for base in bases for name in inner] if bases and inner else inner or bases
        elif isinstance(term, (str, list)):
            names += _words(term)
        elif term is not None:
            raise TemplateError(f"first_found takes names of files or a mapping, not '{type(term).__name__}'")
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


_SEQUENCE = re.compile(r"(?:(\w+)-)?(\w+)(?:/(-?\w+))?(?::(.+))?", re.I)


def _sequence(scene: Scene, terms: list[Any], **given: Any) -> list[Any]:
    found: list[str] = []
    for term in terms or ([""] if given else []):
        options: dict[str, Any] = {"start": 1, "stride": None, "format": "%d", "count": None, "end": None, **given}
        match = _SEQUENCE.fullmatch(str(term).strip())
        if match:
            options.update({key: value for key, value in zip(("start", "end", "stride", "format"), match.groups(), strict=True) if value is not None})
        else:
            for word in str(term).split():
                key, _, value = word.partition("=")
                if key not in options:
                    raise TemplateError(f"unrecognized arguments to with_sequence: ['{key}']", hint="there are start, end, count, stride, format")
                options[key] = value
        numbers = {key: _whole(key, options[key]) for key in ("start", "end", "count", "stride") if options[key] is not None}
        if "%" not in str(options["format"]):
            raise TemplateError(f"sequence: bad formatting string: {options['format']}", hint="write it as for printf: %d, %02x, host%03d")
        found += [options["format"] % number for number in _numbers(**numbers)]
    return found


def _whole(key: str, value: Any) -> int:
    try:
        return int(str(value), 0)
    except ValueError:
        raise TemplateError(f"sequence: {key} has an invalid value: {value!r}", hint="it takes a whole number") from None


def _numbers(start: int = 1, end: int | None = None, count: int | None = None, stride: int | None = None) -> list[int]:
    if end is None and count is None:
        raise TemplateError("you must specify count or end in with_sequence")
    if end is not None and count is not None:
        raise TemplateError("you can't specify both count and end in with_sequence")
    step = stride if stride is not None else (1 if end is None or end >= start else -1)
    if count == 0 or step == 0:
        return []
    if count is not None:
        end = start + step * count - 1  # with a negative stride that is more than `count` numbers, and playbooks count on it
    assert end is not None
    if (end - start) * step < 0:
        raise TemplateError("to count backwards make stride negative" if end < start else "to count forward don't make stride negative")
    return list(range(start, end + (1 if step > 0 else -1), step))


def _dict(scene: Scene, terms: list[Any], **more: Any) -> list[Any]:
    found = []
    for term in terms:
        if not isinstance(term, Mapping):
            raise TemplateError(f"the dict lookup plugin expects a dictionary, not {type(term).__name__}")
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
            wanted = part.lstrip("!&")
            matching = [group for group in groups if fnmatch.fnmatchcase(group, wanted)]
            hosts = groups.get("all", [])
            names = [name for group in matching for name in groups[group]] or [name for name in hosts if fnmatch.fnmatchcase(name, wanted)]
            if part.startswith("!"):
                found = {name: None for name in found if name not in names}
            elif part.startswith("&"):
                found = {name: None for name in found if name in names}
            else:
                found.update(dict.fromkeys(names))
    return list(found)


def _options(term: Any, options: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """A term that may carry options of its own: `key file=x.csv col=2`."""
    words = shlex.split(str(term))
    key = [word for word in words if word.partition("=")[0] not in options]
    return " ".join(key), {**options, **dict(word.split("=", 1) for word in words if word.partition("=")[0] in options)}


def _csvfile(scene: Scene, terms: list[Any], **options: Any) -> list[Any]:
    found = []
    for term in terms:
        key, given = _options(term, {"file": "ansible.csv", "delimiter": "TAB", "col": 1, "keycol": 0, "default": None, "encoding": "utf-8", **options})
        delimiter = "\t" if given["delimiter"] in ("TAB", "\t", "\\t") else given["delimiter"]
        rows = csv.reader(scene.read(given["file"]).splitlines(), delimiter=delimiter)
        found.append(next((row[int(given["col"])] for row in rows if row and row[int(given["keycol"])] == key), given["default"]))
    return [each for item in found for each in (item if isinstance(item, list) else [item])]


def _ini(scene: Scene, terms: list[Any], **options: Any) -> list[Any]:
    found: list[Any] = []
    for term in terms:
        key, given = _options(term, {"file": "ansible.ini", "section": "global", "default": "", "type": "ini", "re": False, "case_sensitive": False,
                                     "interpolation": True, "allow_none": False, "encoding": "utf-8", **options})
        parser = configparser.ConfigParser(interpolation=configparser.BasicInterpolation() if str(given["interpolation"]).lower() == "true" else None,
                                           allow_no_value=str(given["allow_none"]).lower() == "true", strict=True)
        if str(given["case_sensitive"]).lower() == "true":
            parser.optionxform = str  # type: ignore[assignment,method-assign]
        text = scene.read(given["file"])
        section = "java_properties" if given["type"] == "properties" else given["section"]
        parser.read_string(f"[{section}]\n{text}" if given["type"] == "properties" else text)
        if str(given["re"]).lower() == "true":
            found += [value for name, value in parser.items(section) if re.match(key, name)] if parser.has_section(section) else []
        else:
            found.append(parser.get(section, key, fallback=given["default"]))
    return found


def _config(scene: Scene, terms: list[Any], on_missing: str = "error", **more: Any) -> list[Any]:
    """Settings in force, by their names in ansible.cfg's documentation."""
    from fleet.settings import load_settings
    settings = load_settings()
    found = []
    for term in terms:
        name = str(term).lower().removeprefix("default_").removeprefix("ansible_")
        if hasattr(settings, name):
            found.append(getattr(settings, name))
        elif on_missing == "error":
            raise UndefinedError(f"there is no setting '{term}'", hint=nearest(name, vars(settings)))
    return found


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
    "dict": _dict, "subelements": _subelements, "inventory_hostnames": _hostnames, "csvfile": _csvfile, "config": _config, "ini": _ini, "url": _url,
    "pipe": lambda scene, terms, **more: [_run(str(term)) for term in terms],
    "lines": lambda scene, terms, **more: [line for term in terms for line in _run(str(term)).splitlines()],
    "items": lambda scene, terms, **more: _flat(terms), "list": lambda scene, terms, **more: terms,
    "flattened": lambda scene, terms, **more: _flat(terms, True),
    "fileglob": lambda scene, terms, **more: _globbed(scene, terms),
    "nested": lambda scene, terms, **more: [_flat(list(item)) for item in itertools.product(*(_each(term) for term in terms))],
    "cartesian": lambda scene, terms, **more: [list(item) for item in itertools.product(*(_each(term) for term in terms))],
    "together": lambda scene, terms, **more: [list(item) for item in itertools.zip_longest(*(_each(term) for term in terms))],
    "indexed_items": lambda scene, terms, **more: [[index, item] for index, item in enumerate(_flat(terms))],
    "random_choice": lambda scene, terms, **more: [random.choice(terms)] if terms else [],
    "varnames": lambda scene, terms, **more: [name for name in scene.variables if any(re.search(str(term), name) for term in terms)],
    "unvault": lambda scene, terms, **more: [scene.read(term) for term in terms],
}


def _known(templar: Templar, value: Any, variables: Mapping[str, Any]) -> Any:
    """Terms without what is undefined (None alone): a file whose name is not known is one that is not there."""
    if isinstance(value, Trusted):
        try:
            value = templar.value(value, variables)
        except UndefinedError:
            return None
    if isinstance(value, Mapping):
        return {key: known for key in value if (known := _known(templar, value[key], variables)) is not None}
    if isinstance(value, (list, tuple)):
        return [known for item in value if (known := _known(templar, item, variables)) is not None]
    return None if isinstance(value, Undefined) else value


def _each(term: Any) -> list[Any]:
    return list(term) if isinstance(term, (list, tuple)) else [term]


def run_lookup(name: str, terms: Any, variables: Mapping[str, Any], templar: Templar, **options: Any) -> list[Any]:
    """What the lookup of a name gives for terms (templated first). Raises TemplateError."""
    word = name.removeprefix("ansible.builtin.").removeprefix("ansible.legacy.")
    lookup = templar.lookups.get(word) or LOOKUPS.get(word)
    if lookup is None:
        raise TemplateError(f"the lookup plugin '{name}' was not found", hint=nearest(word, [*LOOKUPS, *templar.lookups]))
    terms = _known(templar, terms, variables) if word == "first_found" else plain(templar.render(terms, variables))
    options = {key: value if isinstance(value, Undefined) else plain(value) for key, value in options.items()}
    given = list(terms) if isinstance(terms, (list, tuple, range)) else [terms]
    try:
        return list(lookup(Scene(variables, templar), given, **options))
    except FleetError as error:
        if error.pos is None and not isinstance(error, UndefinedError):
            error.message = f"the lookup plugin '{word}' failed: {error.message}"
        raise
    except (OSError, ValueError, TypeError, LookupError, configparser.Error, csv.Error) as error:
        raise TemplateError(f"the lookup plugin '{word}' failed: {error}") from None


def globals_for(templar: Templar) -> dict[str, Any]:
    """The functions of templates: lookup, query, q, now, undef."""

    @pass_context
    def query(context: Any, name: str, *terms: Any, errors: str = "strict", wantlist: bool = True, **options: Any) -> Any:
        variables = context.parent.get(" variables", {})
        whole = name.rpartition(".")[2] in ("items", "list", "nested", "cartesian", "together", "subelements")
        flat = list(terms[0]) if len(terms) == 1 and isinstance(terms[0], (list, tuple)) and not whole else list(terms)
        try:
            return run_lookup(name, flat, _with_locals(context, variables), templar, **options)
        except FleetError:
            if errors in ("ignore", "warn"):
                return [] if wantlist else None
            raise

    @pass_context
    def lookup(context: Any, name: str, *terms: Any, wantlist: bool = False, **options: Any) -> Any:
        found = query(context, name, *terms, wantlist=wantlist, **options)
        if wantlist or found is None:
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

    @pass_context
    def embedded(context: Any, text: str) -> Any:
        return templar.value(text, _with_locals(context, context.parent.get(" variables", {})))

    return {"_embedded": embedded, "query": query, "q": query, "lookup": lookup, "now": now, "undef": undef}


def _with_locals(context: Any, variables: Any) -> Any:
    """The variables with what the template itself has set on top."""
    own = {name: value for name, value in context.vars.items() if not name.startswith("_")}
    return variables.child(own) if own and hasattr(variables, "child") else variables
