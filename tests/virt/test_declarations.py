"""Whatever is declared: applied twice, the second time nothing differs. On libvirt's mock driver and on QEMU definitions."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, reject, settings
from hypothesis import strategies as st

from fleet.connection.base import Endpoint
from fleet.errors import VirtError
from fleet.virt import domain, drivers
from fleet.virt.connect import Hypervisor
from fleet.virt.drivers import Driver
from fleet.virt.guest import Guest
from fleet.virt.machine import Machine
from tests.virt.declarations import declarations, meant

RANDOM = settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.filter_too_much])


def converge(host: Hypervisor, guest: Guest, driver: Driver) -> list[str]:
    """Make or change a guest's definition as the action does; what differs afterwards."""
    machine = Machine(host, guest.name)
    seen = machine.look(guest.disks)
    try:
        machine.define(domain.build(guest, driver) if seen is None else domain.stored_as(guest, driver, seen.stored))
    except VirtError as error:
        assert seen is not None and ("do not fit" in str(error) or "would have" in str(error)), "a guest alone never contradicts itself"
        reject()
    seen = machine.look(guest.disks)
    assert seen is not None
    for each in domain.compare(guest, driver, seen.stored, seen.live):
        if each.where == "beside" and each.what == "autostart":
            seen.domain.setAutostart(int(bool(guest.autostart)))
    seen = machine.look(guest.disks)
    assert seen is not None
    return [f"{each.what} {each.where}: {each.before} -> {each.after}" for each in domain.compare(guest, driver, seen.stored, seen.live)
            if not each.what.endswith(": size")]  # volumes are made by the action, not here


def forget(host: Hypervisor, name: str) -> None:
    Machine(host, name).undefine()


@pytest.fixture(scope="module")
def mock() -> Iterator[Hypervisor]:
    host = Hypervisor(Endpoint("mock"), uri="test:///default")
    yield host
    host.close()


@RANDOM
@given(first=declarations(qemu=False), second=declarations(qemu=False))
def test_mock_driver(mock: Hypervisor, first: dict[str, Any], second: dict[str, Any]) -> None:
    driver = drivers.driver("test")
    forget(mock, "g")
    assert converge(mock, meant(first), driver) == []
    other = meant(second)
    assert converge(mock, other, driver) == [], "changed into another"
    assert converge(mock, other, driver) == [], "again"


@pytest.fixture(scope="module")
def qemu(hypervisors: Any) -> Iterator[Hypervisor]:
    host = Hypervisor(Endpoint("hv2"), uri=hypervisors["hv2"].connection.getURI())
    yield host
    forget(host, "g")
    host.close()


@pytest.mark.virt
@RANDOM
@given(first=declarations(qemu=True), second=declarations(qemu=True), data=st.data())
def test_qemu_definitions(qemu: Hypervisor, first: dict[str, Any], second: dict[str, Any], data: st.DataObject) -> None:
    driver = drivers.driver("qemu")
    forget(qemu, "g")
    assert converge(qemu, meant(first), driver) == []
    other = meant({**second, "devices": first["devices"]} if first["devices"] == "virtio" else
                  {**second, "devices": "emulated", "rng": False, "agent": False})
    assert converge(qemu, other, driver) == [], "changed into another"
    assert converge(qemu, dataclasses.replace(other), driver) == [], "again"
