"""Playbooks and roles are Python files like any other: imported from where they are, with what stands beside them."""

from __future__ import annotations

import importlib.util
import sys
import threading
import traceback
from pathlib import Path
from types import ModuleType

from fleet.errors import FleetError, Pos, SourceError

_FLEET = str(Path(__file__).parent.parent)
_LOCK = threading.RLock()  # sys.path is everybody's; two runs of one process may load at the same time


def imported(path: Path, prefix: str) -> ModuleType:
    """The module in a file, run anew each time. A package may import its own modules relatively. Raises SourceError."""
    path = path.resolve()
    package = path.name == "__init__.py"
    stem = path.parent.name if package else path.stem
    name = f"{prefix}_" + "".join(c if c.isalnum() else "_" for c in stem)
    spec = importlib.util.spec_from_file_location(name, path, submodule_search_locations=[str(path.parent)] if package else None)
    if spec is None or spec.loader is None:
        raise SourceError("this is not a Python file", pos=Pos(str(path)))
    module = importlib.util.module_from_spec(spec)
    beside = str(path.parent.parent if package else path.parent)
    with _LOCK:
        for old in [each for each in sys.modules if each == name or each.startswith(name + ".")]:
            del sys.modules[old]
        sys.modules[name] = module
        sys.path.insert(0, beside)
        try:
            spec.loader.exec_module(module)
        except SyntaxError as error:
            raise SourceError(f"Python cannot read it: {error.msg}",
                              pos=Pos(error.filename or str(path), error.lineno or 0, error.offset or 0)) from None
        except FleetError:
            raise
        except Exception as error:
            raise SourceError(f"it cannot be imported: {users_traceback(error)}", pos=Pos(str(path))) from None
        finally:
            sys.path.remove(beside)
    return module


def users_traceback(error: Exception) -> str:
    """An error with the lines of the user's files only."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if not frame.filename.startswith((_FLEET, "<frozen"))]
    where = "".join(traceback.format_list(frames))
    return f"{type(error).__name__}: {error}\n{where}".rstrip()
