"""A step that hands work to an agent: admitted in the workflow's run, carried out in a run below it, by whoever works.

All that is done for it is rows below the step's own, each an action of the run below or of this one: who goes on with
it finds them, and does none of it again.
"""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol

import orjson

from remit.domain.action import ActionKind, Outcome, OutcomeStatus
from remit.domain.admission import Admission, RunRequest
from remit.domain.ids import ActionId, AgentName, ApprovalId, RunId
from remit.domain.own_tools import delegating_tool
from remit.domain.release import Agent
from remit.domain.run import Run
from remit.domain.workflow import AgentStep, Retry
from remit.domain.workflow_progress import Progress, StepState
from remit.execution.door import RunRefused
from remit.execution.served import KeyReused, Result
from remit.execution.transaction import NothingOpen
from remit.execution.workflows.acting import Acting, Performed
from remit.execution.workflows.turn import StepFailed, Turn, begun, done, failed, waiting
from remit.execution.workflows.walking import Ready

HAND = "hand-on"
"""The last part of the path under which work is handed on. No step can be called that, nor any part of these paths."""
OK, FAILED, CANCELLED = "ok", "failed", "cancelled"
"""How the run of an agent ends."""


@dataclass(frozen=True, slots=True)
class Work:
    """Work that was handed to an agent.

    Attributes:
        turn: the turn, with the run of the agent as the one in which it acts.
        row: the step's row.
        path: before the paths of all that is done for this attempt.
    """

    turn: Turn
    agent: Agent
    step: AgentStep
    row: Progress
    path: str
    task: str

    def sub(self, name: str) -> Progress:
        """Return the row of something that is done for it, a new one where there is none."""
        path = f"{self.path}/{name}"
        return self.turn.notebook.rows.get(path) or Progress(path, StepState.RUNNING)

    def waits_as(self, sub: Progress) -> Progress:
        """Return the step's row as waiting for what a part of it waits for."""
        return replace(self.row, state=sub.state, waits_for=sub.waits_for, due_at=sub.due_at)


class Works(Protocol):
    """Carries work out: the built-in agent, or one elsewhere."""

    async def carry_on(self, work: Work) -> Progress:
        """Go on with it, one turn at most; return the step's row as it stands then. See StepKind. Raises StepFailed."""
        ...

    async def give_up(self, work: Work) -> None:
        """Hear that nobody wants it any more. May do nothing; fails only with what ends the worker's turn."""
        ...


class AgentKind:
    """Hands work to agents. `works` carry it out, by the kind of endpoint; the built-in agent's is empty."""

    def __init__(self, works: Mapping[str, Works]) -> None:
        self._works = works

    async def carry_out(self, turn: Turn, ready: Ready) -> Progress:
        """See StepKind."""
        step, row = ready.step, replace(begun(turn, ready), state=StepState.RUNNING)
        assert isinstance(step, AgentStep)
        agent = turn.door.rules_of(turn.run).agent(step.agent)
        if agent is None:
            raise StepFailed("agent_unknown", f"the release has no agent {step.agent}")
        works = self._of(agent)
        path = f"{row.path}/try-{row.attempt}"
        said = turn.filled(step.id, step.task, ready.values)
        task = said if isinstance(said, str) else orjson.dumps(said).decode()
        begin = _beginning(turn, agent.name, f"{path}/{HAND}")
        handed = await handed_on(turn, agent.name, path, task, step.timeout_s, begin)
        if handed.state is StepState.FAILED:
            return failed(row, handed.error)
        if handed.state is not StepState.DONE:
            return replace(row, state=handed.state, waits_for=handed.waits_for, due_at=handed.due_at)
        below = await turn.door.run_of(run_in(handed))
        if below is None:
            raise StepFailed("child_lost", "the run of the agent is not there")
        row = replace(row, waits_for="", due_at=None)
        try:
            row = await works.carry_on(Work(replace(turn, run=below), agent, step, row, path, task))
        except StepFailed as error:
            row = failed(row, str(error))
        return await self._ended(turn, below, step, row)

    async def give_up(self, turn: Turn, steps: Mapping[str, AgentStep]) -> None:
        """End the runs of agents that are at work for a run that ends, and tell those that are elsewhere."""
        for path, row in list(turn.notebook.rows.items()):
            attempt, _, last = path.rpartition("/")
            of_step = turn.notebook.rows.get(attempt.rpartition("/")[0]) if last == HAND else None
            if row.state is not StepState.DONE or of_step is None or of_step.number:
                continue
            below = await turn.door.run_of(run_in(row))
            step = steps.get(of_step.path.rpartition("/")[2])
            agent = None if step is None else turn.door.rules_of(turn.run).agent(step.agent)
            if below is None or step is None or agent is None:
                continue
            await self._of(agent).give_up(Work(replace(turn, run=below), agent, step, of_step, attempt, ""))
            await _left_unknown(replace(turn, run=below), attempt)
            await turn.door.end_once(below, CANCELLED)
            turn.notebook.write(failed(of_step, "given_up: the run has ended"))

    def _of(self, agent: Agent) -> Works:
        kind = "" if agent.endpoint is None else agent.endpoint.kind.value
        found = self._works.get(kind)
        if found is None:
            raise StepFailed("not_supported", "agent steps need the extra: pip install 'remit[agents]'")
        return found

    async def _ended(self, turn: Turn, below: Run, step: AgentStep, row: Progress) -> Progress:
        if row.state is StepState.DONE:
            await turn.door.end_once(below, OK)
        elif row.state is StepState.FAILED:
            await turn.door.end_once(below, FAILED)
            if row.attempt < step.retry.attempts:
                retry = step.retry
                pause = min(retry.longest_wait_s, retry.wait_s * retry.factor ** (row.attempt - 1))
                return waiting(replace(row, attempt=row.attempt + 1, asked=row.asked + 1), "", turn.after(pause))
        return row


Begin = Callable[[str], Awaitable[RunId]]
"""Starts the run below, with the task as it was admitted; the same run however often. Raises StepFailed."""


async def handed_on(turn: Turn, to: AgentName, path: str, task: str, timeout_s: int | None, begin: Begin) -> Progress:
    """Hand work to an agent, or go on with that; return the row of it, below `path`: done once the run is there.

    It waits and fails as a call of a tool does. One's own agent has nothing that this run has not, so that nothing is
    handed to anybody, and nobody asked. Raises as Acting.
    """
    path = f"{path}/{HAND}"
    row = turn.notebook.rows.get(path) or Progress(path, StepState.RUNNING)
    if row.state in (StepState.DONE, StepState.FAILED):
        return row
    deed = HandingDeed(turn, to, begin)
    if to == turn.run.agent:
        return turn.notebook.write(done(row, (await deed.perform(ActionId(""), {"task": task})).output))
    return turn.notebook.write(await Acting(turn, deed, Retry(), timeout_s, 0).act(row, {"task": task}))


async def _left_unknown(turn: Turn, path: str) -> None:
    """Leave calls of a built-in agent to people, of which its tools have not yet said what they came to."""
    for row in list(turn.notebook.rows.values()):
        if row.path.startswith(f"{path}/") and row.waits_for.startswith("status:"):
            id = ActionId(row.action)
            with contextlib.suppress(NothingOpen, KeyReused):
                await turn.door.settle_once(
                    turn.run, Outcome(id, OutcomeStatus.UNKNOWN, error="workflow.unknown"), Result(b""), None
                )
            turn.notebook.write(replace(row, state=StepState.UNKNOWN, waits_for=f"action:{id}", due_at=None))


def run_in(handed: Progress) -> RunId:
    """Return the run below, of work that was handed on."""
    assert isinstance(handed.output, Mapping), "work that was handed on names its run"
    return RunId(str(handed.output["run"]))


def _beginning(turn: Turn, to: AgentName, path: str) -> Begin:
    """Return what starts an agent's own run."""

    async def begin(task: str) -> RunId:
        request = RunRequest(
            to,
            turn.run.on_behalf_of,
            task=task,
            parent=turn.run.id,
            verified=turn.run.verified,
            handed=True,
        )
        try:
            below, _ = await turn.door.start_once(request, f"step\x00{turn.row.run}/{path}", leased=False)
        except RunRefused as error:
            raise StepFailed("not_started", str(error)) from None
        return below.id

    return begin


@dataclass(frozen=True, slots=True)
class HandingDeed:
    """See Deed: handing work on starts a run below, the same one however often it is done."""

    turn: Turn
    to: AgentName
    begin: Begin
    kind: ActionKind = ActionKind.TOOL
    most_micros: int | None = 0
    is_read: bool = True
    may_repeat: bool = True

    @property
    def target(self) -> str:
        """See Deed."""
        return delegating_tool(self.to)

    async def admit(self, id: ActionId, under: ApprovalId | None, arguments: Mapping[str, Any]) -> Admission:
        """See Deed."""
        return await self.turn.door.admit_tool(self.turn.run, self.target, arguments, id, under)

    async def perform(self, id: ActionId, arguments: Mapping[str, Any]) -> Performed:  # noqa: ARG002
        """Start the run below."""
        output = {"run": await self.begin(str(arguments["task"]))}
        return Performed(output, orjson.dumps(output))

    def recalled(self, raw: bytes) -> Performed:
        """See Deed."""
        return Performed(orjson.loads(raw), raw)

    async def status(self, id: ActionId, number: int) -> tuple[OutcomeStatus | None, bytes]:  # noqa: ARG002
        """It can be done again: nobody need be asked."""
        raise LookupError
