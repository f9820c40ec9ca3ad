"""The guest agent as a connection: modules, users, files and facts in a guest that is spoken to without a network."""

from __future__ import annotations

import subprocess
import sys
import time

import pytest

from fleet.errors import VirtError
from fleet.virt import qga
from tests.engine.harness import Site
from tests.virt.conftest import Machine, succeeded

pytestmark = pytest.mark.virt


@pytest.fixture
def by_agent(site: Site, guest: Machine) -> Site:
    hosts = (site.path / "hosts").read_text().replace("g1 fleet_on=hv1 ansible_host=192.168.77.10", "g1 fleet_on=hv1 ansible_connection=guest")
    (site.path / "hosts").write_text(hosts)
    return site


def channels(guest: Machine) -> int:
    return guest.domain.XMLDesc().count("name='fleet.")


def test_modules_work_through_it(by_agent: Site, guest: Machine) -> None:
    """With the guest's interface down: copy and fetch of a megabyte each, facts, another user, check mode; and nothing is left."""
    site = by_agent
    (site.path / "big").write_bytes(bytes(range(256)) * 4096)
    guest.sh("ip link set eth0 down")
    try:
        seen = site.run("""
            - hosts: g1
              tasks:
                - copy: {src: big, dest: /root/big}
                - copy: {src: big, dest: /root/big}
                  register: again
                - command: id -un
                  become: true
                  become_user: nobody
                  register: who
                - fetch: {src: /root/big, dest: back, flat: true}
                - raw: echo $((6 * 7))
                  register: raw
                - debug: {msg: "{{ ansible_hostname }} {{ again.changed }} {{ who.stdout }} {{ raw.stdout | trim }}"}
            """)
    finally:
        guest.sh("ip link set eth0 up")
    assert seen.messages("g1") == ["g1 False nobody 42"], [event.result for event in seen.results()]
    assert (site.path / "back").read_bytes() == (site.path / "big").read_bytes()
    for _ in range(50):
        if channels(guest) == 0:
            break
        time.sleep(0.1)
    assert channels(guest) == 0 and "python" not in guest.sh("ps -eo args")


def test_a_killed_controller_leaves_no_runner(by_agent: Site, guest: Machine) -> None:
    by_agent.write("slow.yml", "- hosts: g1\n  gather_facts: false\n  tasks:\n    - command: sleep 777\n")
    process = subprocess.Popen([sys.executable, "-m", "fleet", "apply", "--no-journal", "-i", "hosts", "slow.yml"], cwd=by_agent.path, stdout=subprocess.DEVNULL)
    for _ in range(100):
        if "sleep 777" in guest.sh("ps -eo args | grep -v grep"):
            break
        time.sleep(0.2)
    process.kill()
    process.wait()
    for _ in range(50):
        if "sleep 777" not in guest.sh("ps -eo args | grep -v grep"):
            break
        time.sleep(0.2)
    assert "sleep 777" not in guest.sh("ps -eo args | grep -v grep")
    succeeded(by_agent.run("- hosts: g1\n  gather_facts: false\n  tasks:\n    - ping:\n"))


def test_what_is_wrong_is_said(by_agent: Site, guest: Machine) -> None:
    (by_agent.path / "hosts").write_text((by_agent.path / "hosts").read_text() + "nosuch fleet_on=hv1 ansible_connection=guest\n")
    seen = by_agent.run("- hosts: nosuch\n  gather_facts: false\n  tasks:\n    - ping:\n")
    assert seen.status == 4 and "there is no guest nosuch on hv1" in seen.results()[0].result["msg"]


def test_a_late_answer_is_not_the_next_ones(guest: Machine) -> None:
    """The agent is held for some seconds; what is asked of it meanwhile is given up, and answered later."""
    guest.sh("(sleep 0.5; pkill -STOP -x qemu-ga; sleep 4; pkill -CONT -x qemu-ga) >/dev/null 2>&1 &")
    end = time.monotonic() + 30
    given_up = False
    while not given_up and time.monotonic() < end:
        try:
            qga.ask(guest.domain, "guest-get-time", 1)
            time.sleep(0.1)
        except VirtError:
            given_up = True
    assert given_up
    while not qga.answers(guest.domain, 2):
        assert time.monotonic() < end
    for _ in range(3):
        assert qga.asked(guest.domain, "guest-get-host-name") == {"host-name": "g1"}
    assert qga.read(guest.domain, "/etc/hostname", last=2) == "1\n" and qga.read(guest.domain, "/nonexistent") is None
