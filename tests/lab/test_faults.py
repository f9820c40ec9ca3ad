"""Faults of targets, connections and the controller, each made for real on a lab host; what must come of them is in docs/faults.md."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from fleet.connection import dial, pool
from fleet.connection import ssh as transport
from fleet.lab import Lab
from tests.engine.harness import Seen, Site
from tests.lab.test_ssh import other_hosts_went_on, ssh

pytestmark = pytest.mark.lab


def play(tasks: str, hosts: str = "h1") -> str:
    lines = "\n".join("    " + line for line in tasks.strip().splitlines())
    return f"- hosts: {hosts}\n  gather_facts: false\n  tasks:\n{lines}\n"


def message(seen: Seen, host: str = "h1") -> str:
    return str(seen.results(host)[-1].result.get("msg"))


def wait_for(lab: Lab, host: str, command: str) -> None:
    """Until a command line runs on a host."""
    for _ in range(150):
        if command in ssh(lab, host, "ps ax -o args"):
            return
        time.sleep(0.1)
    raise AssertionError(f"{command} never ran on {host}")


@pytest.fixture
def user(lab: Lab) -> object:
    """Make a user on h1 that our key may log in as, with a login shell: user(name, shell)."""
    def make(name: str, shell: str, before: str = "") -> str:
        ssh(lab, "h1", f"{before or 'true'}; id {name} 2>/dev/null || useradd -m -s {shell} {name}; cp -r /root/.ssh /home/{name}/; "
                       f"chown -R {name}: /home/{name}/.ssh; passwd -d {name} >/dev/null")
        return name
    return make


# -- how one gets in


@pytest.mark.parametrize(("shell", "before", "words"), [
    ("/bin/dash", "", ""),
    ("/usr/local/bin/cshlike", "printf '#!/bin/sh\\nset -f\\n[ \"$1\" = -c ] && exec /bin/sh -c \"$2\"\\n' >/usr/local/bin/cshlike; "
                               "chmod 755 /usr/local/bin/cshlike", ""),
    ("/usr/sbin/nologin", "", "This account is currently not available"),
    ("/bin/false", "", "the runner could not be started"),
])
def test_login_shells(site: Site, user: object, shell: str, before: str, words: str) -> None:
    name = user("sh" + Path(shell).name, shell, before)  # type: ignore[operator]
    seen = site.run(play("- ping:"), extra_vars=(f"ansible_user={name}",))
    assert (seen.status, words in message(seen)) == ((4 if words else 0), True), message(seen)


@pytest.mark.parametrize("line", ["echo 'welcome to $(hostname)'; printf '\\377\\0{\"t\": 1}\\n'", "cat /dev/zero | head -c 300000", "exec 2>&1; set -x"])
def test_a_noisy_login(site: Site, lab: Lab, user: object, line: str) -> None:
    name = user("noisy", "/bin/bash")  # type: ignore[operator]
    ssh(lab, "h1", f"cat >/home/noisy/.bashrc <<'X'\n{line}\nX")
    assert site.run(play("- ping:"), extra_vars=(f"ansible_user={name}",)).status == 0


def test_a_forced_command(site: Site, lab: Lab, user: object) -> None:
    name = user("forced", "/bin/bash")  # type: ignore[operator]
    ssh(lab, "h1", "sed -i 's/^/command=\"echo only backups here\" /' /home/forced/.ssh/authorized_keys")
    seen = site.run(play("- ping:"), extra_vars=(f"ansible_user={name}",))
    assert seen.status == 4 and "the runner could not be started: only backups here" in message(seen)


@pytest.mark.parametrize(("rule", "words"), [
    ("Defaults:SUDOER requiretty\nSUDOER ALL=(ALL) NOPASSWD:ALL", "insists on a terminal"),
    ("Defaults:SUDOER lecture=always\nSUDOER ALL=(ALL) ALL", ""),
    ("Defaults:SUDOER passprompt_override,passprompt=\"Mot de passe de %u:\"\nSUDOER ALL=(ALL) ALL", ""),
    ("SUDOER ALL=(ALL) /bin/true", "is not allowed to"),
    ("", "is not allowed to"),
])
def test_sudo_is_told_apart(site: Site, lab: Lab, user: object, rule: str, words: str) -> None:
    name = user("sudoer", "/bin/bash")  # type: ignore[operator]
    text = rule.replace("SUDOER", name)
    ssh(lab, "h1", f"echo sudoer:secret | chpasswd; cat >/etc/sudoers.d/sudoer <<'X'\n{text}\nX\nchmod 440 /etc/sudoers.d/sudoer")
    seen = site.run(play("- command: id -un\n  register: who\n- debug: {msg: '{{ who.stdout }}'}"),
                    extra_vars=(f"ansible_user={name}", "ansible_become=yes", "ansible_become_password=secret"))
    if words:
        assert seen.status == 4 and words in message(seen), message(seen)
    else:
        assert seen.messages("h1") == ["root"], message(seen)


def test_many_hosts_behind_a_small_sshd(site: Site, lab: Lab) -> None:
    """MaxStartups resets what is too much: those try again, and none is unreachable."""
    address = lab.status()["h2"]["address"]
    ssh(lab, "h2", "mkdir -p /run/sshd; /usr/sbin/sshd -p 2222 -o MaxStartups=2:80:3 -o LoginGraceTime=20 -E /tmp/small.log")
    key = next(line.split(" ", 1)[1] for line in (lab.folder / "known_hosts").read_text().splitlines() if line.startswith(address + " "))
    known = site.write("known", f"[{address}]:2222 {key}\n")
    listed = "".join(f"n{number} ansible_host={address} ansible_port=2222 ansible_user=root\n" for number in range(12))
    site.write("hosts", f"{listed}[all:vars]\nansible_ssh_private_key_file={lab.shared / 'id'}\nansible_ssh_known_hosts_file={known}\n"
                        "ansible_python_interpreter=/usr/bin/python3\n")
    site.write("fleet.toml", "forks = 12\n")
    seen = site.run(play("- ping:", "all"))
    assert seen.status == 0, [event.result for event in seen.results() if event.status != "ok"]


# -- what a target lacks


def test_nothing_of_ours_needs_a_place_on_the_disk(site: Site, lab: Lab, user: object) -> None:
    """/tmp may not hold programs, there is no HOME, and the root is read-only."""
    name = user("homeless", "/bin/bash")  # type: ignore[operator]
    ssh(lab, "h3", "mount -o remount,noexec /tmp; mount -o remount,ro /; touch /x 2>/dev/null && echo still writable >&2")
    try:
        seen = site.run(play("- command: id -un\n  register: who\n  environment: {HOME: /nowhere}\n- debug: {msg: '{{ who.stdout }}'}", "h3"))
        assert seen.messages("h3") == ["root"], message(seen, "h3")
        seen = site.run(play("- copy: {content: new, dest: /etc/fleet-ro}", "h3"))
        assert seen.status == 2 and "Read-only file system (filesystem of /" in message(seen, "h3")
    finally:
        ssh(lab, "h3", "mount -o remount,rw /; mount -o remount,exec /tmp")
    ssh(lab, "h1", f"usermod -d /nowhere {name}; mkdir -p /etc/keys; cp /root/.ssh/authorized_keys /etc/keys/{name}")


def test_a_host_without_python_can_get_one(site: Site, lab: Lab) -> None:
    ssh(lab, "h2", "printf '#!/bin/sh\\nexec /usr/bin/python3 \"$@\"\\n' >/tmp/made; rm -f /usr/local/bin/mypython")
    seen = site.run("""
        - hosts: h2
          gather_facts: false
          vars: {ansible_python_interpreter: /usr/local/bin/mypython}
          tasks:
            - ping:
              ignore_unreachable: true
            - raw: install -m 755 /tmp/made /usr/local/bin/mypython
            - meta: reset_connection
            - ping:
        """)
    assert seen.status == 0, [each.result for each in seen.results()]
    assert "no Python" in str(seen.results("h2")[0].result["msg"])
    assert seen.results("h2")[-1].result["ping"] == "pong"


def test_a_mount_point_is_not_replaced(site: Site, lab: Lab) -> None:
    ssh(lab, "h1", "echo old >/etc/bound; echo old >/tmp/source; mount --bind /tmp/source /etc/bound")
    seen = site.run(play("- copy: {content: new, dest: /etc/bound}"))
    assert seen.status == 2 and "/etc/bound cannot be replaced atomically" in message(seen) and "unsafe_writes" in message(seen)
    assert ssh(lab, "h1", "cat /etc/bound; ls -A /etc | grep -c ^.fleet-") == "old\n0\n"
    assert site.run(play("- copy: {content: new, dest: /etc/bound, unsafe_writes: true}")).status == 0
    assert ssh(lab, "h1", "cat /etc/bound; umount /etc/bound") == "new"


# -- what is lost in the middle


def test_silence_is_noticed(site: Site, lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """The wire is cut without a word. What the task did is not known, and that is what is said."""
    monkeypatch.setattr(transport, "KEEPALIVE", 1)
    monkeypatch.setattr(dial, "SILENCE", 2)
    monkeypatch.setattr(pool, "ALIVE", 3.0)
    link = lab.status()["h1"]["link"]

    def cut() -> None:
        wait_for(lab, "h1", "sleep 55")
        subprocess.run(["ip", "link", "set", link, "down"], check=True)

    cutter = threading.Thread(target=cut)
    cutter.start()
    try:
        seen = site.run(play("- command: sleep 55\n  when: inventory_hostname == 'h1'\n- ping:\n- debug: {msg: onward}", "all"))
    finally:
        cutter.join()
        subprocess.run(["ip", "link", "set", link, "up"], check=True)
    result = seen.results("h1")[0]
    assert (seen.status, result.status) == (4, "unreachable")
    assert "what it did is not known" in str(result.result["msg"])
    other_hosts_went_on(seen)
    for _ in range(100):
        left = ssh(lab, "h1", "ps ax -o args")
        if "sleep 55" not in left and "python" not in left:
            break
        time.sleep(0.1)
    else:
        raise AssertionError("the runner still waits for a controller that is gone, and holds the host:\n" + left)


def started(site: Site, text: str) -> subprocess.Popen[str]:
    site.write("play.yml", text)
    environment = {**os.environ, "FLEET_JOURNAL": str(site.path / "journal.db")}
    return subprocess.Popen([sys.executable, "-m", "fleet", "apply", "-i", str(site.path / "hosts"), str(site.path / "play.yml")], env=environment,
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=site.path, start_new_session=True)


def test_a_killed_controller_leaves_nothing(site: Site, lab: Lab) -> None:
    process = started(site, play("- copy: {content: '{{ \"x\" * 100000 }}', dest: /etc/fleet-half}\n- command: sleep 66\n- command: touch /etc/fleet-never"))
    wait_for(lab, "h1", "sleep 66")
    process.kill()
    process.communicate(timeout=10)
    for _ in range(100):
        left = ssh(lab, "h1", "ps ax -o args | grep -v grep | grep -E 'sleep 66|python'; ls -A /etc /tmp /root | grep -iE '^.fleet|fleet-half|fleet-never'")
        if left == "fleet-half\n":
            break
        time.sleep(0.1)
    assert left == "fleet-half\n", "no process, no temporary file, and nothing after the task that ran"
    assert site.run(play("- ping:")).status == 0, "no lock stays"


def test_one_interrupt_lets_what_runs_end(site: Site, lab: Lab) -> None:
    process = started(site, play("- shell: sleep 3; touch /etc/fleet-ended\n- command: touch /etc/fleet-not-begun"))
    wait_for(lab, "h1", "sleep 3")
    os.kill(process.pid, signal.SIGINT)
    output = process.communicate(timeout=30)[0]
    assert process.returncode == 130, output
    assert "Recap" in output and "interrupted" in output and "Traceback" not in output
    assert ssh(lab, "h1", "ls /etc/fleet-ended /etc/fleet-not-begun 2>/dev/null") == "/etc/fleet-ended\n"


def test_a_daemon_that_keeps_its_output_open(site: Site, lab: Lab) -> None:
    seen = site.run(play("- shell: (sleep 44 &) ; echo begun\n  register: out\n- debug: {msg: '{{ out.stdout }}'}"))
    assert seen.messages("h1") == ["begun"]
    ssh(lab, "h1", "kill $(pgrep -f '^sleep 44')")


# -- what a target says is data


def test_names_and_output_that_are_not_text(site: Site, lab: Lab) -> None:
    ssh(lab, "h1", "mkdir -p /srv/odd; printf 'content\\n' >$(printf '/srv/odd/caf\\351')")
    seen = site.run(play(r"""
- find: {paths: /srv/odd}
  register: found
- slurp: {src: "{{ found.files[0].path }}"}
  register: read
- copy: {content: more, dest: "{{ found.files[0].path }}"}
- shell: printf '\033]0;title\007\033[31mred'
  register: escapes
- debug: {msg: "{{ read.content | b64decode }}{{ escapes.stdout | length }}"}
"""))
    assert seen.messages("h1") == ["content\n18"], seen.results("h1")[-1].result
    assert ssh(lab, "h1", "cat /srv/odd/*; ls /srv/odd | wc -l") == "more1\n"


def test_escapes_of_a_target_do_not_reach_the_terminal(site: Site) -> None:
    process = started(site, play(r"""- shell: printf '\033]0;owned\007\033[2J\033[31mred' >&2; exit 1"""))
    output = process.communicate(timeout=30)[0]
    assert process.returncode == 2 and "red" in output
    assert "\033" not in output and "\007" not in output


def test_facts_are_not_connection_variables(site: Site, lab: Lab) -> None:
    ssh(lab, "h1", "mkdir -p /etc/ansible/facts.d; echo '{\"ansible_host\": \"127.0.0.9\", \"x\": \"{{ 6 * 7 }}\"}' >/etc/ansible/facts.d/ansible_host.fact; "
                   "cp /etc/ansible/facts.d/ansible_host.fact /etc/ansible/facts.d/evil.fact")
    seen = site.run("""
        - hosts: h1
          tasks:
            - debug: {msg: "{{ ansible_local.evil.x }} {{ ansible_host }}"}
            - ping:
        """)
    ssh(lab, "h1", "rm -r /etc/ansible")
    assert seen.messages("h1") == ["{{ 6 * 7 }} " + lab.status()["h1"]["address"]]


def test_lost_keys_of_fifty_hosts_are_one_summary(site: Site, lab: Lab) -> None:
    address = lab.status()["h2"]["address"]
    empty = site.write("none", "")
    site.write("hosts", "".join(f"n{number} ansible_host={address} ansible_user=root\n" for number in range(50))
               + f"[all:vars]\nansible_ssh_private_key_file={lab.shared / 'id'}\nansible_ssh_known_hosts_file={empty}\n")
    process = started(site, play("- ping:", "all"))
    output = process.communicate(timeout=60)[0]
    assert process.returncode == 4
    assert output.count("is not known") <= 2, "said once for all, not fifty times:\n" + output
    assert "accept-new" in output
