"""Trees by rsync, over the connection that is open already."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
from collections.abc import Generator
from typing import Any

from fleet.actions import Call
from fleet.connection.base import Endpoint
from fleet.connection.errand import Errand
from fleet.errors import ArgumentError, NotYet, TaskError
from fleet.runner.module import Change
from fleet.runner.spec import Opt, Ret, Spec

MARK = "<<CHANGED>>"
_SWITCHES = (  # option, its part of archive, rsync's word
    ("checksum", False, "--checksum"), ("copy_links", False, "--copy-links"), ("delete", False, "--delete-after"), ("dirs", False, "--dirs"),
    ("existing_only", False, "--existing"), ("partial", False, "--partial"), ("delay_updates", False, "--delay-updates"), ("recursive", True, "--recursive"),
    ("links", True, "--links"), ("perms", True, "--perms"), ("times", True, "--times"), ("owner", True, "--owner"), ("group", True, "--group"),
)

SPEC = Spec(
    "synchronize", "Bring a tree to another machine by rsync",
    {
        "src": Opt("str", "What is sent; with a `/` at its end what is in it. Of the controller, with mode pull of the target.", required=True),
        "dest": Opt("str", "Where it goes; of the target, with mode pull of the controller.", required=True),
        "mode": Opt("str", "push to the target, or pull from it.", default="push", choices=["pull", "push"]),
        "archive": Opt("bool", "recursive, links, perms, times, owner, group and devices, as far as these are not said.", default=True),
        "checksum": Opt("bool", "Compare contents instead of times and sizes.", default=False),
        "compress": Opt("bool", "Compress on the way.", default=True),
        "copy_links": Opt("bool", "Copy what links lead to.", default=False),
        "delay_updates": Opt("bool", "Put changed files in place at the end, together.", default=True),
        "delete": Opt("bool", "Take away what src does not have.", default=False),
        "dirs": Opt("bool", "Directories without what is in them.", default=False),
        "existing_only": Opt("bool", "Make nothing new.", default=False),
        "recursive": Opt("bool", "Directories with what is in them."), "links": Opt("bool", "Links as links."), "perms": Opt("bool", "Modes."),
        "times": Opt("bool", "Times."), "owner": Opt("bool", "Owners."), "group": Opt("bool", "Groups."),
        "partial": Opt("bool", "Keep what came of a file that was cut off.", default=False),
        "link_dest": Opt("list", "Directories of the receiver in which equal files are linked.", elements="str"),
        "rsync_opts": Opt("list", "Further options of rsync.", default=[], elements="str"),
        "rsync_path": Opt("str", "rsync on the target, with what goes before it."),
        "rsync_timeout": Opt("int", "Seconds without any data after which rsync gives up; 0 = never.", default=0),
    },
    returns={"cmd": Ret("str", "The command."), "rc": Ret("int", "Its exit status."), "msg": Ret("str", "What changed, as rsync itemizes it."),
             "stdout_lines": Ret("list", "The same, a line each.", elements="str")},
    examples="""\
- synchronize: {src: site/, dest: /srv/site, delete: true, rsync_opts: ["--exclude=.git"]}

# Within the target
- synchronize: {src: /srv/site/, dest: /srv/old}
  delegate_to: "{{ inventory_hostname }}"
""",
    notes=["rsync must be on both sides. It speaks over fleet's own connection, so host keys, jumps and logins are those of all other tasks. Under check it is "
           "run with --dry-run.", "Another user on the target needs a sudo that asks for no password. Containers are reached by `copy`, which needs no rsync."],
)


def run(call: Call) -> Generator[Change, Any, dict[str, Any]]:
    place, within = _where(call)
    words = _options(call)
    if within:
        words += [call.args.src, call.args.dest]
        lines, result = _within(call, words, dry=True)
    else:
        lines, result = call.blocking(_rsync, call, place, words, True)
    if not lines:
        return result
    done = yield Change(f"{len(lines)} paths below {call.args.dest}", None, "\n".join(lines) + "\n",
                        lambda: _within(call, words, dry=False) if within else call.blocking(_rsync, call, place, words, False))
    return done[1] if done else result


def _where(call: Call) -> tuple[Endpoint, bool]:
    """The machine on the other side; and whether all happens on that one, a task delegated to its own host."""
    delegated = call.task.keywords.delegate_to
    place = call.endpoint
    if delegated is not None:
        name = str(call.render(delegated))
        if name == call.host:
            return place, True
        if name not in ("localhost", "127.0.0.1"):
            raise ArgumentError(f"synchronize from {name} to {call.host}: neither can log in to the other", hint="pull from the one and push to the other")
        place = call.at(call.host).endpoint
    if place.kind not in ("ssh", "local"):
        raise ArgumentError(f"synchronize does not reach a {place.kind}", hint="copy does, a directory at a time")
    return place, False


def _options(call: Call) -> list[str]:
    args = call.args
    words = ["--archive"] if args.archive else []
    for name, of_archive, word in _SWITCHES:
        value = args[name]
        if value and not (of_archive and args.archive):
            words.append(word)
        elif value is False and of_archive and args.archive:
            words.append(word.replace("--", "--no-"))
    if args.compress:
        words.append("--compress")
    if args.rsync_timeout:
        words.append(f"--timeout={args.rsync_timeout}")
    words += [f"--link-dest={each}" for each in args.link_dest or ()]
    return [*words, *args.rsync_opts, f"--out-format={MARK}%i %n%L"]


def _ours(call: Call, path: str) -> str:
    """A path of the controller, the slash at its end kept."""
    if call.args.mode == "push":
        found = str(call.find("files", path.rstrip("/") or "/"))
    else:
        found = os.path.join(call.static.playbook_dir, os.path.expanduser(path))
    return found.rstrip("/") + "/" if path.endswith("/") else found


def _rsync(call: Call, place: Endpoint, words: list[str], dry: bool) -> tuple[list[str], dict[str, Any]]:
    """Run it here; what changed, and the result. Called in a worker."""
    if not shutil.which("rsync"):
        raise ArgumentError("rsync is missing on the controller", hint="install it, or use copy")
    push = call.args.mode == "push"
    near, far = _ours(call, call.args.src if push else call.args.dest), call.args.dest if push else call.args.src
    errand = None
    if place.kind == "ssh":
        errand = Errand(call.connections.transport(place), lambda asked: _become(place, asked, call.args.rsync_path))
        words = [f"--rsh={shlex.join(errand.shell)}", *words]
        far = f"target:{far}"
    command = ["rsync", *(["--dry-run"] if dry else []), *words, *([near, far] if push else [far, near])]
    try:
        done = subprocess.run(command, capture_output=True, stdin=subprocess.DEVNULL)
    finally:
        if errand is not None:
            errand.close()
    said = done.stderr.decode("utf-8", "replace") + (errand.said.decode("utf-8", "replace") if errand else "")
    return _outcome(command, done.returncode, done.stdout.decode("utf-8", "replace"), said)


def _become(place: Endpoint, words: list[str], path: str | None) -> str:
    """The command line on the target: rsync as the user that the task's modules are there."""
    line = f"{path} {shlex.join(words[1:])}" if path else shlex.join(words)
    for become in place.become:
        if become.method != "sudo" or become.password is not None:
            raise ArgumentError("synchronize becomes another user only by a sudo that asks for no password", host=place.name)
        line = f"sudo -n -u {shlex.quote(become.user)} -- {line}"
    return line


def _within(call: Call, words: list[str], dry: bool) -> tuple[list[str], dict[str, Any]]:
    command = ["rsync", *(["--dry-run"] if dry else []), *words]
    answer = call.module("command", {"argv": command}, check=False)
    return _outcome(command, int(answer.get("rc", 1)), str(answer.get("stdout", "")), str(answer.get("stderr") or answer.get("msg", "")))


def _outcome(command: list[str], status: int, out: str, said: str) -> tuple[list[str], dict[str, Any]]:
    shown = [word for word in command if not word.startswith("--rsh=")]
    if status:
        text = " ".join(said.split())[-800:]
        if status in (12, 127):
            text += "; is rsync installed on the target?"
        elif "--dry-run" in command and "No such file or directory" in text:
            raise NotYet(text)  # an earlier task of this run may be the one that would make it
        raise TaskError(f"rsync ended with status {status}: {text}", {"rc": status, "cmd": shlex.join(shown)})
    changed = [line[len(MARK):] for line in out.splitlines() if line.startswith(MARK)]
    return changed, {"cmd": shlex.join(shown), "rc": 0, "msg": "\n".join(changed), "stdout_lines": changed}
