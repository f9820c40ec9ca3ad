"""From the engine's walk into Python: run a function of a host, and make what it raises an outcome of that host."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from fleet.dsl.host import Host
from fleet.dsl.importing import users_traceback
from fleet.dsl.shared import Shared
from fleet.dsl.stream import Stream
from fleet.engine import results
from fleet.engine.scope import Scope
from fleet.engine.strategy import Key, PlayAborted
from fleet.engine.walk import EndHost, EndRole, HostLost, TaskFailed, Walk
from fleet.errors import FleetError, Pos
from fleet.events import Note
from fleet.model import Keywords, Task

T = TypeVar("T")
ENDINGS = (TaskFailed, HostLost, EndHost, EndRole, PlayAborted)


def enter(walk: Walk, scope: Scope, key: Key, function: Callable[[Host], T]) -> T | None:
    """Run a function for one host, with all it begins. None when a condition around it does not hold.

    Raises TaskFailed when a task, or the function itself, failed.
    """
    if not _holds(walk, scope):
        return None
    if scope.when:
        scope = Scope(scope, Keywords())
        scope.when = ()  # known to hold; not asked again for every task
    shared = Shared.of(walk)
    stream = Stream(walk, str(next(shared.streams)))
    t = Host(walk, shared, scope, stream, {}, key)
    try:
        value = function(t)
        t.wait()
        return value
    except ENDINGS:
        raise
    except FleetError as error:
        raise broken(walk, error.render()) from None
    except Exception as error:
        raise broken(walk, users_traceback(error)) from None
    finally:
        stream.failure = stream.failure or EndHost()  # what is still waiting to be sent is not sent


def _holds(walk: Walk, scope: Scope) -> bool:
    if not scope.when:
        return True
    variables = walk.context.variables(walk.state, scope, walk.run.options.check, walk.run.options.diff)
    return all(walk.run.templar.test(condition, variables) for condition in scope.when)


def broken(walk: Walk, text: str) -> TaskFailed:
    """The function's own code raised: this host fails there, the others go on."""
    walk.run.emit(Note(message=text, level="error", host=walk.host))
    if not walk.rescues:
        walk.state.stats.failed += 1
    result: dict[str, Any] = results.failure(text)
    return TaskFailed(Task(Pos(""), "python", name="Python"), result)
