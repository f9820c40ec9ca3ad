"""`async`: jobs that outlive the task that started them, and tasks that have so many seconds."""

from __future__ import annotations

import pytest

from tests.engine.harness import Site


@pytest.fixture(autouse=True)
def jobs(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANSIBLE_ASYNC_DIR", str(site.path / "jobs"))


START = """
    - hosts: a
      gather_facts: false
      tasks:
        - shell: until [ -e {here}/go ]; do sleep 0.05; done; echo done
          async: 30
          poll: 0
          register: job
        - async_status: {{jid: "{{{{ job.ansible_job_id }}}}"}}
          register: early
        - command: touch {here}/go
        - async_status: {{jid: "{{{{ job.ansible_job_id }}}}"}}
          register: late
          until: late is finished
          retries: 200
          delay: 0.1
        - debug: {{msg: "{{{{ [job is started, job is finished, job is changed, early is finished, late.stdout, late.rc] }}}}"}}
        - async_status: {{jid: "{{{{ job.ansible_job_id }}}}", mode: cleanup}}
        - async_status: {{jid: "{{{{ job.ansible_job_id }}}}"}}
          register: gone
          failed_when: "'could not find job' not in gone.msg"
    """


def test_a_job_runs_on_while_other_tasks_do(site: Site) -> None:
    seen = site.run(START.format(here=site.path))
    assert seen.status == 0, seen.events
    assert seen.messages() == [[True, False, True, False, "done", 0]]
    assert not list((site.path / "jobs").iterdir())


def test_a_plan_starts_no_jobs(site: Site) -> None:
    seen = site.run("""
        - hosts: a
          gather_facts: false
          tasks:
            - command: "true"
              async: 30
              poll: 0
              register: job
            - async_status: {jid: "{{ job.ansible_job_id }}"}
              register: late
              until: late is finished
        """, check=True)
    assert seen.status == 0 and not (site.path / "jobs").exists()


def test_a_job_outlives_the_run_and_lets_go_of_the_target(site: Site) -> None:
    seen = site.run(f"""
        - hosts: a
          gather_facts: false
          tasks:
            - shell: until [ -e {site.path}/go ]; do sleep 0.05; done; touch {site.path}/was
              async: 30
              poll: 0
        """)
    assert seen.status == 0 and not (site.path / "was").exists()
    seen = site.run(f"""
        - hosts: a
          gather_facts: false
          tasks:
            - command: touch {site.path}/go
            - wait_for: {{path: {site.path}/was, timeout: 20, sleep: 1}}
        """)
    assert seen.status == 0, seen.events


def test_a_task_that_is_waited_for_has_so_many_seconds(site: Site) -> None:
    seen = site.run("""
        - hosts: a
          gather_facts: false
          tasks:
            - command: echo quick
              async: 20
              register: quick
            - command: sleep 30
              async: 1
              poll: 1
              ignore_errors: true
              register: slow
            - copy: {content: x, dest: /nowhere/x}
              async: 5
              ignore_errors: true
              register: refused
            - debug: {msg: "{{ [quick.stdout, quick.finished, slow.msg, refused.msg] }}"}
        """)
    assert seen.messages() == [["quick", True, "async task did not complete within the requested time - 1s", "This action (copy) does not support async."]]
