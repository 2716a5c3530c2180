"""Where a PostgreSQL database is, and what every connection to it is like. The password shows nowhere."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict
from sqlalchemy.exc import DBAPIError

from remit.storage.port import StoreError

CONNECT_TIMEOUT_S = 10
STATEMENT_TIMEOUT_S = 30
LOCK_TIMEOUT_S = 10
"""How long a transaction waits for another process's locks."""

IDLE_TIMEOUT_S = 15
"""How long a process that stands still may hold locks before PostgreSQL ends its connection."""

OLDEST_VERSION = 14

_CONNECTION: dict[str, Any] = {
    "connect_timeout": CONNECT_TIMEOUT_S,
    "application_name": "remit",
    "client_encoding": "utf8",
    # A server whose power has gone says nothing: without these a commit would wait for it for two hours.
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 20_000,
}

# A database may be set to answer before the disk has the commit; then nothing here would be durable.
_SESSION = f"""
select set_config('statement_timeout', '{STATEMENT_TIMEOUT_S}s', false),
    set_config('lock_timeout', '{LOCK_TIMEOUT_S}s', false),
    set_config('idle_in_transaction_session_timeout', '{IDLE_TIMEOUT_S}s', false),
    set_config('default_transaction_isolation', 'read committed', false),
    set_config('synchronous_commit', case current_setting('synchronous_commit')
        when 'off' then 'on' else current_setting('synchronous_commit') end, false)
"""

_REMEDIES = {
    "53100": "its disk is full: free some space and try again",
    "53300": "it takes no more connections: raise max_connections, or run fewer processes",
    "25006": "it is read-only: point REMIT_DATABASE_URL at the primary",
    "42501": "the role may not do this: give it the rights that docs/how-to/postgresql.md lists",
    "55P03": f"another process has held its locks for {LOCK_TIMEOUT_S} s: find it in pg_stat_activity",
    "57014": f"a statement took more than {STATEMENT_TIMEOUT_S} s and was ended",
    "40P01": "two transactions waited for each other: try again",
    "40001": "another transaction came in between: try again",
    "25P03": f"this process stood still for {IDLE_TIMEOUT_S} s in a transaction, which was ended",
}

BAD_URL = (
    "REMIT_DATABASE_URL is no PostgreSQL URL: write postgresql://USER:PASSWORD@HOST:5432/DATABASE,"
    " with %40 for @, %3A for : and %2F for / in a password"
)
NOTHING = "Nothing was admitted."
UNKNOWN = "Nobody knows whether it was recorded: the same again finds out."


class Address:
    """A PostgreSQL URL, taken apart. Its text form has no password."""

    def __init__(self, url: str) -> None:
        """Read a URL as libpq does. Raises StoreError, without repeating what may hold a password."""
        try:
            self._parts = conninfo_to_dict(url)
        except psycopg.Error:
            raise StoreError(BAD_URL) from None
        if not _is_plain(self._parts):
            raise StoreError(BAD_URL)

    def __str__(self) -> str:
        """Return user, host and database."""
        part = self._parts.get
        user, host, port = part("user") or "", part("host") or "", part("port")
        place = f"{host}:{port}" if port else f"{host}"
        return f"postgresql://{f'{user}@' if user else ''}{place if '/' not in place else ''}/{part('dbname') or ''}"

    def __repr__(self) -> str:
        """Return the same, marked as what it is."""
        return f"<Address {self}>"

    def connect(self) -> psycopg.Connection[Any]:
        """Open a connection on which every statement is a transaction of its own until one is begun.

        Raises StoreError.
        """
        with explained(self):
            db = psycopg.connect(**{**_CONNECTION, **self._parts}, autocommit=True)
            try:
                db.execute(_SESSION)
            except BaseException:
                db.close()
                raise
            return db

    def without_secrets(self, said: str) -> str:
        """Return a text in which no password of this address stands."""
        for name in ("password", "sslpassword"):
            secret = self._parts.get(name)
            if secret:
                said = said.replace(str(secret), "***")
        return said


@contextmanager
def explained(address: Address, ending: str = NOTHING) -> Iterator[None]:
    """Turn what PostgreSQL says into what was wrong and what to do."""
    try:
        yield
    except psycopg.Error as error:
        raise StoreError(f"{address}: {_remedy(address, error)}. {_ending(error, ending)}") from error
    except DBAPIError as error:  # the same, met by SQLAlchemy
        said = error.orig if isinstance(error.orig, psycopg.Error) else psycopg.Error(str(error.orig))
        raise StoreError(f"{address}: {_remedy(address, said)}. {_ending(said, ending)}") from error


def _is_plain(parts: Mapping[str, Any]) -> bool:
    """Tell whether nothing passes for a name or a port that is a part of a password somebody forgot to quote."""
    names = "".join(str(parts.get(name) or "") for name in ("user", "host", "dbname"))
    return "@" not in names and re.fullmatch("[0-9,]*", str(parts.get("port") or "")) is not None


def is_lost(error: psycopg.Error) -> bool:
    """Tell whether the connection went, so that nobody said how the transaction ended."""
    state = error.sqlstate
    if state is None:
        return isinstance(error, psycopg.OperationalError)
    return state.startswith(("08", "57P"))


def _ending(error: psycopg.Error, ending: str) -> str:
    return ending if is_lost(error) else NOTHING


def _remedy(address: Address, error: psycopg.Error) -> str:
    remedy = _REMEDIES.get(error.sqlstate or "")
    if remedy is not None:
        return remedy
    said = " ".join(address.without_secrets(str(error)).split()) or type(error).__name__
    return f"the database is gone or can not be reached: {said}" if is_lost(error) else f"it refused: {said}"
