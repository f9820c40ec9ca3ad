"""libvirt connections: which URI, what is tried again."""

from __future__ import annotations

from typing import Any

import pytest

from fleet.connection.base import Endpoint
from fleet.errors import VirtError
from fleet.runner.module import Args
from fleet.virt.connect import Hypervisor, said, uri_of


class Call:
    """As much of an action's call as libvirt calls need."""

    def __init__(self, variables: dict[str, Any] | None = None, **args: Any) -> None:
        self.vars = variables or {}
        self.args = Args(args)
        self.slept = 0

    def blocking(self, function: Any, *args: Any) -> Any:
        return function(*args)

    def sleep(self, seconds: float) -> None:
        self.slept += 1

    def render(self, value: Any) -> Any:
        return value


def test_uri_comes_from_the_option_then_the_host_then_qemu() -> None:
    assert uri_of(Call()) == "qemu:///system"
    assert uri_of(Call({"fleet_libvirt_uri": "xen:///system"})) == "xen:///system"
    assert uri_of(Call({"fleet_libvirt_uri": "xen:///system"}, uri="test:///default")) == "test:///default"


@pytest.mark.parametrize("uri", ["nonsense", "qemu:///system\n", "qemu:///a b"])
def test_what_is_no_uri_is_refused(uri: str) -> None:
    with pytest.raises(VirtError, match="not a libvirt URI"):
        uri_of(Call(uri=uri))


def test_a_closed_connection_is_opened_again() -> None:
    host = Hypervisor(Endpoint("h"), uri="test:///default")
    host._connection.close()
    assert host.find("lookupByName", "test") is not None
    assert host.find("lookupByName", "nothing") is None
    host.close()


def test_a_busy_pool_is_waited_for() -> None:
    host = Hypervisor(Endpoint("h"), uri="test:///default")
    tries = []

    def refresh() -> str:
        tries.append(1)
        if len(tries) < 3:
            error = host.libvirt.libvirtError("busy")
            error.err = (55, 18, "internal error: pool 'x' has asynchronous jobs running.", 2, None, None, None, 0, 0)
            raise error
        return "done"

    call = Call()
    assert said(call, "refresh", refresh) == "done"
    assert call.slept == 2
    host.close()


def test_errors_of_libvirt_say_what_was_tried() -> None:
    host = Hypervisor(Endpoint("h"), uri="test:///default")
    with pytest.raises(VirtError, match="look for it: Domain not found"):
        said(Call(), "look for it", lambda: host.connection.lookupByName("nothing"))
    host.close()


def test_no_libvirt_there() -> None:
    with pytest.raises(VirtError, match=r"cannot talk to libvirt on h \(qemu\+unix"):
        Hypervisor(Endpoint("h"), uri="qemu+unix:///system?socket=/nonexistent")
