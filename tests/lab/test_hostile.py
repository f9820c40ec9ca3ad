"""Hostile targets and users of targets: what is in a file, a name, a process list or a planted link is data, and secrets are nowhere."""

from __future__ import annotations

import json
import threading
import time
from pathlib import Path

import pytest

from fleet.lab import Lab
from tests.engine.harness import Site
from tests.lab.test_faults import message, play, started
from tests.lab.test_ssh import ssh

pytestmark = pytest.mark.lab


def test_templates_in_what_a_target_says_stay_text(site: Site, lab: Lab) -> None:
    ssh(lab, "h1", "echo '{{ 6 * 7 }} {% raw %}' >/etc/evil; mkdir -p '/srv/{{ x }}'; echo f >'/srv/{{ x }}/{{ 6 * 7 }}'")
    seen = site.run(play("""
- command: cat /etc/evil
  register: out
- set_fact: {kept: "{{ out.stdout }}"}
- slurp: {src: /etc/evil}
  register: read
- copy: {content: "{{ kept }}", dest: /etc/copied}
- find: {paths: /srv, recurse: true, patterns: "*7*"}
  register: found
- command: cat "{{ found.files[0].path }}"
  register: odd
- debug: {msg: "{{ kept }}|{{ read.content | b64decode | trim }}|{{ [kept] | map('upper') | first }}|{{ odd.stdout }}"}
"""))
    assert seen.messages("h1") == ["{{ 6 * 7 }} {% raw %}|{{ 6 * 7 }} {% raw %}|{{ 6 * 7 }} {% RAW %}|f"], message(seen)
    assert ssh(lab, "h1", "cat /etc/copied") == "{{ 6 * 7 }} {% raw %}"


def test_a_fetched_name_stays_below_its_destination(site: Site, lab: Lab) -> None:
    ssh(lab, "h1", "mkdir -p /srv/f; echo gone >'/srv/f/..'x; ln -sf /etc/passwd /srv/f/link")
    seen = site.run(play(f"- fetch: {{src: '/srv/f/../f/..x', dest: '{site.path}/got/'}}\n- fetch: {{src: /srv/f/link, dest: '{site.path}/got/', flat: false}}"))
    assert seen.status == 0, message(seen)
    outside = [path for path in site.path.rglob("*") if path.is_file() and "got" not in path.parts]
    assert sorted(path.name for path in outside) == ["hosts", "play.yml"]


def test_secrets_are_in_no_process_list_log_or_output(site: Site, lab: Lab) -> None:
    """A become password, a vaulted value and a no_log argument: watched on the target and on the controller while the run goes on."""
    secret = "s3cret-{{ }}-'\"\\-ü"
    ssh(lab, "h1", "id holder 2>/dev/null || useradd -m -s /bin/bash holder; cp -r /root/.ssh /home/holder/; chown -R holder: /home/holder/.ssh; "
                   "echo 'holder ALL=(ALL) ALL' >/etc/sudoers.d/holder; chmod 440 /etc/sudoers.d/holder")
    seen_in: set[str] = set()
    ending = threading.Event()

    def watch() -> None:
        while not ending.is_set():
            for pid in Path("/proc").iterdir():
                if pid.name.isdigit():
                    for name in ("cmdline", "environ"):
                        try:
                            if b"s3cret-" in (pid / name).read_bytes():
                                seen_in.add(f"{name} of {(pid / 'cmdline').read_bytes()[:200]!r}")
                        except OSError:
                            continue
            time.sleep(0.01)

    set_password = play("- user: {name: holder, password: \"{{ pw | password_hash('sha512', 'salt') }}\"}\n  no_log: true")
    variables = site.write("secrets.yml", "pw: !unsafe \"s3cret-{{ }}-'\\\"\\\\-ü\"\n")
    assert site.run(set_password, extra_vars=(f"@{variables}",)).status == 0
    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        process = started(site, """
- hosts: h1
  gather_facts: false
  vars_files: [secrets.yml]
  vars: {ansible_user: holder, ansible_become: true, ansible_become_password: "{{ pw }}"}
  tasks:
    - command: sleep 1
    - copy: {content: "{{ pw }}", dest: /root/kept, mode: "0600"}
      no_log: true
      diff: true
    - uri: {url: "http://127.0.0.1:1/", url_username: me, url_password: "{{ pw }}"}
      ignore_errors: true
    - shell: cat /root/kept; exit 3
      no_log: true
      loop: [a, b]
""")
        output = process.communicate(timeout=60)[0]
    finally:
        ending.set()
        watcher.join()
    assert process.returncode == 2, output
    assert ssh(lab, "h1", "cat /root/kept") == secret
    assert not seen_in, seen_in
    assert "s3cret" not in output, output
    for path in site.path.rglob("*"):
        if path.is_file() and path.name != "secrets.yml":
            assert b"s3cret-" not in path.read_bytes(), f"it is in {path}"
    assert "s3cret" not in ssh(lab, "h1", "grep -r s3cret- /var/log /tmp /run /home 2>/dev/null")


def test_planted_links_are_not_followed(site: Site, lab: Lab) -> None:
    """In a directory that everyone may write, somebody else's link or pipe stands where a file is to come."""
    ssh(lab, "h1", "mkdir -p -m 1777 /srv/shared; echo precious >/etc/precious; rm -rf /srv/shared/*; cd /srv/shared; "
                   "su ops -s /bin/sh -c 'ln -s /etc/precious out; mkfifo pipe; for n in 1 2 3; do ln -s /etc/precious .fleet-$n.tmp; done'")
    seen = site.run(play("""
- copy: {content: new, dest: /srv/shared/out, follow: false}
- slurp: {src: /srv/shared/pipe}
  ignore_errors: true
- lineinfile: {path: /srv/shared/pipe, line: x}
  ignore_errors: true
- find: {paths: /srv/shared, contains: x, file_type: any}
- copy: {content: new, dest: /srv/shared/pipe}
"""))
    assert seen.status == 2 and "exists and is no file" in message(seen), message(seen)
    assert all("no regular file" in str(each.result["msg"]) for each in seen.results("h1")[1:3])
    assert ssh(lab, "h1", "cat /etc/precious /srv/shared/out; test -L /srv/shared/out || echo replaced") == "precious\nnewreplaced\n"


@pytest.mark.parametrize(("how", "words"), [
    ("ln -s /etc/shadow x; tar cf a.tar x; rm x; mkdir x; echo p >x/f; tar rf a.tar x/f", "leads outside"),
    ("tar cPf a.tar --transform 's,^,../../,' g", "leads outside"),
    ("tar cPf a.tar --transform 's,^,/etc/,' g", "leads outside"),
    ("mknod dev b 7 0; tar cf a.tar dev", "is a device"),
])
def test_archives_that_lead_outside(site: Site, lab: Lab, how: str, words: str) -> None:
    ssh(lab, "h1", f"rm -rf /srv/a; mkdir -p /srv/a/out; cd /srv/a; echo g >g; {how}")
    before = ssh(lab, "h1", "find /srv/a /etc -newer /srv/a/a.tar | sort")
    seen = site.run(play("- unarchive: {src: /srv/a/a.tar, dest: /srv/a/out, remote_src: true}"))
    assert seen.status == 2 and words in message(seen), message(seen)
    assert ssh(lab, "h1", "find /srv/a /etc -newer /srv/a/a.tar | sort") == before


@pytest.mark.parametrize("repo", ["ext::sh -c 'touch /tmp/pwned'", "--upload-pack=touch /tmp/pwned", "ssh://-oProxyCommand=touch /tmp/pwned/x"])
def test_git_sources_inject_nothing(site: Site, lab: Lab, repo: str) -> None:
    ssh(lab, "h1", "rm -f /tmp/pwned")
    seen = site.run("- hosts: h1\n  gather_facts: false\n  tasks:\n    - git: {repo: \"{{ repo }}\", dest: /srv/clone}\n", extra_vars=(json.dumps({"repo": repo}),))
    assert seen.status == 2, message(seen)
    assert ssh(lab, "h1", "ls /tmp/pwned 2>/dev/null") == ""
