"""People answer holds. One answer binds one run's exact arguments and admits one execution."""

from __future__ import annotations

from dataclasses import replace

from remit.control.transaction import Change, changing
from remit.control.voices import AnswerRefused as AnswerRefused
from remit.control.voices import Voice, Voices, known_approval
from remit.domain.clock import Clock, Instant
from remit.domain.facts import ApprovalState
from remit.domain.ids import ApprovalId, GroupName, Ids, UserId
from remit.domain.oversight import Standing
from remit.domain.record import RecordKind
from remit.storage.approval import Approval
from remit.storage.port import Store, Wanted


class Approvals:
    """Approvals of one database."""

    def __init__(self, store: Store, clock: Clock, ids: Ids) -> None:
        self._store = store
        self._clock = clock
        self._ids = ids

    def answer(
        self,
        id: ApprovalId,
        person: UserId,
        digest: str,
        *,
        approve: bool,
        comment: str = "",
        group: GroupName | None = None,
        instead_of: UserId | None = None,
    ) -> Approval:
        """Approve or reject.

        A person answers once in an approval, for one of its groups that they are a member of, in the release that asked
        and in the one that is active now. Approved is what every rule of the groups is fulfilled for; one rejection
        rejects.

        Args:
            id: of the approval.
            person: who answers.
            digest: that of the arguments the person has looked at, or at least 12 digits of it.
            approve: or reject.
            comment: for the record.
            group: for which group, where the person is in several that wait.
            instead_of: in whose place, where the person stands in for several.

        Raises AnswerRefused: unknown, already answered, expired, another digest, a member of no group that must answer
            or whose turn it is, or of the requester's own side (see sides.py).
        """
        known = known_approval(self._store, id)
        voices = Voices(self._store, known)
        now = self._clock.now()
        voices.of(person, instead_of, now)
        with changing(self._store, Wanted(approval_ids=[id], workspace=known.workspace), now) as change:
            approval = standing_still(change, id, digest)
            voices.check_unchanged()
            voice = voices.of(person, instead_of, now)  # a delegation may have ended meanwhile
            answered = voted(approval, voice, now, approve=approve, comment=comment, group=group)
            put(change, self._ids, answered)
        return answered


MIN_DIGEST = 12
"""How many digits of a digest a person must give at least: 48 bits can not be met by chance."""


def standing_still(change: Change, id: ApprovalId, digest: str) -> Approval:
    """Return an approval under the lock, which waits for an answer to what `digest` names. Raises AnswerRefused."""
    stored = change.loaded.approvals_by_id[id]
    approval = stored.lapsed(change.now)
    if approval.state is ApprovalState.EXPIRED and stored.state in (ApprovalState.PENDING, ApprovalState.EXPIRED):
        raise AnswerRefused(f"approval {id} has expired: nobody answered in time; the agent may ask again")
    if stored.state is not ApprovalState.PENDING:
        raise AnswerRefused(f"approval {id} is {stored.state.value} already")
    if len(digest) < MIN_DIGEST or not approval.digest.startswith(digest):
        raise AnswerRefused(
            f"the digest is not that of approval {id}: look at it again with `remit approvals show {id}`"
        )
    return approval


def voted(
    approval: Approval, voice: Voice, now: Instant, *, approve: bool, comment: str, group: GroupName | None
) -> Approval:
    """Return an approval with one answer more, and what it has come to. Raises AnswerRefused."""
    now = max(now, approval.created_at)  # a clock that went back answers at the earliest when it was asked
    heard = {each for answer in approval.current for each in (answer["by"], answer.get("for")) if each}
    for person in (voice.by, voice.person):
        if person in heard:
            raise AnswerRefused(f"{person} has answered approval {approval.id} already")
    groups = _groups(approval, voice, approval.standing(now), approve=approve, wanted=group)
    said = ApprovalState.APPROVED if approve else ApprovalState.REJECTED
    answer: dict[str, object] = {
        "by": voice.by,
        "for": None if voice.person == voice.by else voice.person,
        "answer": said.value,
        "groups": list(groups),
        "comment": comment,
        "edition": approval.edition,
        "at": now,
    }
    answered = replace(approval, answers=(*approval.answers, answer))
    return answered.weighed(now) if approve else replace(answered, state=said)


def put(change: Change, ids: Ids, answered: Approval) -> None:
    """Write an approval and put its last answer on record."""
    change.put_approval(answered)
    content = {
        "approval": answered.id,
        "run_id": answered.run,
        "action": answered.action,
        "digest": answered.digest,
        "state": answered.state.value,
        **answered.answers[-1],
    }
    change.record(ids.new("chg"), RecordKind.APPROVAL_ANSWERED, content)


def _groups(
    approval: Approval, voice: Voice, standing: Standing, *, approve: bool, wanted: GroupName | None
) -> tuple[GroupName, ...]:
    """Return the groups an answer counts for: one for an approval, every one that is asked for a rejection."""
    asked = sorted(voice.groups.intersection(standing.asked))
    if wanted is not None:
        asked = [each for each in asked if each == wanted]
    waits = ", ".join(sorted(standing.missing))
    if not asked:
        whose = wanted or ", ".join(sorted(voice.groups))
        raise AnswerRefused(f"approval {approval.id} does not wait for {whose} now; it waits for {waits}")
    if not approve:
        return tuple(asked)
    may = [each for each in asked if each in standing.open]
    if not may:
        raise AnswerRefused(f"{', '.join(asked)} has approved already; approval {approval.id} still waits for {waits}")
    if len(may) > 1:
        raise AnswerRefused(
            f"{voice.person} is in {' and '.join(may)}, and one person counts once: say for which with --group"
        )
    return (may[0],)
