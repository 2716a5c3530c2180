"""Who may answer an approval: members of its groups, in the release that asked and in those active now."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from remit.control.sides import side_of
from remit.domain.clock import Instant
from remit.domain.ids import ApprovalId, GroupName, ReleaseId, UserId
from remit.domain.release import Configuration
from remit.domain.text import is_actor
from remit.storage.approval import Approval
from remit.storage.port import Store
from remit.workspace.reading import read


class AnswerRefused(Exception):
    """An answer that may not be given. The message says why."""


@dataclass(frozen=True, slots=True)
class Voice:
    """Somebody who may answer. `person` is who counts: the same as `by`, or whom `by` stands in for.

    `groups` are those of the approval that `person` is in.
    """

    by: UserId
    person: UserId
    groups: frozenset[GroupName]


def known_approval(store: Store, id: ApprovalId) -> Approval:
    """Return an approval. Raises AnswerRefused."""
    found = store.approval(id)
    if found is None:
        raise AnswerRefused(f"there is no approval {id}; `remit approvals ls` lists them")
    return found


class Voices:
    """Who may answer one approval."""

    def __init__(self, store: Store, approval: Approval) -> None:
        """Read the releases. Raises AnswerRefused where one can not be read."""
        self._store = store
        self._approval = approval
        self._releases = self._find_releases()
        self._configurations = self._read(self._releases)
        self._side = side_of(store, approval, self._configurations)
        self._groups = tuple(
            dict.fromkeys(turn.group for each in approval.rules for seat in each.seats for turn in seat)
        )

    def of(self, person: UserId, instead_of: UserId | None, now: Instant) -> Voice:
        """Return how somebody may answer; `instead_of` says for whom, where they stand in for several.

        Raises AnswerRefused: nobody of the requester's side answers, in whoever's place, and nobody who is in none of
        the groups, themselves or in the place of somebody who is.
        """
        self._check_side(person)
        own = self._groups_of(person)
        if own and (instead_of == person or (instead_of is None and self._speaks_alone(person, own, now))):
            return Voice(person, person, own)
        absent = self._absent(person, instead_of, now)
        self._check_side(absent)
        return Voice(person, absent, self._groups_of(absent))

    def _speaks_alone(self, person: UserId, own: frozenset[GroupName], now: Instant) -> bool:
        """Tell whether somebody in a group answers as themselves: it is asked, or they stand in for nobody."""
        return not own.isdisjoint(self._approval.standing(now).asked) or not self._absentees(person, now)

    def check_concerned(self, person: UserId, now: Instant) -> None:
        """Refuse who is in no group of the approval, nor stands in for anybody who is."""
        if not self._groups_of(person):
            self._absent(person, None, now, may_be_several=True)

    def check_unchanged(self) -> None:
        """Refuse where another release became active since: asked under the lock of the workspace."""
        if self._find_releases() != self._releases:
            id = self._approval.id
            raise AnswerRefused(f"another release became active while approval {id} was answered: answer it again")

    def _absent(
        self, person: UserId, instead_of: UserId | None, now: Instant, *, may_be_several: bool = False
    ) -> UserId:
        """Return whose place somebody takes."""
        members = [each for each in self._absentees(person, now) if instead_of in (None, each)]
        if len(members) == 1 or (members and may_be_several):
            return members[0]
        if members:
            raise AnswerRefused(f"{person} stands in for {' and '.join(members)}: say for whom with --for")
        asked = " or ".join(self._groups) or "any group"
        if instead_of not in (None, person):
            raise AnswerRefused(f"{person} does not stand in now for {instead_of} as a member of {asked}")
        raise AnswerRefused(f"{person} is not a member of {asked}, who must answer approval {self._approval.id}")

    def _absentees(self, person: UserId, now: Instant) -> list[UserId]:
        """Return the members for whom somebody may answer now."""
        delegations = self._store.delegations(self._approval.workspace)
        absent = {each.person for each in delegations if each.delegate == person and each.holds_at(now)}
        return sorted(each for each in absent if self._groups_of(each))

    def _groups_of(self, person: UserId) -> frozenset[GroupName]:
        return frozenset(group for group in self._groups if _is_member(self._configurations, group, person))

    def _check_side(self, person: UserId) -> None:
        if not is_actor(person):
            raise AnswerRefused(f"{person!r} names nobody who could answer: write user:NAME")
        tie = self._side.get(person)
        if tie is not None:
            raise AnswerRefused(tie.why(person, self._approval))

    def _find_releases(self) -> tuple[ReleaseId, ...]:
        """Return the release that asked, and those active now on every channel that ever pointed at it."""
        approval, active = self._approval, []
        for channel in self._store.channels(approval.workspace):
            past = self._store.activations(approval.workspace, channel)
            if any(activation.release == approval.release for activation in past):
                active.append(past[0].release)
        return (approval.release, *sorted(set(active) - {approval.release}))

    def _read(self, releases: Sequence[ReleaseId]) -> tuple[Configuration, ...]:
        found = []
        for id in releases:
            release = self._store.release(self._approval.workspace, id)
            configuration = None if release is None else read(release.files, release.workspace).configuration
            if configuration is None:
                asked = self._approval.id
                raise AnswerRefused(f"release {id}, which says who may answer approval {asked}, can not be read")
            found.append(configuration)
        return tuple(found)


def _is_member(configurations: Iterable[Configuration], group: GroupName, person: UserId) -> bool:
    found = [configuration.groups.get(group) for configuration in configurations]
    return all(each is not None and person in each.members for each in found)
