"""iptables in a network namespace of its own."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.modules.harness import apply, fails, run


@pytest.fixture(scope="module")
def namespace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Programs of the names iptables and ip6tables, found first, that run the real ones in a new network namespace."""
    folder = tmp_path_factory.mktemp("bin")
    holder = subprocess.Popen(["unshare", "-n", "sh", "-c", "echo; exec sleep 300"], stdout=subprocess.PIPE)
    assert holder.stdout and holder.stdout.readline()
    for name in ("iptables", "ip6tables"):
        (folder / name).write_text(f'#!/bin/sh\nexec nsenter -t {holder.pid} -n /usr/sbin/{name} "$@"\n')
        (folder / name).chmod(0o755)
    before = os.environ["PATH"]
    os.environ["PATH"] = f"{folder}:{before}"
    yield
    os.environ["PATH"] = before
    holder.kill()
    holder.communicate()


def listed(*words: str, program: str = "iptables") -> list[str]:
    return subprocess.run([program, *(words or ("-S",))], capture_output=True, text=True, check=True).stdout.splitlines()


RULES: list[tuple[dict[str, Any], str]] = [
    ({"protocol": "tcp", "destination_port": "22", "jump": "ACCEPT"}, "-p tcp -m tcp --dport 22 -j ACCEPT"),
    ({"protocol": "tcp", "destination_ports": ["80", "443", "8000:8010"], "ctstate": ["NEW"], "jump": "ACCEPT", "comment": "the web"},
     '-p tcp -m multiport --dports 80,443,8000:8010 -m conntrack --ctstate NEW -m comment --comment "the web" -j ACCEPT'),
    ({"source": "!10.0.0.0/8", "in_interface": "eth0", "jump": "DROP"}, "! -s 10.0.0.0/8 -i eth0 -j DROP"),
    ({"protocol": "icmp", "icmp_type": "echo-request", "limit": "10/min", "limit_burst": "20", "jump": "ACCEPT"},
     "-p icmp -m icmp --icmp-type 8 -m limit --limit 10/min --limit-burst 20 -j ACCEPT"),
    ({"protocol": "tcp", "syn": "negate", "reject_with": "tcp-reset"}, "-p tcp -m tcp ! --tcp-flags FIN,SYN,RST,ACK SYN -j REJECT --reject-with tcp-reset"),
    ({"protocol": "tcp", "tcp_flags": {"flags": ["ALL"], "flags_set": ["SYN"]}, "log_prefix": "syn: ", "log_level": "info"},
     '-p tcp -m tcp --tcp-flags FIN,SYN,RST,PSH,ACK,URG SYN -j LOG --log-prefix "syn: " --log-level 6'),
    ({"src_range": "10.1.1.1-10.1.1.9", "jump": "ACCEPT"}, "-m iprange --src-range 10.1.1.1-10.1.1.9 -j ACCEPT"),
]


def same(line: str) -> list[str]:
    """A listed rule's words in an order of their own: matches come in any."""
    return sorted(line.replace("-m tcp ", "").split())


@pytest.mark.parametrize(("options", "expected"), RULES, ids=lambda value: value if isinstance(value, str) else "")
def test_a_rule_comes_once_and_goes(tmp_path: Path, namespace: None, options: dict[str, Any], expected: str) -> None:
    before = listed()
    apply("iptables", {"chain": "INPUT", **options}, tmp_path)
    [new] = [line for line in listed() if line not in before]
    assert same(new) == same(f"-A INPUT {expected}")
    apply("iptables", {"chain": "INPUT", **options, "state": "absent"}, tmp_path)
    assert listed() == before


def test_places_chains_and_policies(tmp_path: Path, namespace: None) -> None:
    for port, more in (("1", {}), ("2", {}), ("3", {"action": "insert"}), ("4", {"action": "insert", "rule_num": "2"})):
        apply("iptables", {"chain": "OUTPUT", "protocol": "udp", "destination_port": port, "jump": "DROP", **more}, tmp_path)
    assert [line.split()[-3] for line in listed("-S", "OUTPUT")[1:]] == ["3", "4", "1", "2"]
    apply("iptables", {"chain": "OUTPUT", "flush": True}, tmp_path)
    apply("iptables", {"chain": "FORWARD", "policy": "DROP"}, tmp_path)
    assert listed("-S", "FORWARD") == ["-P FORWARD DROP"] and listed("-S", "OUTPUT") == ["-P OUTPUT ACCEPT"]
    own = {"chain": "OWN", "chain_management": True}
    apply("iptables", own, tmp_path)
    apply("iptables", {**own, "jump": "RETURN", "ip_version": "both"}, tmp_path)
    assert listed("-S", "OWN") == listed("-S", "OWN", program="ip6tables") == ["-N OWN", "-A OWN -j RETURN"]
    fails("iptables", {**own, "state": "absent"}, "has rules and stays")
    apply("iptables", {"chain": "OWN", "flush": True, "ip_version": "both"}, tmp_path)
    apply("iptables", {**own, "state": "absent", "ip_version": "both"}, tmp_path)
    apply("iptables", {"table": "nat", "chain": "POSTROUTING", "out_interface": "eth0", "jump": "SNAT", "to_source": "10.0.0.1"}, tmp_path)
    assert listed("-t", "nat", "-S", "POSTROUTING")[1:] == ["-A POSTROUTING -o eth0 -j SNAT --to-source 10.0.0.1"]
    apply("iptables", {"table": "nat", "flush": True}, tmp_path)


def test_what_is_refused(namespace: None) -> None:
    fails("iptables", {"chain": "NONE", "jump": "ACCEPT"}, "there is no chain NONE")
    assert "no chain NONE yet" in str(run("iptables", {"chain": "NONE", "jump": "ACCEPT"}, check=True)["warnings"])
    fails("iptables", {"chain": "INPUT", "destination_port": "22", "jump": "ACCEPT"}, "does not take this rule")
    fails("iptables", {"chain": "INPUT", "jump": "NOWHERE"}, "does not take this rule")
    fails("iptables", {"chain": "INPUT"}, "there is no rule")
    fails("iptables", {"jump": "ACCEPT"}, "chain is needed")
    fails("iptables", {"chain": "INPUT", "rule_num": "1", "jump": "ACCEPT"}, "action=insert")
