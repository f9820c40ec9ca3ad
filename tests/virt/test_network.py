"""Networks written as libvirt's XML and read back."""

from __future__ import annotations

from fleet.virt.identity import mac_of
from fleet.virt.network import Network, network_fields, network_xml


def test_network_round_trip() -> None:
    network = Network("lan", "fl-lan", "192.168.150.1/24", ("192.168.150.10", "192.168.150.99"), reservations={"web1": "192.168.150.20"})
    assert network_fields(network_xml(network)) == {
        "forward": "nat", "bridge": "fl-lan", "domain": None, "address": "192.168.150.1/24", "dhcp": "192.168.150.10 - 192.168.150.99",
        f"reservation {mac_of('web1')}": "192.168.150.20 (web1)"}
