"""Payload keys, made when a run starts and kept unwrapped while runs use them."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import replace

from remit.domain.clock import Instant
from remit.domain.ids import KeyId, WorkspaceName
from remit.domain.run import Run
from remit.storage.port import Store, Wanted, WrappedKey, Writes
from remit.storage.sealed import DataKey, Keyring, PayloadLost

MAX_KEPT = 4096


class Keys:
    """Opens payload keys, in memory only."""

    def __init__(self, store: Store, keyring: Keyring) -> None:
        self._store = store
        self._keyring = keyring
        self._lock = threading.Lock()
        self._kept: OrderedDict[KeyId, DataKey] = OrderedDict()  # guarded by _lock

    def of_run(self, run: Run) -> DataKey:
        """Return the key a run's payloads are sealed under. Raises PayloadLost where it has been destroyed."""
        return self.of(run.key)

    def of(self, id: KeyId) -> DataKey:
        """Return a stored key. Raises PayloadLost where it has been destroyed or never was."""
        with self._lock:
            kept = self._kept.get(id)
            if kept is None:
                wrapped = self._store.key(id)
                if wrapped is None:
                    raise PayloadLost(f"the key {id} has been destroyed: what was sealed under it is gone for ever")
                kept = self._keep(self._keyring.unwrap(wrapped))
            return kept

    def for_new_run(
        self, workspace: WorkspaceName, run: str, subject: str, now: Instant
    ) -> tuple[KeyId, WrappedKey | None]:
        """Return the id of the key a new run seals under, and the key itself where it must be stored with the run."""
        id = KeyId(f"{workspace}/subject/{subject}" if subject else f"{workspace}/{run}")
        if not subject:
            return id, self._keyring.make(id, now)
        if self._store.key(id) is None:
            # Stored before anything is sealed under it: two runs of one subject may start at once, and the
            # first key stays.
            self._store_now(self._keyring.make(id, now))
        return id, None

    def _store_now(self, key: WrappedKey) -> None:
        transactions = self._store.transactions()
        try:
            transactions.begin(Wanted())
            transactions.commit(Writes(keys=[key]))
        finally:
            transactions.close()

    def unwrapped(self, wrapped: WrappedKey) -> DataKey:
        """Return a key that is about to be stored."""
        with self._lock:
            return self._keep(self._keyring.unwrap(wrapped))

    def salted(self, run: Run) -> Run:
        """Return the run with the salt that follows from its key."""
        return replace(run, salt=self.of_run(run).salt(run.id))

    def _keep(self, key: DataKey) -> DataKey:
        self._kept[key.id] = key
        if len(self._kept) > MAX_KEPT:
            self._kept.popitem(last=False)
        return key
