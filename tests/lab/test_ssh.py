"""Connections over a real sshd: users, sudo and su, faults. Each fault is one clear message; the other hosts go on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fleet.events import TaskResult
from fleet.lab import Lab
from tests.engine.harness import Seen, Site

pytestmark = pytest.mark.lab
WHO = """
- hosts: h1
  gather_facts: false
  tasks:
    - command: id -un
      register: who
      changed_when: false
    - debug: {msg: "{{ who.stdout }}"}
"""


@pytest.mark.parametrize(("variables", "wanted"), [
    ({}, "root"),
    ({"ansible_become": "yes", "ansible_become_user": "ops"}, "ops"),
    ({"ansible_user": "ops"}, "ops"),
    ({"ansible_user": "ops", "ansible_become": "yes"}, "root"),
    ({"ansible_user": "ops", "ansible_become": "yes", "ansible_become_user": "opspw"}, "opspw"),
    ({"ansible_user": "opspw", "ansible_become": "yes", "ansible_become_password": "opspw"}, "root"),
    ({"ansible_user": "opspw", "ansible_become": "yes", "ansible_become_method": "su", "ansible_become_user": "ops",
      "ansible_become_password": "opspw"}, "ops"),
    ({"ansible_user": "opspw", "ansible_become": "yes", "ansible_become_method": "su", "ansible_become_user": "ops",
      "ansible_become_password": "wrong"}, "password for su to ops is wrong"),
    ({"ansible_user": "opspw", "ansible_become": "yes"}, "needs a password and none was given"),
    ({"ansible_user": "opspw", "ansible_become": "yes", "ansible_become_password": "wrong"}, "the password for sudo to root is wrong"),
    ({"ansible_user": "ops", "ansible_become": "yes", "ansible_become_user": "nosuch"}, "nosuch"),
])
def test_users(site: Site, variables: dict[str, str], wanted: str) -> None:
    seen = site.run(WHO, extra_vars=tuple(f"{name}={value}" for name, value in variables.items()))
    if " " in wanted or wanted == "nosuch":
        assert seen.status == 4, seen.messages("h1")
        assert wanted in str(seen.results("h1")[0].result["msg"])
    else:
        assert seen.messages("h1") == [wanted], seen.results("h1")


def test_commands_start_where_the_user_may_be(site: Site) -> None:
    seen = site.run("""
        - hosts: h1
          gather_facts: false
          tasks:
            - command: pwd
              register: login
            - command: pwd
              become: true
              become_user: ops
              register: other
            - command: pwd
              become: true
              become_user: nobody
              register: nobody
            - debug: {msg: "{{ [login.stdout, other.stdout, nobody.stdout] }}"}
        """)
    assert seen.messages("h1") == [["/root", "/home/ops", "/"]]


def test_a_whole_play_leaves_nothing_behind(site: Site, lab: Lab) -> None:
    seen = site.run("""
        - hosts: all
          tasks:
            - copy: {content: "{{ inventory_hostname }}\\n", dest: /etc/fleet-test}
            - command: cat /etc/fleet-test
              register: out
              changed_when: false
            - debug: {msg: "{{ out.stdout }} {{ ansible_hostname }}"}
        """)
    assert seen.status == 0, seen.events
    assert [seen.messages(host) for host in ("h1", "h2", "h3")] == [["h1 h1"], ["h2 h2"], ["h3 h3"]]
    left = ssh(lab, "h1", "ps ax; find / -xdev -newer /etc/fleet-test -name '*fleet*' 2>/dev/null")
    assert "python" not in left, "no runner outlives its connection"


def ssh(lab: Lab, host: str, command: str) -> str:
    found = lab.status()[host]
    done = subprocess.run(["ssh", "-q", "-i", str(lab.shared / "id"), "-o", f"UserKnownHostsFile={lab.folder / 'known_hosts'}", f"root@{found['address']}",
                           command], capture_output=True, text=True, timeout=30)
    return done.stdout


def other_hosts_went_on(seen: Seen) -> None:
    assert seen.messages("h2") == ["onward"] and seen.messages("h3") == ["onward"]


ALL = """
- hosts: all
  gather_facts: false
  tasks:
    - ping:
    - debug: {msg: onward}
"""


def edited(site: Site, old: str, new: str) -> None:
    hosts = site.path / "hosts"
    text = hosts.read_text()
    assert old in text
    hosts.write_text(text.replace(old, new, 1))


def changed_key(site: Site, lab: Lab) -> None:
    other = site.write("known", (lab.folder / "known_hosts").read_text())
    lines = Path(other).read_text().splitlines()
    address = lab.status()["h1"]["address"]
    key = next(line.split(" ", 1)[1] for line in lines if not line.startswith(address + " "))
    Path(other).write_text("\n".join(f"{address} {key}" if line.startswith(address + " ") else line for line in lines) + "\n")
    edited(site, str(lab.folder / "known_hosts"), other)


def unknown_key(site: Site, lab: Lab) -> None:
    other = site.write("known", "".join(line + "\n" for line in (lab.folder / "known_hosts").read_text().splitlines()
                                        if not line.startswith(lab.status()["h1"]["address"] + " ")))
    edited(site, str(lab.folder / "known_hosts"), other)


@pytest.mark.parametrize(("break_it", "words"), [
    (lambda site, lab: edited(site, lab.status()["h1"]["address"], "127.0.0.1 ansible_port=1"), "cannot connect to 127.0.0.1 port 1"),
    (lambda site, lab: edited(site, f"{lab.status()['h1']['address']} ansible_user=root", f"{lab.status()['h1']['address']} ansible_user=nosuch"),
     "refused to let us in"),
    (changed_key, "has changed"),
    (unknown_key, "is not known"),
    (lambda site, lab: edited(site, "ansible_user=root", "ansible_user=root ansible_python_interpreter=/no/such/python"), "no Python"),
])
def test_one_host_is_out_of_reach(site: Site, lab: Lab, break_it: Callable[[Site, Lab], Any], words: str) -> None:
    break_it(site, lab)
    seen = site.run(ALL)
    assert seen.status == 4
    assert words in str(seen.results("h1")[0].result["msg"])
    other_hosts_went_on(seen)


def test_hashed_and_new_host_keys(site: Site, lab: Lab) -> None:
    known = site.write("known", (lab.folder / "known_hosts").read_text())
    subprocess.run(["ssh-keygen", "-q", "-H", "-f", known], check=True, capture_output=True)
    edited(site, str(lab.folder / "known_hosts"), known)
    assert site.run(ALL).status == 0
    Path(known).write_text("")
    assert site.run(ALL, extra_vars=("ansible_host_key_checking=accept-new",)).status == 0
    assert len(Path(known).read_text().splitlines()) == 3
    assert site.run(ALL).status == 0, "what was accepted is known now"


def test_proxy_jump_and_include(site: Site, lab: Lab) -> None:
    address = lab.status()["h1"]["address"]
    site.write("ssh/more.conf", f"Host inner\n  HostName {lab.status()['h2']['address']}\n  ProxyJump root@{address}\n")
    config = site.write("ssh/config", f"Include {site.path}/ssh/*.conf\nHost *\n  IdentityFile {lab.shared / 'id'}\n"
                                      f"  UserKnownHostsFile {lab.folder / 'known_hosts'}\n")
    site.write("hosts", f"inner ansible_user=root ansible_ssh_common_args='-F {config}' ansible_python_interpreter=/usr/bin/python3\n")
    seen = site.run("""
        - hosts: inner
          gather_facts: false
          tasks:
            - command: hostname
              register: name
            - debug: {msg: "{{ name.stdout }}"}
        """)
    assert seen.messages("inner") == ["h2"], seen.events


def test_a_full_disk_leaves_the_file_as_it_was(site: Site, lab: Lab) -> None:
    ssh(lab, "h1", "mkdir -p /small && mount -t tmpfs -o size=64k tmpfs /small && echo old > /small/file")
    seen = site.run("""
        - hosts: h1
          gather_facts: false
          tasks:
            - copy: {content: "{{ 'x' * 200000 }}", dest: /small/file}
        """)
    assert seen.status == 2
    assert "No space left" in str(seen.results("h1")[0].result["msg"])
    assert ssh(lab, "h1", "cat /small/file; ls -A /small") == "old\nfile\n", "no temporary file is left either"


def test_the_runner_is_killed_in_a_task(site: Site, lab: Lab) -> None:
    def kill() -> None:
        for _ in range(100):
            if "sleep 77" in ssh(lab, "h1", "ps ax -o args"):
                break
            time.sleep(0.1)
        ssh(lab, "h1", "kill -9 $(ps -o ppid= -p $(pgrep -f '^sleep 77'))")

    killer = threading.Thread(target=kill)
    killer.start()
    seen = site.run("""
        - hosts: all
          gather_facts: false
          tasks:
            - command: sleep 77
              when: inventory_hostname == 'h1'
            - debug: {msg: onward}
        """)
    killer.join()
    assert seen.status == 2
    assert "killed" in str(seen.results("h1")[0].result["msg"])
    other_hosts_went_on(seen)


def test_a_time_limit_ends_the_command(site: Site, lab: Lab) -> None:
    seen = site.run("""
        - hosts: h1
          gather_facts: false
          tasks:
            - command: sleep 88
              timeout: 1
        """)
    assert seen.status == 2
    assert "Timed out" in str(seen.results("h1")[0].result["msg"])
    assert "sleep 88" not in ssh(lab, "h1", "ps ax -o args")


def test_interrupt_ends_everything(site: Site, lab: Lab) -> None:
    """Ctrl-C twice: the controller stops, and nothing of it stays on the target."""
    site.write("play.yml", "- hosts: h1\n  gather_facts: false\n  tasks:\n    - command: sleep 99\n    - debug: {msg: never}\n")
    process = subprocess.Popen([sys.executable, "-m", "fleet", "apply", "--no-journal", "-i", str(site.path / "hosts"), str(site.path / "play.yml")],
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=site.path)
    for _ in range(100):
        if "sleep 99" in ssh(lab, "h1", "ps ax -o args"):
            break
        time.sleep(0.1)
    os.kill(process.pid, signal.SIGINT)
    time.sleep(0.5)
    os.kill(process.pid, signal.SIGINT)
    output = process.communicate(timeout=20)[0]
    assert process.returncode == 130, output
    assert "interrupted" in output and "never" not in output
    for _ in range(50):
        if "sleep 99" not in ssh(lab, "h1", "ps ax -o args"):
            return
        time.sleep(0.1)
    raise AssertionError("the command still runs on the target")


def test_one_run_at_a_time(site: Site, lab: Lab) -> None:
    site.write("slow.yml", "- hosts: h1\n  gather_facts: false\n  tasks:\n    - command: sleep 33\n")
    first = threading.Thread(target=lambda: site.run(name="slow.yml"))
    first.start()
    for _ in range(300):
        if "sleep 33" in ssh(lab, "h1", "ps ax -o args"):
            break
        time.sleep(0.1)
    from fleet.settings import load_settings
    assert load_settings(site.path).lock_timeout == 30
    site.write("fleet.toml", "lock_timeout = 0.2\n")
    seen = site.run(ALL)
    assert seen.status == 4
    message = str(seen.results("h1")[0].result["msg"])
    assert "another run is at work on this host" in message and "is not known" not in message
    other_hosts_went_on(seen)
    ssh(lab, "h1", "kill $(pgrep -f '^sleep 33')")
    first.join()


def test_results_of_tasks_are_bounded_and_binary_safe(site: Site) -> None:
    seen = site.run(r"""
        - hosts: h1
          gather_facts: false
          tasks:
            - shell: head -c 20000000 /dev/zero | tr '\0' x
              register: big
            - shell: printf '\377\376'
              register: raw
            - debug: {msg: "{{ big.stdout | length < 13000000 }} {{ raw.stdout | length }}"}
        """)
    assert seen.messages("h1") == ["True 2"], [event for event in seen.events if isinstance(event, TaskResult)][-1]
