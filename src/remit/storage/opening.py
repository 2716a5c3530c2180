"""Open the database that a URL names."""

from __future__ import annotations

from pathlib import Path

from remit.storage.port import Store, StoreError

SQLITE = "sqlite:///"


class NoDatabase(StoreError):
    """There is no such file, and none was to be made."""


def open_store(url: str, *, create: bool = True) -> Store:
    """Open a database and bring it to the current schema. Raises StoreError.

    A file that is not there is made only where `create` says so, else NoDatabase is raised.

    Each kind is imported only when it is asked for: psycopg is an extra.
    """
    if url.startswith(SQLITE):
        path = Path(url.removeprefix(SQLITE))
        if not create and not _is_there(path):
            raise NoDatabase(f"there is no database at {path.absolute()}: run `remit apply DIR` first")
        return _open_file(path)
    try:
        from remit.storage.postgres import PostgresStore
    except ImportError as error:
        raise StoreError(f"PostgreSQL needs the extra: pip install 'remit[postgres]' ({error})") from error
    return PostgresStore(url)


def _is_there(path: Path) -> bool:
    try:
        return path.exists()
    except OSError as error:
        raise StoreError(f"{path}: the database can not be opened: {error.strerror}") from None


def _open_file(path: Path) -> Store:
    from remit.storage.sqlite import SqliteStore

    try:
        path.parent.mkdir(parents=True, mode=0o700, exist_ok=True)
    except FileExistsError:
        pass  # a file stands where the folder should: opening the database says so
    except OSError as error:
        raise StoreError(f"{path.parent}: the folder of the database can not be made: {error.strerror}") from None
    return SqliteStore(path)
