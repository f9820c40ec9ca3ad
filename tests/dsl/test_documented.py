"""The examples of docs/dsl.md and docs/library.md run as they stand there."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path
from typing import Any

import fleet
from fleet.connection.base import Endpoint, Request
from fleet.testing import Simulated, plausible

DOCS = Path(__file__).parents[2] / "docs"


def blocks(page: str) -> list[str]:
    return re.findall(r"```python\n(.*?)```", (DOCS / page).read_text(), re.DOTALL)


def changing(endpoint: Endpoint, request: Request) -> dict[str, Any]:
    return {**plausible(endpoint, request), "changed": True}


def test_the_first_example(tmp_path: Path) -> None:
    (tmp_path / "web.py").write_text(blocks("dsl.md")[0])
    (tmp_path / "nginx.conf.j2").write_text("{{ inventory_hostname }}\n")
    hosts = {"web": {"hosts": {f"web{number}": {} for number in range(8)}, "vars": {"sites": [{"name": "a"}, {"name": "b"}]}}}
    done = fleet.run(tmp_path / "web.py", hosts, connections=Simulated(changing)).raise_for_status()
    assert [each.action for each in done.hosts["web3"].results] == ["template", "file", "file", "service"]


def test_a_result_as_an_argument(tmp_path: Path) -> None:
    (tmp_path / "play.py").write_text("from fleet import play\n\n@play(hosts='all')\ndef work(t):\n" + textwrap.indent(blocks("dsl.md")[1], "    "))
    simulated = Simulated(record=True)
    fleet.run(tmp_path / "play.py", "a,", connections=simulated).raise_for_status()
    assert [request.module for _, request in simulated.requests] == ["tempfile", "command", "copy"]
    assert simulated.requests[1][1].refs


def test_a_role_from_python_and_from_yaml(tmp_path: Path) -> None:
    role, uses = (text for text in blocks("dsl.md")[2:4])
    (tmp_path / "roles/nginx/templates").mkdir(parents=True)
    (tmp_path / "roles/nginx.py").write_text(role)
    (tmp_path / "roles/nginx/templates/nginx.conf.j2").write_text("{{ sites | join(' ') }} {{ mode }}\n")
    (tmp_path / "roles/base/tasks").mkdir(parents=True)
    (tmp_path / "roles/base/tasks/main.yml").write_text("- ping:\n")
    calls, decorator = uses.split("@play", 1)
    (tmp_path / "play.py").write_text("from fleet import Host, play\n\ndef my_function(t: Host, port: int) -> None:\n    t.ping()\n\n@play" + decorator
                                      + "def work(t: Host) -> None:\n" + textwrap.indent(calls, "    "))
    (tmp_path / "play.yml").write_text("- hosts: web\n  gather_facts: false\n  roles: [{role: nginx, sites: [a, b]}]\n")
    hosts = {"web": {"hosts": {"w": {}}}}
    done = fleet.run([tmp_path / "play.py", tmp_path / "play.yml"], hosts, connections=Simulated(changing)).raise_for_status()
    assert [each.action for each in done.results] == [
        "ping", "apt", "template", "apt", "template", "ping", "service", "apt", "template", "service"]


def test_the_library_example(tmp_path: Path) -> None:
    text = blocks("library.md")[0].replace('"site.yml", "inventory"', "site, inventory")
    (tmp_path / "site.yml").write_text("- hosts: all\n  gather_facts: false\n  tasks: [{file: {path: /x, state: directory}}]\n")
    inventory = {"all": {"hosts": {"a": {"ansible_connection": "local"}}}}
    exec(compile(text, "library.md", "exec"), {"site": tmp_path / "site.yml", "inventory": inventory})
