"""libvirt connections, one a hypervisor, URI and run; its errors as ours."""

from __future__ import annotations

import dataclasses
import threading
import time
from collections.abc import Callable
from typing import Any, TypeVar
from urllib.parse import parse_qs, urlsplit

from fleet.connection.base import Endpoint
from fleet.errors import NotYet, VirtError
from fleet.virt.relay import SOCKET, Relay

T = TypeVar("T")
SYSTEM = "qemu:///system"
# Drivers that a daemon on the host runs, reached through the connection to that host. All others are libraries of the client's, and are
# opened on the controller, as is a URI with a transport of its own.
DAEMONS = frozenset({"qemu", "xen", "lxc", "vbox", "bhyve", "ch"})
PATIENCE = 30.0  # seconds that libvirtd may take to restart, and that another job of a pool or guest is waited for
_BUSY = ("asynchronous jobs running", "is still being allocated", "cannot acquire state change lock", "cannot acquire job mutex")
_started = threading.Lock()
_OPENING: Any = object()  # in place of a connection that another fiber opens just now


def library() -> Any:
    """The libvirt binding, quiet on stderr, with its event loop running. Raises VirtError when it is not installed."""
    try:
        import libvirt
    except ImportError:
        raise VirtError("libvirt-python is not installed", hint="pip install 'fleet[virt]'") from None
    with _started:
        if not getattr(libvirt, "fleet_events", None):
            libvirt.registerErrorHandler(lambda context, error: None, None)
            libvirt.virEventRegisterDefaultImpl()
            # A timer, so that the loop looks again at what other threads register while it sleeps.
            libvirt.virEventAddTimeout(500, lambda timer, opaque: None, None)
            libvirt.fleet_events = threading.Thread(target=_turn, args=(libvirt,), name="fleet-libvirt", daemon=True)
            libvirt.fleet_events.start()
    return libvirt


def _turn(libvirt: Any) -> None:
    while True:
        try:
            libvirt.virEventRunDefaultImpl()
        except Exception:
            time.sleep(0.1)


class Hypervisor:
    """An open libvirt connection. Calls block, so they are made in the worker pool. transport: of the SSH connection to the host, or None."""

    def __init__(self, endpoint: Endpoint, transport: Any = None, uri: str = SYSTEM) -> None:
        self.name = endpoint.name
        self.uri = uri
        self.libvirt = library()
        self.driver, _, through = urlsplit(uri).scheme.partition("+")
        self._relay: Relay | None = None
        self._uri = uri
        if transport is not None and self.driver in DAEMONS and through in ("", "unix"):
            parts = urlsplit(uri)
            socket = parse_qs(parts.query).get("socket", [SOCKET])[0]
            session = parts.path == "/session" and "socket=" not in parts.query
            self._relay = Relay(transport, socket, f"exec virt-ssh-helper {self.driver}:///session" if session else None)
            self._uri = f"{self.driver}+unix://{parts.path}?socket={self._relay.path}"
        self._lock = threading.Lock()
        self.pools: dict[str, tuple[Any, Any, float]] = {}  # by what they are asked for: connection, pool, when it was read (see fleet.virt.storage)
        try:
            self._connection = self.libvirt.open(self._uri)
        except self.libvirt.libvirtError as error:
            if self._relay:
                self._relay.close()
            raise NotYet(f"cannot talk to libvirt on {self.name} ({uri}): {error.get_error_message()}",
                            hint="is libvirtd running there? the `hypervisor` module finds or starts it") from None

    @property
    def connection(self) -> Any:
        """The connection; opened anew where libvirtd was restarted. Objects looked up before are of the old one then."""
        with self._lock:
            if not self._alive():
                self._reopen()
            return self._connection

    def _alive(self) -> bool:
        try:
            return bool(self._connection.isAlive())
        except self.libvirt.libvirtError:
            return False

    def _reopen(self) -> None:
        end = time.monotonic() + PATIENCE
        while True:
            try:
                self._connection = self.libvirt.open(self._uri)
                return
            except self.libvirt.libvirtError as error:
                if time.monotonic() > end:
                    raise VirtError(f"libvirt on {self.name} went away and does not answer again: {error.get_error_message()}") from None
            time.sleep(0.2)

    def ask(self, function: Callable[[Any], T]) -> T:
        """function(connection), once more on a new connection when libvirtd went away meanwhile: for what may be done twice."""
        connection = self.connection
        try:
            return function(connection)
        except self.libvirt.libvirtError as error:
            if error.get_error_domain() != self.libvirt.VIR_FROM_RPC and self._alive():
                raise
            return function(self.connection)

    def find(self, lookup: str, name: str) -> Any:
        """What a lookup...By... call of libvirt finds, or None."""
        try:
            return self.ask(lambda connection: getattr(connection, lookup)(name))
        except self.libvirt.libvirtError as error:
            if error.get_error_code() in missing(self.libvirt):
                return None
            raise

    def close(self) -> None:
        try:
            self._connection.close()
        except self.libvirt.libvirtError:
            pass
        if self._relay:
            self._relay.close()


def missing(libvirt: Any) -> frozenset[int]:
    """The error codes that say that something does not exist."""
    codes: frozenset[int] | None = getattr(libvirt, "fleet_missing", None)
    if codes is None:
        codes = libvirt.fleet_missing = frozenset(
            getattr(libvirt, f"VIR_ERR_NO_{kind}") for kind in ("DOMAIN", "NETWORK", "STORAGE_POOL", "STORAGE_VOL", "NODE_DEVICE", "SECRET", "NWFILTER",
                                                                "DOMAIN_SNAPSHOT", "DOMAIN_CHECKPOINT", "DOMAIN_METADATA", "NETWORK_PORT"))
    return codes


def uri_of(call: Any) -> str:
    """Which libvirt an action means: its option `uri`, else the host's variable `fleet_libvirt_uri`, else QEMU's system instance."""
    return uri_for(call.render(call.args.get("uri") or call.vars.get("fleet_libvirt_uri")))


def uri_for(given: Any) -> str:
    """A URI as given, QEMU's system instance where none is. Raises VirtError for what is none."""
    uri = str(given or SYSTEM)
    if not urlsplit(uri).scheme or any(letter.isspace() or not letter.isprintable() for letter in uri):
        raise VirtError(f"'{uri}' is not a libvirt URI", hint="such as qemu:///system, qemu:///session, xen:///system, lxc:///system, esx://host/ or test:///default")
    return uri


def hypervisor(call: Any) -> Hypervisor:
    """The hypervisor of an action's host, opened once a run."""
    endpoint = dataclasses.replace(call.endpoint, become=())
    uri = uri_of(call)
    cache: dict[tuple[Endpoint, str], Hypervisor] = call.run_.shared.setdefault("hypervisors", {})
    while cache.get((endpoint, uri)) is _OPENING:
        call.sleep(0.02)
    found = cache.get((endpoint, uri))
    if found is None:
        cache[endpoint, uri] = _OPENING
        scheme = urlsplit(uri).scheme.partition("+")[0]
        try:
            transport = call.blocking(call.connections.transport, endpoint) if scheme in DAEMONS else None
            found = call.blocking(Hypervisor, endpoint, transport, uri)
        except BaseException:
            del cache[endpoint, uri]
            raise
        cache[endpoint, uri] = found
        call.run_.closing.append(found.close)
    return found


def said(call: Any, what: str, function: Callable[..., T], *args: Any) -> T:
    """Run libvirt calls in the worker pool; a libvirtError becomes a VirtError that says what was tried.

    What fails because a pool or guest has another job just now is tried again for half a minute.
    """
    def work() -> Any:
        try:
            return function(*args)
        except Exception as error:
            if type(error).__name__ != "libvirtError":
                raise
            message = str(error.get_error_message())  # type: ignore[attr-defined]
            if time.monotonic() < end and any(words in message for words in _BUSY):
                return busy
            if error.get_error_domain() == library().VIR_FROM_RPC:  # type: ignore[attr-defined]
                raise VirtError(f"{what}: libvirt went away meanwhile ({message})", hint="apply it again once libvirtd runs: what was done is found done") from None
            raise VirtError(f"{what}: {message}") from None

    busy: Any = object()
    pause = 0.05
    end = time.monotonic() + PATIENCE
    while True:
        outcome: Any = call.blocking(work)
        if outcome is not busy:
            return outcome  # type: ignore[no-any-return]
        call.sleep(pause)
        pause = min(pause * 1.5, 0.5)
