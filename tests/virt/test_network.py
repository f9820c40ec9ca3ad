"""A network as declared: what cannot be one is refused, the rest is written as libvirt's XML and read back."""

from __future__ import annotations

from typing import Any

import pytest

from fleet import registry
from fleet.errors import VirtError
from fleet.validate import validate
from fleet.virt.identity import mac_of
from fleet.virt.network import EFFECTS, Network, bridge_of, declared, effect, network_fields, network_xml, updates
from fleet.virt.xml import differences


def network(**options: Any) -> Network:
    return declared(validate(registry.spec("network"), {"name": "lan", **options}))


SERVED = {"address": "192.168.150.1/24", "dhcp": ["192.168.150.10", "192.168.150.99"]}


def test_round_trip() -> None:
    text = network_xml(network(**SERVED, reservations={"web1": "192.168.150.20", "db": {"address": "192.168.150.21", "nic": 1}},
                               dns={"repository.lan": "192.168.150.1", "mirror.lan": "192.168.150.1"}, domain="lan", mtu=1450))
    assert network_fields(text) == {
        "forward": "nat", "bridge": "fl-lan", "domain": "lan", "mtu": 1450, "address": "192.168.150.1/24", "dhcp": "192.168.150.10 - 192.168.150.99",
        "dns repository.lan": "192.168.150.1", "dns mirror.lan": "192.168.150.1",
        f"reservation {mac_of('web1')}": "192.168.150.20 (web1)", f"reservation {mac_of('db', 1)}": "192.168.150.21 (db)"}
    assert {effect(what) for what in network_fields(text)} == {"live", "restart"}
    assert set(EFFECTS) == {what.split()[0] for what in network_fields(text)}


@pytest.mark.parametrize(("options", "words"), [
    ({"name": "../x"}, "cannot be the name"),
    ({"bridge": "a b"}, "cannot be the name of a bridge"),
    ({"bridge": "x" * 16}, "cannot be the name of a bridge"),
    ({"address": "192.168.150.1/33"}, "192.168.150.1/33"),
    ({"address": "<x>"}, "'<x>'"),
    ({**SERVED, "dhcp": ["192.168.150.10"]}, "two addresses"),
    ({**SERVED, "dhcp": ["192.168.151.10", "192.168.151.20"]}, "not in 192.168.150.0/24"),
    ({**SERVED, "dhcp": ["192.168.150.20", "192.168.150.10"]}, "after it ends"),
    ({"dhcp": SERVED["dhcp"]}, "need an address"),
    ({**SERVED, "reservations": {"a;b": "192.168.150.3"}}, "cannot be the name"),
    ({**SERVED, "reservations": {"a": "10.0.0.1"}}, "not in"),
    ({**SERVED, "reservations": {"a": "192.168.150.3", "b": "192.168.150.3"}}, "reserved twice"),
    ({**SERVED, "reservations": {"a": {"address": "192.168.150.3", "mac": "x"}}}, "not a MAC"),
    ({**SERVED, "reservations": {"a": {"ip": "192.168.150.3"}}}, "takes an address"),
    ({**SERVED, "dns": {"a b": "192.168.150.3"}}, "not a DNS name"),
    ({**SERVED, "domain": "-"}, "not a DNS name"),
    ({"mtu": 5}, "MTU"),
    ({"forward": "bridge", "bridge": "br0", **SERVED}, "libvirt serves nothing"),
])
def test_refused(options: dict[str, Any], words: str) -> None:
    with pytest.raises(VirtError, match=words):
        network(**options)


def test_bridges_of_long_names_differ() -> None:
    one, two = bridge_of("accounting-primary"), bridge_of("accounting-secondary")
    assert one != two and max(len(one), len(two)) <= 15
    assert bridge_of("lan") == "fl-lan"


def test_updates_bring_one_to_the_other() -> None:
    before = network_xml(network(**SERVED, reservations={"a": "192.168.150.20", "b": "192.168.150.21"}, dns={"x.lan": "192.168.150.1"}))
    after = network_xml(network(**{**SERVED, "dhcp": ["192.168.150.50", "192.168.150.60"]}, reservations={"b": "192.168.150.20"},
                                dns={"x.lan": "192.168.150.1", "y.lan": "192.168.150.1"}))
    told = [(command, section) for command, section, _ in updates(before, after)]
    assert told == [("DELETE", "IP_DHCP_RANGE"), ("ADD_LAST", "IP_DHCP_RANGE"), ("DELETE", "IP_DHCP_HOST"), ("DELETE", "IP_DHCP_HOST"),
                    ("ADD_LAST", "IP_DHCP_HOST"), ("DELETE", "DNS_HOST"), ("ADD_LAST", "DNS_HOST")]
    assert list(updates(after, after)) == []
    assert differences(network_fields(before), network_fields(before)) == []
