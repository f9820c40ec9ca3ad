"""What the engine says to connections, and what they say back: plain data, and one Protocol."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, Protocol

from fleet.errors import FleetError


class Secret(str):
    """A password. It prints as ****; `reveal()` gives the text."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "Secret(****)"

    def __format__(self, spec: str) -> str:
        return "****"

    def __str__(self) -> str:
        return "****"

    def reveal(self) -> str:
        return "".join(self)


@dataclass(frozen=True, slots=True)
class Become:
    """How to become another user. method: sudo, su, doas or runas-like names that are refused."""

    method: str = "sudo"
    user: str = "root"
    password: Secret | None = None
    flags: tuple[str, ...] = ()
    exe: str | None = None
    timeout: float = 30.0


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One place where tasks take effect. Frozen and hashable: equal endpoints share one connection.

    name: the inventory name, for messages. kind: "ssh", "local", "container" or "guest".
    ssh: address, port, user, password, key_files, host_keys ("strict" | "accept-new" | "off"), known_hosts (files; () = the user's own),
    config (None = ~/.ssh/config, "" = none), options: further ssh -o style pairs that are understood, timeout: seconds to connect, retries.
    container: `via` is its host, `container` = (backend, name, root directory on the host).
    guest: `via` is its hypervisor, `guest` = (libvirt's URI there, the guest's name); spoken to through its agent.
    via: for ssh, the endpoint to jump through (a guest through its hypervisor).
    python: the interpreter's path or None to discover it. become: applied in order inside the runner tree.
    """

    name: str
    kind: str = "ssh"
    address: str | None = None
    port: int | None = None
    user: str | None = None
    password: Secret | None = None
    key_files: tuple[str, ...] = ()
    passphrase: Secret | None = None
    host_keys: str = "strict"
    known_hosts: tuple[str, ...] = ()
    config: str | None = None
    options: tuple[tuple[str, str], ...] = ()
    timeout: float = 10.0
    retries: int = 0
    via: Endpoint | None = None
    container: tuple[str, str, str] | None = None
    guest: tuple[str, str] | None = None
    python: str | None = None
    become: tuple[Become, ...] = ()


class Ref(NamedTuple):
    """Text that the target puts into a request's arguments: `field` of the result kept as `key`, at `place` (an option's name, and an index)."""

    place: list[Any]
    key: str
    field: str


@dataclass(slots=True)
class Request:
    """One module execution. args are already validated; module "raw" is executed without Python.

    blob: content sent along (bytes, or a Path streamed in bounded memory). sink: where bytes that the module emits are written.
    environment: added to the process's. limit: seconds after which it is cancelled. guard: when it fails, guarded requests behind it on
    the same stream are answered with aborted=True and not run, until `Connections.resume(endpoint, stream)`.
    keep: the target keeps the result under this key; refs: what it puts into args from results it kept. job: the name of a job to start; the
    module then runs in the background, and the reply says only that it was started.
    """

    module: str
    args: dict[str, Any]
    check: bool = False
    diff: bool = False
    environment: dict[str, str] = field(default_factory=dict)
    limit: float | None = None
    blob: bytes | Path | None = None
    sink: BinaryIO | None = None
    guard: bool = False
    stream: str = ""
    keep: str = ""
    refs: list[Ref] = field(default_factory=list)
    job: str = ""


@dataclass(slots=True)
class Reply:
    """What came of a request. Exactly one of result (the module's result; failed=True when it failed) and error is set.

    error is a ConnectionFailed (nothing was run), or one with `unknown=True` (the connection was lost while it ran).
    """

    result: dict[str, Any] | None = None
    error: FleetError | None = None
    unknown: bool = False


class Connections(Protocol):
    """All connections of a run. Every method returns at once; replies come through the callback given to submit, called from any thread
    (the engine passes one that only posts to its queue). Replies of one endpoint come in the order of their requests.
    """

    def submit(self, endpoint: Endpoint, request: Request, done: Callable[[Reply], None]) -> None: ...

    def resume(self, endpoint: Endpoint, stream: str) -> None: ...

    def cancel(self, endpoint: Endpoint) -> None:
        """Cancel what runs and what waits at an endpoint; each is answered with a result failed=True, cancelled=True."""

    def reset(self, endpoint: Endpoint) -> None:
        """Close the endpoint's connection; the next request opens a new one (meta: reset_connection)."""

    def close(self) -> None:
        """Close all; runners end with their children. Waits at most a few seconds."""
