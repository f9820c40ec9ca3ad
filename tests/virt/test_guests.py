"""The guest action against a guest with a system in it: changed live, rebooted once for what waits, given what changes in its first-boot data."""

from __future__ import annotations

from typing import Any

import pytest

from tests.virt.conftest import GUEST, IMAGES, Apply, Machine

pytestmark = pytest.mark.virt
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIEEEEEEEEEEEEEEEEEEEEEEEEEEEEEEEEEEEEEEEEEEE x"


def effects(result: dict[str, Any]) -> dict[str, str]:
    return {each["what"]: each["effect"] for each in result["effects"]}


def test_the_first_boot_has_nothing_to_complain_of(guest: Machine) -> None:
    """Neither of the image's own configuration nor of the seed: both are valid by cloud-init's schema."""
    assert guest.sh("grep -cE 'WARNING|ERROR|Traceback' /var/log/cloud-init.log || grep -E 'WARNING|ERROR' /var/log/cloud-init.log || true") == "0\n"


def package(guest: Machine) -> None:
    """A package that is not installed, and a source of packages in the guest itself that has it."""
    guest.sh("mkdir -p /srv/p/DEBIAN /srv/p/usr/share && echo hello >/srv/p/usr/share/fleet-hello && cd /srv && "
             "printf 'Package: fleet-hello\\nVersion: 1\\nArchitecture: all\\nMaintainer: x <x@x>\\nDescription: x\\n' >p/DEBIAN/control && "
             "dpkg-deb -Znone -b p /srv/hello.deb >/dev/null && "
             "{ cat p/DEBIAN/control; echo Filename: ./hello.deb; echo Size: $(stat -c %s hello.deb); "
             "echo SHA256: $(sha256sum <hello.deb | cut -c-64); } >Packages && "
             "echo 'deb [trusted=yes] file:/srv ./' >/etc/apt/sources.list && rm -rf /etc/apt/sources.list.d/* && apt-get -qq update")


def test_grown_live(fresh_guest: Machine, apply: Apply) -> None:
    guest = fresh_guest
    before = int(guest.sh("awk '/MemTotal/ {print $2}' /proc/meminfo"))
    booted = guest.sh("cat /proc/sys/kernel/random/boot_id")
    result = apply("guest", {"name": "g1", "memory": "448M", "vcpus": 2, "disks": [{"name": "data", "size": "16M", "serial": "DATA"}],
                             "networks": ["lan", {"network": "lan", "mac": "52:54:00:aa:00:01"}]})
    assert effects(result) == {"memory": "live", "vcpus": "live", "disk data": "live", "network card 52:54:00:aa:00:01": "live"}
    assert result["pending"] == []
    assert int(guest.sh("awk '/MemTotal/ {print $2}' /proc/meminfo")) == before + 64 * 1024
    assert guest.sh("nproc") == "2\n"
    assert guest.sh("cat /sys/class/net/*/address | grep -c 52:54:00:aa:00:01") == "1\n"
    assert guest.sh("lsblk -bdno SIZE,SERIAL | grep DATA").split() == [str(16 << 20), "DATA"]

    result = apply("guest", {"name": "g1", "disks": [{"name": "data", "size": "32M"}]})
    assert effects(result) == {"disk data: size": "live"}
    assert guest.sh("lsblk -bdno SIZE,SERIAL | grep DATA").split() == [str(32 << 20), "DATA"]
    assert "never shrunk" in apply.fails("guest", {"name": "g1", "disks": [{"name": "data", "size": "8M"}]})

    result = apply("guest", {"name": "g1", "disks": [], "networks": ["lan"]})
    assert effects(result) == {"disk data": "live", "network card 52:54:00:aa:00:01": "live"}
    assert result["kept"] == [f"{IMAGES}/g1-data.qcow2"] and (guest.hypervisor.images / "g1-data.qcow2").exists()
    assert "DATA" not in guest.sh("lsblk -dno SERIAL")
    assert guest.sh("cat /proc/sys/kernel/random/boot_id") == booted
    (guest.hypervisor.images / "g1-data.qcow2").unlink()


def test_first_boot_data_is_given_to_the_running_guest(fresh_guest: Machine, apply: Apply, image: str, hypervisor_lab: Any) -> None:
    keys = [(hypervisor_lab.shared / "id.pub").read_text().strip()]
    declared = {**GUEST, "image": image, "authorized_keys": keys}
    assert apply.plan("guest", declared) == [], "as the fixture made it"
    declared["user_data"] = {"users": [{"name": "ops", "ssh_authorized_keys": [KEY]}],
                             "write_files": [{"path": "/etc/motd", "content": "Hello\n"}], "hostname": "g1b", "packages": ["procps", "fleet-hello"]}
    package(fresh_guest)
    planned = [what for what, _, _ in apply.plan("guest", declared)]
    assert planned == ["seed (next boot)", "in the guest: hostname g1b", "in the guest: file /etc/motd", "in the guest: user ops", "in the guest: keys of ops",
                       "in the guest: packages procps, fleet-hello"]
    assert fresh_guest.sh("cat /etc/motd") != "Hello\n"
    apply("guest", declared)
    assert fresh_guest.sh("cat /etc/motd; hostname; id -un ops; wc -l </home/ops/.ssh/authorized_keys; cat /usr/share/fleet-hello") == \
        "Hello\ng1b\nops\n1\nhello\n"


def test_one_reboot_for_all_that_waits(fresh_guest: Machine, apply: Apply) -> None:
    booted = fresh_guest.sh("cat /proc/sys/kernel/random/boot_id")
    first = apply("guest", {"name": "g1", "watchdog": "reset"})
    second = apply("guest", {"name": "g1", "max_memory": "640M"})
    assert effects(first) == {"watchdog": "restart"}
    assert [each["what"] for each in second["pending"]] == ["max_memory", "watchdog"]
    assert fresh_guest.sh("cat /proc/sys/kernel/random/boot_id") == booted
    assert apply.plan("guest", {"name": "g1", "reboot": "pending"}) == [("reboot", None, "max_memory, watchdog")]
    result = apply("guest", {"name": "g1", "reboot": "pending", "wait": "agent"})
    assert result["rebooted"] == ["max_memory", "watchdog"] and result["pending"] == []
    assert fresh_guest.sh("cat /proc/sys/kernel/random/boot_id") != booted


def test_stopped_means_shut_down(fresh_guest: Machine, apply: Apply) -> None:
    """The states of a guest with a system, and memory that is given back while it is off."""
    assert apply("guest", {"name": "g1", "state": "paused"})["changed"]
    assert apply("guest", {"name": "g1", "state": "suspended"})["changed"]
    assert not fresh_guest.domain.isActive()
    assert apply("guest", {"name": "g1", "state": "running"})["changed"]
    fresh_guest.sh("touch /root/was-here")
    apply("guest", {"name": "g1", "state": "stopped"})
    assert fresh_guest.domain.state() == [5, 1], "shut down, not destroyed"


def test_first_boot_data_through_the_agent(fresh_guest: Machine, apply: Apply, image: str, hypervisor_lab: Any) -> None:
    """A guest that the inventory does not have."""
    hosts = apply.site.path / "hosts"
    hosts.write_text(hosts.read_text().partition("[guests]")[0])
    declared = {**GUEST, "image": image, "authorized_keys": [(hypervisor_lab.shared / "id.pub").read_text().strip()],
                "user_data": {"write_files": [{"path": "/etc/motd", "content": "Agent\n"}]}}
    first = apply("guest", declared)
    assert "unconverged" not in first
    assert fresh_guest.sh("cat /etc/motd") == "Agent\n"
