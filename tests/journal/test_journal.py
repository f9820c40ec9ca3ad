"""The journal over a real SQLite file: what is recorded, what is not, and what faults leave of it."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from fleet.connection.base import Secret
from fleet.errors import UsageError
from fleet.events import Event, HostStats, Note, Output, PlayStarted, ResultItem, RunFinished, RunStarted, TaskResult, TaskStarted
from fleet.journal import History, Journal, unfinished
from fleet.vault import Vault
from tests.engine.harness import Site

PLAY = """
- hosts: a:b
  gather_facts: false
  tasks:
    - name: First
      debug: {msg: hello}
    - name: Last
      command: echo {{ item }}
      loop: [1, 2]
"""


@pytest.fixture
def book(tmp_path: Path) -> Path:
    return tmp_path / "journal.db"


def started(run: str = "r1", at: float = 1.0, **fields: Any) -> RunStarted:
    return RunStarted(run=run, command="apply", playbooks=["site.yml"], inventory=["hosts"], at=at, **fields)


def events(run: str = "r1", at: float = 1.0) -> list[Event]:
    return [
        started(run, at), PlayStarted(name="Site", hosts=["a", "b"], position="site.yml:1:3"),
        TaskStarted(task=1, name="Page", action="copy", position="site.yml:4:7", hosts=2), Note(message="odd", host="a"),
        ResultItem(task=1, host="a", status="changed", label="x", result={"diff": [{"what": "mode", "before": "0644", "after": "0600"}]}),
        TaskResult(task=1, host="a", status="changed", result={"changed": True}, name="Page", action="copy", items=1),
        TaskResult(task=1, host="b", status="failed", result={"msg": "no", "stdout": "\udcff\x1b"}, name="Page", action="copy"),
        RunFinished(run=run, status=2, duration=0.5, stats={"a": HostStats(ok=1, changed=1), "b": HostStats(failed=1)}),
    ]


def record(book: Path, *what: Event, keep: int = 1000) -> None:
    journal = Journal(str(book), keep)
    for event in what:
        journal(event)
    journal.close()


def fleet(site: Site, book: Path, *args: str, **more: Any) -> subprocess.Popen[str]:
    """`fleet` in a process of its own with this journal."""
    return subprocess.Popen([sys.executable, "-m", "fleet", *args], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=site.path,
                            env={**os.environ, "FLEET_JOURNAL": str(book)}, **more)


def finished(site: Site, book: Path, *args: str) -> tuple[int, str, str]:
    process = fleet(site, book, *args)
    out, err = process.communicate(timeout=60)
    return process.returncode, out, err


def sound(book: Path) -> bool:
    with closing(sqlite3.connect(book, isolation_level=None)) as db:
        return bool(db.execute("PRAGMA integrity_check").fetchone()[0] == "ok")


def test_what_is_recorded_is_told_again_as_it_was(book: Path) -> None:
    happened = events()
    record(book, *happened, Output(host="a", task=1, text="live text is not kept: it is in the result"))
    past = History(str(book))
    [run] = past.runs()
    assert past.events(run["id"]) == happened
    assert (run["id"], run["state"], run["changed"], run["status"], run["lost"]) == ("r1", "failed", 1, 2, 0)
    assert past.run("last")["id"] == past.run("r")["id"] == "r1"
    assert book.stat().st_mode & 0o777 == 0o600


def test_runs_by_command_entry_and_number(book: Path) -> None:
    for number in range(5):
        record(book, *events(f"r{number}", float(number)), keep=4)
    record(book, started("z", 9.0, entry="site", project="/p"), keep=4)
    past = History(str(book))
    assert [run["id"] for run in past.runs()] == ["z", "r4", "r3", "r2"], "the newest are kept"
    assert past.events("r4") and not past.store.events("r0")
    assert [run["id"] for run in past.runs(entry="site", project="/p")] == ["z"]
    assert [run["id"] for run in past.runs(2, command="apply", entry="")] == ["r4", "r3"]
    for name, words in (("x", "no run begins with 'x'"), ("r", "several runs begin with 'r'")):
        with pytest.raises(UsageError, match=words):
            past.run(name)


def test_large_results_are_cut(book: Path) -> None:
    result = {"changed": True, "rc": 0, "stdout": "x" * 100_000}
    record(book, started(), TaskResult(task=1, host="a", status="changed", result=result))
    kept = History(str(book)).events("r1")[1]
    assert isinstance(kept, TaskResult) and kept.status == "changed"
    assert kept.result["rc"] == 0 and "not kept" in kept.result["_"] and "stdout" not in kept.result


def test_an_event_of_a_later_fleet_is_passed_over(book: Path) -> None:
    record(book, *events())
    with closing(sqlite3.connect(book, isolation_level=None)) as db:
        db.execute("UPDATE events SET kind = 'Eclipse' WHERE kind = 'Note'")
        db.execute("""UPDATE events SET data = json_set(data, '$.moon', 1) WHERE kind = 'TaskStarted'""")
    assert len(History(str(book)).events("r1")) == len(events()) - 1


def test_a_journal_of_an_earlier_version_is_brought_up(book: Path) -> None:
    record(book, *events())
    with closing(sqlite3.connect(book, isolation_level=None)) as db:
        db.execute("ALTER TABLE runs ADD COLUMN process TEXT NOT NULL DEFAULT ''")
        db.execute("PRAGMA user_version = 1")
    record(book, *events("r2", 2.0))
    assert [run["id"] for run in History(str(book)).runs()] == ["r2", "r1"]


# -- what cannot be used


def a_directory(book: Path) -> None:
    book.mkdir()


def no_database(book: Path) -> None:
    book.write_text("this is no database, and never was one\n" * 100)


def of_a_later_version(book: Path) -> None:
    with closing(sqlite3.connect(book, isolation_level=None)) as db:
        db.execute("PRAGMA user_version = 99")


@pytest.mark.parametrize(("make", "words"), [(a_directory, "Is a directory"), (no_database, "is damaged"), (of_a_later_version, "a later fleet")])
def test_a_journal_that_cannot_be_used_stops_before_anything_is_done(site: Site, book: Path, make: Any, words: str) -> None:
    make(book)
    site.write("play.yml", f"- hosts: a\n  gather_facts: false\n  tasks:\n    - command: touch {site.path}/done\n")
    status, _, err = finished(site, book, "apply", "-i", "hosts", "play.yml")
    assert status == 1 and words in err and str(book) in err and "Traceback" not in err
    assert not (site.path / "done").exists()


def test_no_journal_yet(site: Site, book: Path) -> None:
    status, _, err = finished(site, book, "history")
    assert status == 1 and "there is no journal yet" in err and not book.exists()


# -- faults


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    """A filesystem of 1 MB."""
    place = tmp_path / "small"
    place.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(place)], check=True)
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


def fill(place: Path) -> None:
    """Use up the last byte."""
    with (place / "filler").open("wb", buffering=0) as file:
        try:
            while file.write(b"x" * 4096):
                pass
        except OSError:
            pass


@pytest.mark.lab
def test_a_full_disk_stops_a_run_before_it_acts(site: Site, small: Path) -> None:
    site.write("play.yml", PLAY)
    site.write("touch.yml", f"- hosts: a\n  gather_facts: false\n  tasks:\n    - command: touch {site.path}/done\n")
    for already in (True, False):
        book = small / f"{already}.db"
        if already:
            assert finished(site, book, "apply", "-i", "hosts", "play.yml")[0] == 0
        fill(small)
        status, _, err = finished(site, book, "apply", "-i", "hosts", "touch.yml")
        assert status == 1 and str(book) in err and "Traceback" not in err, err
        assert not (site.path / "done").exists(), "nothing was done"
        (small / "filler").unlink()
    assert sound(small / "True.db")
    assert len(History(str(small / "True.db")).runs()) == 1, "the earlier run is whole"
    assert finished(site, small / "True.db", "apply", "-i", "hosts", "play.yml")[0] == 0, "with room again it works"


@pytest.mark.lab
def test_a_disk_that_fills_up_in_a_run_costs_records_not_the_run(site: Site, small: Path) -> None:
    site.write("play.yml", f"""
        - hosts: a
          gather_facts: false
          tasks:
            - name: Before
              command: echo before
            - name: Fill
              shell: cat /dev/zero > {small}/filler || true
            - name: Much
              command: echo {{{{ 'x' * 20000 }}}}
              loop: [1, 2, 3]
            - name: Empty
              command: rm {small}/filler
            - name: After
              command: sleep 0.3
            - name: Done
              command: touch {site.path}/done
        """)
    status, _, err = finished(site, small / "j.db", "apply", "-i", "hosts", "play.yml")
    assert status == 0 and (site.path / "done").exists()
    assert err.count("may not be recorded") == 1 and "full" in err, err
    assert sound(small / "j.db")
    past = History(str(small / "j.db"))
    run = past.run("last")
    assert run["state"] == "done" and run["lost"] > 0
    names = [event.name for event in past.events(run["id"]) if isinstance(event, TaskResult)]
    assert "Before" in names and "Done" in names, "only what could not be written is missing"
    assert "could not be recorded" in finished(site, small / "j.db", "history", "show", "last")[1]


def killed_run(site: Site, book: Path) -> str:
    """A run whose process gets SIGKILL while hosts are in its second task; its id."""
    site.write("slow.yml", f"""
        - hosts: a:b
          gather_facts: false
          tasks:
            - name: Quick
              command: "true"
            - name: Slow
              shell: "[ {{{{ inventory_hostname }}}} = a ] || {{ touch {site.path}/slow; exec sleep 60; }}"
        """)
    process = fleet(site, book, "apply", "-i", "hosts", "slow.yml", start_new_session=True)
    until(lambda: (site.path / "slow").exists() and recorded(book, "Slow"))
    run = newest(book)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate(timeout=30)
    return run


def until(condition: Callable[[], bool]) -> None:
    for _ in range(1200):
        if condition():
            return
        time.sleep(0.05)
    raise AssertionError("it does not come to that")


def newest(book: Path) -> str:
    past = History(str(book))
    try:
        return str(past.run("last")["id"])
    finally:
        past.store.close()


def recorded(book: Path, name: str) -> bool:
    """Whether the newest run has a result of the task of this name."""
    try:
        past = History(str(book))
    except UsageError:
        return False  # not made yet
    try:
        return any(isinstance(event, TaskResult) and event.name == name for run in past.runs(1) for event in past.events(run["id"]))
    except UsageError:
        return False
    finally:
        past.store.close()


def test_a_killed_run_is_named_by_history_and_by_the_next_run_once(site: Site, book: Path) -> None:
    run = killed_run(site, book)
    status, out, _ = finished(site, book, "history")
    assert status == 0 and "interrupted" in next(line for line in out.splitlines() if run in line)
    status, out, _ = finished(site, book, "history", "show", run)
    assert "Slow" in out and "its outcome is not known on b\n  run it again, or from there on, with --start-at-task Slow\n" in out, out
    past = History(str(book))
    assert [(task.name, hosts) for task, hosts in unfinished(past.events(run))] == [("Slow", ["b"])]
    assert past.run(run)["stats"]["a"]["changed"] == 2
    site.write("play.yml", PLAY)
    status, _, err = finished(site, book, "apply", "-i", "hosts", "play.yml")
    assert status == 0 and f"the run {run} (apply slow.yml) was interrupted: its process (number " in err
    status, _, err = finished(site, book, "apply", "-i", "hosts", "play.yml")
    assert status == 0 and "interrupted" not in err
    assert [each["state"] for each in History(str(book)).runs()] == ["done", "done", "interrupted"]


def test_sigterm_drains_a_run_as_ctrl_c_does(site: Site, book: Path) -> None:
    site.write("play.yml", f"""
        - hosts: a
          gather_facts: false
          tasks:
            - name: First
              debug: {{msg: x}}
            - name: Works
              shell: touch {site.path}/works; while [ ! -e {site.path}/go ]; do sleep 0.05; done; echo finished
            - name: Never
              debug: {{msg: never}}
        """)
    process = fleet(site, book, "apply", "-v", "-i", "hosts", "play.yml")
    until(lambda: (site.path / "works").exists())
    os.kill(process.pid, signal.SIGTERM)
    (site.path / "go").touch()
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130 and "finished" in out and "never" not in out, out + err
    run = History(str(book)).run("last")
    assert (run["state"], run["status"], run["stats"]["a"]["changed"]) == ("interrupted", 130, 1)


def test_a_run_that_goes_on_is_running(site: Site, book: Path) -> None:
    process = fleet(site, book, "apply", "-i", "hosts", site.write("play.yml", PLAY.replace("echo {{ item }}", "sleep 30")))
    until(lambda: recorded(book, "First"))
    assert History(str(book)).run("last")["state"] == "running"
    os.kill(process.pid, signal.SIGINT)
    time.sleep(0.2)
    os.kill(process.pid, signal.SIGINT)
    process.communicate(timeout=30)
    assert History(str(book)).run("last")["state"] == "interrupted"


def test_a_torn_tail_costs_the_torn_record_only(site: Site, book: Path, tmp_path: Path) -> None:
    whole = events("whole", 1.0)
    record(book, *whole)
    run = killed_run(site, book)
    log = book.with_name(book.name + "-wal").read_bytes()
    assert len(log) > 5000, "the killed process left its records in the write-ahead log"
    torn, intact = tmp_path / "torn.db", tmp_path / "intact.db"
    for copy, tail in ((intact, log), (torn, log[:-3000])):
        copy.write_bytes(book.read_bytes())
        copy.with_name(copy.name + "-wal").write_bytes(tail)
    assert 0 < len(History(str(torn)).store.events(run)) < len(History(str(intact)).store.events(run))
    assert History(str(torn)).events("whole") == whole
    assert sound(torn)
    record(torn, *events("later", 3.0))
    assert History(str(torn)).run("later")["state"] == "failed"


def test_two_writers(site: Site, book: Path) -> None:
    site.write("many.yml", "- hosts: all\n  gather_facts: false\n  tasks:\n" + "    - debug: {msg: x}\n" * 40)
    both = [fleet(site, book, "apply", "-i", "hosts", "many.yml") for _ in range(2)]
    told = [process.communicate(timeout=60) for process in both]
    assert [process.returncode for process in both] == [0, 0], told
    assert all("journal" not in err for _, err in told)
    past = History(str(book))
    assert [(run["state"], run["lost"]) for run in past.runs()] == [("done", 0)] * 2
    for run in past.runs():
        assert sum(isinstance(event, TaskResult) for event in past.events(run["id"])) == 120
    assert sound(book)


# -- secrets


def test_secrets_never_get_in(site: Site, book: Path) -> None:
    vault = Vault([("default", Secret("the-vault-password"))])
    site.write("password", "the-vault-password\n")
    sealed = vault.encrypt(b"inline-secret-1")
    site.write("group_vars/all.yml", "inline: !vault |\n" + "".join(f"  {line}\n" for line in sealed.splitlines()))
    site.write("sealed.yml", vault.encrypt(b"of_file: file-secret-2\nnested: {key: [deep-secret-3]}\n"))
    site.write("play.yml", f"""
        - hosts: a
          gather_facts: false
          vars_files: [sealed.yml]
          tasks:
            - debug: {{msg: "{{{{ inline }}}} {{{{ of_file }}}} {{{{ nested }}}}"}}
            - name: "named {{{{ inline }}}}"
              copy: {{content: "a {{{{ inline }}}}\\nb {{{{ of_file }}}}\\n", dest: "{site.path}/out"}}
            - command: echo {{{{ item }}}}
              loop: ["{{{{ inline }}}}", "{{{{ nested.key[0] }}}}"]
            - command: echo no-log-secret-4
              no_log: true
            - command: echo no-log-secret-5
              no_log: true
              loop: [1]
            - user: {{name: nobody-of-the-tests, password: option-secret-6, state: absent}}
              check_mode: true
            - command: sh -c "echo {{{{ inline }}}} >&2; exit 3"
              ignore_errors: true
            - fail: {{msg: "it was {{{{ inline }}}} {{{{ of_file }}}}"}}
        """)
    status, out, err = finished(site, book, "apply", "-D", "-vv", "-i", "hosts", "--vault-password-file", "password", "play.yml")
    assert status == 2, out + err
    assert (site.path / "out").read_text() == "a inline-secret-1\nb file-secret-2\n", "where they belong they are"
    raw = b"".join(path.read_bytes() for path in book.parent.glob("journal.db*") if path.is_file()).decode("utf-8", "replace")
    for secret in ("inline-secret-1", "file-secret-2", "deep-secret-3", "no-log-secret-4", "no-log-secret-5", "option-secret-6", "the-vault-password"):
        assert secret not in raw and secret not in out + err, secret
    assert "********" in raw and json.loads(finished(site, book, "history", "--format", "json")[1])[0]["state"] == "failed"
