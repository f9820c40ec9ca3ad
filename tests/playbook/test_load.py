"""What the loader makes of right playbooks."""

from __future__ import annotations

import time
from typing import Any

import pytest

from fleet.errors import Pos
from fleet.model import Block, Task
from fleet.playbook import load_role, load_tasks, parse_keywords
from fleet.playbook.action import LATER
from fleet.trust import Trusted
from tests.playbook.conftest import Project

# task text -> (action, args, free)
SPELLINGS = [
    ("- debug: {msg: hi}", "debug", {"msg": "hi"}, None),
    ("- debug: msg=hi", "debug", {"msg": "hi"}, None),
    ("- debug:", "debug", {}, None),
    ("- ansible.builtin.debug: {msg: hi}", "debug", {"msg": "hi"}, None),
    ("- action: debug msg='a b'", "debug", {"msg": "a b"}, None),
    ("- action: {module: debug, msg: hi}", "debug", {"msg": "hi"}, None),
    ("- action: {module: debug, args: {msg: hi}}", "debug", {"msg": "hi"}, None),
    ("- action: {module: debug msg=hi}", "debug", {"msg": "hi"}, None),
    ("- debug:\n  args: {msg: hi}", "debug", {"msg": "hi"}, None),
    ("- debug: {msg: a}\n  args: {msg: b, verbosity: 1}", "debug", {"msg": "a", "verbosity": 1}, None),
    ("- command: ls -l creates=/x", "command", {"creates": "/x"}, "ls -l"),
    ("- command: {cmd: ls, chdir: /}", "command", {"cmd": "ls", "chdir": "/"}, None),
    ("- shell: a=1; echo $a\n  args: {chdir: /}", "shell", {"chdir": "/"}, "a=1; echo $a"),
    ("- set_fact: a=1 b='{{ x }}'", "set_fact", {"a": "1", "b": "{{ x }}"}, None),
    ("- include_vars: x.yml", "include_vars", {}, "x.yml"),
    ("- meta: flush_handlers", "meta", {}, "flush_handlers"),
    ("- include_tasks: a b.yml", "include_tasks", {"file": "a b.yml"}, None),
    ("- include_tasks: {file: '{{ x }}.yml', apply: {become: true}}", "include_tasks", {"file": "{{ x }}.yml", "apply": {"become": True}}, None),
    ("- include_role: name=x tasks_from=y", "include_role", {"name": "x", "tasks_from": "y"}, None),
    ("- include_role: {role: x, public: true}", "include_role", {"name": "x", "public": True}, None),
]


@pytest.mark.parametrize(("text", "action", "args", "free"), SPELLINGS)
def test_spellings(project: Project, text: str, action: str, args: Any, free: Any) -> None:
    task = project.task(text)
    assert (task.action, task.args, task.free) == (action, args, free)
    assert str(task.pos) == "site.yml:3:7" and task.file == str(project.root / "site.yml")


def test_local_action_is_delegated(project: Project) -> None:
    assert project.task("- local_action: command ls").keywords.delegate_to == "localhost"


def test_options_in_one_variable(project: Project) -> None:
    assert type(project.task("- debug: '{{ d }}'").args) is Trusted
    assert type(project.task("- debug:\n  args: '{{ d }}'").args[LATER]) is Trusted


def test_keywords(project: Project) -> None:
    task = project.task("""
        - name: n
          command: x
          when: [a, b == 1]
          tags: a, b
          become: "yes"
          retries: 3
          until: r is success
          changed_when: false
          failed_when: [a]
          notify: h
          register: r
          loop: [1, 2]
          loop_control: {loop_var: i, label: "{{ i }}", break_when: x}
          environment: {A: b}
          module_defaults: {file: {mode: "0600"}}
          vars: {x: 1}
          delay: "{{ d }}"
    """)
    said = task.keywords
    assert (said.when, said.tags, said.become, said.environment, said.vars) == (["a", "b == 1"], ["a", "b"], True, [{"A": "b"}], {"x": 1})
    assert (task.retries, task.until, task.changed_when, task.failed_when, task.delay) == (3, ["r is success"], [False], ["a"], "{{ d }}")
    assert (task.notify, task.register, task.loop, task.loop_with, task.loop_control.break_when) == (["h"], "r", [1, 2], None, ["x"])
    assert task.loop_control.loop_var == "i"


def test_with_loops(project: Project) -> None:
    task = project.task("- debug:\n  with_nested: [[1], [2]]")
    assert (task.loop_with, task.loop) == ("nested", [[1], [2]])


def test_blocks_and_their_notify(project: Project) -> None:
    block = project.task("""
        - name: b
          when: x
          notify: h
          block:
            - debug:
              notify: g
            - block: [{debug: }]
          rescue: [{fail: }]
          always: [{debug: }]
    """)
    assert isinstance(block, Block) and block.keywords.when == ["x"] and block.name == "b"
    assert block.tasks[0].notify == ["h", "g"] and block.tasks[1].tasks[0].notify == ["h"]
    assert [len(section) for section in (block.tasks, block.rescue, block.always)] == [2, 1, 1]


def test_play(project: Project) -> None:
    [play] = project.load("""
        - name: p
          hosts: [web, db]
          user: bob
          gather_facts: no
          serial: [1, "50%"]
          strategy: ansible.builtin.free
          order: sorted
          vars: {a: 1}
          vars_files: [x.yml, [y.yml, z.yml]]
          vars_prompt: [{name: v, prompt: V?, private: no}]
          pre_tasks: [{debug: }]
          tasks:
          post_tasks: [{debug: }]
          handlers: [{name: h, debug: , listen: [t]}]
          collections: [x.y]
    """).plays
    assert (play.hosts, play.keywords.remote_user, play.gather_facts, play.serial) == (["web", "db"], "bob", False, [1, "50%"])
    assert (play.strategy, play.order, play.vars_files, play.vars_prompt[0].private) == ("free", "sorted", ["x.yml", ["y.yml", "z.yml"]], False)
    assert play.handlers[0].listen == ["t"] and play.basedir == str(project.root)


def test_static_imports(project: Project) -> None:
    project.write("tasks/a.yml", "- import_tasks: sub/b.yml\n- debug:\n")
    project.write("tasks/sub/b.yml", "- import_tasks: c.yml\n")
    project.write("tasks/sub/c.yml", "- debug:\n- debug:\n")
    block = project.task("- import_tasks: tasks/{{ n }}.yml\n  when: x\n  tags: t\n  vars: {n: a}\n  become: true")
    assert (block.keywords.when, block.keywords.tags, block.keywords.vars, block.keywords.become) == (["x"], ["t"], {"n": "a"}, True)
    inner = block.tasks[0].tasks[0].tasks
    assert len(inner) == 2 and inner[0].file == str(project.root / "tasks/sub/c.yml") and str(inner[1].pos) == "tasks/sub/c.yml:2:3"


def test_imported_handlers_stand_among_the_others(project: Project) -> None:
    project.write("h.yml", "- name: a\n  debug:\n  when: y\n- include_tasks: more.yml\n  name: b\n  listen: t\n")
    play = project.load("- hosts: all\n  handlers: [{import_tasks: h.yml, when: x, become: true}, {name: c, debug: }]").plays[0]
    assert [handler.name for handler in play.handlers] == ["a", "b", "c"]
    assert play.handlers[0].keywords.when == ["x", "y"] and play.handlers[0].keywords.become is True


def test_import_playbook(project: Project) -> None:
    project.write("more/two.yml", "- hosts: a\n  vars: {x: 1, y: 1}\n  tags: b\n  tasks: [{import_tasks: t.yml}]\n")
    project.write("more/t.yml", "- debug:\n")
    [play] = project.load("- import_playbook: more/two.yml\n  vars: {x: 2}\n  tags: a\n  when: c").plays
    assert (play.keywords.vars, play.keywords.tags, play.keywords.when) == ({"x": 2, "y": 1}, ["a", "b"], ["c"])
    assert play.basedir == str(project.root / "more")


def role(project: Project) -> None:
    project.write("roles/web/tasks/main.yml", "- debug:\n- import_tasks: more.yml\n")
    project.write("roles/web/tasks/more.yml", "- include_tasks: x.yml\n")
    project.write("roles/web/tasks/other.yaml", "- debug:\n")
    project.write("roles/web/handlers/main.yml", "- name: h\n  debug:\n")
    project.write("roles/web/defaults/main/b.yml", "a: b\nb: b\n")
    project.write("roles/web/defaults/main/a.yml", "a: a\n")
    project.write("roles/web/vars/main.yml", "v: 1\n")
    project.write("roles/web/vars/other.yml", "v: 2\n")
    project.write("roles/web/meta/main.yml", "dependencies: [{role: base, x: 1}]\nallow_duplicates: yes\n"
                  "argument_specs: {main: {options: {v: {type: int}}}}\n")
    project.write("roles/base/tasks/main.yml", "- debug:\n")


def test_roles(project: Project) -> None:
    role(project)
    play = project.load("- hosts: all\n  roles: [base, {role: web, when: x, tags: t, port2: 80, vars: {y: 1}}]").plays[0]
    base, web = play.roles
    assert base.is_role and base.role and base.role.name == "base" and not base.role.dependencies
    assert web.role and (web.keywords.when, web.keywords.tags, web.keywords.vars) == (["x"], ["t"], {"y": 1})
    assert (web.role.params, web.role.defaults, web.role.vars) == ({"port2": 80}, {"a": "b", "b": "b"}, {"v": 1})
    assert web.role.allow_duplicates and web.role.handlers[0].role is web.role and isinstance(web.tasks[0], Task) and web.tasks[0].role is web.role
    assert web.role.dependencies[0].role and web.role.dependencies[0].role.params == {"x": 1}
    assert web.role.argument_specs == {"options": {"v": {"type": "int"}}}
    assert web.role.path == str(project.root / "roles/web")


def test_import_role(project: Project) -> None:
    role(project)
    block = project.task("- import_role: {name: web, tasks_from: other, vars_from: other.yml}\n  become: true")
    assert block.is_role and block.role.vars == {"v": 2} and len(block.tasks) == 1 and block.keywords.become is True


def test_role_of_a_collection_beside_the_playbook(project: Project) -> None:
    project.write("collections/ansible_collections/ns/col/roles/x/tasks/main.yml", "- debug:\n")
    assert project.task("- import_role: name=ns.col.x").role.name == "ns.col.x"


def test_a_role_may_import_another_file_of_itself(project: Project) -> None:
    project.write("roles/r/tasks/main.yml", "- import_role: {name: r, tasks_from: b}\n")
    project.write("roles/r/tasks/b.yml", "- debug:\n")
    assert project.task("- import_role: name=r").tasks[0].tasks[0].action == "debug"


def test_loading_at_run_time(project: Project) -> None:
    role(project)
    block = load_role("web", static=project.static, basedir=str(project.root), tasks_from="other", pos=Pos("x", 1, 1),
                      allow_duplicates=True, parents=(str(project.root / "roles/base"),), notify=["n"])
    assert block.role and block.role.parents == (str(project.root / "roles/base"),) and isinstance(block.tasks[0], Task)
    assert block.tasks[0].notify == ["n"] and block.role.handlers[0].notify == []
    path = project.write("h.yml", "- name: a\n  debug:\n  listen: t\n")
    [handler] = load_tasks(path, static=project.static, role=block.role, handlers=True)
    assert isinstance(handler, Task) and handler.listen == ["t"] and handler.role is block.role


def test_required_options_may_come_from_module_defaults(project: Project) -> None:
    assert project.task("- group_by:\n  module_defaults: {ansible.builtin.group_by: {key: x}}").action == "group_by"
    assert project.task("- block: [{group_by: }]\n  module_defaults: {group_by: {key: x}}").tasks


def test_apply() -> None:
    assert parse_keywords({"tags": "a,b", "when": "x", "notify": "h"}, Pos("x")).tags == ["a", "b"]


def test_a_file_is_parsed_once(project: Project) -> None:
    project.write("t.yml", "- debug:\n" * 20)
    start = time.perf_counter()
    blocks = project.tasks("- import_tasks: t.yml\n" * 200)
    assert len(blocks) == 200 and blocks[0].tasks[0] is not blocks[1].tasks[0]
    assert list(project.static.files) == [str(project.root / "site.yml"), str(project.root / "t.yml")]
    assert time.perf_counter() - start < 5


def test_modules_that_fleet_lacks_do_no_harm_where_they_may_not_run(project: Project) -> None:
    task = project.task("- pacman: name=acl\n  when: ansible_os_family == 'RedHat'")
    assert (task.action, task.args) == ("fail", {"msg": "fleet has no module 'pacman'"})
    block = project.task("- when: x\n  block:\n    - acme.web.shop: {name: acl}\n")
    assert block.tasks[0].action == "fail"
    block = project.task("- when: x\n  block:\n    - apt_key: {url: acl}\n")
    assert block.tasks[0].action == "fail" and "use deb822_repository" in block.tasks[0].args["msg"]


def test_names_of_imports_use_the_imports_own_variables(project: Project) -> None:
    project.write("other.yml", "- hosts: all\n  tasks: [{debug: }]\n")
    book = project.load("- ansible.legacy.import_playbook: '{{ file }}'\n  vars: {file: other.yml}\n")
    assert [play.hosts for play in book.plays] == ["all"]
    project.write("roles/r/tasks/main.yml", "- debug:\n")
    role = project.task("- import_role: {name: r, allow_duplicates: '{{ false }}'}").role
    assert role.allow_duplicates is False
