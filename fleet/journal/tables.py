"""The journal's tables and statements. Plain sqlite3: an object mapper's import would cost more than a whole run of nothing."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

# kind of row -> its columns, as `insert` takes them
COLUMNS = {
    "runs": ("id", "started", "command", "playbooks", "inventory", "checked", "user", "pid", "pid_started", "limit_", "tags"),
    "tasks": ("run", "number", "name", "action", "position", "role", "started"),
    "results": ("run", "task", "host", "status", "item", "result", "at", "duration"),
}
_SCHEMA = """
CREATE TABLE IF NOT EXISTS runs (
    id VARCHAR NOT NULL PRIMARY KEY, started FLOAT, command VARCHAR, playbooks VARCHAR, inventory VARCHAR, checked BOOLEAN, user VARCHAR, pid INTEGER,
    pid_started VARCHAR, limit_ VARCHAR, tags VARCHAR, status INTEGER, duration FLOAT, stats VARCHAR, error VARCHAR);
CREATE INDEX IF NOT EXISTS ix_runs_started ON runs (started);
CREATE TABLE IF NOT EXISTS tasks (
    run VARCHAR NOT NULL, number INTEGER NOT NULL, name VARCHAR, action VARCHAR, position VARCHAR, role VARCHAR, started FLOAT, PRIMARY KEY (run, number));
CREATE TABLE IF NOT EXISTS results (
    id INTEGER NOT NULL PRIMARY KEY, run VARCHAR, task INTEGER, host VARCHAR, status VARCHAR, item VARCHAR, result VARCHAR, at FLOAT, duration FLOAT);
CREATE INDEX IF NOT EXISTS ix_results_run ON results (run);
"""
_INSERT = {kind: f"INSERT INTO {kind} ({', '.join(names)}) VALUES ({', '.join(':' + name for name in names)})" for kind, names in COLUMNS.items()}
_FINISH = "UPDATE runs SET status = :status, duration = :duration, stats = :stats, error = :error WHERE id = :id"


def connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=10, isolation_level=None)
    connection.row_factory = sqlite3.Row
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=NORMAL")
    connection.executescript(_SCHEMA)
    return connection


class _Transaction:
    """All or nothing. Takes the write lock at once, so that two runs wait for each other and neither fails half-way."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.connection = connection

    def __enter__(self) -> None:
        self.connection.execute("BEGIN IMMEDIATE")

    def __exit__(self, kind: object, *rest: object) -> None:
        self.connection.execute("ROLLBACK" if kind else "COMMIT")


def insert(connection: sqlite3.Connection, rows: list[tuple[str, dict[str, Any]]]) -> None:
    """One transaction for what has come; rows of a kind that follow each other go in one statement."""
    with _Transaction(connection):
        start = 0
        for end in range(1, len(rows) + 1):
            if end == len(rows) or rows[end][0] != rows[start][0]:
                kind = rows[start][0]
                connection.executemany(_FINISH if kind == "finished" else _INSERT[kind], [row for _, row in rows[start:end]])
                start = end


def prune(connection: sqlite3.Connection, keep: int) -> None:
    """Forget all but the newest runs."""
    old = [(row["id"],) for row in connection.execute("SELECT id FROM runs ORDER BY started DESC LIMIT -1 OFFSET ?", (keep,))]
    if old:
        with _Transaction(connection):
            for statement in ("DELETE FROM results WHERE run = ?", "DELETE FROM tasks WHERE run = ?", "DELETE FROM runs WHERE id = ?"):
                connection.executemany(statement, old)


def runs(connection: sqlite3.Connection, limit: int) -> list[dict[str, Any]]:
    return [{**row, "checked": bool(row["checked"])} for row in map(dict, connection.execute("SELECT * FROM runs ORDER BY started DESC LIMIT ?", (limit,)))]


def results(connection: sqlite3.Connection, run: str) -> list[dict[str, Any]]:
    query = """SELECT results.*, tasks.name, tasks.action, tasks.position FROM results
        JOIN tasks ON tasks.run = results.run AND tasks.number = results.task WHERE results.run = ? ORDER BY results.id"""
    return [dict(row) for row in connection.execute(query, (run,))]
