"""The journal's tables and statements. SQLAlchemy is imported here only: it takes a tenth of a second, in the writer's thread."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import sqlalchemy as sa

META = sa.MetaData()
RUNS = sa.Table(
    "runs", META, sa.Column("id", sa.String, primary_key=True), sa.Column("started", sa.Float, index=True), sa.Column("command", sa.String),
    sa.Column("playbooks", sa.String), sa.Column("inventory", sa.String), sa.Column("checked", sa.Boolean), sa.Column("user", sa.String),
    sa.Column("pid", sa.Integer), sa.Column("pid_started", sa.String), sa.Column("limit_", sa.String), sa.Column("tags", sa.String),
    sa.Column("status", sa.Integer), sa.Column("duration", sa.Float), sa.Column("stats", sa.String), sa.Column("error", sa.String))
TASKS = sa.Table(
    "tasks", META, sa.Column("run", sa.String, primary_key=True), sa.Column("number", sa.Integer, primary_key=True), sa.Column("name", sa.String),
    sa.Column("action", sa.String), sa.Column("position", sa.String), sa.Column("role", sa.String), sa.Column("started", sa.Float))
RESULTS = sa.Table(
    "results", META, sa.Column("id", sa.Integer, primary_key=True), sa.Column("run", sa.String, index=True), sa.Column("task", sa.Integer),
    sa.Column("host", sa.String), sa.Column("status", sa.String), sa.Column("item", sa.String), sa.Column("result", sa.String),
    sa.Column("at", sa.Float), sa.Column("duration", sa.Float))


def connect(path: Path) -> sa.Engine:
    engine = sa.create_engine(f"sqlite:///{path}", poolclass=sa.pool.NullPool)

    @sa.event.listens_for(engine, "connect")
    def prepare(connection: Any, record: Any) -> None:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=NORMAL")
        connection.execute("PRAGMA busy_timeout=10000")

    META.create_all(engine)
    return engine


def insert(engine: sa.Engine, rows: list[tuple[str, dict[str, Any]]]) -> None:
    """One transaction for what has come; rows of a kind that follow each other go in one statement."""
    with engine.begin() as connection:
        start = 0
        for end in range(1, len(rows) + 1):
            if end == len(rows) or rows[end][0] != rows[start][0]:
                kind, values = rows[start][0], [row for _, row in rows[start:end]]
                if kind == "finished":
                    for value in values:
                        connection.execute(RUNS.update().where(RUNS.c.id == value["id"]).values(**value))
                else:
                    connection.execute(META.tables[kind].insert(), values)
                start = end


def prune(engine: sa.Engine, keep: int) -> None:
    with engine.begin() as connection:
        old = [row[0] for row in connection.execute(sa.select(RUNS.c.id).order_by(RUNS.c.started.desc()).offset(keep))]
        if old:
            for table, column in ((RESULTS, RESULTS.c.run), (TASKS, TASKS.c.run), (RUNS, RUNS.c.id)):
                connection.execute(table.delete().where(column.in_(old)))


def runs(engine: sa.Engine, limit: int) -> list[dict[str, Any]]:
    with engine.connect() as connection:
        return [dict(row) for row in connection.execute(sa.select(RUNS).order_by(RUNS.c.started.desc()).limit(limit)).mappings()]


def results(engine: sa.Engine, run: str) -> list[dict[str, Any]]:
    query = sa.select(RESULTS, TASKS.c.name, TASKS.c.action, TASKS.c.position).join(
        TASKS, sa.and_(TASKS.c.run == RESULTS.c.run, TASKS.c.number == RESULTS.c.task)).where(RESULTS.c.run == run).order_by(RESULTS.c.id)
    with engine.connect() as connection:
        return [dict(row) for row in connection.execute(query).mappings()]
