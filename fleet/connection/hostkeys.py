"""Whether a server is who it says: known_hosts, hashed or not, strict unless told otherwise."""

from __future__ import annotations

import os
import threading
from functools import cache
from pathlib import Path
from typing import Any

from fleet.connection import lean  # noqa: F401  # isort: skip
import paramiko

from fleet.errors import HostKeyFailed

_lock = threading.Lock()


def files(given: tuple[str, ...]) -> list[str]:
    paths = [os.path.expanduser(path) for path in given] or [os.path.expanduser("~/.ssh/known_hosts"), "/etc/ssh/ssh_known_hosts"]
    return [path for path in paths if path != "/dev/null"]


def entry(address: str, port: int) -> str:
    return address if port == 22 else f"[{address}]:{port}"


class _Known:
    """One file: plain names by name, since there may be thousands; the hashed names and patterns, which are tried one by one."""

    def __init__(self) -> None:
        self.plain: dict[str, dict[str, Any]] = {}
        self.tried: Any = paramiko.HostKeys()

    def add(self, entry: Any) -> None:
        if any(mark in name for name in entry.hostnames for mark in "|*?!"):
            self.tried._entries.append(entry)
            return
        for name in entry.hostnames:
            self.plain.setdefault(name, {}).setdefault(entry.key.get_name(), entry.key)

    def lookup(self, name: str) -> dict[str, Any]:
        return {**(self.tried.lookup(name) or {}), **self.plain.get(name, {})}


@cache
def _load(path: str, stamp: int) -> _Known:
    keys = _Known()
    for number, line in enumerate(Path(path).read_text(errors="replace").splitlines(), 1):
        try:
            found = paramiko.hostkeys.HostKeyEntry.from_line(line, number) if line.strip() and not line.startswith(("#", "@")) else None
        except Exception:
            continue  # OpenSSH skips lines it cannot read as well
        if found is not None:
            keys.add(found)
    return keys


def known(name: str, paths: list[str]) -> dict[str, Any]:
    """The keys known for an entry, by type."""
    with _lock:
        found: dict[str, Any] = {}
        for path in paths:
            if os.path.exists(path):
                found.update(_load(path, os.stat(path).st_mtime_ns).lookup(name))
        return found


def check(name: str, host: str, key: Any, paths: list[str], policy: str) -> None:
    """Raise HostKeyFailed unless the server's key is known, or unknown and to be accepted (it is then added to the first file)."""
    if policy == "off":
        return
    keys = known(name, paths)
    if key.get_name() in keys:
        if keys[key.get_name()].asbytes() == key.asbytes():
            return
        raise HostKeyFailed(
            f"the host key of {name} has changed: it is {fingerprint(key)}, {_place(name, paths)} has another", host=host,
            hint=f"if the machine was set up anew, remove the old key with `ssh-keygen -R '{name}' -f {paths[0] if paths else ''}`; else this may be an attack")
    if policy != "accept-new":
        raise HostKeyFailed(
            f"the host key of {name} is not known ({key.get_name()} {fingerprint(key)})", host=host,
            hint="compare it with the machine's own and add it to known_hosts, or accept keys seen for the first time with --accept-new-host-keys")
    with _lock:
        _append(paths[0] if paths else os.path.expanduser("~/.ssh/known_hosts"), f"{name} {key.get_name()} {key.get_base64()}\n")


def fingerprint(key: Any) -> str:
    return str(key.fingerprint) if hasattr(key, "fingerprint") else key.get_fingerprint().hex()


def _place(name: str, paths: list[str]) -> str:
    for path in paths:
        if os.path.exists(path):
            keys = _load(path, os.stat(path).st_mtime_ns)
            for number, line in enumerate(Path(path).read_text(errors="replace").splitlines(), 1):
                hosts = line.split(" ", 1)[0].split(",")
                if any(each == name or (each.startswith("|1|") and keys.tried.hash_host(name, each) == each) for each in hosts):
                    return f"{path}:{number}"
    return "known_hosts"


def _append(path: str, line: str) -> None:
    """One write of one line, so that several runs at once cannot mix theirs."""
    os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        os.write(fd, line.encode())
    finally:
        os.close(fd)
