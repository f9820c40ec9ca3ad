"""A host that goes away in the middle and comes back. The lab's hosts share a kernel, so what tells one boot from another is a file here;
tests/virt/test_reboot.py reboots a guest for real."""

from __future__ import annotations

import subprocess
import threading
import time

import pytest

from fleet.lab import Lab
from tests.engine.harness import Site
from tests.lab.test_faults import message, play
from tests.lab.test_ssh import ssh

pytestmark = pytest.mark.lab


def test_reboot_keeps_the_run_going(site: Site, lab: Lab) -> None:
    # sshd is the first process of a lab host: a second one is taken away instead, on a port of its own.
    ssh(lab, "h1", "echo first >/run/boot; /usr/sbin/sshd -p 2022 -o PidFile=/run/second.pid")
    address = lab.status()["h1"]["address"]
    known = (lab.folder / "known_hosts").read_text()
    key = next(line.split(" ", 1)[1] for line in known.splitlines() if line.startswith(address + " "))
    hosts = site.path / "hosts"
    hosts.write_text(hosts.read_text().replace(f"h1 ansible_host={address}", f"h1 ansible_host={address} ansible_port=2022")
                     .replace(str(lab.folder / "known_hosts"), site.write("known", known + f"[{address}]:2022 {key}\n")))
    down = ("echo second >/run/boot; pkill -9 -P $(cat /run/second.pid); kill $(cat /run/second.pid); sleep 2; "
            "exec /usr/sbin/sshd -p 2022 -o PidFile=/run/second.pid")
    text = f"""
- hosts: h1
  gather_facts: false
  tasks:
    - command: hostname
      register: name
      notify: Told
    - reboot: {{reboot_command: "{down}", boot_time_command: cat /run/boot, reboot_timeout: 30, connect_timeout: 2}}
      register: reboot
    - debug: {{msg: "{{{{ name.stdout }}}} {{{{ reboot.rebooted }}}}"}}
  handlers:
    - name: Told
      debug: {{msg: handlers are kept}}
"""
    planned = site.run(text, check=True)
    assert planned.status == 0 and ssh(lab, "h1", "cat /run/boot") == "first\n", message(planned)
    seen = site.run(text)
    assert seen.messages("h1") == ["h1 True", "handlers are kept"], message(seen)
    assert ssh(lab, "h1", "cat /run/boot; kill $(cat /run/second.pid)") == "second\n"


def test_it_does_not_come_back(site: Site, lab: Lab) -> None:
    ssh(lab, "h2", "echo first >/run/boot")
    seen = site.run(play("- reboot: {reboot_command: 'true', boot_time_command: cat /run/boot, reboot_timeout: 2}", "h2"))
    assert seen.status == 2 and "did not come back within 2 s: it answers as before" in message(seen, "h2")


def test_waiting_for_a_host_that_comes(site: Site, lab: Lab) -> None:
    link = lab.status()["h3"]["link"]
    subprocess.run(["ip", "link", "set", link, "down"], check=True)

    def bring_back() -> None:
        time.sleep(3)
        subprocess.run(["ip", "link", "set", link, "up"], check=True)

    thread = threading.Thread(target=bring_back)
    thread.start()
    try:
        seen = site.run(play("- wait_for_connection: {timeout: 40, connect_timeout: 1}\n- ping:", "h3"), extra_vars=("ansible_timeout=1",))
    finally:
        thread.join()
    assert seen.status == 0, message(seen, "h3")


def test_a_lost_connection_is_made_anew(site: Site, lab: Lab) -> None:
    """With ignore_unreachable the next task connects again, as one would by hand."""
    seen = site.run(play("- shell: kill -9 $(ps -o ppid= -p $(ps -o ppid= -p $PPID))\n  ignore_unreachable: true\n- ping:"))
    assert seen.status == 0, [each.result for each in seen.results()]
    assert seen.results("h1")[-1].result["ping"] == "pong"
