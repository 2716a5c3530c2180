"""Payload keys, made when a run starts and kept unwrapped for a moment while runs use them."""

from __future__ import annotations

import contextlib
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import replace

from remit.domain.clock import Instant
from remit.domain.ids import KeyId, WorkspaceName
from remit.domain.run import Run
from remit.storage.port import Store, WrappedKey
from remit.storage.sealed import DataKey, Keyring, PayloadLost, WrongMasterKey
from remit.storage.subjects import Subjects

MAX_KEPT = 4096
KEPT_S = 30
"""How long a key is used without asking the database whether it is still there: the longest it outlives its erasure."""


class Keys:
    """Opens payload keys, in memory only."""

    def __init__(self, store: Store, keyring: Keyring, elapsed_s: Callable[[], float] = time.monotonic) -> None:
        self._store = store
        self._keyring = keyring
        self._subjects = Subjects(store, keyring)
        self._elapsed_s = elapsed_s
        self._lock = threading.Lock()
        self._kept: OrderedDict[KeyId, tuple[DataKey, float]] = OrderedDict()  # with when it was read; guarded by _lock

    def apart(self) -> Keys:
        """Return the same keys to somebody who reads many: no live run waits for them or has its own put out."""
        return Keys(self._store, self._keyring, self._elapsed_s)

    def of_run(self, run: Run) -> DataKey:
        """Return the key a run's payloads are sealed under. Raises PayloadLost where it has been destroyed."""
        return self.of(run.key)

    def of(self, id: KeyId) -> DataKey:
        """Return a stored key. Raises PayloadLost where it has been destroyed or never was."""
        with self._lock:
            kept, read_at = self._kept.get(id, (None, 0.0))
            if kept is not None and self._elapsed_s() - read_at < KEPT_S:
                return kept
            self._kept.pop(id, None)
            wrapped = self._store.key(id)
            if wrapped is None or wrapped.is_destroyed:
                raise PayloadLost(f"the key {id} has been destroyed: what was sealed under it is gone for ever")
            return self._keep(self._keyring.unwrap(wrapped))

    def fetch(self, ids: Sequence[KeyId]) -> None:
        """Read several keys at once, so that `of` finds them; one that is lost is told by `of`, not here."""
        with self._lock:
            fresh = self._elapsed_s() - KEPT_S
            wanted = [id for id in ids if self._kept.get(id, (None, fresh))[1] <= fresh]
            for wrapped in self._store.keys(wanted) if wanted else ():
                with contextlib.suppress(WrongMasterKey):
                    if not wrapped.is_destroyed:
                        self._keep(self._keyring.unwrap(wrapped))

    def for_new_run(
        self, workspace: WorkspaceName, run: str, subject: str, now: Instant
    ) -> tuple[KeyId, WrappedKey | None]:
        """Return the id of the key a new run seals under, and the key itself where it must be stored with the run.

        Raises PayloadLost for a data subject who was erased.
        """
        if not subject:
            id = KeyId(f"{workspace}/{run}")
            return id, self._keyring.make(id, now)
        id = self._subjects.key_id(workspace, subject, now)
        if self._subjects.stored(id, now).is_destroyed:
            raise PayloadLost("the data of this subject was erased: a run for them needs a new name for the subject")
        return id, None

    def unwrapped(self, wrapped: WrappedKey) -> DataKey:
        """Return a key that is about to be stored."""
        with self._lock:
            return self._keep(self._keyring.unwrap(wrapped))

    def salted(self, run: Run) -> Run:
        """Return the run with the salt that follows from its key."""
        return replace(run, salt=self.of_run(run).salt(run.id))

    def _keep(self, key: DataKey) -> DataKey:
        self._kept[key.id] = key, self._elapsed_s()
        if len(self._kept) > MAX_KEPT:
            self._kept.popitem(last=False)
        return key
