"""What type checkers accept, and what they know of it."""

from pathlib import Path
from typing import Any, Literal

from typing_extensions import assert_type

from fleet import Host, TaskFailed, play


@play(hosts="web", become=True, serial="25%", vars={"port": 80}, roles=["base", {"role": "nginx", "port": 80}])
def web(t: Host) -> None:
    conf = t.template("nginx.conf.j2", dest="/etc/nginx/nginx.conf", mode="0644", validate="nginx -t -c %s", notify=reload)
    for site in t.vars.sites:
        t.file(f"/srv/{site.name}", state="directory", owner="www-data")
    if conf.changed:
        t.service("nginx", state="reloaded")
    kernel = t.command(["uname", "-r"], changed_when=False)
    assert_type(kernel.stdout, str)
    assert_type(kernel.rc, int)
    assert_type(kernel.stdout_lines, list[str])
    assert_type(kernel.changed, bool)
    assert_type(t.stat("/etc/passwd").stat.exists, Any)
    made = t.tempfile(state="directory")
    t.copy(content=kernel.later("stdout"), dest=made.later("path"))
    t.file(Path("/srv"), state="directory")
    t.apt(["nginx", "less"], state="present", update_cache=True, become_user="root", until=lambda result: not result["failed"], retries=3, delay=1)
    assert_type(t.once(lambda t: t.command("hostname").stdout), str)
    assert_type(t.wait_all(kernel.rc), dict[str, int])
    assert_type(t.parallel(lambda t: t.command("true").rc, lambda t: t.command("false").rc), list[int])
    t.on("db1").command("true")
    t.local.wait_for("db1", port=5432, timeout=30)
    t.role(nginx, port=80, mode="tls")
    try:
        with t.block(become_user="postgres") as inside:
            inside.shell("psql -c 'select 1'")
    except TaskFailed as error:
        t.debug(f"{error.result['rc']}")


def nginx(t: Host, port: int, mode: Literal["plain", "tls"] = "plain") -> str:
    return t.command("nginx -v").stderr


def reload(t: Host) -> None:
    t.service("nginx", state="reloaded")
