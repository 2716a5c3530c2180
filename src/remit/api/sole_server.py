"""A SQLite database has one server. Agents in their own process and the command line may open it beside it."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from types import TracebackType
from typing import Self

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl


class AlreadyServed(Exception):
    """Another server has this database. The message says which."""


def address_of(database: Path) -> str:
    """Return where the server of a database is reached from this machine, or empty: none has said so."""
    try:
        said = _place(database).read_text("utf-8", "replace")[:200]
    except OSError:
        return ""
    return said.partition(" at ")[2].strip()


def _place(database: Path) -> Path:
    return database.with_name(f"{database.name}.server")


class SoleServer:
    """Held while a server runs; the operating system lets go of it when the process ends, however it ends.

    Two servers would each keep an event stream and a queue of their own, and every commit of one would wait for the
    other's. The command line takes no part in this: a freeze must work whether or not a server runs, and SQLite's own
    lock makes that safe.
    """

    def __init__(self, database: Path, address: str) -> None:
        """Take the lock beside the database. Raises AlreadyServed."""
        self._path = _place(database)
        self._handle = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            _lock(self._handle)
        except OSError:
            said = os.read(self._handle, 200).decode("utf-8", "replace").strip()
            os.close(self._handle)
            by = f", by {said}" if said else ""
            raise AlreadyServed(
                f"{database} is served already{by}: SQLite is for one server. Stop that one, or use PostgreSQL for more"
            ) from None
        os.ftruncate(self._handle, 0)
        os.write(self._handle, f"process {os.getpid()} at {address}\n".encode())

    def close(self) -> None:
        """Let go. The file stays: to remove it would let two servers hold two files of one name."""
        os.ftruncate(self._handle, 0)
        os.close(self._handle)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _lock(handle: int) -> None:
    """Take the lock or raise OSError at once."""
    if sys.platform == "win32":
        os.lseek(handle, 1 << 20, os.SEEK_SET)  # behind the text, which others must be able to read
        msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        os.lseek(handle, 0, os.SEEK_SET)
    else:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
