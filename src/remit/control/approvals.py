"""People answer holds. One answer binds one run's exact arguments and admits one execution."""

from __future__ import annotations

from dataclasses import replace

from remit.control.transaction import changing
from remit.domain.clock import Clock
from remit.domain.facts import ApprovalState
from remit.domain.ids import AgentName, ApprovalId, GroupName, Ids, UserId
from remit.domain.record import RecordKind
from remit.domain.release import Configuration
from remit.domain.text import is_actor
from remit.storage.port import Approval, Store, Wanted
from remit.workspace.reading import read


class AnswerRefused(Exception):
    """An answer that may not be given. The message says why."""


class Approvals:
    """Approvals of one database."""

    def __init__(self, store: Store, clock: Clock, ids: Ids) -> None:
        self._store = store
        self._clock = clock
        self._ids = ids

    def answer(self, id: ApprovalId, person: UserId, digest: str, *, approve: bool, comment: str = "") -> Approval:
        """Approve or reject. `digest` is that of the arguments the person has looked at, or at least 12 digits of it.

        Raises AnswerRefused: unknown, already answered, expired, another digest, not a member of every group that
        must answer, or of the requester's own side (the agent's owner, or whom the run acts for).
        """
        known = self._store.approval(id)
        if known is None:
            raise AnswerRefused(f"there is no approval {id}; `remit approvals ls` lists them")
        self._check_person(known, person)
        now = self._clock.now()
        with changing(self._store, Wanted(approval_ids=[id], workspace=known.workspace), now) as change:
            approval = change.loaded.approvals_by_id[id]  # as it stands under the lock
            if approval.state is not ApprovalState.PENDING:
                raise AnswerRefused(f"approval {id} is {approval.state.value} already")
            if now >= approval.expires_at:
                raise AnswerRefused(f"approval {id} has expired: nobody answered in time; the agent may ask again")
            if len(digest) < MIN_DIGEST or not approval.digest.startswith(digest):
                raise AnswerRefused(
                    f"the digest is not that of approval {id}: look at it again with `remit approvals show {id}`"
                )
            state = ApprovalState.APPROVED if approve else ApprovalState.REJECTED
            answer: dict[str, object] = {"by": person, "answer": state.value, "comment": comment, "at": now}
            answered = replace(approval, state=state, answers=(*approval.answers, answer))
            change.writes.approvals[id] = answered
            content = {
                "approval": id,
                "run_id": approval.run,
                "action": approval.action,
                "digest": approval.digest,
                **answer,
            }
            change.record(self._ids.new("chg"), RecordKind.APPROVAL_ANSWERED, content)
        return answered

    def _check_person(self, approval: Approval, person: UserId) -> None:
        if not is_actor(person):
            raise AnswerRefused(f"{person!r} names nobody who could answer: write user:NAME")
        configuration = self._configuration(approval)
        agent = configuration.agents.get(AgentName(approval.agent))
        if agent is not None and agent.owner == person:
            raise AnswerRefused(f"{person} owns {approval.agent}: nobody approves for an agent of their own")
        if approval.on_behalf_of == person:
            raise AnswerRefused(f"the run acts for {person}: nobody approves what is done on their own behalf")
        for group in approval.approvers:
            if not _is_member(configuration, group, person):
                raise AnswerRefused(f"{person} is not a member of {group}, who must answer approval {approval.id}")

    def _configuration(self, approval: Approval) -> Configuration:
        release = self._store.release(approval.workspace, approval.release)
        configuration = None if release is None else read(release.files, release.workspace).configuration
        if configuration is None:
            raise AnswerRefused(f"release {approval.release} of approval {approval.id} can not be read")
        return configuration


MIN_DIGEST = 12
"""How many digits of a digest a person must give at least: 48 bits can not be met by chance."""


def _is_member(configuration: Configuration, group: GroupName, person: UserId) -> bool:
    found = configuration.groups.get(group)
    return found is not None and person in found.members
