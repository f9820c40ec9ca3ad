"""The same as rolling.yml, in Python: `-e web_version=2`. The balancer is the YAML role; the web server's role is a function."""

from typing import Literal

from fleet import Host, play

TEMPLATES = "../roles/webserver/templates"


@play(hosts="balancers", become=True, roles=["balancer"])
def balancer(t: Host) -> None:
    """Balancer"""


@play(hosts="webservers", become=True, serial=1, max_fail_percentage=0)
def deploy(t: Host) -> None:
    """One server after the other"""
    version = t.vars.get("web_version", "1")
    current = t.stat("/srv/web/current").stat
    deployed = current.exists and current.lnk_target == f"releases/{version}"
    if not deployed:
        balance(t, "maint", changed=True)
    t.role(webserver, web_version=version, web_extra=t.vars.get("web_extra", ""))
    t.flush_handlers()
    if not t.check:
        t.local.uri(f"http://{t.vars.ansible_host}/", return_content=True, retries=10, delay=1, become=False,
                    until=lambda answer: answer["status"] == 200 and f"version {version}" in answer["content"])
    balance(t, "ready", changed=not deployed)


def balance(t: Host, state: Literal["maint", "ready"], changed: bool) -> None:
    """Take this server out of the balancers, or back. One that fails in between stays out."""
    for name in t.hosts("balancers"):
        t.on(name).shell(f'echo "set server web/{t.name} state {state}" | socat stdio /run/haproxy/admin.sock', changed_when=changed)


def webserver(t: Host, web_version: str, web_extra: str = "") -> None:
    """nginx with one site, whose current release is a version."""
    t.apt("nginx", install_recommends=False, update_cache=True, cache_valid_time=3600)
    t.file(f"/srv/web/releases/{web_version}", state="directory", mode="0755")
    t.template(f"{TEMPLATES}/index.html.j2", dest=f"/srv/web/releases/{web_version}/index.html", mode="0644")
    t.file("/srv/web/current", src=f"releases/{web_version}", state="link", force=True)
    t.template(f"{TEMPLATES}/web.conf.j2", dest="/etc/nginx/sites-available/web", mode="0644", notify=reload)
    t.file("/etc/nginx/sites-enabled/web", src="../sites-available/web", state="link", force=True, notify=reload)
    t.file("/etc/nginx/sites-enabled/default", state="absent", notify=reload)
    t.command("nginx -t -q", changed_when=False)
    t.service("nginx", state="started")


def reload(t: Host) -> None:
    t.service("nginx", state="reloaded")
