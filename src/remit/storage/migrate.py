"""Bring a database to the schema this version needs, forward only."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import inspect, text
from sqlalchemy.engine import Connection, Engine

from remit.storage.port import StoreError

HEAD = "0013"
"""The newest migration in migrations/versions; a test keeps it true."""

KNOWN = ("0001", "0002", "0003", "0004", "0005", "0006", "0007", "0008", "0009", "0010", "0011", "0012", "0013")


_LOCK = 0x52454D4954
"""PostgreSQL's advisory lock of whoever migrates: `REMIT` in ASCII."""


def migrate(engine: Engine) -> None:
    """Run the migrations a database lacks. Raises StoreError for a database that a newer Remit has written."""
    with engine.connect() as connection:
        found = _version(connection)
    if found == HEAD:
        return  # the usual case, without loading alembic
    if found is not None and found not in KNOWN:
        raise StoreError(
            f"the database has schema {found}, this version of Remit knows up to {HEAD}:"
            " use the newer Remit it was written by"
        )
    _upgrade(engine)


def _version(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("select version_num from alembic_version")).scalar()


def _upgrade(engine: Engine) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    with engine.connect() as connection:
        if connection.dialect.name == "sqlite":
            # Two processes may start on a new file at once: the second waits here, and then finds nothing left to do.
            connection.exec_driver_sql("begin immediate")
        else:
            connection.exec_driver_sql("set local lock_timeout = 0")
            connection.exec_driver_sql("set local statement_timeout = 0")
            connection.exec_driver_sql(f"select pg_advisory_xact_lock({_LOCK})")
        if _version(connection) != HEAD:
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
        connection.commit()
