"""How a play goes on after failures, notifications and skipped roles; what results hold. Each case is a playbook and what host `a` must have shown."""

from __future__ import annotations

from typing import Any

import pytest

from tests.engine.harness import Site

# name -> (tasks of a play on host a, what its debug tasks must show)
TASKS: dict[str, tuple[str, list[Any]]] = {
    "clear_host_errors in always: the host goes on": ("""
        - block:
            - fail:
          always:
            - meta: clear_host_errors
        - debug: {msg: onward}
        """, ["onward"]),
    "an inner block's always forgives what failed in the outer block's first": ("""
        - block:
            - block:
                - fail:
              always:
                - debug: {msg: inner}
          always:
            - meta: clear_host_errors
        - debug: {msg: onward}
        """, ["inner", "onward"]),
    "changed_when sees what add_host did": ("""
        - add_host: {name: new}
          changed_when: added is changed
          register: added
        - add_host: {name: new}
          register: again
        - debug: {msg: "{{ added is changed }} {{ again is changed }}"}
        """, ["True False"]),
    "group_by tells its group": ("""
        - group_by: {key: my group}
          register: r
        - debug: {msg: "{{ r.add_group }} {{ r.parent_groups }} {{ r is changed }} {{ groups['my-group'] }}"}
        """, ["my-group ['all'] True ['a']"]),
    "a label sees its item's result, and one that fails is only warned about": ("""
        - command: "echo {{ item }}"
          loop: [x, y]
          loop_control: {label: "{{ r.stdout }}"}
          when: item == 'x'
          register: r
        - debug: {msg: "{{ r.results[1] is skipped }} {{ r.results | map(attribute='warnings', default=[]) | map('length') }}"}
        """, ["True [0, 1]"]),
    "ansible_loop without its items": ("""
        - debug: {msg: "{{ ansible_loop.index }} {{ ansible_loop.allitems is defined }}"}
          loop: [x]
          loop_control: {extended: true, extended_allitems: false}
        """, ["1 False"]),
    "what is given wrong is the task's failure where one is expected": ("""
        - add_host: no options here
          ignore_errors: true
          register: r
        - debug: {msg: "{{ r is failed and 'takes options' in r.msg }}"}
        """, [True]),
    "options from a template must be a mapping; omitted ones are none": ("""
        - group_by:
          args: "{{ 'text' ~ '' }}"
          ignore_errors: true
          register: r
        - debug: {msg: "{{ r is failed and 'must be a mapping' in r.msg }}"}
        - debug:
          args: "{{ omit }}"
        - debug: {msg: mine}
          args: "{{ theirs }}"
          vars: {theirs: {verbosity: "{{ omit }}", msg: theirs}}
        """, [True, "Hello world!", "mine"]),
    "a broken changed_when keeps the module's result": ("""
        - command: echo kept
          changed_when: 1 / 0
          ignore_errors: true
          register: r
        - debug: {msg: "{{ r.stdout }} {{ 'Error rendering expression. division by zero' in r.msg }}"}
        """, ["kept True"]),
    "unknown and missing options at run time": ("""
        - command: "true"
          args: "{{ {'nonsense': 1} }}"
          ignore_errors: true
          register: r
        - group_by:
          args: "{{ {} }}"
          ignore_errors: true
          register: s
        - debug: {msg: ["{{ r.msg }}", "{{ s.msg }}"]}
        """, [["Unsupported parameters for (command) module: nonsense", "missing required arguments: key"]]),
    "a condition may come from a variable, if a person wrote it": ("""
        - assert: {that: "{{ item }}"}
          loop: [1 == 1, x == 'x']
          vars: {x: x}
        - debug: {msg: when}
          when: "{{ wanted }}"
          vars: {wanted: 2 == 2}
        - assert: {that: "{{ '1 == ' ~ 1 }}"}
          ignore_errors: true
          register: r
        - debug: {msg: "{{ r is failed and 'untrusted' in r.msg }}"}
        - assert: {that: '"x{{ 1 + 1 }}" == "x2"'}
        """, ["when", True]),
    "a module's name may be a template": ("""
        - set_fact: {which: debug}
        - action: "{{ which }} msg='one {{ which }}'"
        - action: {module: "{{ which }}", msg: two}
        - action: "{{ 'nonsense' }}"
          ignore_errors: true
          register: r
        - debug: {msg: "{{ r is failed and 'no module' in r.msg }}"}
        """, ["one debug", "two", True]),
    "debug shows what could not be omitted": ("""
        - debug: {var: nothing}
          vars: {nothing: "{{ omit }}"}
          register: r
        - debug: {msg: "{{ r.nothing }} {{ r.warnings | length }}"}
        """, ["<<Omit>> 1"]),
}


@pytest.mark.parametrize("name", TASKS)
def test_tasks(site: Site, name: str) -> None:
    tasks, wanted = TASKS[name]
    seen = site.run("- hosts: a\n  gather_facts: false\n  tasks:\n" + tasks)
    assert seen.status == 0, (seen.error, seen.events)
    assert [message for message in seen.messages() if message != "All assertions passed"] == wanted


def test_commands_here_start_beside_the_playbook(site: Site) -> None:
    seen = site.run("""
        - hosts: a
          gather_facts: false
          tasks:
            - command: pwd
              register: first
            - command: pwd
              args: {chdir: /}
            - shell: pwd
              register: last
            - raw: pwd
              register: raw
            - debug: {msg: "{{ [first.stdout, last.stdout, raw.stdout | trim] }}"}
        """)
    assert seen.messages() == [[str(site.path)] * 3]


def test_an_include_that_runs_once_is_the_first_hosts(site: Site) -> None:
    site.write("more.yml", "- set_fact: {mine: set}\n")
    seen = site.run("""
        - hosts: all
          gather_facts: false
          tasks:
            - include_tasks: more.yml
              run_once: true
            - debug: {msg: "{{ mine | default('no') }}"}
        - hosts: all
          gather_facts: false
          tasks:
            - include_tasks: {file: more.yml, apply: {run_once: true}}
              run_once: true
            - debug: {msg: "{{ mine | default('no') }}"}
        """)
    assert seen.status == 0
    assert (seen.messages("a"), seen.messages("b")) == (["set", "set"], ["no", "set"])


def test_what_is_done_for_all_hosts_is_done_once(site: Site) -> None:
    seen = site.run("""
        - hosts: all
          gather_facts: false
          tasks:
            - add_host: {name: "from-{{ inventory_hostname }}", groups: added}
            - pause: {seconds: 0}
              register: waited
            - debug: {msg: "{{ [groups.added, waited.rc] }}"}
        """)
    assert seen.messages("b") == [[["from-a"], 0]]
    assert [(r.action, r.host) for r in seen.results() if r.action in ("add_host", "pause")] == [("add_host", "a"), ("pause", "a")]


def test_a_meta_task_as_a_handler_is_seen_to_run(site: Site) -> None:
    seen = site.run("""
        - hosts: a
          gather_facts: false
          tasks: [{command: "true", notify: h}]
          handlers: [{name: h, meta: noop}]
        """)
    assert seen.trail() == ["command true changed", "h ok"]
    assert [note for note in seen.notes() if note.startswith("META")] == ["META: triggered running handlers", "META: noop"]


def test_end_role_belongs_into_a_role(site: Site) -> None:
    assert "from outside of a role" in site.run("- hosts: a\n  gather_facts: false\n  tasks: [{meta: end_role}]\n").error
    seen = site.run("""
        - hosts: a
          gather_facts: false
          tasks: [{command: "true", notify: h}]
          handlers: [{name: h, meta: end_role}]
        """)
    assert "from a handler" in seen.error


def test_a_delegated_task_knows_it_is_one(site: Site) -> None:
    seen = site.run("""
        - hosts: a
          gather_facts: false
          tasks:
            - debug: {msg: "{{ ansible_delegated_vars | list }}"}
              delegate_to: b
        """)
    assert seen.messages() == [["b"]]


def test_a_refreshed_inventory_keeps_what_the_run_added(site: Site) -> None:
    seen = site.run(f"""
        - hosts: a
          gather_facts: false
          tasks:
            - add_host: {{name: new, groups: fresh, colour: red}}
            - group_by: {{key: kind, parents: kinds}}
            - copy: {{content: "a ansible_connection=local\\nd\\n", dest: {site.path}/hosts}}
            - meta: refresh_inventory
        - hosts: a
          gather_facts: false
          tasks:
            - debug: {{msg: "{{{{ [groups.all | sort, groups.fresh, hostvars.new.colour, groups.kinds] }}}}"}}
        """)
    assert seen.messages() == [[["a", "d", "new"], ["new"], "red", ["a"]]]


def test_a_role_that_was_skipped_runs_the_next_time(site: Site) -> None:
    site.write("roles/r/tasks/main.yml", "- debug: {msg: ran}\n")
    site.write("roles/s/tasks/main.yml", "- set_fact: {ready: true}\n")
    seen = site.run("""
        - hosts: a
          gather_facts: false
          roles:
            - {role: r, when: ready is defined}
            - s
            - {role: r, when: ready is defined}
            - {role: r, when: ready is defined}
        """)
    assert seen.messages() == ["ran"]


def test_of_handlers_with_one_name_the_plays_own_first_one_runs(site: Site) -> None:
    site.write("roles/r/handlers/main.yml", "- {name: h, debug: {msg: role}}\n- {listen: topic, debug: {msg: listened}}\n")
    seen = site.run("""
        - hosts: a
          gather_facts: false
          roles: [r]
          tasks:
            - command: "true"
              notify: [h, "r : topic"]
          handlers:
            - {name: h, debug: {msg: first}}
            - {name: h, debug: {msg: second}}
        """)
    assert sorted(seen.messages()) == ["first", "listened"]


def test_a_role_used_again_has_its_handlers_once(site: Site) -> None:
    site.write("roles/r/tasks/main.yml", "- {command: 'true', notify: h}\n")
    site.write("roles/r/handlers/main.yml", "- {name: h, debug: {msg: 'ran {{ x | default(0) }}'}}\n")
    site.write("roles/outer/tasks/main.yml", "- import_role: {name: r}\n")
    seen = site.run("""
        - hosts: a
          gather_facts: false
          tasks:
            - include_role: {name: r}
            - include_role: {name: r}
            - include_role: {name: outer}
        """)
    assert seen.messages() == ["ran 0"]


def test_handlers_that_notify_one_another_end(site: Site) -> None:
    seen = site.run("""
        - hosts: a
          gather_facts: false
          tasks:
            - {command: "true", notify: [one, itself]}
          handlers:
            - {name: one, debug: {msg: one}, changed_when: true, notify: two}
            - {name: two, debug: {msg: two}, changed_when: true, notify: one}
            - {name: itself, debug: {msg: itself}, changed_when: true, notify: itself}
        """)
    assert seen.messages()[:3] == ["one", "two", "itself"] and len(seen.messages()) < 10


def test_handlers_whose_names_cannot_be_evaluated_are_told_of(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    play = """
        - hosts: a
          gather_facts: false
          tasks:
            - {command: "true", notify: h}
          handlers:
            - {name: "h {{ nope }}", debug: {msg: never}}
        """
    assert "'h' was not found" in site.run(play).error
    monkeypatch.setenv("ANSIBLE_ERROR_ON_MISSING_HANDLER", "false")
    seen = site.run(play)
    assert seen.status == 0 and [note for note in seen.notes() if "is unusable" in note] and [note for note in seen.notes() if "not found" in note]


def test_results_tell_their_arguments_when_asked_to(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANSIBLE_INJECT_INVOCATION", "true")
    seen = site.run("- hosts: a\n  gather_facts: false\n  tasks:\n    - ping: {data: x}\n    - user: {name: root, password: s3cret}\n      check_mode: true\n")
    first, second = [result.result["invocation"]["module_args"] for result in seen.results()]
    assert first == {"data": "x"}
    assert "s3cret" not in str(second)


def test_conditions_of_any_value_when_asked_for(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANSIBLE_ALLOW_BROKEN_CONDITIONALS", "true")
    seen = site.run("""
        - hosts: a
          gather_facts: false
          tasks:
            - debug: {msg: yes}
              when: "'text'"
            - debug: {msg: no}
              when: "[]"
        """)
    assert seen.messages() == [True]


@pytest.mark.parametrize("private,wanted", [("", ["u", "u", "d", "u"]), ("1", ["u", "u", "u", "u"]), ("0", ["u", "u", "d", "d"])])
def test_whose_variables_a_roles_are(site: Site, monkeypatch: pytest.MonkeyPatch, private: str, wanted: list[str]) -> None:
    if private:
        monkeypatch.setenv("ANSIBLE_PRIVATE_ROLE_VARS", private)
    site.write("roles/r/defaults/main.yml", "mine: 1\n")
    site.write("roles/r/tasks/main.yml", "[]\n")
    plays = [
        "- import_role: {name: r, public: false}",
        "- include_role: {name: r, public: false}",
        "- import_role: {name: r}",
        "- include_role: {name: r}",
    ]
    look = """- debug: {msg: "{{ 'd' if mine is defined else 'u' }}"}"""
    text = "\n".join(f"- hosts: a\n  gather_facts: false\n  tasks:\n    {play}\n    {look}" for play in plays)
    assert site.run(text + "\n").messages() == wanted
