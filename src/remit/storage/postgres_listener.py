"""One connection a process that hears of records in every workspace (LISTEN)."""

from __future__ import annotations

import threading

import psycopg

from remit.storage.changes import Signals
from remit.storage.port import StoreError
from remit.storage.postgres_address import Address
from remit.storage.postgres_sql import CHANNEL

PAUSE_S = 1.0
"""How long after a lost connection a new one is tried."""

LOOK_S = 0.25
"""How long closing may take."""


class Listener:
    """Passes on what PostgreSQL notifies of. Its thread begins with the first who listens."""

    def __init__(self, address: Address, signals: Signals) -> None:
        self._address = address
        self._signals = signals
        self._closing = threading.Event()
        self._starting = threading.Lock()  # guards _thread
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to listen, where it does not yet."""
        with self._starting:
            if self._thread is None and not self._closing.is_set():
                self._thread = threading.Thread(target=self._run, name="remit-listener", daemon=True)
                self._thread.start()

    def close(self) -> None:
        """Stop listening."""
        self._closing.set()
        with self._starting:
            if self._thread is not None:
                self._thread.join()

    def _run(self) -> None:
        while not self._closing.is_set():
            try:
                self._listen()
            except (StoreError, psycopg.Error):
                self._closing.wait(PAUSE_S)

    def _listen(self) -> None:
        with self._address.connect() as db:
            db.execute(f"listen {CHANNEL}")
            self._signals.tell_everybody()  # what was notified before, nobody has heard
            while not self._closing.is_set():
                for heard in db.notifies(timeout=LOOK_S, stop_after=1):
                    self._signals.tell([heard.payload])
