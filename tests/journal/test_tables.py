"""The journal's rows, through the events that make them."""

from contextlib import closing
from pathlib import Path

from fleet.events import HostStats, RunFinished, RunStarted, TaskResult, TaskStarted
from fleet.journal import Journal, tables


def record(path: Path, run: str, keep: int = 1000) -> Journal:
    journal = Journal(str(path), keep=keep)
    journal(RunStarted(run=run, command="apply", playbooks=["site.yml"], inventory=["hosts"], user="me", limit="web", tags=["a"]))
    journal(TaskStarted(task=1, name="Say it", action="command", position="site.yml:3:5"))
    journal(TaskResult(task=1, host="h1", status="changed", result={"changed": True, "stdout": "\udcff é"}, duration=0.5))
    journal(RunFinished(run=run, status=0, duration=1.5, stats={"h1": HostStats(ok=1, changed=1)}))
    journal.close()
    return journal


def test_a_run_is_read_as_it_was_recorded(tmp_path: Path) -> None:
    journal = record(tmp_path / "j.db", "20260101-000000-aaaa")
    run = journal.run("last")
    assert (run["id"], run["state"], run["changed"], run["limit_"], run["tags"], run["checked"]) == ("20260101-000000-aaaa", "done", 1, "web", ["a"], False)
    (result,) = journal.results(run["id"])
    assert (result["name"], result["host"], result["status"], result["duration"]) == ("Say it", "h1", "changed", 0.5)
    assert result["result"]["stdout"] == "\udcff é"


def test_only_the_newest_runs_are_kept_with_what_belongs_to_them(tmp_path: Path) -> None:
    for number in range(3):
        journal = record(tmp_path / "j.db", f"2026010{number}-000000-aaaa", keep=2)
    assert [run["id"][:8] for run in journal.runs()] == ["20260102", "20260101"]
    assert journal.results("20260100-000000-aaaa") == []


def test_rows_come_all_or_not_at_all(tmp_path: Path) -> None:
    with closing(tables.connect(tmp_path / "j.db")) as database:
        row = dict.fromkeys(tables.COLUMNS["tasks"]) | {"run": "r", "number": 1}
        try:
            tables.insert(database, [("tasks", row), ("tasks", row)])
        except tables.sqlite3.IntegrityError:
            pass
        assert database.execute("SELECT count(*) FROM tasks").fetchone()[0] == 0
