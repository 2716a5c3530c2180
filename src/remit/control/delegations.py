"""Who answers approvals in whose place while they are away."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from remit.control.transaction import changing
from remit.domain.clock import MICROS_PER_SECOND, Clock, Instant
from remit.domain.ids import Ids, UserId, WorkspaceName
from remit.domain.record import RecordKind
from remit.domain.text import is_actor
from remit.storage.delegation import Delegation
from remit.storage.port import Store, Wanted
from remit.workspace.reading import read

LONGEST_S = 366 * 86_400
"""How long one may last: who is away for longer has left the group."""
MOST = 100
"""How many of one person may be in force or to come."""


class DelegationRefused(Exception):
    """A delegation that can not be. The message says why."""


class Delegations:
    """Delegations of one database. Nothing is handed on: who stands in for somebody does so in person."""

    def __init__(self, store: Store, clock: Clock, ids: Ids) -> None:
        self._store = store
        self._clock = clock
        self._ids = ids

    def make(
        self,
        workspace: WorkspaceName,
        by: UserId,
        person: UserId,
        delegate: UserId,
        begins_at: Instant,
        ends_at: Instant,
    ) -> Delegation:
        """Let `delegate` answer for `person` from an instant until just before another. `by` is who says so.

        Whether the delegate may answer a particular approval is looked at when they do.

        Raises DelegationRefused: a time that is over, upside down or longer than a year; nobody the workspace knows;
            or somebody who would make themselves the delegate of another.
        """
        now = self._clock.now()
        if not max(now, begins_at) < ends_at <= begins_at + LONGEST_S * MICROS_PER_SECOND:
            raise DelegationRefused("the time must end after it begins, in the future, and within 366 days")
        if person == delegate:
            raise DelegationRefused(f"{person} can not stand in for themselves")
        if by == delegate:
            raise DelegationRefused(f"{by} can not make themselves the delegate of {person}: ask {person}, or an admin")
        self._check_known(workspace, person, delegate)
        made = Delegation(self._ids.new("dlg"), workspace, person, delegate, begins_at, ends_at, by, now)
        with changing(self._store, Wanted(workspace=workspace), now) as change:
            live = [each for each in self._store.delegations(workspace) if each.ended_at is None and now < each.ends_at]
            if sum(each.person == person for each in live) >= MOST:
                raise DelegationRefused(f"{person} has {MOST} delegations already: end some of them")
            change.writes.delegations.append(made)
            change.record(self._ids.new("chg"), RecordKind.DELEGATION_CHANGED, _content(made, by))
        return made

    def end(self, workspace: WorkspaceName, id: str, by: UserId) -> Delegation:
        """End a delegation before its time. Raises DelegationRefused for one that is over."""
        now = self._clock.now()
        with changing(self._store, Wanted(workspace=workspace), now) as change:
            found = self.one(workspace, id)
            if found is None or found.ended_at is not None or now >= found.ends_at:
                raise DelegationRefused(f"there is no delegation {id} in force or to come")
            ended = replace(found, ended_at=now)
            change.writes.delegations.append(ended)
            change.record(self._ids.new("chg"), RecordKind.DELEGATION_CHANGED, _content(ended, by))
        return ended

    def one(self, workspace: WorkspaceName, id: str) -> Delegation | None:
        """Return a delegation of a workspace."""
        return next((each for each in self.all(workspace) if each.id == id), None)

    def all(self, workspace: WorkspaceName) -> Sequence[Delegation]:
        """Return every delegation of a workspace, newest first."""
        return self._store.delegations(workspace)

    def _check_known(self, workspace: WorkspaceName, *people: UserId) -> None:
        """Refuse who is in the people of no active release: a name that is mistyped stands in for nobody."""
        known: set[UserId] = set()
        for channel in self._store.channels(workspace):
            active = self._store.active(workspace, channel)
            release = None if active is None else self._store.release(workspace, active)
            configuration = None if release is None else read(release.files, workspace).configuration
            known.update(configuration.people if configuration is not None else ())
        for person in people:
            if not is_actor(person) or person not in known:
                raise DelegationRefused(f"{person!r} is no person of the active release: write user:NAME")


def _content(delegation: Delegation, by: UserId) -> dict[str, object]:
    return {
        "delegation": delegation.id,
        "person": delegation.person,
        "delegate": delegation.delegate,
        "begins_at": delegation.begins_at,
        "ends_at": delegation.ends_at,
        "ended_at": delegation.ended_at,
        "by": by,
    }
