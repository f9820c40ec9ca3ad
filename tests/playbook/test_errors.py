"""What the loader says about wrong playbooks: text -> position and message, as data."""

from __future__ import annotations

import textwrap

import pytest

from fleet.errors import SourceError
from tests.playbook.conftest import Project

# tasks (they start in line 3, column 5) -> "line:col: message | hint", as far as it is given
TASKS = [
    ("- debugg: {}", "3:7: there is no module or keyword 'debugg' | did you mean 'debug'?"),
    ("- ansible.builtin.subversion: {repo: x}", "3:7: fleet has no module 'ansible.builtin.subversion' | a `when` on the task"),
    ("- acme.web.shop: {name: x}", "3:7: fleet has no module 'acme.web.shop' | a `when` on the task"),
    ("- ansible.builtn.copy: {dest: x}", "3:7: there is no module 'ansible.builtn.copy' | did you mean 'ansible.builtin.copy'?"),
    ("- apt_key: {url: x}", "3:7: fleet has no module 'apt_key' | apt-key is gone from Debian and Ubuntu: use deb822_repository with the key as `signed_by`"),
    ("- debug:\n  wehn: x", "4:7: a task has no keyword 'wehn' | did you mean 'when'?"),
    ("- nmae: x\n  debug:", "3:7: a task has no keyword 'nmae' | did you mean 'name'?"),
    ("- debug:\n  listen: x", "4:7: 'listen' does not belong on a task | it belongs on a handler"),
    ("- debug:\n  hosts: x", "4:7: 'hosts' does not belong on a task | it belongs on a play"),
    ("- debug:\n  command: ls", "4:7: this task has two actions: 'debug' and 'command'"),
    ("- action: debug\n  command: ls", "4:7: this task has two actions"),
    ("- name: x", "3:7: this task has no action"),
    ("-", "3:6: this task is empty"),
    ("- debug", "3:7: a task is a mapping, not text"),
    ("- - debug:", "3:7: a task is a mapping, not a list | there is one dash too many"),
    ("- debug: {mgs: x}", "3:15: debug has no option 'mgs' | did you mean 'msg'?"),
    ("- debug: mgs=x", "3:7: debug has no option 'mgs'"),
    ("- debug: {verbosity: much}", "3:15: debug: the option 'verbosity' takes an integer"),
    ("- debug: {msg: a, var: b}", "3:23: debug: 'msg' and 'var' exclude each other"),
    ("- debug: [a]", "3:7: 'debug' takes a mapping of options, not a list"),
    ("- debug: 5", "3:7: 'debug' takes a mapping of options, not a number"),
    ("- debug: some text", "3:7: 'debug' takes options, not the text 'some text'"),
    ("- debug: msg='x", "3:7: the quotes of this line do not close"),
    ("- group_by:", "3:7: group_by needs the option 'key'"),
    ("- command: ls\n  async: soon", "4:7: 'async' takes a whole number"),
    ("- meta: flush_handler", "3:7: there is no meta action 'flush_handler' | did you mean 'flush_handlers'?"),
    ("- meta:", "3:7: meta needs an action"),
    ("- debug:\n  become: maybe", "4:7: 'become' takes true or false, not 'maybe'"),
    ("- debug:\n  retries: many", "4:7: 'retries' takes a whole number"),
    ("- debug:\n  when: {a: b}", "4:7: 'when' takes an expression or a list of them, not a mapping"),
    ("- debug:\n  vars: [a]", "4:7: 'vars' takes a mapping of variables, not a list"),
    ("- debug:\n  vars: {a-b: 1}", "4:14: 'a-b' is an Invalid variable name"),
    ("- debug:\n  register: 1x", "4:7: '1x' is an Invalid variable name"),
    ("- debug:\n  loop: abc", "4:7: 'loop' takes a list, not text | a variable is written"),
    ("- debug:\n  loop: [1]\n  with_items: [1]", "5:7: this task has two loops"),
    ("- debug:\n  loop: [1]\n  loop_control: {loopvar: x}", "5:22: loop_control has no option 'loopvar' | did you mean 'loop_var'?"),
    ("- block:", None),
    ("- block: {debug: }", "3:7: 'block' takes a list of tasks, not a mapping"),
    ("- rescue: []\n  debug:", "3:7: 'rescue' without a block"),
    ("- block: []\n  loop: [1]", "4:7: 'loop' does not belong on a block"),
    ("- block: []\n  debug:", "4:7: this block has the action 'debug' as well"),
    ("- import_tasks: x.yml", "3:7: there is no tasks file 'x.yml' | looked for: x.yml"),
    ("- import_tasks: '{{ inventory_hostname }}.yml'", "3:7: import_tasks is read before any host is known"),
    ("- import_tasks: x.yml\n  loop: [1]", "4:7: 'loop' cannot be used with 'import_tasks' | use include_tasks"),
    ("- import_tasks: {file: a, apply: {}}", "3:31: 'import_tasks' has no option 'apply'"),
    ("- include_tasks: {}", "3:7: 'include_tasks' needs the file of what to include"),
    ("- include_tasks: x.yml\n  become: true", "4:7: 'become' does not belong on 'include_tasks' | write `apply: {become: ...}`"),
    ("- include_tasks: {file: x, apply: {loop: [1]}}", "3:40: `apply` does not take 'loop'"),
    ("- include_tasks: x.yml a=1", "3:7: 'include_tasks' takes no options here"),
    ("- include_role: {nam: x}", "3:22: 'include_role' has no option 'nam' | did you mean 'name'?"),
    ("- import_role: {name: nowhere}", "3:7: there is no role 'nowhere' | looked in: roles"),
    ("- import_playbook: x.yml", "3:7: import_playbook stands among plays"),
    ("- debug:\n\t  msg: x", "bad YAML"),
]

PLAYBOOKS = [
    ("", "1:1: this playbook is empty"),
    ("hosts: all", "1:1: a playbook is a list of plays, not a mapping"),
    ("- all", "1:3: a play is a mapping, not text"),
    ("- tasks: []", "1:3: this play has no 'hosts' | say where"),
    ("- debug: {}", "1:3: 'debug' is not a valid attribute for a Play, and this play has no 'hosts' | it looks like a task"),
    ("- hosts:", "1:3: 'hosts' is empty"),
    ("- hosts: {a: b}", "1:3: 'hosts' takes a pattern or a list of them, not a mapping"),
    ("- hosts: all\n  taks: []", "2:3: a play has no keyword 'taks' | did you mean 'tasks'?"),
    ("- hosts: all\n  when: x", "2:3: 'when' does not belong on a play"),
    ("- hosts: all\n  strategy: mitogen_linear", "2:3: the strategy 'mitogen_linear' is not supported"),
    ("- hosts: all\n  fact_path: /x", "2:3: 'fact_path' is not supported on a play"),
    ("- hosts: all\n  tasks: {debug: }", "2:3: 'tasks' takes a list of tasks, not a mapping"),
    ("- hosts: all\n  roles: web", "2:3: 'roles' takes a list of roles, not text"),
    ("- hosts: all\n  roles: [web]", "2:11: there is no role 'web'"),
    ("- hosts: all\n  roles: [{tags: x}]", "2:11: this entry names no role"),
    ("- hosts: all\n  vars_prompt: [{nam: x}]", "2:18: vars_prompt has no option 'nam' | did you mean 'name'?"),
    ("- hosts: all\n  handlers: [{meta: flush_handlers}]", "2:15: flush_handlers cannot be used as a handler"),
    ("- hosts: all\n  handlers: [{include_role: {name: x}}]", "2:15: Using 'include_role' as a handler is not supported."),
    ("- hosts: all\n  handlers: [{block: []}]", "2:15: Using a block as a handler is not supported."),
    ("- import_playbook: x.yml", "1:3: there is no playbook 'x.yml'"),
    ("- import_playbook: x.yml\n  hosts: all", "2:3: 'hosts' does not belong beside import_playbook"),
    ("- import_playbook: site.yml", "1:3: this import goes round in a circle: site.yml -> site.yml"),
]


def fails(project: Project, text: str, expected: str) -> None:
    message, _, hint = expected.partition(" | ")
    with pytest.raises(SourceError) as caught:
        project.load(text)
    error = caught.value
    assert message in str(error.pos) + ": " + error.message, error.render()
    assert hint in error.hint, error.render()


@pytest.mark.parametrize(("text", "expected"), TASKS)
def test_wrong_tasks(project: Project, text: str, expected: str | None) -> None:
    text = "- hosts: all\n  tasks:\n" + textwrap.indent(text, "    ")
    if expected is None:
        project.load(text)
    else:
        fails(project, text, expected)


@pytest.mark.parametrize(("text", "expected"), PLAYBOOKS)
def test_wrong_playbooks(project: Project, text: str, expected: str) -> None:
    fails(project, text, expected)


def test_circles_are_named(project: Project) -> None:
    project.write("a.yml", "- import_tasks: b.yml\n")
    project.write("b.yml", "- import_tasks: a.yml\n")
    fails(project, "- hosts: all\n  tasks: [{import_tasks: a.yml}]", "b.yml:1:3: this import goes round in a circle: a.yml -> b.yml -> a.yml")
    project.write("roles/x/meta/main.yml", "dependencies: [y]\n")
    project.write("roles/y/meta/main.yml", "dependencies: [x]\n")
    fails(project, "- hosts: all\n  roles: [x]", "roles/y/meta/main.yml:1:16: this import goes round in a circle: role x -> role y -> role x")


def test_errors_in_a_role_are_found_in_its_files(project: Project) -> None:
    project.write("roles/x/tasks/main.yml", "- debug: {mgs: x}\n")
    fails(project, "- hosts: all\n  roles: [x]", "roles/x/tasks/main.yml:1:11: debug has no option 'mgs'")
    project.write("roles/x/defaults/main.yml", "- a\n")
    fails(project, "- hosts: all\n  roles: [x]", "roles/x/defaults/main.yml:1:3: a file of defaults holds a mapping")
    project.write("roles/x/defaults/main.yml", "a: 1\n")
    fails(project, "- hosts: all\n  tasks: [{import_role: {name: x, tasks_from: ../../../etc}}]", "it is not inside the expected role path")
