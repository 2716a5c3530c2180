"""An approver gives an action other arguments: decided afresh, and asked about anew."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import orjson

from remit.control.approvals import AnswerRefused, put, standing_still, voted
from remit.control.transaction import Change, changing
from remit.control.voices import Voice, Voices, known_approval
from remit.domain.action import Action, ActionKind, Assurance, Cost
from remit.domain.arguments import PayloadLimits, checked
from remit.domain.clock import Clock, Instant
from remit.domain.decision import Decision
from remit.domain.facts import ApprovalState
from remit.domain.finding import Finding, Verdict
from remit.domain.ids import ActionId, ApprovalId, GroupName, Ids, ReleaseId, UserId, WorkspaceName
from remit.domain.messages import say, telling
from remit.domain.oversight import requirements_of
from remit.domain.payload import ARGUMENTS
from remit.domain.record import RecordKind
from remit.domain.run import Run
from remit.kernel.decide import VERSION, decide
from remit.kernel.gathering import facts_of
from remit.kernel.prepared import Prepared, prepare
from remit.kernel.ruleset import Ruleset
from remit.storage.approval import Approval, Edit
from remit.storage.port import SealedPayload, Store, Wanted
from remit.storage.sealed import DataKey

MOST_EDITS = 20
"""How often one approval can be edited: each begins its time anew."""


class RunKeys(Protocol):
    """Opens the payload key of a run; raises PayloadLost where it was destroyed."""

    def of_run(self, run: Run) -> DataKey: ...

    def salted(self, run: Run) -> Run: ...


class Rules(Protocol):
    """Returns the rules of a release; raises where they can not be had."""

    def of(self, workspace: WorkspaceName, release: ReleaseId) -> Ruleset: ...


class EditDenied(AnswerRefused):
    """Arguments that the agent would be denied: a person's edit lifts no rule. `findings` say which."""

    def __init__(self, target: str, findings: Sequence[Finding]) -> None:
        self.findings = tuple(findings)
        said = "; ".join(say(finding) for finding in telling(self.findings))
        super().__init__(f"with these arguments {target} would be denied: {said}")


@dataclass(frozen=True, slots=True)
class _Prepared:
    """New arguments, sealed and ready to be decided on."""

    call: Prepared
    sealed: SealedPayload


class Edits:
    """Edits of approvals of one database."""

    def __init__(
        self, store: Store, clock: Clock, ids: Ids, keys: RunKeys, rules: Rules, limits: PayloadLimits | None = None
    ) -> None:
        self._store = store
        self._clock = clock
        self._ids = ids
        self._keys = keys
        self._rules = rules
        self._limits = limits or PayloadLimits()

    def edit(
        self,
        id: ApprovalId,
        person: UserId,
        digest: str,
        arguments: Mapping[str, Any],
        *,
        comment: str = "",
        group: GroupName | None = None,
        instead_of: UserId | None = None,
    ) -> Approval:
        """Put other arguments in the place of those that `digest` names, and approve them where the rules allow.

        The new arguments are checked and decided as if the agent had asked with them, on the facts as they are now and
        by the run's own release. Every answer given so far is void, every group that was asked is asked again, and any
        more that the new arguments need; the time of each begins anew. The editor's approval counts as the first,
        unless their turn has not come or they must say for which `group`.

        Raises:
            EditDenied: the new arguments would be denied.
            AnswerRefused: as in Approvals.answer; or a model call, the same arguments, or too many edits.
            BadArguments: no plain JSON within limits.
        """
        known = known_approval(self._store, id)
        voices = Voices(self._store, known)
        now = self._clock.now()
        voices.of(person, instead_of, now)
        prepared = self._prepared(known, arguments)
        call = prepared.call
        wanted = Wanted(
            scopes=sorted(set(call.run.scopes)),
            approvals=[(call.run.id, call.digest)],
            approval_ids=[id],
            releases=[call.run.release],
            workspace=known.workspace,
        )
        with changing(self._store, wanted, now) as change:
            approval = standing_still(change, id, digest)
            voices.check_unchanged()
            voice = voices.of(person, instead_of, now)
            _check_news(approval, voice, change, call)
            decision = _decision(change, call)
            if decision.verdict is Verdict.DENY:
                raise EditDenied(known.target, decision.reasons)
            edited = _edited(approval, prepared, voice, decision, now)
            change.writes.payloads.append(prepared.sealed)
            change.put_approval(edited)
            change.record(self._ids.new("chg"), RecordKind.APPROVAL_EDITED, _content(edited, voice, decision, comment))
            try:
                answered = voted(edited, voice, now, approve=True, comment=comment, group=group)
            except AnswerRefused:
                return edited  # the edit stands, and the editor answers when it is their turn
            put(change, self._ids, answered)
        return answered

    def _prepared(self, approval: Approval, arguments: Mapping[str, Any]) -> _Prepared:
        run = self._store.run(approval.run)
        body = self._store.record(approval.workspace, f"{approval.action}/decision")
        assert run is not None, "an approval belongs to a run"
        assert body is not None, "an approval belongs to a decision on record"
        decided = orjson.loads(body)
        if decided["action_kind"] != ActionKind.TOOL.value:
            raise AnswerRefused(f"{approval.target} is a model: only the arguments of a tool can be edited")
        run = self._keys.salted(run)
        rules = self._rules.of(approval.workspace, run.release)
        tool = rules.tool(approval.target)
        raw = checked(arguments, self._limits)
        id = ActionId(self._ids.new("edt"))
        action = Action(
            id=id,
            workspace=run.workspace,
            run=run.id,
            agent=run.agent,
            kind=ActionKind.TOOL,
            target=approval.target,
            arguments=orjson.loads(raw),
            cost=Cost(micros=None if tool is None else tool.cost_per_call),
            on_behalf_of=run.on_behalf_of,
            assurance=Assurance(decided["assurance"]),
            definition=decided.get("definition", ""),
        )
        return _Prepared(prepare(rules, run, action, raw), self._keys.of_run(run).seal(id, ARGUMENTS, raw))


def _check_news(approval: Approval, voice: Voice, change: Change, call: Prepared) -> None:
    """Refuse an edit out of turn, one that changes nothing, and one too many."""
    if voice.groups.isdisjoint(approval.standing(change.now).asked):
        whose = ", ".join(sorted(voice.groups))
        raise AnswerRefused(f"approval {approval.id} does not wait for {whose} now: who must answer first may edit")
    if call.digest == approval.digest:
        raise AnswerRefused(f"these are the arguments of approval {approval.id} as they stand: approve or reject them")
    if approval.edition >= MOST_EDITS:
        raise AnswerRefused(f"approval {approval.id} was edited {MOST_EDITS} times: reject it, and say why")
    other = change.loaded.approvals.get((call.run.id, call.digest))
    if other is None or other.id == approval.id:
        return
    if other.lapsed(change.now).state in (ApprovalState.PENDING, ApprovalState.APPROVED):
        raise AnswerRefused(f"approval {other.id} is for these very arguments: answer that one, and reject this one")


def _decision(change: Change, call: Prepared) -> Decision:
    """Decide as an admission would. Nothing is reserved: that is done when the agent asks."""
    is_withdrawn = call.run.release in change.loaded.withdrawn
    return decide(facts_of(call, change.loaded.scopes, change.now, withdrawn=is_withdrawn, approval=None), call)


def _edited(approval: Approval, prepared: _Prepared, voice: Voice, decision: Decision, now: Instant) -> Approval:
    configuration = prepared.call.rules.configuration
    groups = tuple(sorted({*approval.approvers, *decision.approvers}))
    made = Edit(prepared.sealed.owner, voice.by, now, approval.digest)
    edited = replace(
        approval,
        digest=prepared.call.digest,
        approvers=groups,
        requirements=requirements_of(groups, configuration.groups, configuration.settings.approval_expiry_s),
        escalations=(),
        edits=(*approval.edits, made),
    )
    return edited.weighed(now)


def _content(edited: Approval, voice: Voice, decision: Decision, comment: str) -> dict[str, object]:
    return {
        "approval": edited.id,
        "run_id": edited.run,
        "action": edited.action,
        "edit": edited.payload,
        "edition": edited.edition,
        "before": edited.edits[-1].before,
        "digest": edited.digest,
        "by": voice.by,
        "for": None if voice.person == voice.by else voice.person,
        "comment": comment,
        "groups": list(edited.approvers),
        "kernel": VERSION,
        "decision": decision.as_json(),
    }
