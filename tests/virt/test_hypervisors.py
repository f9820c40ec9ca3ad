"""What a host can do as a hypervisor, and a bare host made into one."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from fleet.lab import Lab
from tests.engine.harness import Site
from tests.modules.harness import run as run_module
from tests.virt.conftest import succeeded

ROLES = Path(__file__).parents[2] / "roles"


def test_facts_of_this_machine() -> None:
    facts = run_module("hypervisor_facts", {"paths": ["/var/lib/no/such/place"]})["ansible_facts"]["hypervisor"]
    flags = Path("/proc/cpuinfo").read_text()
    assert (facts["cpu_virtualization"] == "vmx") == (" vmx " in flags) and (facts["cpu_virtualization"] == "svm") == (" svm " in flags)
    assert facts["kvm"]["device"] == Path("/dev/kvm").exists()
    assert facts["memory_mb"]["total"] >= facts["memory_mb"]["available"] > 0
    assert facts["storage"][0]["free"] == pytest.approx(shutil.disk_usage("/").free, rel=0.2)
    assert (facts["qemu"] is not None) == (shutil.which("qemu-system-x86_64") is not None)
    assert facts["networking"]["bridge"], "the tests themselves have bridges"


@pytest.mark.virt
def test_kvm_is_proved_by_a_guest(site: Site, image: str) -> None:
    """The same answer as the `accelerator` module's, which boots a guest; a device that is there proves nothing."""
    tasks = [{"accelerator": {"kernel": f"{image}/vmlinuz"}}, {"hypervisor_facts": {"kernel": f"{image}/vmlinuz"}}]
    seen = site.run("- hosts: hv1\n  gather_facts: false\n  tasks:\n" + "".join(f"    - {json.dumps(task)}\n" for task in tasks))
    accel, facts = (event.result for event in seen.results())
    kvm = facts["ansible_facts"]["hypervisor"]["kvm"]
    assert kvm["works"] == (accel["accel"] == "kvm") and kvm["reason"] == accel["reason"]
    assert facts["ansible_facts"]["hypervisor"]["libvirt"] == {"installed": True, "answers": True}


@pytest.mark.virt
def test_a_bare_debian_host_becomes_one(tmp_path: Path) -> None:
    """The role on a host that has nothing of it: libvirt answers there and runs a guest; the second time nothing changes."""
    with Lab(tmp_path / "lab") as lab:
        lab.up(1)
        site = Site(tmp_path)
        site.write("hosts", lab.inventory.read_text())
        (tmp_path / "roles").symlink_to(ROLES)
        play = """
            - hosts: h1
              roles: [hypervisor]
              vars: {hypervisor_uefi: false, hypervisor_tpm: false, hypervisor_users: [ops]}
            """
        assert not succeeded(site.run("- hosts: h1\n  gather_facts: false\n  tasks: [{hypervisor_facts: }]\n"))["ansible_facts"]["hypervisor"]["qemu"]
        facts = succeeded(site.run(play))["ansible_facts"]["hypervisor"]
        assert facts["qemu"] and facts["libvirt"] == {"installed": True, "answers": True}
        seen = site.run(play)
        assert [event.name for event in seen.results() if event.status == "changed"] == []
        guest = {"guest": {"name": "tiny", "accel": "tcg", "memory": "64M", "boot": ["network"], "networks": []}}
        succeeded(site.run(f"- hosts: h1\n  gather_facts: false\n  tasks:\n    - {json.dumps(guest)}\n"))
        host = lab.status()["h1"]
        ssh = ["ssh", "-q", "-i", str(lab.shared / "id"), "-o", f"UserKnownHostsFile={lab.folder / 'known_hosts'}", f"root@{host['address']}"]
        assert "tiny" in subprocess.run([*ssh, "virsh -q list --name; pgrep -a qemu-system"], capture_output=True, text=True, check=True).stdout
