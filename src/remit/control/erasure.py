"""Erase a data subject: destroy the key their payloads are sealed under, and put on record that it was done.

The loop histories of their runs are deleted with the key. The ledger stays whole: records never held the payloads. What
is left of the subject are digests that nobody can guess any more, for their salt went with the key.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from remit.control.transaction import changing
from remit.domain.canonical import salted_digest
from remit.domain.clock import Clock, Instant
from remit.domain.ids import Ids, KeyId, WorkspaceName
from remit.domain.record import RecordKind
from remit.storage.port import Store, Wanted
from remit.storage.sealed import Keyring
from remit.storage.subjects import Subjects

SALT_BYTES = 32


class ErasureRefused(Exception):
    """There is nothing to erase. The message says why."""


@dataclass(frozen=True, slots=True)
class Certificate:
    """That a subject was erased. `record` is its key in the ledger.

    The salt is stored nowhere: whoever has it can show that the certificate is about this subject, and nobody else can.
    """

    record: str
    key: KeyId
    at: Instant
    subject_digest: str
    salt: bytes


class Erasure:
    """Erases data subjects of one database."""

    def __init__(self, store: Store, keyring: Keyring, clock: Clock, ids: Ids) -> None:
        self._store = store
        self._subjects = Subjects(store, keyring)
        self._clock = clock
        self._ids = ids

    def erase(self, workspace: WorkspaceName, subject: str, by: str, reason: str) -> Certificate:
        """Destroy the subject's key, in one transaction with the record of it. Raises ErasureRefused.

        Processes that have the key in memory stop using it within `execution.keys.KEPT_S` seconds. Copies of the
        database made before still hold it.
        """
        now = self._clock.now()
        key = self._subjects.key_id(workspace, subject, now)
        salt = secrets.token_bytes(SALT_BYTES)
        certificate = Certificate(self._ids.new("ers"), key, now, subject_digest(salt, workspace, subject), salt)
        with changing(self._store, Wanted(workspace=workspace), now) as change:
            found = self._store.key(key)
            if found is None:
                raise ErasureRefused(
                    f"workspace {workspace} has no payloads of this subject: check how the runs name their subjects"
                )
            if found.is_destroyed:
                raise ErasureRefused("this subject was erased before; the record of it is in the ledger")
            change.writes.destroyed.append((key, now))
            content: dict[str, object] = {
                "by": by,
                "reason": reason,
                "payload_key": key,
                "subject_digest": certificate.subject_digest,
            }
            change.record(certificate.record, RecordKind.PAYLOADS_ERASED, content)
        return certificate


def subject_digest(salt: bytes, workspace: WorkspaceName, subject: str) -> str:
    """Return what a certificate holds of a subject: HMAC-SHA-256 over workspace and name, under its salt."""
    return salted_digest(salt, workspace.encode(), subject.encode())
