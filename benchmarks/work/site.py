"""The same work in the DSL."""

from fleet import Host, play


@play(hosts="all", gather_facts=True)
def site(t: Host) -> None:
    for name in "abcdefgh":
        t.file(path=f"/opt/app/{name}", state="directory", mode="0755")
    t.template("app.conf.j2", dest="/opt/app/a/app.conf", mode="0644", notify=touched)
    t.copy(content=f"hello {t.name}\n", dest="/opt/app/b/hello.txt")
    t.lineinfile("/etc/hosts", line=f"127.0.1.1 {t.name}")
    t.user("app", shell="/bin/bash", system=True)
    t.group("appgrp", state="present")
    kernel = t.command("uname -a", changed_when=False)
    there = t.stat("/opt/app/a/app.conf")
    t.file(path="/opt/app/d/app.conf", src="/opt/app/a/app.conf", state="link")
    for number in (1, 2, 3):
        t.blockinfile("/opt/app/a/app.conf", block=f"x = {number}", marker=f"# {{mark}} {number}")
    for number in range(1, 21):
        t.copy(content=f"file {number}\n", dest=f"/opt/app/e/f{number}")
    t.apt("sudo", state="present")
    t.cron("job", minute="5", job="/bin/true")
    t.copy(content=kernel.stdout, dest="/opt/app/c/uname")
    assert there.stat.exists


def touched(t: Host) -> None:
    t.file(path="/opt/app/touched", state="touch")
