"""Python plays over a real sshd: users, hosts that wait for one another, failures; what a play costs the wire."""

from __future__ import annotations

import re
import time

import pytest

from fleet.lab import Lab
from tests.engine.harness import Seen, Site
from tests.lab.test_ssh import ssh

pytestmark = pytest.mark.lab


def run(site: Site, body: str, **options: object) -> Seen:
    import textwrap
    return site.run("from fleet import Host, TaskFailed, play\n" + textwrap.dedent(body), name="play.py", **options)  # type: ignore[arg-type]


def test_the_language_on_real_hosts(site: Site) -> None:
    site.write("motd.j2", "{{ inventory_hostname }} {{ ansible_facts.distribution | default('?') }} {{ peers | join(',') }}\n")
    seen = run(site, """
        @play(hosts="all")
        def work(t: Host) -> None:
            assert t.facts.distribution == "Debian"
            everyone = t.wait_all(t.command("hostname", changed_when=False).stdout)
            t.template("motd.j2", dest="/etc/fleet-dsl", vars={"peers": sorted(everyone.values())}, notify=changed)
            as_ops = t.using(become=True, become_user="ops")
            made = as_ops.tempfile(state="directory")
            as_ops.copy(content="x", dest=f"{made.path}/x")
            assert t.stat(f"{made.path}/x").stat.pw_name == "ops"
            t.file(made.later("path"), state="absent")
            other = t.on("h1").command("hostname", changed_when=False)
            assert other.stdout == "h1" and t.local.command("true").rc == 0

        def changed(t: Host) -> None:
            t.debug(t.command("cat /etc/fleet-dsl", changed_when=False).stdout)
        """)
    assert seen.status == 0, (seen.notes(), [event.result for event in seen.results() if event.status == "failed"])
    assert [seen.messages(host) for host in ("h1", "h2", "h3")] == [[f"{host} Debian h1,h2,h3"] for host in ("h1", "h2", "h3")]


def test_a_failure_stops_its_host_with_the_users_line(site: Site) -> None:
    seen = run(site, """
        @play(hosts="all")
        def work(t: Host) -> None:
            for number in range(30):
                t.command("false" if (t.name, number) == ("h2", 3) else "true")  # the line
            t.command("touch /tmp/reached")
        """)
    assert (seen.status, [seen.stats[host].failed for host in ("h1", "h2", "h3")]) == (2, [0, 1, 0])
    failed = next(event for event in seen.results("h2") if event.status == "failed")
    assert re.search(r"play\.py:6$", failed.position)
    there = run(site, "@play(hosts='all')\ndef look(t: Host) -> None:\n    t.debug(str(t.stat('/tmp/reached').stat.exists))\n")
    assert [there.messages(host) for host in ("h1", "h2", "h3")] == [["True"], ["False"], ["True"]]


def test_a_lost_host_does_not_hold_up_a_barrier(site: Site, lab: Lab) -> None:
    seen = run(site, """
        @play(hosts="all")
        def work(t: Host) -> None:
            if t.name == "h3":
                t.shell("kill -9 $(ps -o ppid= -p $PPID)")  # the runner itself
            t.debug(str(sorted(t.wait_all(1))))
        """)
    assert seen.status == 4
    assert seen.messages("h1") == seen.messages("h2") == ["['h1', 'h2']"]
    for _ in range(50):
        left = ssh(lab, "h3", "ps ax -o args")
        if "python3 -I" not in left:
            break
        time.sleep(0.1)
    assert "python3 -I" not in left, "a connection made anew is closed with the run"
