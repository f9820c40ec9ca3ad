"""The playbook language as it runs: each case is a playbook and what host `a` must have shown."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from fleet.events import TaskStarted
from tests.engine.harness import Site

# name -> (tasks or plays, the messages host a must show, options of the run)
MESSAGES: dict[str, tuple[str, list[Any]]] = {
    "variables are lazy and keep their types": ("""
        - hosts: a
          gather_facts: false
          vars: {one: 1, many: "{{ [one, two] }}", two: "{{ one + 1 }}"}
          tasks:
            - debug: {msg: "{{ many }}"}
            - debug: {msg: "sum {{ one + two }}"}
        """, [[1, 2], "sum 3"]),
    "loops, index, label, extended": ("""
        - hosts: a
          gather_facts: false
          tasks:
            - debug: {msg: "{{ i }}{{ item }}{{ ansible_loop.last }}"}
              loop: [x, y]
              loop_control: {index_var: i, extended: true}
            - debug: {msg: "{{ one.k }}"}
              loop: [{k: 1}, {k: 2}]
              loop_control: {loop_var: one, label: "{{ one.k }}"}
            - debug: {msg: "{{ item.key }}={{ item.value }}"}
              with_dict: {p: 1, q: 2}
        """, ["0xFalse", "1yTrue", 1, 2, "p=1", "q=2"]),
    "conditions skip, register tells": ("""
        - hosts: a
          gather_facts: false
          tasks:
            - command: echo hi
              register: out
            - debug: {msg: "no"}
              when: out.rc != 0
              register: not_done
            - debug: {msg: "{{ out.stdout }} {{ not_done is skipped }}"}
              when: [out is changed, out.stdout_lines | length == 1]
        """, ["hi True"]),
    "rescue and always": ("""
        - hosts: a
          gather_facts: false
          tasks:
            - block:
                - debug: {msg: one}
                - command: "false"
                - debug: {msg: never}
              rescue:
                - debug: {msg: "rescued {{ ansible_failed_task.name }} {{ ansible_failed_result.rc }}"}
              always:
                - debug: {msg: always}
            - debug: {msg: onward}
        """, ["one", "rescued command false 1", "always", "onward"]),
    "handlers run once, in their order, and by topic": ("""
        - hosts: a
          gather_facts: false
          tasks:
            - command: "true"
              notify: [second, topic]
            - command: "true"
              notify: first
            - meta: flush_handlers
            - debug: {msg: middle}
            - command: "true"
              notify: second
          handlers:
            - {name: first, debug: {msg: h1}}
            - {name: second, debug: {msg: h2}}
            - {name: third, listen: topic, debug: {msg: h3}}
        """, ["h1", "h2", "h3", "middle", "h2"]),
    "changed_when, failed_when, ignore_errors, until": ("""
        - hosts: a
          gather_facts: false
          tasks:
            - command: echo no
              register: r
              changed_when: "'yes' in r.stdout"
              failed_when: r.rc == 7
            - command: "false"
              register: f
              ignore_errors: true
            - command: "true"
              register: u
              until: u.attempts >= 2
              delay: 0
            - debug: {msg: "{{ r.changed }} {{ f.failed }} {{ u.attempts }}"}
        """, ["False True 2"]),
    "set_fact wins over play vars, task vars over none": ("""
        - hosts: a
          gather_facts: false
          vars: {v: play}
          tasks:
            - set_fact: {v: fact}
            - debug: {msg: "{{ v }}"}
            - debug: {msg: "{{ w }}"}
              vars: {w: "{{ v }}-task"}
        """, ["fact", "fact-task"]),
    "hostvars and groups": ("""
        - hosts: pair
          gather_facts: false
          tasks:
            - set_fact: {mine: "{{ inventory_hostname }}!"}
            - debug: {msg: "{{ hostvars['b'].mine }} {{ groups.pair }} {{ ansible_play_hosts }}"}
        """, ["b! ['a', 'b'] ['a', 'b']"]),
    "run_once and delegation": ("""
        - hosts: all
          gather_facts: false
          tasks:
            - command: "echo {{ inventory_hostname }}"
              run_once: true
              register: who
            - command: "echo {{ inventory_hostname }}"
              delegate_to: b
              register: there
            - debug: {msg: "{{ who.stdout }} {{ there.stdout }}"}
        """, ["a a"]),
    "environment and check_mode": ("""
        - hosts: a
          gather_facts: false
          environment: {COLOUR: red}
          tasks:
            - shell: echo $COLOUR $SIZE
              environment: {SIZE: "{{ 40 + 2 }}"}
              register: env
            - debug: {msg: "{{ env.stdout }}"}
        """, ["red 42"]),
    "free strategy": ("""
        - hosts: all
          strategy: free
          gather_facts: false
          tasks:
            - debug: {msg: "{{ inventory_hostname }}"}
        """, ["a"]),
    "facts": ("""
        - hosts: a
          tasks:
            - debug: {msg: "{{ ansible_kernel == ansible_facts.kernel and ansible_facts['hostname'] | length > 0 }}"}
        """, [True]),
}


@pytest.mark.parametrize("name", MESSAGES)
def test_messages(site: Site, name: str) -> None:
    text, wanted = MESSAGES[name]
    seen = site.run(text)
    assert seen.status == 0, (seen.error, seen.events)
    assert seen.messages() == wanted


def test_roles(site: Site) -> None:
    site.write("roles/web/defaults/main.yml", "www_port: 80\nname: web\n")
    site.write("roles/web/vars/main.yml", "scheme: http\n")
    site.write("roles/web/meta/main.yml", "dependencies: [base]\n")
    site.write("roles/web/tasks/main.yml", """
        - debug: {msg: "{{ scheme }}:{{ www_port }}"}
        - include_tasks: more.yml
        - command: "true"
          notify: restarted
        """)
    site.write("roles/web/tasks/more.yml", "- debug: {msg: 'more {{ role_name }}'}\n")
    site.write("roles/web/handlers/main.yml", "- {name: restarted, debug: {msg: 'restart {{ scheme }}'}}\n")
    site.write("roles/base/tasks/main.yml", "- debug: {msg: base}\n")
    seen = site.run("""
        - hosts: a
          gather_facts: false
          roles:
            - {role: web, www_port: 8080}
          tasks:
            - import_role: {name: base}
            - include_role: {name: web}
              vars: {www_port: 99}
            - debug: {msg: end}
        """)
    assert seen.status == 0, seen.error
    assert seen.messages() == ["base", "http:8080", "more web", "base", "http:99", "more web", "end", "restart http", "restart http"]


def test_serial_and_max_fail(site: Site) -> None:
    seen = site.run("""
        - hosts: all
          gather_facts: false
          serial: [1, "100%"]
          tasks:
            - debug: {msg: "{{ ansible_play_batch }}"}
        """)
    assert seen.batches() == [["a"], ["b", "c"]]
    seen = site.run("""
        - hosts: all
          gather_facts: false
          max_fail_percentage: 20
          tasks:
            - command: "false"
              when: inventory_hostname == 'b'
            - debug: {msg: never}
        """)
    assert seen.status == 2
    assert seen.messages() == []


def test_any_errors_fatal(site: Site) -> None:
    seen = site.run("""
        - hosts: all
          gather_facts: false
          any_errors_fatal: true
          tasks:
            - command: "false"
              when: inventory_hostname == 'c'
            - debug: {msg: never}
        - hosts: all
          gather_facts: false
          tasks:
            - debug: {msg: never}
        """)
    assert seen.status == 2
    assert seen.messages() == []


def test_failed_host_leaves_others_go_on(site: Site) -> None:
    seen = site.run("""
        - hosts: all
          gather_facts: false
          tasks:
            - command: "false"
              when: inventory_hostname == 'b'
            - debug: {msg: onward}
        """)
    assert seen.status == 2
    assert seen.messages("a") == ["onward"] and seen.messages("b") == [] and seen.messages("c") == ["onward"]
    assert seen.stats["b"].failed == 1 and seen.stats["a"].failed == 0


def test_check_changes_nothing_and_predicts(site: Site) -> None:
    target = site.path / "made"
    text = f"""
        - hosts: a
          gather_facts: false
          tasks:
            - copy: {{content: "hello\\n", dest: {target}}}
            - command: touch {target}.2
        """
    planned = site.run(text, check=True, diff=True)
    assert planned.status == 0 and planned.stats["a"].changed == 1 and not target.exists()
    assert planned.results("a")[0].result["diff"]
    assert site.run(text).stats["a"].changed == 2
    assert target.read_text() == "hello\n"
    assert site.run(text, check=True).stats["a"].changed == 0


def test_tags_and_start_at(site: Site) -> None:
    text = """
        - hosts: a
          gather_facts: false
          tasks:
            - {name: one, debug: {msg: one}, tags: [x]}
            - {name: two, debug: {msg: two}, tags: [y]}
            - {name: three, debug: {msg: three}, tags: [always]}
            - {name: four, debug: {msg: four}, tags: [never, z]}
        """
    assert site.run(text).messages() == ["one", "two", "three"]
    assert site.run(text, tags=("x",)).messages() == ["one", "three"]
    assert site.run(text, tags=("z",)).messages() == ["three", "four"]
    assert site.run(text, skip_tags=("y",)).messages() == ["one", "three"]
    assert site.run(text, start_at_task="two").messages() == ["two", "three"]


def test_what_a_target_sends_is_never_a_template(site: Site) -> None:
    seen = site.run("""
        - hosts: a
          gather_facts: false
          tasks:
            - command: echo '{{ "{{ 6 * 7 }}" }}'
              register: out
            - set_fact: {copied: "{{ out.stdout }}"}
            - debug: {msg: "{{ copied }}"}
        """)
    assert seen.messages() == ["{{ 6 * 7 }}"]


def test_a_free_play_announces_a_task_for_all_its_hosts(site: Site) -> None:
    seen = site.run("""
        - hosts: all
          strategy: free
          gather_facts: false
          tasks:
            - ping:
        """)
    assert [event.hosts for event in seen.events if isinstance(event, TaskStarted)] == [3]
    assert len(seen.results()) == 3


def test_check_mode_does_nothing_it_cannot_predict(site: Site, tmp_path: Path) -> None:
    seen = site.run(f"""
        - hosts: a
          gather_facts: false
          tasks:
            - raw: touch {tmp_path}/raw
            - shell: touch {tmp_path}/shell
            - command: touch {tmp_path}/{{{{ item }}}}
              loop: [one, two]
            - script: /bin/true
            - raw: echo looked
              check_mode: false
              register: out
            - debug: {{msg: "{{{{ out.stdout | trim }}}}"}}
        """, check=True)
    assert [(event.status, bool(event.result.get("unpredicted"))) for event in seen.results("a")[:4]] == [("skipped", True)] * 4
    assert seen.messages("a") == ["looked"]
    assert not list(tmp_path.glob("[rsot]*w")) and not (tmp_path / "shell").exists() and not (tmp_path / "one").exists()
