"""Doing something as another user, so that a file this user controls cannot be a trap for root."""
import json
import os
import pwd
from typing import Any, Callable

from fleet.runner.module import ModuleError


def as_user(entry, function):
    # type: (pwd.struct_passwd, Callable[[], Any]) -> Any
    """The value (JSON-like) of a function carried out as a user, in a child process. In this process when it is not root, or the user is.

    What the function raises comes back as a ModuleError.
    """
    if os.geteuid() != 0 or entry.pw_uid == 0:
        return function()
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        _child(entry, function, reader, writer)
    os.close(writer)
    with os.fdopen(reader, "rb") as stream:
        answer = stream.read()
    os.waitpid(pid, 0)
    if not answer:
        raise ModuleError("the process acting as %s ended without an answer" % entry.pw_name)
    outcome = json.loads(answer.decode("ascii"))
    if "error" in outcome:
        raise ModuleError(outcome["error"])
    return outcome["value"]


def _child(entry, function, reader, writer):
    # type: (pwd.struct_passwd, Callable[[], Any], int, int) -> None
    try:
        os.close(reader)
        os.initgroups(entry.pw_name, entry.pw_gid)
        os.setgid(entry.pw_gid)
        os.setuid(entry.pw_uid)
        os.chdir("/")
        outcome = {"value": function()}
    except ModuleError as error:
        outcome = {"error": error.msg}
    except OSError as error:
        outcome = {"error": "%s: %s (as user %s)" % (error.strerror, error.filename, entry.pw_name)}
    except BaseException as error:
        outcome = {"error": "%s: %s (as user %s)" % (type(error).__name__, error, entry.pw_name)}
    try:
        with os.fdopen(writer, "wb") as stream:
            stream.write(json.dumps(outcome).encode("ascii"))
    finally:
        os._exit(0)
