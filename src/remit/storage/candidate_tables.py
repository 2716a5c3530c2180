"""The tables of backtests and trials, apart from those of admission."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, String, Table

from remit.storage.tables import metadata

backtests = Table(
    "backtests",
    metadata,
    Column("id", String, primary_key=True),
    Column("workspace", String, nullable=False),
    Column("release", String, nullable=False),
    Column("base", String, nullable=False),
    Column("since", BigInteger, nullable=False),
    Column("until", BigInteger, nullable=False),
    Column("agent", String, nullable=False),
    Column("target", String, nullable=False),
    Column("by", String, nullable=False),
    Column("state", String, nullable=False),
    Column("started_at", BigInteger, nullable=False),
    Column("seen_at", BigInteger, nullable=False),
    Column("decided", BigInteger, nullable=False),
    Column("total", BigInteger, nullable=False),
    Column("comparison", LargeBinary, nullable=False),
    Column("fault", String, nullable=False),
    Index("backtests_release", "workspace", "release", "started_at"),
)
trials = Table(
    "trials",
    metadata,
    Column("id", String, primary_key=True),
    Column("workspace", String, nullable=False),
    Column("channel", String, nullable=False),
    Column("release", String, nullable=False),
    Column("kind", String, nullable=False),
    Column("agents", String, nullable=False),
    Column("share", Integer, nullable=False),
    Column("by", String, nullable=False),
    Column("state", String, nullable=False),
    Column("started_at", BigInteger, nullable=False),
    Column("ended_at", BigInteger),
    Column("ended_by", String, nullable=False),
    Index("trials_state", "state", "workspace"),
)
trial_counts = Table(
    "trial_counts",
    metadata,
    Column("trial", String, primary_key=True),
    Column("owner", String, primary_key=True),
    Column("at", BigInteger, nullable=False),
    Column("comparison", LargeBinary, nullable=False),
    sqlite_with_rowid=False,
)
