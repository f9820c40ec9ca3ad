"""What type checkers refuse: every line that says so, and no other."""

from fleet import Host, play


@play(hosts="web")
def web(t: Host) -> None:
    t.file("/srv", state="directoy")  # wrong
    t.file(state="directory")  # wrong
    t.copy(contents="x", dest="/x")  # wrong
    t.copy(content="x")  # wrong
    t.copi("x", dest="/x")  # wrong
    t.command("true").stdot  # wrong
    t.command("true").rc + "1"  # wrong
    t.command("true", becom=True)  # wrong
    t.command("true", become="yes", become_method="pseudo")  # wrong
    t.command(1)  # wrong
    t.template("a.j2", dest="/a", mode="0644", notify=5)  # wrong
    t.service("nginx", state="up")  # wrong
    t.user("app", uid="one")  # wrong
    t.command("true").later("rc")  # wrong
    t.wait_for("db", port=1, timeout="long")  # wrong
    t.meta("end")  # wrong
    t.role(nginx, 80)  # wrong
    right = t.command("true")
    if right.rc == 0:
        t.debug(right.stdout)


def nginx(t: Host, port: int) -> None:
    t.debug(f"{port}")
