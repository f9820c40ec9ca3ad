"""The examples in YAML and in Python, on real hosts: each does its work, and both leave the same trees behind."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import fleet
from fleet.lab import Lab

pytestmark = [pytest.mark.lab, pytest.mark.timeout(600)]
PLAYBOOKS = Path(__file__).parents[2] / "playbooks"
GROUPS: dict[str, Any] = {
    "balancers": {"hosts": {"h1": None}}, "webservers": {"hosts": {"h2": None, "h3": None}}, "databases": {"hosts": {"h2": None, "h3": None}}}
# What differs between two runs of anything: logs, caches, what is made anew each time, and a database's own files.
VOLATILE = ("var/log", "var/cache", "var/lib/apt", "var/lib/dpkg", "var/lib/systemd", "var/lib/nginx", "var/lib/haproxy", "var/lib/postgresql", "root",
            "run", "tmp", "etc/ssh", "var/tmp", "etc/mtab")


class Site:
    """A lab with the examples' packages, and what its hosts have once a playbook is done."""

    def __init__(self, folder: Path) -> None:
        self.lab = Lab(folder / "lab")
        self.kept = folder / "kept"

    def prepare(self) -> None:
        """The packages, installed once for both languages; all else is left to the playbooks."""
        @fleet.play(hosts="all")
        def packages(t: fleet.Host) -> None:
            wanted = [["haproxy", "socat"]] if t.name == "h1" else [["nginx", "postgresql"]]
            for names in wanted:
                t.apt(names, install_recommends=False, update_cache=True)

        self.lab.up(3)
        self.run(packages)
        for name in ("h1", "h2", "h3"):
            subprocess.run(["cp", "-a", str(self.lab.folder / "hosts" / name / "up"), str(self.kept / name)], check=True)

    def renew(self) -> None:
        """The hosts as they were when the packages were there."""
        self.lab.down()
        for name in ("h1", "h2", "h3"):
            folder = self.lab.folder / "hosts" / name
            folder.mkdir(parents=True)
            subprocess.run(["cp", "-a", str(self.kept / name), str(folder / "up")], check=True)
        self.lab.up(3)

    def run(self, *books: Any, check: bool = False, expect: int = 0, **vars: Any) -> fleet.Run:
        given = {"postgres_replication_password": "for the test", **vars}
        done = fleet.run(list(books), [str(self.lab.inventory), GROUPS], check=check, vars=given, settings={"roles_path": [str(PLAYBOOKS.parent / "roles")]})
        assert done.status == expect, (done.error, [event for event in done.results if event.status in ("failed", "unreachable")])
        return done

    def ask(self, host: str, command: str) -> str:
        """What a shell command says on a host."""
        @fleet.play(hosts=host)
        def ask(t: fleet.Host) -> None:
            t.shell(command)

        return str(self.run(ask).results[-1].result["stdout"])

    def tree(self) -> dict[str, Any]:
        """Path -> kind, mode, owner, group and content of all that the hosts have of their own."""
        found = {}
        for name in ("h1", "h2", "h3"):
            top = self.lab.folder / "hosts" / name / "up"
            for folder, folders, files in os.walk(top):
                relative = os.path.relpath(folder, top)
                folders[:] = [each for each in folders if os.path.normpath(os.path.join(relative, each)) not in VOLATILE]
                for each in folders + files:
                    path = os.path.join(folder, each)
                    now = os.lstat(path)
                    content = os.readlink(path) if stat.S_ISLNK(now.st_mode) else Path(path).read_bytes() if stat.S_ISREG(now.st_mode) else None
                    shown = f"{name}:{os.path.normpath(os.path.join(relative, each))}"
                    if not shown.endswith("ld.so.cache"):
                        found[shown] = (oct(now.st_mode), now.st_uid, now.st_gid, content)
        return found


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    found = Site(tmp_path_factory.mktemp("examples"))
    found.kept.mkdir()
    found.prepare()
    yield found
    found.lab.down()
    shutil.rmtree(found.kept, ignore_errors=True)


@pytest.fixture(scope="module")
def trees() -> dict[str, dict[str, Any]]:
    return {}


def rolling(site: Site, book: Path) -> None:
    site.run(book)
    assert site.run(book, check=True).changed is False
    assert site.run(book).changed is False
    assert page(site) == "version 1"
    second = site.run(book, web_version="2")
    order = [event.host for event in second.results if event.action == "template" and event.status == "changed"]
    assert order == ["h2", "h3"], "one after the other"
    assert page(site) == "version 2"
    assert states(site) == {"h2": "0", "h3": "0"}, "no server is left out"


def a_bad_deploy(site: Site, book: Path) -> None:
    """The first server fails: it stays out, the second is not touched, the service goes on."""
    done = site.run(book, web_version="3", web_extra="nonsense", expect=2)
    assert done.failed == ["h2"] and "h3" not in done.hosts
    assert states(site)["h2"] != "0" and states(site)["h3"] == "0"
    assert page(site) == "version 2"
    site.run(book, web_version="2")
    assert states(site) == {"h2": "0", "h3": "0"}


def page(site: Site) -> str:
    """What the service says, through the balancer."""
    text = site.ask("h1", "python3 -c 'import urllib.request; print(urllib.request.urlopen(\"http://127.0.0.1/\").read().decode())'")
    return text.strip().removeprefix("<h1>").removesuffix("</h1>")


def states(site: Site) -> dict[str, str]:
    """Server -> its administrative state in the balancer; 0 is in service."""
    rows = [line.split() for line in site.ask("h1", "echo 'show servers state web' | socat stdio /run/haproxy/admin.sock").splitlines()]
    return {row[3]: row[6] for row in rows if len(row) > 6 and row[3].startswith("h")}


def database(site: Site, book: Path) -> None:
    site.run(book)
    assert site.run(book, check=True).changed is False
    assert site.run(book).changed is False
    site.ask("h2", "cd /; su postgres -c \"psql -qc 'CREATE TABLE IF NOT EXISTS words (word text)' -c \\\"INSERT INTO words VALUES ('told')\\\"\"")
    site.ask("h3", "cd /; for i in $(seq 50); do su postgres -c \"psql -Atc 'SELECT word FROM words'\" | grep -q told && exit; sleep 0.2; done; exit 1")
    assert site.ask("h3", "cd /; su postgres -c \"psql -Atc 'SELECT pg_is_in_recovery()'\"") == "t"
    said = site.ask("h3", "cd /; su postgres -c \"psql -c 'CREATE TABLE no (n int)'\" 2>&1; true")
    assert "read-only" in said


@pytest.mark.parametrize("ending", ["yml", "py"])
def test_the_examples_do_their_work(site: Site, trees: dict[str, dict[str, Any]], ending: str) -> None:
    if trees:
        site.renew()
    steps: list[tuple[Callable[[Site, Path], None], str]] = [(rolling, "rolling"), (a_bad_deploy, "rolling"), (database, "database")]
    for step, name in steps:
        step(site, PLAYBOOKS / f"{name}.{ending}")
    trees[ending] = site.tree()


def test_yaml_and_python_leave_the_same_trees(trees: dict[str, dict[str, Any]]) -> None:
    yaml, python = trees["yml"], trees["py"]
    for path in ("h1:etc/haproxy/haproxy.cfg", "h2:srv/web/releases/2/index.html", "h3:etc/nginx/sites-available/web", "h2:etc/postgresql/15/main/pg_hba.conf"):
        assert path in yaml
    assert sorted(yaml) == sorted(python)
    assert {path: (yaml[path], python[path]) for path in yaml if yaml[path] != python[path]} == {}
