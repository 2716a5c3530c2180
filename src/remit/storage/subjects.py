"""The payload keys of data subjects, found by who the subject is without writing that down.

A key's id is a digest under a key of its own (`WORKSPACE/subjects`), so that neither the table of keys nor a run's row
says who a subject is, and nothing is left to find out once the subject's key is destroyed.
"""

from __future__ import annotations

from remit.domain.canonical import salted_digest
from remit.domain.clock import Instant
from remit.domain.ids import KeyId, WorkspaceName
from remit.storage.port import Store, Wanted, WrappedKey, Writes
from remit.storage.sealed import Keyring


class Subjects:
    """Data subjects of one database."""

    def __init__(self, store: Store, keyring: Keyring) -> None:
        self._store = store
        self._keyring = keyring

    def key_id(self, workspace: WorkspaceName, subject: str, now: Instant) -> KeyId:
        """Return the id of a subject's key, whether there is such a key or not."""
        naming = self.stored(KeyId(f"{workspace}/subjects"), now)
        salt = self._keyring.unwrap(naming).salt("subject")
        return KeyId(f"{workspace}/subject/{salted_digest(salt, subject.encode())[:40]}")

    def stored(self, id: KeyId, now: Instant) -> WrappedKey:
        """Return a key, made and stored if there is none yet: a tombstone stays one.

        It is stored before anything is sealed under it: two processes may want it at once, and the first one stays.
        """
        found = self._store.key(id)
        if found is None:
            transactions = self._store.transactions()
            try:
                transactions.begin(Wanted())
                transactions.commit(Writes(keys=[self._keyring.make(id, now)]))
            finally:
                transactions.close()
            found = self._store.key(id)
        assert found is not None
        return found
