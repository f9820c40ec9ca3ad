"""Our own code as targets get it: stripped, compiled, compressed; made once and kept in the user's cache until a file changes.

Compiling the runner and a dozen modules anew would take a quarter of a second of every run.
"""

from __future__ import annotations

import ast
import atexit
import hashlib
import marshal
import os
import sys
import tempfile
import threading
import zlib
from pathlib import Path
from typing import Any

import fleet

ROOT = Path(fleet.__file__).parent
_FORMAT = 1


class Part:
    """One module of ours. package; code: its compressed bytecode; source: its compressed text; imports: the names it imports anywhere in it."""

    __slots__ = ("code", "imports", "package", "source", "stamp")

    def __init__(self, stamp: tuple[int, int], package: bool, code: bytes, source: bytes, imports: tuple[str, ...]) -> None:
        self.stamp = stamp
        self.package = package
        self.code = code
        self.source = source
        self.imports = imports


class CodeStore:
    """The parts by their names, from the cache file where it is ours and fresh."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self._lock = threading.Lock()
        self._kept: dict[str, tuple[Any, ...]] | None = None
        self._parts: dict[str, Part] = {}
        self._new = False

    def part(self, name: str) -> Part:
        """Any thread may ask."""
        with self._lock:
            found = self._parts.get(name)
            if found is None:
                found = self._parts[name] = self._get(name)
            return found

    def _get(self, name: str) -> Part:
        file = path_of(name)
        status = file.stat()
        stamp = (status.st_mtime_ns, status.st_size)
        if self._kept is None:
            self._kept = self._load()
        kept = self._kept.get(name)
        if kept is not None and kept[0] == stamp:
            return Part(*kept)
        if not self._new:
            self._new = True
            atexit.register(self.save)
        made = _make(name, file, stamp)
        self._kept[name] = (made.stamp, made.package, made.code, made.source, made.imports)
        return made

    def _load(self) -> dict[str, tuple[Any, ...]]:
        try:
            with self.file.open("rb") as stream:
                status = os.fstat(stream.fileno())
                if status.st_uid != os.getuid() or status.st_mode & 0o022:
                    return {}  # what others can write is not sent to targets
                version, kept = marshal.load(stream)
            return kept if version == _FORMAT and isinstance(kept, dict) else {}
        except (OSError, ValueError, EOFError, TypeError):
            return {}

    def save(self) -> None:
        """Write the cache, whole or not at all; it is only a cache, so trouble is not told."""
        with self._lock:
            try:
                self.file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
                fd, temporary = tempfile.mkstemp(dir=self.file.parent)
                with os.fdopen(fd, "wb") as stream:
                    marshal.dump((_FORMAT, self._kept), stream)
                os.replace(temporary, self.file)
            except OSError:
                pass


def path_of(name: str) -> Path:
    path = ROOT.parent / name.replace(".", "/")
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def _make(name: str, file: Path, stamp: tuple[int, int]) -> Part:
    text = "" if name == "fleet" else file.read_text()
    tree = ast.parse(text)
    text = _without_types(text, tree)
    code = compile(text, f"fleet:{name}", "exec", dont_inherit=True, optimize=2)
    return Part(stamp, file.name == "__init__.py", zlib.compress(marshal.dumps(code)), zlib.compress(text.encode()), _imports(tree))


def _without_types(text: str, tree: ast.Module) -> str:
    """The text without imports from typing that only type comments and `if MYPY:` use: loading it takes as long as starting Python. Lines keep their numbers."""
    checked = [node for node in tree.body if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "MYPY"]
    unused = {id(inner) for node in checked for part in node.body for inner in ast.walk(part)}
    used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and id(node) not in unused}
    lines = text.splitlines()
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and node.module == "typing" and not any((alias.asname or alias.name) in used for alias in node.names):
            lines[node.lineno - 1:node.end_lineno] = [""] * ((node.end_lineno or node.lineno) - node.lineno + 1)
    return "\n".join(lines) + "\n"


def _imports(tree: ast.Module) -> tuple[str, ...]:
    found: list[str] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    return tuple(found)


def _default() -> Path:
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "fleet"
    return base / f"code-{sys.implementation.cache_tag}-{hashlib.sha256(str(ROOT).encode()).hexdigest()[:12]}"


STORE = CodeStore(_default())
