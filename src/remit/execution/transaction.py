"""The transaction in which everything happens, all or nothing.

Decide, reserve, consume approvals, settle, record.

Synchronous and without threads, so that tests and the simulation drive it directly.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import orjson

from remit.domain import ending
from remit.domain.action import ActionState, Cost, OutcomeStatus
from remit.domain.admission import Admission
from remit.domain.clock import MICROS_PER_SECOND, Instant
from remit.domain.decision import Decision
from remit.domain.facts import ApprovalFacts, ApprovalState, Facts, Progress, Scope, ScopeKind, scope_id
from remit.domain.finding import Code, Verdict
from remit.domain.ids import ApprovalId, Ids, OwnerId, ScopeId
from remit.domain.oversight import requirements_of
from remit.domain.record import Record, RecordKind
from remit.domain.run import Run
from remit.execution import effects
from remit.execution.commands import (
    Admit,
    Batch,
    Command,
    EndRun,
    Lapse,
    Lapsed,
    Prolong,
    Prolonged,
    Reply,
    RunStanding,
    Settle,
    Settled,
    StartRun,
)
from remit.execution.loading import wanted_by
from remit.execution.second_opinion import SecondOpinion
from remit.kernel import temporal
from remit.kernel.checks.standing import CLOCK_TOLERANCE_S
from remit.kernel.decide import VERSION, decide
from remit.kernel.gathering import facts_of, row
from remit.storage.approval import Approval, lapses
from remit.storage.liveness import LeaseProlonged, RunEnded, RunHeard, RunWoken
from remit.storage.port import Loaded, OpenAction, Reservation, Transactions, Writes

Answer = Admission | Settled | RunStanding | Prolonged | Lapsed
CLOCK = "remit:clock"
"""Who lifts a stop whose end has come."""

_STATE = {
    Verdict.ALLOW: ActionState.ADMITTED,
    Verdict.HOLD: ActionState.HELD,
    Verdict.DENY: ActionState.DENIED,
}


class NothingOpen(Exception):
    """An outcome was reported for an action that was never admitted or is settled already."""


class NothingAsked(Exception):
    """An answer to a question that nobody asked about this approval, or that is answered already."""


class ActionIdReused(Exception):
    """An action id came again with other arguments: the stored answer is not for these, and they were not admitted."""


class RunNotStarted(Exception):
    """A run was to be ended that is not on record."""


@dataclass(frozen=True, slots=True)
class Writer:
    """Who writes: the process whose open actions become unknown when it is no longer seen."""

    owner: OwnerId
    ids: Ids
    opinion: SecondOpinion | None = None


def process(transactions: Transactions, batch: Batch, now: Instant, writer: Writer) -> list[Answer | Exception]:
    """Carry out a batch in one transaction and return an answer for each command, in order.

    A command whose record is there already gets the stored answer and changes nothing. NothingOpen and
    RunNotStarted are answers to one command; any other exception leaves the whole batch undone.
    """
    loaded = transactions.begin(wanted_by(batch))
    work = _Work(loaded, batch, now, writer)
    answers = [work.carry_out(command) for command in batch.commands]
    transactions.commit(work.writes)
    return answers


class _Work:
    """One transaction's facts and writes; lives as long as the transaction."""

    def __init__(self, loaded: Loaded, batch: Batch, now: Instant, writer: Writer) -> None:
        self.loaded = loaded
        self.writes = Writes()
        self.writer = writer
        self.of_workspace = batch.workspace
        self.workspace = self._scope(scope_id(ScopeKind.WORKSPACE, batch.workspace), ScopeKind.WORKSPACE)
        lag = self.workspace.last_at - now
        # A clock a little behind is held at the last instant on record; one far behind makes standing deny.
        self.now = Instant(self.workspace.last_at) if 0 < lag < CLOCK_TOLERANCE_S * MICROS_PER_SECOND else now

    def carry_out(self, command: Command) -> Answer | Exception:
        stored = self.loaded.records.get(command.record_key)
        if isinstance(command, Settle) and _is_news(command, stored):
            command = command.late()
            stored = self.loaded.records.get(command.record_key)
        if stored is not None:
            return _repeated(command, orjson.loads(stored))
        match command:
            case Admit():
                return self._admit(command)
            case Settle():
                return self._settle(command)
            case StartRun():
                return self._start(command)
            case EndRun():
                return self._end(command)
            case Prolong():
                return self._prolong(command)
            case Lapse():
                return self._lapse(command)
            case Reply():
                return self._reply(command)

    # -- runs

    def _start(self, command: StartRun) -> RunStanding:
        run = command.run
        scope = Scope(scope_id(ScopeKind.RUN, run.workspace, run.id), ScopeKind.RUN, progress=Progress())
        self.loaded.scopes[scope.id] = scope
        self.writes.scopes[scope.id] = scope
        self.writes.runs.append(run)
        if command.leased:
            self.writes.liveness.append(RunHeard(run.id, self.now))
        if command.key is not None:
            self.writes.keys.append(command.key)
        self.writes.payloads += command.payloads
        content = {
            "agent": run.agent,
            "team": run.team,
            "release": run.release,
            "on_behalf_of": run.on_behalf_of,
            "verified": command.verified,
            "purpose": run.purpose,
            "parent": run.parent,
            "depth": run.depth,
            "started_by": run.started_by,
            "follows": run.follows,
            "task_digest": command.task_digest,
        }
        self._record(command.record_key, RecordKind.RUN_STARTED, run, content)
        if command.asked is not None:
            self._record(f"{run.id}/asked", RecordKind.WORKFLOW_ASKED, run, command.asked.content())
        return RunStanding(run.id)

    def _end(self, command: EndRun) -> RunStanding | RunNotStarted:
        run = self.loaded.scopes.get(scope_id(ScopeKind.RUN, command.run.workspace, command.run.id))
        if run is None or run.progress is None:
            return RunNotStarted(f"run {command.run.id} is not on record")
        content = ending.end(command.run, run, command.status, command.by, self.now)
        self.writes.voided.append(command.run.id)  # nobody is left to use an approval
        self.writes.scopes[run.id] = self.writes.histories[run.id] = run
        self.writes.liveness.append(RunEnded(command.run.id, self.now))
        self._record(command.record_key, RecordKind.RUN_ENDED, command.run, content)
        return RunStanding(command.run.id)

    def _prolong(self, command: Prolong) -> Prolonged:
        """Wait longer for what is still open. A lease that is over and not yet noticed is prolonged as well."""
        found = [self.loaded.open_actions.get(action) for action in command.actions]
        waited = [each for each in found if each is not None and each.run == command.run.id and not each.unknown]
        until = self.now + command.lease_s * MICROS_PER_SECOND
        for action in waited:
            self.loaded.open_actions[action.id] = replace(action, lease_until=until)
            self.writes.liveness.append(LeaseProlonged(action.id, Instant(until)))
        self.writes.liveness.append(RunHeard(command.run.id, self.now))
        return Prolonged(tuple(action.id for action in waited))

    def _lapse(self, command: Lapse) -> Lapsed:
        scope = self.loaded.scopes.get(command.scope)
        stop = None if scope is None else scope.stops.get(command.what)
        if scope is None or stop is None or stop.at != command.at or stop.holds_at(self.now):
            return Lapsed(lifted=False)
        del scope.stops[command.what]
        self.writes.stops[scope.id] = scope
        content = {"scope": scope.id, "what": command.what, "stop": None, "by": CLOCK, "reason": "its end has come"}
        self._record(command.record_key, RecordKind.STOP_CHANGED, None, content)
        return Lapsed(lifted=True)

    # -- actions

    def _admit(self, command: Admit) -> Admission:
        call = command.call
        facts, approval = self._facts(command)
        decision = decide(facts, call)
        seen = facts.as_json()
        if self.writer.opinion is not None:
            self.writer.opinion.offer(call, seen, decision)
        state = _STATE[decision.verdict]
        reservations: tuple[Reservation, ...] = ()
        if state is ActionState.ADMITTED:
            reservations = effects.reserve(facts, call)
            self._time_passes()
            self._open(command, reservations)
        is_told = state is not ActionState.DENIED or effects.deny(facts, call, decision)
        held_for = self._consume(facts, approval, decision, command)
        if call.rules.configuration.settings.temporal and facts.run is not None:
            temporal.count(call, facts, admitted=state is ActionState.ADMITTED)
        if facts.run is not None:  # without a run nothing was counted and no row is made
            self.writes.scopes.update(facts.counted_on())
        action = call.action
        answer = Admission(action.id, call.run.id, state, decision, self.now, held_for, call.digest, action.cost)
        if not is_told:
            return answer
        if facts.run is not None:
            self.writes.payloads += command.payloads
        content = {
            "kernel": VERSION,
            "release": call.rules.release,
            "action": action.id,
            "action_kind": action.kind,
            "target": action.target,
            "agent": action.agent,
            "on_behalf_of": action.on_behalf_of,
            "assurance": action.assurance,
            "arguments_digest": call.digest,
            "cost": action.cost.as_json(),
            "state": state,
            "approval": held_for,
            "decision": decision.as_json(),
            "facts": seen,
            "reserved": [[r.scope, r.budget, r.unit, r.start, r.amount] for r in reservations],
        }
        if action.definition:
            content["definition"] = action.definition
        self._record(command.record_key, RecordKind.DECISION_MADE, call.run, content)
        return answer

    def _facts(self, command: Admit) -> tuple[Facts, Approval | None]:
        run = command.run
        approval = self._approval(command)
        facts = facts_of(
            command.call,
            self.loaded.scopes,
            self.now,
            withdrawn=run.release in self.loaded.withdrawn,
            approval=_facts_of(approval, command),
        )
        return facts, approval

    def _approval(self, command: Admit) -> Approval | None:
        """Return the approval of these arguments as time has made it by now. An expired one is told of once."""
        key = (command.run.id, command.call.digest)
        approval = self.loaded.approvals.get(key)
        if command.under is not None:
            approval = self.loaded.approvals_by_id.get(command.under)
        if approval is None or key not in {(approval.run, approval.digest), (approval.run, approval.first_digest)}:
            return None
        lapsed = approval.lapsed(self.now)
        if lapsed != approval:
            self._keep(lapsed)
            for name, kind, content in lapses(approval, lapsed):
                self._record(name, kind, command.run, content)
        return None if lapsed.state is ApprovalState.EXPIRED and lapsed.told else lapsed

    def _open(self, command: Admit, reservations: tuple[Reservation, ...]) -> None:
        action, run = command.call.action, command.run
        opened = OpenAction(
            action.id,
            run.workspace,
            run.id,
            run.agent,
            action.target,
            self.writer.owner,
            self.now,
            reservations,
            lease_until=self.now + command.lease_s * MICROS_PER_SECOND if command.lease_s else 0,
        )
        self.writes.opened.append(opened)
        self.loaded.open_actions[action.id] = opened

    def _consume(
        self, facts: Facts, approval: Approval | None, decision: Decision, command: Admit
    ) -> ApprovalId | None:
        """Use up, expire or ask for an approval; return the id of the one the action is bound to."""
        if approval is None and decision.verdict is not Verdict.HOLD:
            return None
        codes = {finding.code for finding in decision.findings}
        if decision.verdict is Verdict.HOLD:
            is_asked = not codes.isdisjoint((Code.OVERSIGHT_PENDING, Code.OVERSIGHT_EDITED))
            waiting = approval if is_asked else self._ask(facts, command, decision)
            return None if waiting is None else waiting.id
        if approval is None:
            return None
        if Code.OVERSIGHT_EXPIRED in codes:
            self._keep(replace(approval, state=ApprovalState.EXPIRED, told=True))
        elif decision.verdict is Verdict.ALLOW and Code.OVERSIGHT_APPROVED in codes:
            self._keep(replace(approval, state=ApprovalState.USED))
            if facts.run is not None and any(
                f.verdict is Verdict.HOLD and f.code.check == "loop" for f in decision.findings
            ):
                effects.forget_loop(facts.run)
                self.writes.histories[facts.run.id] = facts.run
        return approval.id

    def _ask(self, facts: Facts, command: Admit, decision: Decision) -> Approval:
        call, run = command.call, command.run
        settings = call.rules.configuration.settings
        rules = requirements_of(decision.approvers, call.rules.configuration.groups, settings.approval_expiry_s)
        asked = Approval(
            id=ApprovalId(self.writer.ids.new("apr")),
            workspace=run.workspace,
            run=run.id,
            agent=run.agent,
            action=call.action.id,
            target=call.action.target,
            digest=call.digest,
            release=call.rules.release,
            on_behalf_of=run.on_behalf_of,
            approvers=decision.approvers,
            state=ApprovalState.PENDING,
            created_at=facts.now,
            expires_at=Instant(facts.now + settings.approval_expiry_s * MICROS_PER_SECOND),
            requirements=rules,
        ).weighed(facts.now)
        self._keep(asked)
        return asked

    def _keep(self, approval: Approval) -> None:
        self.writes.approvals[approval.id] = self.loaded.approvals_by_id[approval.id] = approval
        for digest in {approval.digest, approval.first_digest} - {""}:
            if approval.state is ApprovalState.USED:
                self.loaded.approvals.pop((approval.run, digest), None)  # the same call later in this batch asks again
            else:
                self.loaded.approvals[approval.run, digest] = approval

    def _reply(self, command: Reply) -> RunStanding | NothingAsked:
        approval = self.loaded.approvals_by_id.get(command.approval)
        is_own = approval is not None and approval.run == command.run.id
        open_ones = [each.id for each in approval.questions if each.answered_at is None] if approval and is_own else []
        if approval is None or command.question not in open_ones or approval.state is not ApprovalState.PENDING:
            return NothingAsked(f"no question {command.question} waits for an answer about approval {command.approval}")
        answered = [
            replace(each, answered_at=self.now) if each.id == command.question else each for each in approval.questions
        ]
        self._keep(replace(approval, questions=tuple(answered)))
        self.writes.payloads.append(command.payload)
        content: dict[str, object] = {
            "approval": approval.id,
            "action": approval.action,
            "agent": command.run.agent,
            "question": command.question,
            "text_digest": command.digest,
        }
        self._record(command.record_key, RecordKind.QUESTION_ANSWERED, command.run, content)
        return RunStanding(command.run.id)

    def _settle(self, command: Settle) -> Settled | NothingOpen:
        outcome = command.outcome
        action = self.loaded.open_actions.get(outcome.action)
        finds_nothing = command.reconciles and outcome.status is OutcomeStatus.UNKNOWN
        elsewhere = action is not None and (action.run, action.workspace) != (command.run.id, command.run.workspace)
        too_early = command.if_overdue and action is not None and action.lease_until >= self.now
        if action is None or elsewhere or action.unknown != command.reconciles or finds_nothing or too_early:
            return NothingOpen(
                f"action {outcome.action} has no outcome to report: it was not admitted, or is settled already"
            )
        agent = self._scope(scope_id(ScopeKind.AGENT, action.workspace, action.agent), ScopeKind.AGENT)
        overrun = effects.settle(self.loaded.scopes, agent, action, outcome)
        if outcome.status is OutcomeStatus.UNKNOWN:
            self.writes.unknown.append(action.id)
            self.loaded.open_actions[action.id] = replace(action, unknown=True)
        else:
            self.writes.closed.append(action.id)
            del self.loaded.open_actions[action.id]
        if command.reconciles:
            self.writes.liveness.append(RunWoken(command.run.id))
        loop = self._observe(command)
        counted_on = {*command.run.own_scopes, *(each.scope for each in action.reservations)}
        for scope in sorted(counted_on):
            if scope in self.loaded.scopes:
                self.writes.scopes[scope] = self.loaded.scopes[scope]
        self.writes.payloads += command.payloads
        content = {
            "action": action.id,
            "agent": action.agent,
            "target": action.target,
            "status": outcome.status,
            "cost": None if outcome.cost is None else outcome.cost.as_json(),
            "overrun": overrun,
            "error": outcome.error,
            "result_digest": command.result_digest,
            "loop": loop,
            "by": command.by,
        }
        self._record(command.record_key, RecordKind.OUTCOME_REPORTED, command.run, content)
        return Settled(action.id, outcome.status.value, overrun, loop)

    def _observe(self, command: Settle) -> str:
        run = self.loaded.scopes.get(scope_id(ScopeKind.RUN, command.run.workspace, command.run.id))
        if command.observation is None or run is None or run.progress is None:
            return ""
        failed = command.outcome.status is not OutcomeStatus.OK
        stopped_before = "" in run.stops
        seen = effects.observe(run, command.observation, error=failed, now=self.now)
        self.writes.histories[run.id] = run
        if "" in run.stops and not stopped_before:
            self.writes.stops[run.id] = run
            content = {"scope": run.id, "what": "", "stop": run.stops[""].as_json()}
            key = f"{command.record_key}/stop"
            self._record(key, RecordKind.STOP_CHANGED, command.run, content)
        return "" if seen is None else seen.code.value

    # -- rows and records

    def _scope(self, id: ScopeId, kind: ScopeKind) -> Scope:
        return row(self.loaded.scopes, id, kind)

    def _time_passes(self) -> None:
        """Let no later admission be earlier than this one. What was denied counts for nothing, its clock included."""
        self.workspace.last_at = max(self.workspace.last_at, self.now)

    def _record(self, key: str, kind: RecordKind, run: Run | None, content: dict[str, Any]) -> None:
        self.workspace.records += 1
        of = None if run is None else run.id
        record = Record.of(self.of_workspace, self.workspace.records, key, kind, self.now, of, content)
        self.writes.records.append(record)
        self.writes.scopes[self.workspace.id] = self.workspace
        self.loaded.records[key] = record.body


def _is_news(command: Settle, stored: bytes | None) -> bool:
    """Tell whether the door now knows what was put on record as unknown while its process seemed to be gone."""
    if stored is None or command.reconciles or command.outcome.status is OutcomeStatus.UNKNOWN:
        return False
    return bool(orjson.loads(stored)["status"] == OutcomeStatus.UNKNOWN.value)


def _facts_of(approval: Approval | None, command: Admit) -> ApprovalFacts | None:
    """Return what the decision needs of an approval. One that is named and is not for this call admits nothing."""
    if approval is not None:
        return approval.facts(command.call.digest, named=command.under is not None)
    if command.under is None:
        return None
    return ApprovalFacts(command.under, ApprovalState.VOIDED, (), command.run.started_at, named=True)


def _repeated(command: Command, stored: dict[str, Any]) -> Answer | ActionIdReused | NothingAsked:
    """Turn a stored record back into the answer that was given for it."""
    if isinstance(command, Reply) and stored["text_digest"] != command.digest:
        return NothingAsked(f"question {command.question} is answered already, with other words")
    if isinstance(command, Admit) and stored["arguments_digest"] != command.call.digest:
        # The digest is salted by run and covers target and arguments: nothing else may pass for what was decided.
        return ActionIdReused(
            f"action {command.call.action.id} was decided before, with other arguments or in another run"
        )
    match stored["kind"]:
        case RecordKind.DECISION_MADE.value:
            return Admission(
                action=stored["action"],
                run=stored["run"],
                state=ActionState(stored["state"]),
                decision=Decision.from_json(stored["decision"]),
                at=stored["at"],
                approval=stored["approval"],
                digest=stored["arguments_digest"],
                reserved=Cost.from_json(stored["cost"]),
                repeated=True,
            )
        case RecordKind.OUTCOME_REPORTED.value:
            return Settled(stored["action"], stored["status"], stored["overrun"], stored["loop"], repeated=True)
        case RecordKind.STOP_CHANGED.value:
            return Lapsed(lifted=False)
        case _:
            return RunStanding(stored["run"], repeated=True)
