from __future__ import annotations

import json
import os
import platform
import pwd
import socket
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from tests.modules.sysroot import inside, ok, run


def facts(**args: Any) -> dict[str, Any]:
    found = ok("setup", **args)["ansible_facts"]
    json.dumps(found)
    assert isinstance(found, dict)
    return found


def test_what_every_play_counts_on() -> None:
    found = facts()
    expected = {
        "ansible_hostname": socket.gethostname().split(".")[0], "ansible_kernel": platform.release(), "ansible_machine": platform.machine(),
        "ansible_system": "Linux", "ansible_python_version": platform.python_version(), "ansible_user_uid": os.getuid(),
        "ansible_user_id": pwd.getpwuid(os.getuid()).pw_name, "ansible_processor_nproc": len(os.sched_getaffinity(0))}
    assert {key: found[key] for key in expected} == expected
    names = ("distribution distribution_version distribution_major_version distribution_release os_family pkg_mgr service_mgr fqdn domain "
             "architecture userspace_bits processor processor_vcpus processor_cores processor_count processor_threads_per_core memtotal_mb "
             "memfree_mb swaptotal_mb memory_mb mounts devices interfaces default_ipv4 default_ipv6 all_ipv4_addresses all_ipv6_addresses dns env "
             "user_dir user_shell user_gecos effective_user_id real_user_id date_time uptime_seconds virtualization_type virtualization_role "
             "selinux apparmor fips lsb cmdline local machine_id boot_id python lo")
    assert [name for name in names.split() if "ansible_" + name not in found] == []
    assert found["ansible_memtotal_mb"] > 0 and found["ansible_env"]["PATH"] == os.environ["PATH"]
    assert found["ansible_lo"]["ipv4"]["address"] == "127.0.0.1" and found["ansible_lo"]["ipv4"]["netmask"] == "255.0.0.0"


def test_as_ip_says() -> None:
    done = subprocess.run(["ip", "-j", "addr"], capture_output=True, text=True, check=True)
    found = facts(gather_subset=["!all", "network"])
    for link in json.loads(done.stdout):
        fact = found["ansible_" + link["ifname"].replace("-", "_").replace(".", "_")]
        own = [entry["local"] for entry in link["addr_info"] if entry["family"] == "inet"]
        assert fact["mtu"] == link["mtu"] and [fact["ipv4"]["address"]] == own[:1] if own else "ipv4" not in fact


def test_quick() -> None:
    facts()
    times = []
    for _ in range(5):
        began = time.perf_counter()
        facts()
        times.append(time.perf_counter() - began)
    assert min(times) < 0.1  # about 3 ms on a quiet machine


@pytest.mark.parametrize("words,there,gone", [
    (["min"], ["kernel", "distribution"], ["interfaces", "memtotal_mb", "virtualization_type"]),
    (["!all"], ["kernel"], ["interfaces", "mounts"]),
    (["!all", "!min"], [], ["kernel", "interfaces"]),
    (["!all", "!min", "network"], ["interfaces"], ["kernel", "mounts"]),
    (["network"], ["interfaces", "kernel"], ["mounts"]),
    (["!hardware"], ["interfaces", "kernel", "virtualization_type"], ["mounts", "memtotal_mb"]),
    (["all", "!network"], ["mounts"], ["interfaces"]),
    (["virtual"], ["virtualization_role"], ["mounts"]),
    (["!all", "!min", "distribution"], ["os_family"], ["kernel"]),
])
def test_subsets(words: list[str], there: list[str], gone: list[str]) -> None:
    found = facts(gather_subset=words)
    assert [name for name in there if "ansible_" + name not in found] == []
    assert [name for name in gone if "ansible_" + name in found] == []


def test_a_subset_that_is_none() -> None:
    assert "'hardwear'" in run("setup", gather_subset=["hardwear"])["msg"]


@pytest.mark.parametrize("pattern", ["ansible_mem*", "mem*", ["memtotal_mb", "memory_*", "memfree*"]])
def test_filter(pattern: Any) -> None:
    assert set(facts(filter=pattern)) == {"ansible_memtotal_mb", "ansible_memfree_mb", "ansible_memory_mb"}


def test_local_facts(tmp_path: Path) -> None:
    (tmp_path / "json.fact").write_text('{"a": [1]}')
    (tmp_path / "ini.fact").write_text("[one]\nx = 50%\n")
    (tmp_path / "prog.fact").write_text("#!/bin/sh\necho '{\"ran\": true}'\n")
    (tmp_path / "prog.fact").chmod(0o755)
    (tmp_path / "bad.fact").write_text("neither {")
    (tmp_path / "ignored.txt").write_text("{}")
    result = ok("setup", fact_path=str(tmp_path), gather_subset=["!all", "!min", "local"])
    local = result["ansible_facts"]["ansible_local"]
    assert (local["json"], local["ini"], local["prog"]) == ({"a": [1]}, {"one": {"x": "50%"}}, {"ran": True})
    assert "bad.fact" in local["bad"] and "ignored" not in local and len(result["warnings"]) == 1


@inside
def test_debian_root() -> None:
    Path("/etc/hosts").write_text(f"127.0.1.1 {os.uname().nodename}.example.org {os.uname().nodename}\n")
    found = facts()
    assert (found["ansible_distribution"], found["ansible_distribution_major_version"], found["ansible_distribution_release"],
            found["ansible_pkg_mgr"], found["ansible_os_family"]) == ("Debian", "12", "bookworm", "apt", "Debian")
    if "." not in os.uname().nodename:
        assert found["ansible_domain"] == "example.org"


OTHERS = {
    "Ubuntu": ('ID=ubuntu\nID_LIKE=debian\nNAME="Ubuntu"\nVERSION_ID="22.04"\nVERSION_CODENAME=jammy\n', "Debian", "22.04", "jammy"),
    "Rocky": ('ID="rocky"\nID_LIKE="rhel centos fedora"\nVERSION_ID="9.3"\nVERSION="9.3 (Blue Onyx)"\n', "RedHat", "9.3", "Blue Onyx"),
    "Alpine": ('ID=alpine\nNAME="Alpine Linux"\nVERSION_ID=3.19.1\n', "Alpine", "3.19.1", "NA"),
    "Mine": ('ID=mine\nID_LIKE=ubuntu\nNAME=Mine\nVERSION_ID=1\n', "Debian", "1", "NA"),
}


@inside
def test_other_distributions() -> None:
    for name, (text, family, version, release) in OTHERS.items():
        Path("/etc/os-release").unlink()
        Path("/etc/os-release").write_text(text)
        found = facts(gather_subset=["!all", "!min", "distribution"])
        assert (found["ansible_distribution"], found["ansible_os_family"], found["ansible_distribution_version"],
                found["ansible_distribution_release"]) == (name, family, version, release)
