"""A container in a guest, through its host: controller - ssh - hypervisor - ssh or agent - guest - container. The guest has systemd and control groups
version 2 alone, which the machine of these tests need not have."""

from __future__ import annotations

import json
import subprocess
from typing import Any

import pytest

from tests.engine.harness import Seen, Site
from tests.virt.conftest import Machine, succeeded
from tests.virt.test_container_cli import FLEET

pytestmark = pytest.mark.virt
# A tree of the guest's own shell and a few programs.
SMALL = """cd /; set -e; for file in /bin/sh /bin/sleep /bin/hostname /bin/cat $(ldd /bin/sh /bin/sleep /bin/hostname | grep -o '/[^ ]*\\.so[^ ]*'); do
mkdir -p /img/tree$(dirname $file); cp -L $file /img/tree$file; done; mkdir -p /img/tree/etc /img/tree/usr; echo root:x:0:0::/:/bin/sh >/img/tree/etc/passwd"""
DECLARED: dict[str, Any] = {"name": "box", "image": "/img", "command": ["sleep", "1000"], "state": "running", "memory": "32M", "pids_limit": 20, "cpus": 0.5,
                            "autostart": True, "timeout": 2}


def declare(site: Site, **more: Any) -> dict[str, Any]:
    return succeeded(site.run(f"- hosts: g1\n  gather_facts: false\n  tasks:\n    - container: {json.dumps({**DECLARED, **more})}\n"))


def inside(site: Site, host: str, content: str, more: str = "", check: bool = False) -> Seen:
    return site.run(f"""
        - hosts: {host}
          gather_facts: false
          tasks:
            - copy: {{content: "{content}\\n", dest: /etc/made, mode: "0640"}}
            - stat: {{path: /etc/made}}
              register: found
            - command: sh -c "hostname; cat /etc/made"
              register: said
              changed_when: false
              check_mode: false
            - debug: {{msg: "{{{{ found.stat.mode }}}} {{{{ said.stdout_lines | join(' ') }}}}"}}
            {more}
        """, check=check)


def test_a_container_in_a_guest(site: Site, guest: Machine) -> None:
    site.write("hosts", (site.path / "hosts").read_text() + "\nbox ansible_connection=container fleet_on=g1\n"
               "g1agent ansible_connection=guest fleet_on=hv1 fleet_guest=g1\nboxagent ansible_connection=container fleet_on=g1agent fleet_container=box\n")
    box = json.dumps(DECLARED)  # each run costs seconds in an emulated guest: they do several things
    seen = site.run(f"- hosts: g1\n  gather_facts: false\n  tasks:\n    - shell: {json.dumps(SMALL)}\n    - container: {box}\n    - container: {box}\n")
    assert not succeeded(seen)["changed"]
    made = seen.results("g1")[1].result
    assert made["changed"] and made["running"] and made["clone"] == "overlay" and made["ids"][0] > 0
    assert guest.sh("systemctl is-active fleet-container-box; systemctl is-enabled fleet-container-box").split() == ["active", "enabled"]

    greedy = ["x=aaaaaaaa; while :; do x=$x$x; done", "i=0; while [ $i -lt 30 ]; do i=$((i+1)); sleep 2 & done"]
    first = inside(site, "box", "one", "\n            ".join(
        f"- command: {{argv: [sh, -c, {json.dumps(each)}]}}\n              ignore_errors: true" for each in greedy))
    assert first.messages("box") == ["0640 box one"] and first.results("box")[0].status == "changed", first.results()
    planned = inside(site, "box", "two", check=True)
    assert planned.stats["box"].changed == 1 and planned.messages("box") == ["0640 box one"], "check tells and does nothing"
    by_agent = inside(site, "boxagent", "one")
    assert by_agent.messages("boxagent") == ["0640 box one"] and by_agent.stats["boxagent"].changed == 0, by_agent.error or by_agent.results()
    done = subprocess.run([*FLEET, "shell", "-i", "hosts", "g1", "box", "cat", "/etc/made"], input=b"", capture_output=True, cwd=site.path)
    assert (done.returncode, done.stdout) == (0, b"one\n"), done.stderr
    done = subprocess.run([*FLEET, "shell", "-i", "hosts", "g1agent", "box"], input=b"", capture_output=True, cwd=site.path)
    assert done.returncode == 1 and b"g1agent is reached without a terminal" in done.stderr

    # Limits on control groups version 2: set, held, changed live, and seen when somebody else changed them.
    group = "/sys/fs/cgroup/fleet/box.*/"
    assert guest.sh("stat -f -c %T /sys/fs/cgroup") == "cgroup2fs\n"
    assert guest.sh(f"cd {group}; cat memory.max pids.max cpu.max").split() == [str(32 << 20), "20", "50000", "100000"]
    assert [event.result["rc"] in (-9, 137, 2) for event in first.results("box")[4:]] == [True, True], first.results("box")
    held = guest.sh(f"cd {group}; cat memory.events pids.events").split()
    assert int(held[held.index("oom_kill") + 1]) > 0 and int(held[-1]) > 0, held
    guest.sh(f"echo 30 >$(echo {group}pids.max)")
    changed = declare(site, memory="48M")
    assert changed["effects"] == {"memory": "live", "pids_limit": "live"} and changed["pid"] == made["pid"]
    assert guest.sh(f"cd {group}; cat memory.max pids.max").split() == [str(48 << 20), "20"]

    assert declare(site, state="absent")["changed"]
    assert guest.sh("ls /sys/fs/cgroup/fleet /run/fleet/containers /var/lib/fleet/containers /etc/systemd/system | grep box; grep fleet /proc/mounts; true") == ""
