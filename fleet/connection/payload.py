"""What is sent to a target to make it a runner: the first stage on the command line, then one compressed packet with the runner's code.

The packet holds everything twice, each part compressed: compiled here, for a Python with the same bytecode, and as source, for any other. So the
controller need not know which one it is, and nothing waits for an answer. Module code follows with the first request that needs it, of both kinds
until the runner has said which it takes. Code goes only from here to there.
"""

from __future__ import annotations

import base64
import importlib.util
import marshal
import shlex
import sys
from collections.abc import Mapping
from functools import cache
from typing import Any

from fleet.connection.codestore import ROOT, STORE, path_of

RUNNER = ("wire", "spec", "module", "modes", "files", "executor", "spool", "node", "enter", "main", "boot")
MAGIC = importlib.util.MAGIC_NUMBER.hex().encode()
READY, NO_PYTHON = b"FLEET-READY\n", b"FLEET-NO-PYTHON"
# Reads exactly what belongs to it, so that the frames behind it stay in the pipe. No quotes: it stands inside two levels of them.
_STAGE = """import os,sys,zlib,marshal
import _frozen_importlib_external as f
def r(n):
    b=bytes()
    while len(b)<n:
        c=os.read(0,n-len(b))
        if not c: sys.exit(1)
        b+=c
    return b
os.write(1,bytes([%s]))
m,c,s,t=marshal.loads(r(int(r(8))))
k=m==f.MAGIC_NUMBER.hex().encode()
p=c if k else s
b=zlib.decompress(p[0])
exec(marshal.loads(b) if k else b,dict(parts=(p[1],t,m if k else bytes()),__name__=str()))
""" % ",".join(map(str, READY))
TOO_OLD = ("_frozen_importlib_external", "Unknown option")  # what a Python before 3.6 has not got, and says so
_PYTHONS = ("python3", "/usr/libexec/platform-python", *(f"python3.{minor}" for minor in range(14, 5, -1)), "python")


def shell_command(python: str | None) -> str:
    """The command for /bin/sh: find an interpreter and give it the first stage, without what a site or a user adds to it (half of its start).

    In the C locale a Python takes UTF-8 for names and arguments, as 3.7 and later do by themselves (PEP 538).
    """
    names = shlex.quote(python) if python else " ".join(_PYTHONS)
    locale = 'case "${LC_ALL:-${LC_CTYPE:-${LANG:-C}}}" in C|POSIX) export LC_CTYPE=C.UTF-8;; esac; '
    return locale + f'for p in {names}; do command -v "$p" >/dev/null 2>&1 && exec "$p" -I -S -c "{_STAGE}"; done; echo {NO_PYTHON.decode()} >&2; exit 127'


def person_command(python: str | None, module: str, *args: Any) -> str:
    """The command with which a person's own session runs main(*args) of a module of ours as root; all it needs is in it. sudo may ask there."""
    names = ("fleet", "fleet.runner", "fleet.runner.boot", *_closure(module, frozenset()))
    data = base64.b64encode(marshal.dumps((_parts(names, True), args), 2)).decode()
    code = f"""import sys,zlib,marshal,base64
m,a=marshal.loads(base64.b64decode('{data}'))
g=dict(__name__='fleet.runner.boot')
exec(zlib.decompress(m['fleet.runner.boot'][1]),g)
sys.meta_path.insert(0,g['Importer'](m,bytes()))
import {module}
sys.modules['{module}'].main(*a)"""
    names_of = shlex.quote(python) if python else " ".join(_PYTHONS)
    return "exec /bin/sh -c " + shlex.quote('s=sudo; [ "$(id -u)" = 0 ] && s=; '
                                            f'for p in {names_of}; do command -v "$p" >/dev/null 2>&1 && exec $s "$p" -I -S -c "{code}"; done; '
                                            "echo error: there is no Python here >&2; exit 125")


def login_command(python: str | None) -> str:
    """The same, quoted for whatever shell a user logs in with."""
    return "exec /bin/sh -c " + shlex.quote(shell_command(python))


def _parts(names: tuple[str, ...], source: bool) -> dict[str, Any]:
    """Name -> (is it a package, its compressed code or source), as the target's importer takes it. "=NAME": source that is to be left there."""
    found = {name: STORE.part(name.lstrip("=")) for name in names}
    return {name: (part.package, part.source if source or name.startswith("=") else part.code) for name, part in found.items()}


# Modules that leave code of ours on the target, which is to run there without us: the option that asks for it, and what is left.
LEAVES = {"container": ("autostart", "fleet.modules._container_boot")}


@cache
def packed(settings: tuple[tuple[str, object], ...]) -> bytes:
    """The packet for these settings of the root node, with its 8-byte head."""
    names = ("fleet", "fleet.runner", "fleet.modules", *(f"fleet.runner.{name}" for name in RUNNER))
    boot = STORE.part("fleet.runner.boot")
    data = marshal.dumps((MAGIC, (boot.code, _parts(names, False)), (boot.source, _parts(names, True)), dict(settings)), 2)
    return b"%08d" % len(data) + data


@cache
def needed(module: str) -> tuple[str, ...]:
    """The names of our own modules a target-side module is made of: itself and the helpers it imports, directly or not."""
    return _closure(module if module.startswith("fleet.") else f"fleet.modules.{module}", frozenset(f"fleet.runner.{name}" for name in RUNNER))


def left(module: str, args: Mapping[str, Any]) -> tuple[str, ...]:
    """The names of what this request of a module leaves on the target."""
    option, program = LEAVES.get(module, ("", ""))
    return tuple("=" + name for name in ("fleet", "fleet.runner", "fleet.modules", *_closure(program, frozenset()))) if args.get(option) else ()


@cache
def _closure(name: str, already: frozenset[str]) -> tuple[str, ...]:
    """A module of ours and all of ours that it imports, directly or not."""
    found: list[str] = []

    def visit(name: str) -> None:
        if name in found:
            return
        found.append(name)
        for imported in STORE.part(name).imports:
            if imported.startswith(("fleet.modules.", "fleet.runner.")) and imported not in already and path_of(imported).exists():
                visit(imported)

    visit(name)
    return tuple(found)


@cache
def code(names: tuple[str, ...], source: bool | None) -> bytes:
    """The body of a `code` control frame; source: which kind the runner takes, None for both."""
    return marshal.dumps(tuple({} if source is not None and source is not kind else _parts(names, kind) for kind in (False, True)), 2)


@cache
def preload() -> tuple[str, ...]:
    """The standard library modules that any module of ours imports: loaded before a container is entered, where there may be no files of Python."""
    names = [f"fleet.{room}.{path.stem}" for room in ("runner", "modules") for path in sorted((ROOT / room).glob("*.py")) if path.stem != "__init__"]
    found = {each for name in names for each in STORE.part(name).imports if each.split(".")[0] in sys.stdlib_module_names}
    # Named by imports inside functions of those, or by codecs looked up by name.
    found |= {"encodings.idna", "encodings.utf_8", "encodings.ascii", "encodings.latin_1", "encodings.unicode_escape"}
    return tuple(sorted(name for name in found if name not in ("typing",)))
