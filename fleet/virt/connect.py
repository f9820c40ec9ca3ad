"""libvirt connections, one a hypervisor and run; its errors as ours."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any, TypeVar

from fleet.connection.base import Endpoint
from fleet.errors import VirtError
from fleet.virt.relay import Relay

T = TypeVar("T")


def library() -> Any:
    """The libvirt binding, quiet on stderr. Raises VirtError when it is not installed."""
    try:
        import libvirt
    except ImportError:
        raise VirtError("libvirt-python is not installed", hint="pip install 'fleet[virt]'") from None
    libvirt.registerErrorHandler(lambda context, error: None, None)
    return libvirt


class Hypervisor:
    """An open libvirt connection. Calls block, so they are made in the worker pool."""

    def __init__(self, endpoint: Endpoint, transport: Any) -> None:
        self.name = endpoint.name
        self.libvirt = library()
        self._relay = Relay(transport) if transport is not None else None
        uri = f"qemu+unix:///system?socket={self._relay.path}" if self._relay else "qemu:///system"
        try:
            self.connection = self.libvirt.open(uri)
        except self.libvirt.libvirtError as error:
            if self._relay:
                self._relay.close()
            raise VirtError(f"cannot talk to libvirt on {self.name}: {error.get_error_message()}",
                            hint="is libvirtd running there? the `hypervisor` module finds or starts it") from None

    def find(self, lookup: str, name: str) -> Any:
        """What a lookup...ByName call of libvirt finds, or None."""
        try:
            return getattr(self.connection, lookup)(name)
        except self.libvirt.libvirtError as error:
            if "NO_" in _code(self.libvirt, error):
                return None
            raise

    def close(self) -> None:
        try:
            self.connection.close()
        except self.libvirt.libvirtError:
            pass
        if self._relay:
            self._relay.close()


def _code(libvirt: Any, error: Any) -> str:
    number = error.get_error_code()
    return next((name for name in dir(libvirt) if name.startswith("VIR_ERR_NO_") and getattr(libvirt, name) == number), "")


def hypervisor(call: Any) -> Hypervisor:
    """The hypervisor of an action's host, opened once a run."""
    endpoint = dataclasses.replace(call.endpoint, become=())
    cache: dict[Endpoint, Hypervisor] = call.run_.shared.setdefault("hypervisors", {})
    found = cache.get(endpoint)
    if found is None:
        transport = call.blocking(call.connections.transport, endpoint)
        found = call.blocking(Hypervisor, endpoint, transport)
        if endpoint in cache:  # another fiber was quicker
            call.blocking(found.close)
            return cache[endpoint]
        cache[endpoint] = found
        call.run_.closing.append(found.close)
    return found


def said(call: Any, what: str, function: Callable[..., T], *args: Any) -> T:
    """Run libvirt calls in the worker pool; a libvirtError becomes a VirtError that says what was tried."""
    def work() -> T:
        try:
            return function(*args)
        except Exception as error:
            if type(error).__name__ == "libvirtError":
                raise VirtError(f"{what}: {error.get_error_message()}") from None  # type: ignore[attr-defined]
            raise
    return call.blocking(work)  # type: ignore[no-any-return]
