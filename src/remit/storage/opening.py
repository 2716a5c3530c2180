"""Open the database that a URL names."""

from __future__ import annotations

from pathlib import Path

from remit.storage.port import Store, StoreError

SQLITE = "sqlite:///"


def open_store(url: str) -> Store:
    """Open a database and bring it to the current schema. Raises StoreError.

    Each kind is imported only when it is asked for: psycopg is an extra.
    """
    if url.startswith(SQLITE):
        return _open_file(Path(url.removeprefix(SQLITE)))
    try:
        from remit.storage.postgres import PostgresStore
    except ImportError as error:
        raise StoreError(f"PostgreSQL needs the extra: pip install 'remit[postgres]' ({error})") from error
    return PostgresStore(url)


def _open_file(path: Path) -> Store:
    from remit.storage.sqlite import SqliteStore

    try:
        path.parent.mkdir(parents=True, mode=0o700, exist_ok=True)
    except FileExistsError:
        pass  # a file stands where the folder should: opening the database says so
    except OSError as error:
        raise StoreError(f"{path.parent}: the folder of the database can not be made: {error.strerror}") from None
    return SqliteStore(path)
