"""Roles: functions with typed parameters, found by name, and YAML and Python in one another."""

from __future__ import annotations

import importlib.metadata
import sys
import textwrap
from pathlib import Path

import pytest

from fleet.errors import FleetError
from tests.engine.harness import Seen, Site

NGINX = '''
from __future__ import annotations
from dataclasses import dataclass
from typing import Literal
from fleet import Host


@dataclass
class Backend:
    name: str
    weight: int = 1


def role(t: Host, number: int, mode: Literal["plain", "tls"] = "plain", backends: list[Backend] | None = None, owner: str = "root") -> str:
    """A web server."""
    made = t.template("conf.j2", dest=f"{t.vars.top}/conf-{number}", notify=reload)
    return f"{t.name}:{number}:{mode}:{','.join(f'{b.name}*{b.weight}' for b in backends or [])}:{made.changed}"


def reload(t: Host) -> None:
    t.debug(f"reloaded {t.vars.number}")
'''
YAML_ROLE = """
- copy: {content: "{{ port }} {{ extra }}", dest: "{{ top }}/yaml-{{ port }}"}
  notify: Tell
"""


@pytest.fixture
def full(site: Site) -> Site:
    """A site with a role in a package, one in a file, one in YAML."""
    site.write("group_vars/all.yml", f"top: {site.path}\n")
    site.write("roles/nginx/__init__.py", NGINX)
    site.write("roles/nginx/templates/conf.j2", "{{ number }} {{ mode }} {{ owner }}\n")
    site.write("roles/small.py", "from fleet import Host\nfrom helper import word\n\n"
               "def small(t: Host, text: str = 'default') -> None:\n    t.debug(f'{word} {text}')\n")
    site.write("roles/helper.py", "word = 'small'\n")
    site.write("roles/plain/tasks/main.yml", YAML_ROLE)
    site.write("roles/plain/defaults/main.yml", "extra: by default\n")
    site.write("roles/plain/handlers/main.yml", "- name: Tell\n  debug: {msg: 'told {{ port }}'}\n")
    return site


def run(site: Site, text: str, **options: object) -> Seen:
    return site.run("from fleet import Host, TaskFailed, play\n" + textwrap.dedent(text), name="play.py", **options)  # type: ignore[arg-type]


def ok(seen: Seen) -> Seen:
    assert seen.status == 0, (seen.notes(), [event.result for event in seen.results() if event.status == "failed"])
    return seen


def test_from_python_by_name_and_as_a_function(full: Site) -> None:
    seen = ok(run(full, """
        @play(hosts="a")
        def work(t: Host) -> None:
            t.debug(t.role("nginx", number=80, backends=[dict(name="x"), dict(name="y", weight=3)]))
            t.role("small")
            t.role(mine, text="called")
            t.role("plain", port=1, extra="given")

        def mine(t: Host, text: str, more: int = 2) -> None:
            t.debug(f"{text} {more}")
        """))
    assert seen.messages() == ["a:80:plain:x*1,y*3:True", "small default", "called 2", "reloaded 80", "told 1"]
    assert (full.path / "conf-80").read_text() == "80 plain root\n", "templates see the parameters, defaults too"
    assert (full.path / "yaml-1").read_text() == "1 given"
    assert {event.role for event in seen.events if getattr(event, "role", "")} == {"nginx", "small", "mine", "plain"}


def test_the_roles_of_a_play(full: Site) -> None:
    seen = ok(run(full, """
        def first(t: Host, n: int = 1) -> None:
            t.debug(f"first {n}")

        @play(hosts="a", roles=[first, {"role": first, "n": 2}, "small", {"role": "plain", "port": "{{ 40 + 2 }}"}])
        def work(t: Host) -> None:
            t.debug("body")
        """))
    assert seen.messages() == ["first 1", "first 2", "small default", "body", "told 42"]


def test_a_yaml_play_uses_python_roles(full: Site) -> None:
    text = """
        - hosts: pair
          gather_facts: false
          vars: {web_number: 8080}
          roles:
            - small
            - {role: nginx, number: "{{ web_number }}", mode: tls, when: inventory_hostname == 'a', tags: web}
          tasks:
            - include_role: {name: small}
              vars: {text: "{{ inventory_hostname }} included"}
            - import_role: {name: small}
              vars: {text: imported}
            - debug: {msg: end}
        """
    seen = ok(full.run(text))
    assert seen.messages("a") == ["small default", "small a included", "small imported", "end", "reloaded 8080"]
    assert seen.messages("b") == ["small default", "small b included", "small imported", "end"]
    assert (full.path / "conf-8080").read_text() == "8080 tls root\n"
    assert ok(full.run(text, tags=("web",))).messages() == []


def test_a_failing_python_role_is_rescued_in_yaml(full: Site) -> None:
    full.write("roles/bad.py", "def role(t, how):\n    if how == 'task':\n        t.command('false')\n        t.wait()\n    raise ValueError('mine')\n")
    seen = full.run("""
        - hosts: a
          gather_facts: false
          tasks:
            - block:
                - include_role: {name: bad}
                  vars: {how: "{{ item }}"}
                  loop: [task]
              rescue: [{debug: {msg: "rescued {{ ansible_failed_result.msg }}"}}]
            - block:
                - include_role: {name: bad}
                  vars: {how: code}
              rescue: [{debug: {msg: "{{ ansible_failed_result.msg.splitlines()[0] }}"}}]
        """)
    assert ok(seen).messages() == ["rescued non-zero return code", "ValueError: mine"]


def test_barriers_inside_a_linear_play_wait_for_those_who_are_on_the_way(full: Site) -> None:
    full.write("roles/meet.py", "trail = []\ndef role(t):\n    trail.append('in')\n    t.wait_all()\n    trail.append('out')\n    t.wait_all()\n"
                                "    t.debug(' '.join(trail))\n")
    seen = ok(full.run("""
        - hosts: all
          gather_facts: false
          tasks:
            - include_role: {name: meet}
              when: inventory_hostname != 'c'
            - debug: {msg: then}
        """))
    assert [seen.messages(host) for host in "abc"] == [["in in out out", "then"], ["in in out out", "then"], ["then"]]


@pytest.mark.parametrize(("use", "words"), [
    ("role: nginx", "needs the parameter 'number' (int)"), ("role: nginx, numbr: 1", "did you mean 'number'?"),
    ("role: nginx, number: many", "takes int, not 'many'"),
    ("role: nginx, number: 1, mode: fast", "takes Literal['plain', 'tls'], not 'fast'"),
    ("role: nginx, number: 1, backends: [{nam: x}]", "takes list[Backend] | None, not"), ("role: empty", "has no function"), ("role: broken", "cannot be imported"),
    ("role: nginx, number: [1]", "takes int"), ("role: smal", "did you mean 'small"),
])
def test_wrong_parameters_are_said_with_their_place_before_any_host(full: Site, use: str, words: str) -> None:
    full.write("roles/empty.py", "x = 1\n")
    full.write("roles/broken.py", "1 / 0\n")
    with pytest.raises(FleetError) as caught:
        full.run(f"- hosts: a\n  roles:\n    - {{{use}}}\n")
    assert words in caught.value.render(), caught.value.render()
    assert ".yml:3" in caught.value.render() or ".py" in caught.value.render()


def test_wrong_parameters_in_python_name_the_line(full: Site) -> None:
    seen = run(full, """
        @play(hosts="a")
        def work(t: Host) -> None:
            t.role("nginx", number="80")
        """)
    assert seen.status == 2
    assert "takes int, not '80'" in seen.notes()[0] and "play.py:5" in seen.notes()[0]


def test_templated_parameters_are_checked_when_the_host_is_known(full: Site) -> None:
    seen = full.run("- hosts: a\n  gather_facts: false\n  vars: {n: many}\n  roles: [{role: nginx, number: '{{ n }}'}]\n")
    assert seen.status == 2
    assert "takes int, not 'many'" in "".join(seen.notes())


def test_installed_roles(full: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lib = tmp_path / "lib"
    (lib / "acme_roles/templates").mkdir(parents=True)
    (lib / "acme_roles/__init__.py").write_text("from fleet import Host\n\ndef web(t: Host, number: int = 1) -> None:\n"
                                                "    t.template('x.j2', dest=f'{t.vars.top}/acme')\n    t.debug(f'acme {number}')\n")
    (lib / "acme_roles/templates/x.j2").write_text("acme {{ number }}")
    (lib / "acme-1.dist-info").mkdir()
    (lib / "acme-1.dist-info/METADATA").write_text("Metadata-Version: 2.1\nName: acme\nVersion: 1\n")
    (lib / "acme-1.dist-info/entry_points.txt").write_text("[fleet.roles]\nacme.web = acme_roles:web\nbroken = acme_roles:nosuch\n")
    monkeypatch.syspath_prepend(str(lib))
    importlib.invalidate_caches() if hasattr(importlib, "invalidate_caches") else None
    seen = ok(run(full, """
        @play(hosts="a", roles=["acme.web"])
        def work(t: Host) -> None:
            t.role("acme.web", number=2)
        """))
    assert seen.messages() == ["acme 1", "acme 2"]
    assert (full.path / "acme").read_text() == "acme 2"
    assert ok(full.run("- hosts: a\n  gather_facts: false\n  roles: [{role: acme.web, vars: {number: '3'}}]\n")).messages() == ["acme 3"]
    full.write("roles/plain.py", "def role(t): pass\n")
    with pytest.raises(FleetError, match="there are two roles 'plain'"):
        full.run("- hosts: a\n  roles: [plain]\n")
    with pytest.raises(FleetError, match="cannot be loaded"):
        full.run("- hosts: a\n  roles: [broken]\n")
    sys.modules.pop("acme_roles", None)


def test_playbooks_of_both_kinds_in_one_another(full: Site) -> None:
    full.write("inner.yml", "- hosts: a\n  gather_facts: false\n  tasks:\n    - debug: {msg: 'yaml {{ given | default(0) }}'}\n      tags: [y]\n")
    full.write("inner.py", "from fleet import play\n\n@play(hosts='a')\ndef one(t):\n    t.debug(f'python {t.vars.get(\"given\", 0)}')\n")
    seen = ok(full.run("""
        - import_playbook: inner.py
          vars: {given: 1}
        - import_playbook: inner.py
          when: false
        - import_playbook: inner.yml
        """))
    assert seen.messages() == ["python 1", "yaml 0"]
    seen = ok(run(full, """
        @play(hosts="a")
        def first(t): t.debug("first")

        @play(hosts="a")
        def unused(t): t.debug("unused")

        playbook = ["inner.yml", first, "inner.py"]
        """))
    assert seen.messages() == ["yaml 0", "first", "python 0"]


def test_include_tasks_from_python(full: Site) -> None:
    full.write("more.yml", "- debug: {msg: 'included {{ n }}'}\n- set_fact: {left: '{{ n }}'}\n")
    seen = ok(run(full, """
        @play(hosts="a")
        def work(t: Host) -> None:
            t.include_tasks("more.yml", n=3)
            t.debug(f"{t.vars.left}")
        """))
    assert seen.messages() == ["included 3", "3"]
