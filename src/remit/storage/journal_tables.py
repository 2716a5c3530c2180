"""The tables of workflows, apart from those of admission: what is no effect, and so is in no record."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, String, Table, text

from remit.storage.tables import metadata

workflow_runs = Table(
    "workflow_runs",
    metadata,
    Column("run", String, primary_key=True),
    Column("workspace", String, nullable=False),
    Column("workflow", String, nullable=False),
    Column("agent", String, nullable=False),
    Column("release", String, nullable=False),
    Column("key", String, nullable=False),
    Column("started_by", String, nullable=False),
    Column("state", String, nullable=False),
    Column("priority", Integer, nullable=False),
    Column("most", Integer, nullable=False),  # how many runs of this workflow may be under way; 0: any number
    Column("created_at", BigInteger, nullable=False),
    Column("ended_at", BigInteger, nullable=False),
    Column("deadline", BigInteger, nullable=False),
    Column("ready_at", BigInteger),  # when the next segment is to be queued; null: something else wakes it
    Column("turn", Integer, nullable=False),
    Column("turn_at", BigInteger, nullable=False),
    Column("wakes", Integer, nullable=False),
    Column("owner", String, nullable=False),
    Column("claims", Integer, nullable=False),
    Column("failures", Integer, nullable=False),
    Column("cancel", String, nullable=False),
    Column("cancelled_by", String, nullable=False),
    Column("error", String, nullable=False),
    Column("parent", String, nullable=False),
    Column("budget", BigInteger, nullable=False),  # most micro-USD it may spend in all; -1: no such bound
    Column("spent", BigInteger, nullable=False),
    Column("shares", String, nullable=False),  # the run whose finished steps it began with
    Column("undo_run", String, nullable=False),
    Column("outputs", LargeBinary, nullable=False),
    Index("workflow_runs_ready", "ready_at"),
    Index("workflow_runs_listed", "workspace", "created_at"),
    Index("workflow_runs_workflow", "workspace", "workflow", "state"),
    Index("workflow_runs_parent", "parent"),
    Index("workflow_runs_ended", "workspace", "state", "ended_at"),
    Index("workflow_runs_shares", "shares", sqlite_where=text("shares != ''"), postgresql_where=text("shares != ''")),
)
workflow_steps = Table(
    "workflow_steps",
    metadata,
    Column("run", String, primary_key=True),
    Column("path", String, primary_key=True),
    Column("state", String, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("asked", Integer, nullable=False),
    Column("number", Integer, nullable=False),
    Column("spent", BigInteger, nullable=False),
    Column("action", String, nullable=False),
    Column("error", String, nullable=False),
    Column("waits_for", String, nullable=False),
    Column("due_at", BigInteger),
    Column("began_at", BigInteger),
    Column("ended_at", BigInteger),
    Column("output", LargeBinary, nullable=False),
    Column("belongs_to", String, nullable=False, server_default=""),  # the run that undoes it, where another does
    Index("workflow_steps_waiting", "waits_for"),
    Index(
        "workflow_steps_shared",
        "belongs_to",
        sqlite_where=text("belongs_to != ''"),
        postgresql_where=text("belongs_to != ''"),
    ),
    sqlite_with_rowid=False,
)
workflow_events = Table(
    "workflow_events",
    metadata,
    Column("id", String, primary_key=True),
    Column("run", String, nullable=False),
    Column("name", String, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("used_by", String, nullable=False),
    Column("data", LargeBinary, nullable=False),
    Index("workflow_events_run", "run", "name", "at"),
)
workflow_schedules = Table(
    "workflow_schedules",
    metadata,
    Column("id", String, primary_key=True),
    Column("workspace", String, nullable=False),
    Column("workflow", String, nullable=False),
    Column("last_at", BigInteger, nullable=False),
    Column("paused_at", BigInteger, nullable=False),
    Column("paused_by", String, nullable=False),
    Column("problem", String, nullable=False),
    Index("workflow_schedules_workspace", "workspace"),
)
workflow_workers = Table(
    "workflow_workers",
    metadata,
    Column("id", String, primary_key=True),
    Column("seen_at", BigInteger, nullable=False),
)
