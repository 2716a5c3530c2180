"""People read what is sealed: on record first, shown after."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from remit.control.transaction import changing
from remit.domain.clock import Clock
from remit.domain.ids import Ids, KeyId, WorkspaceName
from remit.domain.record import RecordKind
from remit.domain.run import Run
from remit.storage.port import SealedPayload, Store, Wanted
from remit.storage.sealed import DataKey


class PayloadKeys(Protocol):
    """Opens payload keys; raises PayloadLost for one that was destroyed."""

    def of(self, id: KeyId) -> DataKey: ...

    def salted(self, run: Run) -> Run: ...


class PayloadReads:
    """Opens payloads for people."""

    def __init__(self, store: Store, keys: PayloadKeys, clock: Clock, ids: Ids) -> None:
        self._store = store
        self._keys = keys
        self._clock = clock
        self._ids = ids

    def sealed(self, owner: str, part: str) -> SealedPayload | None:
        """Return what is stored, still sealed; None where it is not kept. Raises PayloadLost where it was erased."""
        found = self._store.payload(owner, part)
        if found is not None:
            self._keys.of(found.key)
        return found

    def record(
        self,
        workspace: WorkspaceName,
        by: str,
        why: dict[str, object],
        shown: Sequence[SealedPayload],
        searched: Sequence[SealedPayload] = (),
        key: str = "",
    ) -> None:
        """Put on record who reads which payloads; `searched` are looked through, and not shown.

        Durable when it returns. Only then may they be opened. What is read again under one `key` is on record once.
        """
        now = self._clock.now()
        content: dict[str, object] = {"by": by, **why, "payloads": _names(shown), "searched": _names(searched)}
        wanted = Wanted(workspace=workspace, record_keys=[key] if key else [])
        with changing(self._store, wanted, now) as change:
            if key not in change.loaded.records:
                change.record(key or self._ids.new("prd"), RecordKind.PAYLOAD_READ, content)

    def open(self, payload: SealedPayload) -> bytes:
        """Decrypt what is on record as read. Raises PayloadLost."""
        return self._keys.of(payload.key).open(payload)

    def salt(self, run: Run) -> bytes:
        """Return the salt of a run's digests. Raises PayloadLost."""
        return self._keys.salted(run).salt


def _names(payloads: Sequence[SealedPayload]) -> list[str]:
    return [f"{payload.owner}/{payload.part}" for payload in payloads]
