"""An effect of a step: admitted, carried out, settled, and known again by whoever carries the step out once more.

The id of the action follows from the run, the path and how often the step has asked (`Progress.asked`). So a worker
that takes a run over asks under the same id and gets the stored decision; then the ledger says what came of it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import orjson

from remit.domain.action import NOT_SENT, ActionKind, ActionState, Outcome, OutcomeStatus
from remit.domain.admission import Admission
from remit.domain.arguments import BadArguments
from remit.domain.facts import ApprovalState
from remit.domain.finding import Code, Verdict
from remit.domain.ids import ActionId, ApprovalId
from remit.domain.payload import RESULT
from remit.domain.workflow import Retry
from remit.domain.workflow_progress import Progress, StepState
from remit.execution.metering import Usage
from remit.execution.served import KeyReused, Result
from remit.execution.transaction import ActionIdReused, NothingOpen
from remit.execution.workflows.notebook import OverBudget
from remit.execution.workflows.ports import CallFailed
from remit.execution.workflows.turn import StepFailed, Turn, done, failed, waiting
from remit.kernel.duties import DutyNotApplied, applied
from remit.storage.sealed import PayloadLost

MOST_ASKED = 200
"""How often a step asks to be admitted: after edits, stops and limits that pass with time."""
STOPPED_S = 900
"""How long a stopped step waits without hearing that the stop was lifted, before it looks again."""
PASSING = frozenset({Code.RATE_REACHED, Code.CONCURRENCY_REACHED})
"""Limits that pass with time: the step waits a moment."""
MOST_STATUS = 20
"""How often a tool is asked what became of a call before a person is."""


def step_key(told: str) -> str:
    """Return a key of an action that no agent can choose, since its keys are printable.

    The run is the agent's too: one that chose a step's own key would be asked for first, and its word would stand for
    what the step came to.
    """
    return f"step\x00{told}"


class RunOver(Exception):
    """The run has ended, by a termination or because nothing was heard of it: nothing more is admitted in it."""


@dataclass(frozen=True, slots=True)
class Performed:
    """What an effect came to."""

    output: Any
    raw: bytes = field(repr=False)
    is_error: bool = False
    usage: Usage | None = None


@dataclass(frozen=True, slots=True)
class Admitted:
    """An action that was admitted, and what was set aside for it."""

    id: ActionId
    micros: int | None


class Deed(Protocol):
    """One kind of effect.

    Attributes:
        most_micros: what one attempt can cost at most; None where no price is known, which the kernel judges.
        is_read: it has no effect that could happen twice.
        may_repeat: doing it twice is as good as once.
    """

    @property
    def kind(self) -> ActionKind: ...

    @property
    def target(self) -> str: ...

    @property
    def most_micros(self) -> int | None: ...

    @property
    def is_read(self) -> bool: ...

    @property
    def may_repeat(self) -> bool: ...

    async def admit(self, id: ActionId, under: ApprovalId | None, arguments: Mapping[str, Any]) -> Admission:
        """Ask to be admitted. Raises CallFailed where it is not even known what would be called."""
        ...

    async def perform(self, id: ActionId, arguments: Mapping[str, Any]) -> Performed:
        """Do it. Raises CallFailed."""
        ...

    def recalled(self, raw: bytes) -> Performed:
        """Return what it came to when it was put on record."""
        ...

    async def status(self, id: ActionId, number: int) -> tuple[OutcomeStatus | None, bytes]:
        """Ask what became of it: ok or error with its bytes, `unknown`, or None where it never came about.

        Raises CallFailed where nobody can say now; LookupError where nobody ever can.
        """
        ...


class Acting:
    """One effect of one step in one turn."""

    def __init__(self, turn: Turn, deed: Deed, retry: Retry, timeout_s: int | None, absent_after_s: float) -> None:
        self._turn = turn
        self._deed = deed
        self._retry = retry
        self._timeout_s = timeout_s
        self._absent_after_s = absent_after_s

    async def act(self, row: Progress, arguments: Mapping[str, Any]) -> Progress:
        """Begin, or go on from where the row stands. Raises StepFailed, RunOver and LostRun."""
        turn = self._turn
        row = replace(row, action=self._id(row), began_at=row.began_at or turn.now)
        waits_for, row = row.waits_for, row if row.state is StepState.UNKNOWN else replace(row, state=StepState.RUNNING)
        if waits_for.startswith("approval:"):
            if not await self._is_answered(ApprovalId(waits_for.partition(":")[2])):
                return self._still_held(row)
            row = replace(row, asked=row.asked + 1)
        elif waits_for == "stop":
            if await turn.thread(self._is_stopped):
                return waiting(row, "stop", turn.after(STOPPED_S))
        elif row.state is StepState.UNKNOWN:
            return await self._reconciled(row)
        try:
            turn.notebook.set_aside(row.path, self._deed.most_micros or 0)
        except OverBudget as error:
            return failed(row, f"over_budget: {error}")
        try:
            return await self._ask(replace(row, waits_for="", due_at=None), arguments, waits_for)
        finally:
            turn.notebook.let_go(row.path)

    async def end(self, row: Progress) -> Progress | None:
        """Find out what became of a call that was under way where its run comes to its end; send nothing for it.

        Return None where there was none, and a row that waits where it is to be asked about once more.
        """
        found = await self._turn.thread(self._last_admitted, row)
        if found is None:
            return None
        row, admitted = found
        known = await self._known(row, admitted)
        if known is not None or row.state is StepState.UNKNOWN:
            return known or row
        if self._deed.is_read:
            await self._settle(admitted.id, OutcomeStatus.ERROR, "workflow.cut", b"", None)
            return failed(row, "cut: the run came to its end")
        told = await self._told(row, admitted, row.waits_for)
        if told is not None:
            return told
        await self._settle(admitted.id, OutcomeStatus.ERROR, "workflow.absent", b"", None)
        return failed(row, "cut: it never came about")

    def _last_admitted(self, row: Progress) -> tuple[Progress, Admitted] | None:
        """Return the step's latest action, where that was admitted: answers, edits and stops ask for another each."""
        while row.asked <= 2 * MOST_ASKED:
            id = self._id(row)
            body = self._turn.store.record(self._turn.run.workspace, f"{id}/decision")
            if body is None:
                return None
            decision = orjson.loads(body)
            if decision["state"] == ActionState.ADMITTED:
                return replace(row, action=id), Admitted(id, decision["cost"]["micros"])
            row = replace(row, asked=row.asked + 1)
        return None

    def _id(self, row: Progress) -> ActionId:
        return self._turn.door.action_id(self._turn.run, step_key(f"{row.path}#{row.asked}"))

    # -- before it is admitted

    async def _ask(self, row: Progress, arguments: Mapping[str, Any], waited: str) -> Progress:
        turn, under = self._turn, None
        while row.asked <= MOST_ASKED:
            turn.holds()
            id = self._id(row)
            row = replace(row, action=id)
            try:
                admission = await self._deed.admit(id, under, arguments)
            except ActionIdReused:
                raise StepFailed("arguments_changed", "its arguments are not those it was decided with") from None
            except BadArguments as error:
                raise StepFailed("arguments_invalid", str(error).removesuffix(".")) from None
            except CallFailed as error:
                return self._once_more(row, f"upstream.{error.code}: {error}")
            if admission.state is ActionState.HELD:
                edited = await self._edited(admission)
                if edited is None or under is not None:
                    due = turn.after(self._timeout_s) if self._timeout_s else None
                    return waiting(row, f"approval:{admission.approval}", due)
                arguments, under = edited, admission.approval
                row = replace(row, asked=row.asked + 1)
                continue
            if admission.state is ActionState.DENIED:
                return self._denied(row, admission)
            return await self._admitted(row, admission, arguments, waited)
        return failed(row, f"asked_too_often: it was not admitted after {MOST_ASKED} times")

    async def _is_answered(self, approval: ApprovalId) -> bool:
        found = await self._turn.thread(self._turn.door.approval, approval)
        return found is None or found.state is not ApprovalState.PENDING

    def _still_held(self, row: Progress) -> Progress:
        if row.due_at is not None and row.due_at <= self._turn.now:
            return failed(row, "approval_timed_out: nobody answered in time")
        return replace(row, state=StepState.WAITING)

    async def _edited(self, admission: Admission) -> Mapping[str, Any] | None:
        """Return what a person has put in the place of the arguments and others have approved."""
        codes = {finding.code for finding in admission.decision.findings}
        if Code.OVERSIGHT_EDITED not in codes or admission.approval is None:
            return None
        found = await self._turn.thread(self._turn.door.approval, admission.approval)
        if found is None or found.state is not ApprovalState.APPROVED:
            return None
        told = await self._turn.thread(self._turn.door.waiting_for, found)
        edited: Mapping[str, Any] | None = told.arguments
        return edited

    def _denied(self, row: Progress, admission: Admission) -> Progress:
        turn = self._turn
        denying = [each for each in admission.decision.findings if each.verdict is Verdict.DENY]
        codes = {each.code for each in denying}
        if Code.RUN_ENDED in codes:
            raise RunOver
        asked = replace(row, asked=row.asked + 1)
        if Code.STOPPED in codes:
            return waiting(asked, "stop", turn.after(STOPPED_S))
        if codes and codes <= PASSING:
            return waiting(asked, "", turn.after(min(30, 1 + row.asked // 4)))
        return failed(row, "denied: " + ", ".join(sorted(code.value for code in codes)))

    def _is_stopped(self) -> bool:
        turn = self._turn
        own, now = turn.run.own_scopes, turn.now
        for scope in turn.store.scopes_of(sorted(set(turn.run.scopes))):
            for what, stop in scope.stops.items():
                applies = what == "" or (what == f"{self._deed.kind}:{self._deed.target}" and scope.id in own)
                if applies and stop.holds_at(now):
                    return True
        return False

    # -- once it is admitted

    async def _admitted(
        self, row: Progress, admission: Admission, arguments: Mapping[str, Any], waited: str
    ) -> Progress:
        if admission.repeated:
            known = await self._known(row, _admitted(admission))
            if known is not None:
                return known
            if not self._deed.may_repeat:
                return await self._found_out(row, admission, arguments, waited)
        return await self._perform(row, admission, arguments)

    async def _perform(self, row: Progress, admission: Admission, arguments: Mapping[str, Any]) -> Progress:
        turn, deed, id = self._turn, self._deed, admission.action
        try:
            dispatched = applied(arguments, admission.decision.duties)
        except DutyNotApplied as error:
            await self._settle(id, OutcomeStatus.ERROR, "DutyNotApplied", b"", None)
            return failed(row, f"duty: {error}")
        turn.holds()
        try:
            performed = await deed.perform(id, dispatched)
        except CallFailed as error:
            return await self._broke(row, admission, error)
        except StepFailed as error:
            await self._settle(id, OutcomeStatus.ERROR, error.code, b"", None)
            raise
        status = OutcomeStatus.ERROR if performed.is_error else OutcomeStatus.OK
        code = "tool.error" if performed.is_error else ""
        settling = self._settle(id, status, code, performed.raw, performed.usage)
        if performed.usage is None and turn.door.remembers(id):
            # It is in the queue before the next step asks, and so in the ledger before that is admitted.
            turn.settling.add(asyncio.create_task(settling))
        else:
            await settling
        return await self._settled(row, admission, performed)

    async def _broke(self, row: Progress, admission: Admission, error: CallFailed) -> Progress:
        """Go on after a call that brought no result."""
        if not error.sent or self._deed.is_read:
            cost = None if error.sent else NOT_SENT
            outcome = Outcome(admission.action, OutcomeStatus.ERROR, cost, error=f"upstream.{error.code}")
            await self._put_on_record(outcome, b"", None)
            known = await self._turn.thread(self._outcome, admission.action)
            row = replace(row, spent=row.spent + _cost(_admitted(admission), known))
            return self._once_more(row, _words(outcome.error))
        if self._deed.may_repeat and row.attempt < self._retry.attempts:
            return waiting(replace(row, attempt=row.attempt + 1), "", self._turn.after(self._pause(row)))
        return await self._found_out(row, admission, {}, "")

    async def _settle(self, id: ActionId, status: OutcomeStatus, error: str, raw: bytes, usage: Usage | None) -> None:
        await self._put_on_record(Outcome(id, status, error=error), raw, usage)

    async def _put_on_record(self, outcome: Outcome, raw: bytes, usage: Usage | None) -> None:
        """Put an outcome on record. Where another is there already it stands, and is read by whoever goes on."""
        try:
            await self._turn.door.settle_once(self._turn.run, outcome, Result(raw), usage)
        except (NothingOpen, KeyReused):
            return

    async def _settled(self, row: Progress, admission: Admission, performed: Performed) -> Progress:
        known = await self._turn.thread(self._outcome, admission.action) if performed.usage is not None else None
        row = replace(row, spent=row.spent + _cost(_admitted(admission), known))
        if performed.is_error:
            return self._once_more(row, _words("tool.error"))
        return done(row, performed.output)

    def _once_more(self, row: Progress, error: str) -> Progress:
        """Try again where an attempt certainly failed, or give up."""
        if row.attempt >= self._retry.attempts:
            return failed(row, error)
        again = replace(row, attempt=row.attempt + 1, asked=row.asked + 1, error=error[:1_000])
        return waiting(again, "", self._turn.after(self._pause(row)))

    def _pause(self, row: Progress) -> float:
        return min(self._retry.longest_wait_s, self._retry.wait_s * self._retry.factor ** (row.attempt - 1))

    # -- where nobody was there to hear what came of it

    def _outcome(self, id: ActionId) -> Mapping[str, Any] | None:
        """Return the record of what came of an action: the later word, where there are two."""
        keys = [f"{id}/outcome", f"{id}/reconciled"]
        found = self._turn.store.records_at(self._turn.run.workspace, keys)
        body = found.get(keys[1]) or found.get(keys[0])
        record: Mapping[str, Any] | None = None if body is None else orjson.loads(body)
        return record

    async def _known(self, row: Progress, admitted: Admitted) -> Progress | None:
        """Return how far the step has come by what is on record; None where no outcome is, or an unknown one."""
        record = await self._turn.thread(self._outcome, admitted.id)
        if record is None or record["status"] == OutcomeStatus.UNKNOWN:
            return None
        row = replace(row, spent=row.spent + _cost(admitted, record))
        if record["status"] == OutcomeStatus.ERROR:
            return self._once_more(row, _words(record["error"]))
        try:
            raw = await self._turn.thread(self._turn.door.kept, admitted.id, RESULT)
        except PayloadLost as error:
            return failed(row, f"erased: {error}")
        return done(row, self._deed.recalled(raw).output if raw else None)

    async def _found_out(
        self, row: Progress, admission: Admission, arguments: Mapping[str, Any], waited: str
    ) -> Progress:
        """Ask the tool what became of a call, or leave it to a person; do it where it never came about."""
        found = await self._told(row, _admitted(admission), waited)
        return found if found is not None else await self._perform(row, admission, arguments)

    async def _told(self, row: Progress, admitted: Admitted, waited: str) -> Progress | None:
        """Return how far the step has come by what the tool says; None where the call never came about."""
        turn, id = self._turn, admitted.id
        number = int(waited.partition(":")[2] or 0) if waited.startswith("status:") else 0
        try:
            status, raw = await self._deed.status(id, number)
        except LookupError:
            return await self._left_to_people(row, admitted)
        except CallFailed:
            return await self._asked_later(row, admitted, number, 5.0)
        if status is OutcomeStatus.UNKNOWN:
            return await self._left_to_people(row, admitted)
        if status is None:
            # Whoever was carrying it out may be gone a moment: what it had sent may still arrive.
            return await self._asked_later(row, admitted, number, self._absent_after_s) if number == 0 else None
        await self._settle(id, status, "tool.error" if status is OutcomeStatus.ERROR else "", raw, None)
        return await self._known(row, admitted) or waiting(row, "", turn.after(1))

    async def _asked_later(self, row: Progress, admitted: Admitted, number: int, seconds: float) -> Progress:
        if number >= MOST_STATUS:
            return await self._left_to_people(row, admitted)
        return waiting(row, f"status:{number + 1}", self._turn.after(seconds))

    async def _left_to_people(self, row: Progress, admitted: Admitted) -> Progress:
        id = admitted.id
        await self._settle(id, OutcomeStatus.UNKNOWN, "workflow.unknown", b"", None)
        known = await self._known(row, admitted)
        if known is not None:
            return known  # a worker that was only slow has said meanwhile what came of it: nobody will be asked
        return replace(row, state=StepState.UNKNOWN, waits_for=f"action:{id}", due_at=None)

    async def _reconciled(self, row: Progress) -> Progress:
        """Go on where a person has said what became of it."""
        id = ActionId(row.action)
        record = await self._turn.thread(self._outcome, id)
        if record is None or record["status"] == OutcomeStatus.UNKNOWN:
            return row
        body = await self._turn.thread(self._turn.store.record, self._turn.run.workspace, f"{id}/decision")
        decision = orjson.loads(body or b"{}")
        micros = (record.get("cost") or decision.get("cost") or {}).get("micros") or 0
        row = replace(row, spent=row.spent + micros, waits_for="", state=StepState.RUNNING)
        if record["status"] == OutcomeStatus.ERROR:
            return self._once_more(row, "reconciled as failed")
        return done(row, None)


def _admitted(admission: Admission) -> Admitted:
    return Admitted(admission.action, admission.reserved.micros)


def _cost(admitted: Admitted, record: Mapping[str, Any] | None) -> int:
    cost = None if record is None else record.get("cost")
    micros: int | None = admitted.micros if cost is None else cost.get("micros")
    return micros or 0


def _words(code: str) -> str:
    """Say why an attempt failed, in the same words whether it was just heard or is read in the ledger.

    What a tool said is not repeated: it may be secret, and is sealed with the result.
    """
    return "tool.error: the tool answered with an error" if code == "tool.error" else code or "error"
