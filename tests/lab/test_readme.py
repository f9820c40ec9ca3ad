"""The README's two examples, as they stand there, on real hosts: planned, applied, and the second finds nothing to do."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from fleet.lab import Lab
from tests.engine.harness import Site
from tests.lab.test_ssh import ssh

pytestmark = pytest.mark.lab
README = (Path(__file__).parents[2] / "README.md").read_text()


def test_the_examples(site: Site, lab: Lab) -> None:
    for name, text in re.findall(r"```\w+\n# (\S+)\n(.*?)```", README, re.DOTALL):
        (site.path / name).write_text(text)
    hosts = ["h1", "h2", "h3"]
    planned = site.run(name="site.yml", check=True)
    assert [planned.stats[host].changed for host in hosts] == [2, 2, 2]
    assert ssh(lab, "h1", "ls /srv/www 2>/dev/null") == "", "a plan touches nothing"
    first = site.run(name="site.yml")
    assert [first.messages(host) for host in hosts] == [["the page is new"]] * 3
    assert ssh(lab, "h2", "cat /srv/www/index.html") == "Hello from h2 on Debian\n"
    for name in ("site.yml", "site.py"):
        again = site.run(name=name)
        assert again.status == 0 and [again.stats[host].changed for host in hosts] == [0, 0, 0], name
    ssh(lab, "h1", "rm -r /srv/www")
    python = site.run(name="site.py")
    assert (python.messages("h1"), python.messages("h2")) == (["the page is new"], [])
