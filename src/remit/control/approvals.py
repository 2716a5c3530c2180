"""People answer holds. One answer binds one run's exact arguments and admits one execution."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from remit.control.transaction import changing
from remit.domain.clock import Clock
from remit.domain.facts import ApprovalState
from remit.domain.ids import AgentName, ApprovalId, GroupName, Ids, ReleaseId, UserId
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

        A person answers for the required groups they are a member of, in the release that asked and in the one that is
        active now. Approved is what every required group has approved; one rejection rejects.

        Raises AnswerRefused: unknown, already answered, expired, another digest, a member of no group that must answer,
        or of the requester's own side (the agent's owner, or whom the run acts for).
        """
        known = self._store.approval(id)
        if known is None:
            raise AnswerRefused(f"there is no approval {id}; `remit approvals ls` lists them")
        releases = self._releases(known)
        configurations = self._configurations(known, releases)
        _check_side(known, person, configurations)
        groups = tuple(group for group in known.approvers if _is_member(configurations, group, person))
        if not groups:
            asked = " or ".join(known.approvers) or "any group"
            raise AnswerRefused(f"{person} is not a member of {asked}, who must answer approval {id}")
        now = self._clock.now()
        with changing(self._store, Wanted(approval_ids=[id], workspace=known.workspace), now) as change:
            approval = change.loaded.approvals_by_id[id]  # as it stands under the lock
            if self._releases(known) != releases:
                raise AnswerRefused(f"another release became active while approval {id} was answered: answer it again")
            if approval.state is not ApprovalState.PENDING:
                raise AnswerRefused(f"approval {id} is {approval.state.value} already")
            if now >= approval.expires_at:
                raise AnswerRefused(f"approval {id} has expired: nobody answered in time; the agent may ask again")
            if len(digest) < MIN_DIGEST or not approval.digest.startswith(digest):
                raise AnswerRefused(
                    f"the digest is not that of approval {id}: look at it again with `remit approvals show {id}`"
                )
            _check_news(approval, person, groups, approve=approve)
            said = ApprovalState.APPROVED if approve else ApprovalState.REJECTED
            answer: dict[str, object] = {
                "by": person,
                "answer": said.value,
                "groups": list(groups),
                "comment": comment,
                "at": now,
            }
            answered = replace(approval, answers=(*approval.answers, answer))
            if not approve or not answered.missing:
                answered = replace(answered, state=said)
            change.writes.approvals[id] = answered
            content = {
                "approval": id,
                "run_id": approval.run,
                "action": approval.action,
                "digest": approval.digest,
                "state": answered.state.value,
                **answer,
            }
            change.record(self._ids.new("chg"), RecordKind.APPROVAL_ANSWERED, content)
        return answered

    def _releases(self, approval: Approval) -> tuple[ReleaseId, ...]:
        """Return the release that asked, and those active now on every channel that ever pointed at it."""
        active = []
        for channel in self._store.channels(approval.workspace):
            past = self._store.activations(approval.workspace, channel)
            if any(activation.release == approval.release for activation in past):
                active.append(past[0].release)
        return (approval.release, *sorted(set(active) - {approval.release}))

    def _configurations(self, approval: Approval, releases: Sequence[ReleaseId]) -> tuple[Configuration, ...]:
        found = []
        for id in releases:
            release = self._store.release(approval.workspace, id)
            configuration = None if release is None else read(release.files, release.workspace).configuration
            if configuration is None:
                raise AnswerRefused(f"release {id}, which says who may answer approval {approval.id}, can not be read")
            found.append(configuration)
        return tuple(found)


MIN_DIGEST = 12
"""How many digits of a digest a person must give at least: 48 bits can not be met by chance."""


def _check_side(approval: Approval, person: UserId, configurations: Sequence[Configuration]) -> None:
    if not is_actor(person):
        raise AnswerRefused(f"{person!r} names nobody who could answer: write user:NAME")
    for configuration in configurations:
        agent = configuration.agents.get(AgentName(approval.agent))
        if agent is not None and agent.owner == person:
            raise AnswerRefused(f"{person} owns {approval.agent}: nobody approves for an agent of their own")
    if approval.on_behalf_of == person:
        raise AnswerRefused(f"the run acts for {person}: nobody approves what is done on their own behalf")


def _is_member(configurations: Sequence[Configuration], group: GroupName, person: UserId) -> bool:
    found = [configuration.groups.get(group) for configuration in configurations]
    return all(each is not None and person in each.members for each in found)


def _check_news(approval: Approval, person: UserId, groups: Sequence[GroupName], *, approve: bool) -> None:
    """Refuse an answer that changes nothing: a person's second, or a group's second approval."""
    if any(answer["by"] == person for answer in approval.answers):
        raise AnswerRefused(f"{person} has answered approval {approval.id} already")
    if approve and approval.missing.isdisjoint(groups):
        said, waits = ", ".join(groups), ", ".join(sorted(approval.missing))
        raise AnswerRefused(f"{said} has approved already; approval {approval.id} still waits for {waits}")
