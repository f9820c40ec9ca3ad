"""Containers on a host reached over a real sshd: each back-end with its real program, in a Debian root without Python."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.virt.containersite import BACKENDS, HOME, VOLUMES, Containers, ContainerSite, boxes, containers

__all__ = ["boxes", "containers"]
pytestmark = pytest.mark.virt
SLEEP = ["sleep", "1000"]


@pytest.mark.parametrize("backend", BACKENDS)
def test_life(boxes: ContainerSite, containers: Containers, backend: str) -> None:
    """absent, running, again, configured, stopped, configured, gone: and check tells each before it is done."""
    short = f"life-{backend}"
    boxes.target(short)
    options = {"backend": backend, "command": ["sh", "-c", "echo started; exec sleep 1000"], "state": "running", "environment": {"COLOUR": "blue"}}
    assert boxes.declare(short, check=True, **options)["changed"] and containers.name(short) not in containers.names()
    made = boxes.declare(short, **options)
    assert made["changed"] and made["running"] and made["ids"][0] > 0
    assert not boxes.declare(short, **options)["changed"], "a second time"
    assert not boxes.declare(short, check=True, **options)["changed"]
    assert Path(made["log"]).read_text() == "started\n"
    tasks = """
- setup: {gather_subset: [min]}
- user: {name: app}
- copy: {content: "made inside\\n", dest: /srv/file, owner: app, mode: "0640"}
  register: copied
- command: id -un
  become: true
  become_user: app
  register: who
  changed_when: false
- debug: {msg: "{{ ansible_distribution }} {{ ansible_hostname }} {{ who.stdout }} {{ copied.changed }}"}
"""
    seen = boxes.inside(short, tasks)
    assert seen.messages(short) == [f"Debian {containers.name(short)} app True"], seen.results(short)
    again = boxes.inside(short, tasks)
    assert again.stats[short].changed == 0, again.trail(short)
    assert boxes.inside(short, '- copy: {content: "other", dest: /srv/file}', check=True).stats[short].changed == 1
    # The file belongs to a number that is nobody on the host: root inside is not root.
    entry = (HOME / containers.name(short) / "upper/srv/file").stat()
    assert entry.st_uid == made["ids"][0] + 1000 and entry.st_size == len("made inside\n")
    stopped = boxes.declare(short, **{**options, "state": "stopped"})
    assert stopped["changed"] and not stopped["running"]
    assert not os.path.exists(f"/proc/{made['pid']}")
    assert not boxes.declare(short, **{**options, "state": "stopped"})["changed"]
    assert boxes.inside(short, tasks).stats[short].changed == 0, "the same role finds a stopped container as it left the running one"
    assert boxes.declare(short, state="absent", check=True)["changed"]
    assert boxes.declare(short, state="absent")["changed"]
    assert not boxes.declare(short, state="absent")["changed"]
    assert containers.leaks(short) == []
    assert os.stat("/dev/null").st_uid == 0, "the host's own devices stay its own"


def test_what_a_run_creates_is_a_target_in_that_run(boxes: ContainerSite, containers: Containers) -> None:
    name = containers.name("born")
    seen = boxes.run(f"""
        - hosts: hv1
          gather_facts: false
          tasks:
            - container: {{name: {name}, image: {containers.image}}}
            - add_host: {{name: born, groups: [new], ansible_connection: container, fleet_on: hv1, fleet_container: {name}}}
        - hosts: new
          gather_facts: false
          tasks:
            - command: hostname
              register: before
        - hosts: hv1
          gather_facts: false
          tasks:
            - container: {{name: {name}, command: [sleep, "1000"], state: running, hostname: other}}
        - hosts: new
          gather_facts: false
          tasks:
            - command: hostname
              register: after
            - debug: {{msg: "{{{{ before.stdout }}}} {{{{ after.stdout }}}}"}}
        """)
    assert seen.messages("born") == [f"{name} other"], [event.result for event in seen.results()]
    boxes.declare("born", state="absent")


def test_containers_of_containers(boxes: ContainerSite, containers: Containers) -> None:
    """ssh - host - container - container, all of it configured through one connection, with no Python in either."""
    boxes.declare("outer", command=SLEEP, state="running", unprivileged=False, cap_add=["all"], seccomp="unconfined", backend="chroot",
                  binds={"/images": str(containers.image)}, volumes={"/var/lib/fleet": containers.name("nest")})
    boxes.target("outer")
    boxes.target("inner", on="outer")
    inner = containers.name("inner")
    seen = boxes.run(f"""
        - hosts: outer
          gather_facts: false
          tasks:
            - container: {{name: {inner}, image: /images, command: [sleep, "1000"], state: running}}
        - hosts: inner
          gather_facts: false
          tasks:
            - copy: {{content: deep, dest: /deep}}
            - command: sh -c "hostname; cat /deep; cat /proc/1/comm"
              register: out
            - debug: {{msg: "{{{{ out.stdout_lines | join(' ') }}}}"}}
        """)
    assert seen.messages("inner") == [f"{inner} deeppython3"], [e.result for e in seen.results()]
    boxes.declare("outer", state="absent", purge=True, backend="chroot", volumes={"/var/lib/fleet": containers.name("nest")})
    assert not (VOLUMES / containers.name("nest")).exists()


_SMALL = """cd /; for file in /bin/sh /bin/dash /bin/sleep /bin/hostname $(ldd /bin/dash /bin/sleep /bin/hostname | grep -o '/[^ ]*\\.so[^ ]*'); do
mkdir -p /img/tree$(dirname $file); cp -L $file /img/tree$file; done; mkdir -p /img/tree/etc /img/tree/usr"""


def test_nested_in_a_lab_host(boxes: ContainerSite, containers: Containers) -> None:
    """A host that is a container itself, with an overlay for a root: the clone is a copy there."""
    boxes.target("deep", on="h1")
    subprocess.run(["ssh", "-q", "-i", str(containers.lab.shared / "id"), "-o", f"UserKnownHostsFile={containers.lab.folder / 'known_hosts'}",
                    f"root@{containers.lab.status()['h1']['address']}", _SMALL],
                   check=True, timeout=60)
    for backend in ("chroot", "nspawn"):
        made = boxes.declare("deep", on="h1", image="/img", backend=backend, command=SLEEP, state="running")
        assert made["clone"] == "copy"
        assert boxes.shell("deep", "hostname")["stdout"] == containers.name("deep")
    boxes.declare("deep", on="h1", state="absent")


def test_what_overlays_can_do_is_tried_once_a_boot(boxes: ContainerSite) -> None:
    """A path that overlay's options would read otherwise is tried all the same."""
    first = boxes.declare("tried", clone="auto", unprivileged=False)
    assert first["clone"] in ("overlay", "btrfs")
    if first["clone"] == "overlay":
        assert list(Path("/run/fleet/tried").glob("overlay-*"))
    odd = boxes.path / "odd:image"
    (odd / "tree/etc").mkdir(parents=True)
    assert boxes.declare("odd", image=str(odd), unprivileged=False)["clone"] == "copy"
    for name in ("tried", "odd"):
        boxes.declare(name, state="absent")
    assert not boxes.containers.leaks("tried") and not boxes.containers.leaks("odd")
