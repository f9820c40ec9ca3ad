"""Modules that need a kernel and an init of their own: on a booted guest, with Debian's kernel and systemd."""

from __future__ import annotations

import pytest

from tests.engine.harness import Site
from tests.virt.conftest import Machine, succeeded

pytestmark = pytest.mark.virt
TASKS = """
    - modprobe: {name: dummy, params: numdummies=2, persistent: present}
    - sysctl: {name: net.ipv4.ip_forward, value: "1", sysctl_set: true, sysctl_file: /etc/sysctl.d/60-test.conf}
    - mount: {path: /srv/scratch, src: tmpfs, fstype: tmpfs, opts: "size=1m,nodev", state: mounted}
    - timezone: {name: Europe/Berlin}
"""
PLAY = f"""
- hosts: g1
  gather_facts: false
  tasks: {TASKS}{TASKS}
"""
REST = """
- hosts: g1
  gather_facts: false
  tasks:
    - service_facts:
    - package_facts:
    - debug: {msg: "{{ services['ssh.service'] }}"}
    - debug: {msg: "{{ services['systemd-journald.service'].state }} {{ services['emergency.service'].state }} {{ packages.dpkg[0].source }}"}
    - modprobe: {name: dummy, state: absent, persistent: absent}
    - mount: {path: /srv/scratch, state: absent}
    - modprobe: {name: no_such_module}
      ignore_errors: true
      register: missing
    - debug: {msg: "{{ missing.msg }}"}
"""


def test_on_a_booted_guest(site: Site, guest: Machine) -> None:
    made = site.run(PLAY)
    succeeded(made)
    assert [result.status for result in made.results("g1")] == ["changed"] * 4 + ["ok"] * 4, made.results()
    assert guest.sh("ls -d /sys/class/net/dummy1; cat /proc/sys/net/ipv4/ip_forward; findmnt -bno SIZE /srv/scratch; date +%Z -d @0").split() == [
        "/sys/class/net/dummy1", "1", str(1 << 20), "CET"]
    seen = site.run(REST)
    assert seen.messages("g1")[:2] == [{"name": "ssh.service", "state": "running", "status": "enabled", "source": "systemd"}, "running inactive apt"], seen.results()
    assert [result.status for result in seen.results("g1")][4:6] == ["changed"] * 2 and "no_such_module" in seen.messages("g1")[2]
    left = "ls -d /etc/modules-load.d/dummy.conf /etc/modprobe.d/dummy.conf /srv/scratch 2>/dev/null | wc -l"
    assert guest.sh(f"grep -c ^dummy /proc/modules; {left}").split() == ["0", "0"]
