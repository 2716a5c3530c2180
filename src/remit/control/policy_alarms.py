"""Alarms: compiled policies that were found to differ from the official implementation, by release."""

from __future__ import annotations

from remit.control.transaction import Change, changing
from remit.domain.clock import Clock
from remit.domain.ids import ReleaseId, WorkspaceName
from remit.domain.record import RecordKind, policies_differed_key
from remit.storage.port import Store, Wanted


class PolicyAlarms:
    """Puts one alarm a release on record. It stands as long as the record does: a release never changes."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def sound(self, workspace: WorkspaceName, release: ReleaseId, why: str) -> None:
        """Record that a release is decided by the official implementation, and why. Again, it changes nothing."""
        wanted = Wanted(workspace=workspace, record_keys=[policies_differed_key(release)])
        with changing(self._store, wanted, self._clock.now()) as change:
            if not change.loaded.records:
                put_on_record(change, release, why)


def put_on_record(change: Change, release: ReleaseId, why: str) -> None:
    """Put the alarm of a release on record, as a part of another change."""
    content: dict[str, object] = {"release": release, "why": why}
    change.record(policies_differed_key(release), RecordKind.POLICIES_DIFFERED, content)
