"""What is sent to a target to make it a runner: the first stage on the command line, then one compressed packet with the runner's code.

The packet holds everything twice: compiled here, for a Python with the same bytecode, and as source, for any other. So the controller need not know
which one it is, and nothing waits for an answer. Module code follows with the first request that needs it, of both kinds until the runner has
said which it takes. Code goes only from here to there.
"""

from __future__ import annotations

import ast
import importlib.util
import marshal
import shlex
import sys
import threading
import zlib
from functools import cache
from pathlib import Path
from typing import Any

import fleet

ROOT = Path(fleet.__file__).parent
RUNNER = ("wire", "spec", "module", "files", "executor", "node", "enter", "main", "boot")
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
m,c,s=marshal.loads(zlib.decompress(r(int(r(8)))))
k=m==f.MAGIC_NUMBER.hex().encode()
p=marshal.loads(c if k else s)
exec(p[0],dict(parts=(p[1],p[2],m if k else bytes()),__name__=str()))
""" % ",".join(map(str, READY))
TOO_OLD = "_frozen_importlib_external"  # what a Python before 3.6 does not have, and says so
_PYTHONS = ("python3", "/usr/libexec/platform-python", *(f"python3.{minor}" for minor in range(14, 5, -1)), "python")
_lock = threading.Lock()


def shell_command(python: str | None) -> str:
    """The command for /bin/sh: find an interpreter and give it the first stage."""
    names = shlex.quote(python) if python else " ".join(_PYTHONS)
    return f'for p in {names}; do command -v "$p" >/dev/null 2>&1 && exec "$p" -c "{_STAGE}"; done; echo {NO_PYTHON.decode()} >&2; exit 127'


def login_command(python: str | None) -> str:
    """The same, quoted for whatever shell a user logs in with."""
    return "exec /bin/sh -c " + shlex.quote(shell_command(python))


def _path(name: str) -> Path:
    path = ROOT.parent / name.replace(".", "/")
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


@cache
def _part(name: str, source: bool) -> tuple[bool, Any]:
    """(is it a package, its source or compiled code)."""
    path = _path(name)
    text = path.read_text()
    return path.name == "__init__.py", text if source else compile(text, f"fleet:{name}", "exec", dont_inherit=True, optimize=1)


@cache
def packed(settings: tuple[tuple[str, object], ...]) -> bytes:
    """The packet for these settings of the root node, with its 8-byte head."""
    def kind(source: bool) -> bytes:
        names = ["fleet.runner", "fleet.modules", *(f"fleet.runner.{name}" for name in RUNNER)]
        parts: dict[str, Any] = {name: _part(name, source) for name in names}
        parts["fleet"] = (True, "" if source else compile("", "fleet:fleet", "exec"))
        return marshal.dumps((parts["fleet.runner.boot"][1], parts, dict(settings)), 2 if source else marshal.version)

    with _lock:
        data = zlib.compress(marshal.dumps((MAGIC, kind(False), kind(True)), 2), 6)
    return b"%08d" % len(data) + data


@cache
def needed(module: str) -> tuple[str, ...]:
    """The names of our own modules a target-side module is made of: itself and the helpers it imports, directly or not."""
    found: list[str] = []

    def visit(name: str) -> None:
        if name in found:
            return
        found.append(name)
        for imported in _imports(name):
            if imported.startswith("fleet.modules.") and _path(imported).exists():
                visit(imported)

    visit(f"fleet.modules.{module}")
    return tuple(found)


@cache
def _imports(name: str) -> tuple[str, ...]:
    found: list[str] = []
    for node in ast.walk(ast.parse(_path(name).read_text())):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    return tuple(found)


@cache
def code(names: tuple[str, ...], source: bool | None) -> bytes:
    """The body of a `code` control frame; source: which kind the runner takes, None for both."""
    def kind(wanted: bool) -> bytes:
        if source is not None and source is not wanted:
            return b""
        return marshal.dumps({name: _part(name, wanted) for name in names}, 2 if wanted else marshal.version)

    return marshal.dumps((kind(False), kind(True)), 2)


@cache
def preload() -> tuple[str, ...]:
    """The standard library modules that any module of ours imports: loaded before a container is entered, where there may be no files of Python."""
    names = [f"fleet.runner.{name}" for name in RUNNER]
    names += [f"fleet.modules.{path.stem}" for path in sorted((ROOT / "modules").glob("*.py")) if path.stem != "__init__"]
    found = {each for name in names for each in _imports(name) if each.split(".")[0] in sys.stdlib_module_names}
    # Named by imports inside functions of those, or by codecs looked up by name.
    found |= {"encodings.idna", "encodings.utf_8", "encodings.ascii", "encodings.latin_1", "encodings.unicode_escape"}
    return tuple(sorted(name for name in found if name not in ("typing",)))
