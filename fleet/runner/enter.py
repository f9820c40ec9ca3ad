"""Steps to another place on the same target: another user, or a container. Each gives a Link to a new node there."""
import importlib
import os
import pwd
import select
import socket
import subprocess
import sys
import time
from typing import Any

from fleet.runner import wire
from fleet.runner.node import Link, Node


class Refused(Exception):
    """The step cannot be taken. kind: "become" or "container"."""

    def __init__(self, message, kind="become"):
        # type: (str, str) -> None
        Exception.__init__(self, message)
        self.kind = kind


def start(node, message):
    # type: (Node, dict) -> Link
    """Take the step `how` of a context message; see Node.open. Raises Refused."""
    how = message["how"]
    for name in message.get("preload") or ():
        try:
            importlib.import_module(name)
        except ImportError:
            pass  # a module of another Python version; what needs it will say so
    if how["kind"] == "container":
        from fleet.runner import container
        return _forked(node, message["n"], lambda: container.enter(how["name"], how.get("root") or ""), "container")
    if os.getuid() == 0 and how["method"] in ("sudo", "su", "doas") and not how.get("exe") and not how.get("flags"):
        return _forked(node, message["n"], lambda: become(how["user"]), "become")
    return spawn(message)


def _forked(node, context, step, kind):
    # type: (Node, int, Any, str) -> Link
    """Fork, take the step in the child, and be a node there. What the parent loaded is inherited."""
    ours, theirs = socket.socketpair()
    pid = os.fork()
    if pid:
        theirs.close()
        ours.setblocking(False)
        fd = ours.detach()
        return Link(pid, fd, fd)
    status = 1
    try:
        node._forked(ours)
        fd = theirs.detach()
        try:
            inside = step()
            if inside is not None:
                from fleet.runner import namespace
                _child(fd)  # a PID namespace is entered only by a child
                inside()
                namespace.prctl(namespace.SET_PDEATHSIG, 9)
        except (Refused, OSError, KeyError) as error:
            text = str(error) if isinstance(error, Refused) else "cannot enter: %s" % (getattr(error, "strerror", None) or error)
            wire.send_all(fd, wire.frame(wire.CONTROL, context, 0, {"t": "lost", "c": context, "kind": kind, "msg": text}))
            os._exit(0)
        hello = {"t": "hello", "c": context, "version": wire.VERSION, "pid": os.getpid(), "uid": os.getuid()}
        wire.send_all(fd, wire.frame(wire.CONTROL, context, 0, hello))
        Node(fd, fd, context).loop()
        status = 0
    except (wire.WireError, OSError):
        pass
    except BaseException:
        import traceback
        traceback.print_exc()
    finally:
        os._exit(status)


def _child(fd):
    # type: (int) -> None
    """Go on in a child that ends with this process; this one only waits for it."""
    pid = os.fork()
    if pid:
        os.close(fd)
        os.waitpid(pid, 0)
        os._exit(0)


def become(user):
    # type: (str) -> None
    """Turn this process (root's) into another user's."""
    try:
        entry = pwd.getpwuid(int(user)) if user.isdigit() else pwd.getpwnam(user)
    except KeyError:
        raise Refused("there is no user '%s' here to become" % user)
    os.environ.update(HOME=entry.pw_dir, USER=entry.pw_name, LOGNAME=entry.pw_name, SHELL=entry.pw_shell or "/bin/sh")
    os.environ.pop("XDG_RUNTIME_DIR", None)
    os.initgroups(entry.pw_name, entry.pw_gid)
    os.setgid(entry.pw_gid)
    os.setuid(entry.pw_uid)


# -- another user without being root


def spawn(message):
    # type: (dict) -> Link
    """Start a new interpreter as the user through sudo, su or doas. Its first stage says READY; the payload is what this node had."""
    how = message["how"]
    nonce = "fleet-" + os.urandom(8).hex() + ":"
    command = command_of(how, nonce, message["shell"])
    process = None  # type: Any
    try:
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
                                   env=dict(os.environ, LC_ALL="C"), bufsize=0)
    except OSError as error:
        raise Refused("cannot run %s here: %s" % (command[0], error.strerror))
    try:
        _log_in(process, how, nonce, message.get("password"))
    except Refused:
        process.kill()
        process.wait()
        raise
    payload = payload_for(message)
    process.stdin.write(payload)
    reads, writes = os.dup(process.stdout.fileno()), os.dup(process.stdin.fileno())
    os.set_blocking(reads, False)
    for stream in (process.stdin, process.stdout, process.stderr):
        stream.close()
    return Link(process.pid, reads, writes)


def command_of(how, nonce, shell):
    # type: (dict, str, str) -> list
    method, flags, user = how["method"], list(how.get("flags") or ()), how["user"]
    if method == "sudo":
        return [how.get("exe") or "sudo"] + (flags or ["-H"]) + ["-S", "-p", nonce, "-u", user, "--", "/bin/sh", "-c", shell]
    if method == "su":
        return [how.get("exe") or "su"] + flags + [user, "-s", "/bin/sh", "-c", shell]
    if method == "doas":
        return [how.get("exe") or "doas"] + (flags or ["-n"]) + ["-u", user, "/bin/sh", "-c", shell]
    raise Refused("there is no way '%s' to become another user; there are: sudo, su, doas" % method)


def _log_in(process, how, nonce, password):
    # type: (Any, dict, str, Any) -> None
    """Wait for READY on the program's output, giving the password when it is asked for."""
    end = time.monotonic() + float(how.get("timeout") or 30)
    said, out, given = b"", b"", False
    streams = [process.stdout.fileno(), process.stderr.fileno()]
    while b"FLEET-READY\n" not in out:
        left = end - time.monotonic()
        ready = select.select(streams, [], [], max(left, 0))[0] if streams and left > 0 else []
        if not ready:
            raise Refused("%s to %s did not answer within %s s%s" % (how["method"], how["user"], how.get("timeout"), _tail(said)))
        for fd in ready:
            data = os.read(fd, 65536)
            if not data:
                streams.remove(fd)
                if fd == process.stdout.fileno():
                    process.wait()
                    time.sleep(0.05)
                    if process.stderr.fileno() in streams:
                        said += os.read(process.stderr.fileno(), 65536)
                    raise Refused(why(how, said.decode("utf-8", "replace").replace(nonce, ""), given, password))
            elif fd == process.stdout.fileno():
                out += data
            else:
                said += data
        asked = nonce.encode() in said if how["method"] == "sudo" else bool(said.strip() or out.strip())
        if asked and given and said.count(nonce.encode()) > 1:
            raise Refused("the password for %s to %s is wrong" % (how["method"], how["user"]))
        if asked and not given and b"FLEET-READY" not in out:
            if password is None:
                raise Refused("%s to %s needs a password and none was given" % (how["method"], how["user"]))
            given = True
            process.stdin.write(password.encode() + b"\n")


def why(how, said, given, password):
    # type: (dict, str, bool, Any) -> str
    """The sentence for a program that ended instead of starting the runner."""
    text, place = said.lower(), "%s to %s" % (how["method"], how["user"])
    if "not in the sudoers" in text or "is not allowed to" in text or "may not run sudo" in text:
        return "%s: this user is not allowed to" % place
    if "must have a tty" in text:
        return "%s: sudo here insists on a terminal (requiretty)" % place
    if "unknown user" in text or "does not exist" in text:
        return "%s: there is no such user" % place
    if "fleet-no-python" in text:
        return "%s works, but that user finds no Python" % place
    if given:
        return "the password for %s is wrong%s" % (place, _tail(said.encode()))
    if "password is required" in text or (password is None and "password" in text):
        return "%s needs a password and none was given" % place
    return "%s failed%s" % (place, _tail(said.encode()))


def _tail(said):
    # type: (bytes) -> str
    text = " ".join(said.decode("utf-8", "replace").split())[-300:]
    return ": " + text if text else ""


def payload_for(message):
    # type: (dict) -> bytes
    """What this interpreter was started with, for another one of the same kind."""
    import marshal
    importer = sys.fleet_importer  # type: ignore[attr-defined]
    settings = {"context": message["n"], "lock": None}
    mine = (importer.modules["fleet.runner.boot"][1], importer.modules)
    none = (b"", {})  # type: tuple
    data = marshal.dumps((importer.magic, mine, none, settings) if importer.magic else (b"", none, mine, settings), 2)
    return b"%08d" % len(data) + data
