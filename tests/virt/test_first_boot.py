"""First-boot data read by a guest's own cloud-init: one boot with user, vendor and network data, and a command that fails."""

from __future__ import annotations

from typing import Any

import pytest

from fleet.actions import _guest_cloud as cloud
from tests.virt.conftest import GUEST, Apply, Hypervisor, Machine

virt = pytest.mark.virt
USER = {
    "users": [{"name": "ops", "shell": "/bin/sh", "sudo": "ALL=(ALL) NOPASSWD:ALL"}],
    "write_files": [{"path": "/etc/from-user", "content": "user\n"}],
    "runcmd": ["echo began >/run/began", "echo the mirror is gone >&2; exit 7"],
}
VENDOR = {"bootcmd": ["echo vendor >/etc/from-vendor"]}
# The first card by DHCP with an address reserved for it, the second on a network where nothing serves any.
CARDS = [{"network": "lan", "address": "192.168.77.44"}, {"network": "quiet", "address": "192.168.80.44/24"}]


@virt
def test_cloud_init_reads_it_all_and_its_failure_is_said(apply: Apply, booted: Machine, hypervisors: dict[str, Hypervisor], image: str) -> None:
    apply("network", {"name": "quiet", "forward": "isolated", "address": "192.168.80.1/24"})
    declared: dict[str, Any] = {**GUEST, "name": "first", "image": image, "networks": CARDS, "user_data": USER, "vendor_data": VENDOR, "wait": "cloud-init"}
    try:
        message = apply.fails("guest", declared)
        assert "cloud-init in guest first failed: ('scripts-user', RuntimeError('Runparts: 1 failures (runcmd)" in message
        assert "its commands said at last:\nthe mirror is gone\n" in message and "its console says at last:" in message
        guest = Machine(hypervisors["hv1"], "first", booted.saved, "192.168.77.44")
        assert guest.sh("cat /etc/from-user /etc/from-vendor /run/began; id -un ops; hostname").split() == ["user", "vendor", "began", "ops", "first"]
        assert [line.split()[2] for line in guest.sh("ip -br -4 addr | grep -v ^lo").splitlines()] == ["192.168.77.44/24", "192.168.80.44/24"]
        assert guest.sh("ls /etc/ssh/ssh_host_*_key.pub | wc -l").strip() == "1", "the key that the controller gave it, and no other"
        planned = apply.plan("guest", {**declared, "wait": "none"})
        assert planned == [], "what was declared is what is there"
    finally:
        apply.once("guest", {"name": "first", "state": "absent"})
    text = hypervisors["hv1"].connection.networkLookupByName("lan").XMLDesc()
    assert "192.168.77.44" not in text and "192.168.77.10" in text


@virt
def test_what_has_finished_is_not_waited_for(guest: Machine, apply: Apply) -> None:
    """The guest of the tests has, without an error; the network declared anew keeps a guest's address."""
    assert apply("guest", {"name": "g1", "wait": "cloud-init"})["address"] == "192.168.77.10"


LOG = """\
2026-11-25 12:38:55,468 - stages.py[INFO]: Loaded datasource
2026-11-25 12:38:59,349 - util.py[WARNING]: Failed loading yaml blob. Invalid format at line 2 column 3: "mapping values are not allowed here"
2026-11-25 12:39:06,377 - cc_x.py[WARNING]: Something else
2026-11-25 12:39:06,377 - cc_x.py[WARNING]: Something else
2026-11-25 12:39:07,001 - subp.py[DEBUG]: [WARNING] in a command's output
"""


def test_warnings_of_a_log() -> None:
    assert cloud.warnings(LOG) == ['Failed loading yaml blob. Invalid format at line 2 column 3: "mapping values are not allowed here"', "Something else"]


@pytest.mark.parametrize(("text", "wanted"), [
    ('{"v1": {"errors": []}}', []), ('{"v1": {"errors": ["a", "b"]}}', ["a", "b"]),
    ("{", ["its result.json cannot be read"]), ('{"v1": []}', ["its result.json cannot be read"]),
])
def test_errors_of_a_result(text: str, wanted: list[str]) -> None:
    assert cloud.errors(text) == wanted


def test_what_commands_said() -> None:
    assert cloud.spoken("Cloud-init v. 22.4.2 running\nci-info: +---+\n\nno such host\n2026 - util.py[WARNING]: failed\n") == "no such host"
