"""Plays written as functions, and how a file of them becomes a playbook."""

from __future__ import annotations

import importlib.util
import inspect
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from fleet.dsl.host import Host, TaskFailed
from fleet.dsl.shared import Shared
from fleet.dsl.stream import Stream
from fleet.engine.walk import EndHost, EndRole, HostLost, Walk
from fleet.errors import FleetError, Pos, SourceError
from fleet.events import Note
from fleet.model import Keywords, Play, Playbook
from fleet.trust import trust

Body = Callable[[Host], Any]


class PyPlay:
    """A play in Python: a function of a host, and what `@play` said. Calling it calls the function, as in a test."""

    def __init__(self, function: Body, options: Mapping[str, Any]) -> None:
        self.function = function
        self.options = dict(options)
        self.__name__ = getattr(function, "__name__", "play")
        self.__doc__ = function.__doc__

    def __call__(self, t: Host) -> Any:
        return self.function(t)

    def model(self) -> Play:
        """The play as the engine takes it."""
        code = inspect.unwrap(self.function).__code__
        given = dict(self.options)
        keywords = {name: given.pop(name) for name in list(given) if name in Keywords.__dataclass_fields__}
        for name in ("tags", "environment", "module_defaults"):
            if name in keywords and not isinstance(keywords[name], list):
                keywords[name] = [keywords[name]]
        serial = given.pop("serial", [])
        pos = Pos(code.co_filename, code.co_firstlineno)
        unknown = next((name for name in given if name not in Play.__dataclass_fields__), None)
        if unknown:
            raise SourceError(f"@play has no option '{unknown}'", pos=pos)
        return Play(pos, name=given.pop("name", None) or (self.__doc__ or "").strip().split("\n")[0] or self.__name__,
                    keywords=Keywords(**trust(keywords)), serial=serial if isinstance(serial, list) else [serial], strategy="free",
                    basedir=str(Path(code.co_filename).resolve().parent), body=self.run,
                    **{"gather_facts": False, **given})

    def run(self, walk: Walk) -> None:
        """One host's way through the play, in its fiber."""
        shared = walk.play.shared
        if shared is None:
            shared = walk.play.shared = Shared(walk.play)
        stream = Stream(walk, f"{id(walk):x}")
        host = Host(walk, shared, walk.play.scope, stream, {})
        try:
            self.function(host)
            host.wait()
            host.flush_handlers()
        except (TaskFailed, HostLost, EndHost, EndRole):
            raise
        except FleetError as error:
            _broken(walk, error.render())
        except Exception as error:
            _broken(walk, _users_traceback(error))
        finally:
            stream.failure = stream.failure or EndHost()  # what is still waiting to be sent is not sent
            shared.barrier.leave()


def _broken(walk: Walk, text: str) -> None:
    """The play's own code raised: this host fails there, the others go on."""
    walk.run.emit(Note(message=text, level="error", host=walk.host))
    walk.state.stats.failed += 1
    walk.state.failed = True
    raise EndHost


def _users_traceback(error: Exception) -> str:
    """The error with the lines of the user's files only."""
    here = str(Path(__file__).parent.parent)
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if not frame.filename.startswith(here)]
    where = "".join(traceback.format_list(frames))
    return f"{type(error).__name__}: {error}\n{where}".rstrip()


def play(hosts: str | Sequence[str], **options: Any) -> Callable[[Body], PyPlay]:
    """Make a function a play: it runs once for each host that `hosts` matches, all of them at the same time.

    options: as a YAML play has them (name, become, become_user, vars, serial, gather_facts, tags, any_errors_fatal, max_fail_percentage, order,
    environment ...). Facts are gathered when `t.facts` is first read, unless gather_facts=True.
    """
    return lambda function: PyPlay(function, {"hosts": hosts if isinstance(hosts, str) else list(hosts), **options})


def load(path: str) -> Playbook:
    """The playbook in a Python file: its list `playbook` if it has one, else its plays in the order they are defined. Raises SourceError."""
    module = _imported(Path(path))
    chosen = getattr(module, "playbook", None)
    plays = list(chosen) if chosen is not None else [value for value in vars(module).values() if isinstance(value, PyPlay)]
    if not plays:
        raise SourceError("there is no play in this file", pos=Pos(path, 1), hint="decorate a function with @play(hosts=...)")
    return Playbook(path, [each.model() for each in plays])


def _imported(path: Path) -> ModuleType:
    name = "fleet_playbook_" + "".join(c if c.isalnum() else "_" for c in path.stem)
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise SourceError("this is not a Python file", pos=Pos(str(path)))
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    beside = str(path.resolve().parent)
    sys.path.insert(0, beside)
    try:
        spec.loader.exec_module(module)
    except SyntaxError as error:
        raise SourceError(f"Python cannot read it: {error.msg}", pos=Pos(error.filename or str(path), error.lineno or 0, error.offset or 0)) from None
    except FleetError:
        raise
    except Exception as error:
        raise SourceError(f"it cannot be imported: {_users_traceback(error)}", pos=Pos(str(path))) from None
    finally:
        sys.path.remove(beside)
    return module


__all__ = ["PyPlay", "load", "play"]
