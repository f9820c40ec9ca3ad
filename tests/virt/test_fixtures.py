"""What the other tests stand on: private hypervisors, and a guest that is there in a second."""

from __future__ import annotations

import libvirt
import pytest

from tests.engine.harness import Site
from tests.virt.conftest import Hypervisor, Machine, succeeded

pytestmark = pytest.mark.virt


def test_hypervisors_are_private(hypervisors: dict[str, Hypervisor]) -> None:
    one, two = (each.connection for each in hypervisors.values())
    assert one.getHostname() == "hv1" and two.getHostname() == "hv2"
    assert two.listAllDomains() == []


def test_the_guest_answers_by_agent_and_ssh(site: Site, guest: Machine) -> None:
    assert guest.sh("hostname") == "g1\n"
    result = succeeded(site.run("- hosts: g1\n  gather_facts: false\n  tasks:\n    - command: hostname\n"))
    assert result["stdout"] == "g1"


def test_the_mock_driver(test_driver: str) -> None:
    connection = libvirt.open(test_driver)
    assert [each.name() for each in connection.listAllNetworks()] == ["default"]
    connection.close()
