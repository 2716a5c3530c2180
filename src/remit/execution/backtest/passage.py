"""Put recorded runs through the admission path, one after the other, on a clock that moves with their events."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from remit.domain.action import ActionState, Outcome, OutcomeStatus
from remit.domain.admission import Admission, RunRequest
from remit.domain.arguments import BadArguments
from remit.domain.clock import ManualClock
from remit.domain.facts import LoopSeen
from remit.domain.finding import Check, Code, Finding, Verdict
from remit.domain.ids import AgentName
from remit.domain.run import Run
from remit.execution.backtest.recording import Moment, RecordedCall, RecordedRun
from remit.execution.door import Attempt, InProcessDoor

EVENT_S = 5
"""Between two events of a run. Recordings carry no times; a person and a model take some seconds each."""
BETWEEN_RUNS_S = 60

NO_LOOP = frozenset({Code.LOOP_OK, Code.LOOP_REPETITION})
"""Findings of the loop check that are no loop: repetition alone is a warning."""


@dataclass(frozen=True, slots=True)
class PassedCall:
    """What became of one recorded call.

    Attributes:
        findings: what every check found; of arguments that the door refused, that alone.
        policies: ids of the determining policies.
        outcome: how it was settled; None for a call that would not have been dispatched.
        loop: the loop that its result, or the decision on it, showed.
    """

    number: int
    tool: str
    verdict: Verdict
    findings: tuple[Finding, ...]
    policies: tuple[str, ...] = ()
    outcome: OutcomeStatus | None = None
    loop: LoopSeen | None = None

    @property
    def reasons(self) -> tuple[Finding, ...]:
        """The findings that made the verdict; none for an allowed call."""
        if self.verdict is Verdict.ALLOW:
            return ()
        return tuple(finding for finding in self.findings if finding.verdict is self.verdict)

    @property
    def breaks_rule(self) -> bool:
        """Whether it was denied for what it is, not only because the run had been stopped for going in circles."""
        checks = {finding.code.check for finding in self.reasons}
        return self.verdict is Verdict.DENY and bool(checks - {Check.STOP, Check.LOOP})


@dataclass(frozen=True, slots=True)
class PassedRun:
    """A recorded run and what became of its calls, in their order."""

    recorded: RecordedRun
    calls: tuple[PassedCall, ...]


def pass_runs(
    runs: Iterable[RecordedRun],
    door: InProcessDoor,
    clock: ManualClock,
    agent: AgentName,
    channel: str,
    event_s: int = EVENT_S,
) -> Iterator[PassedRun]:
    """Yield each recorded run once all its calls have been through admission.

    What was recorded goes on whatever is decided. A call that is denied or held would not have been dispatched, so its
    result is not settled and the loop check never sees it; the calls after it are judged all the same. A call without
    a result is settled as unknown when the run ends.

    Args:
        runs: in the order they are to happen.
        door: opened with the same `clock`.
        clock: moved by `event_s` before each event, and by a minute between runs.
        agent: whose remit holds.
        channel: points at the release under test.
        event_s: seconds between two events of a run.
    """
    for recorded in runs:
        request = RunRequest(agent, recorded.on_behalf_of, task=recorded.instruction, channel=channel)
        yield _Passage(recorded, door, clock, door.start_run(request), event_s).passed()
        clock.advance(BETWEEN_RUNS_S)


class _Passage:
    """One run on its way."""

    def __init__(self, recorded: RecordedRun, door: InProcessDoor, clock: ManualClock, run: Run, event_s: int) -> None:
        self._recorded = recorded
        self._door = door
        self._clock = clock
        self._event_s = event_s
        self._run = run
        self._open: dict[int, tuple[Attempt, Admission]] = {}
        self._done: dict[int, PassedCall] = {}

    def passed(self) -> PassedRun:
        calls = {call.number: call for call in self._recorded.calls}
        for step in self._recorded.steps:
            self._clock.advance(self._event_s)
            if step.moment is Moment.CALLED:
                self._attempt(calls[step.call])
            elif step.moment is Moment.ANSWERED and step.call in self._open:
                self._settle(calls[step.call])
        for number in tuple(self._open):
            self._settle(calls[number])
        self._door.end_run(self._run, "ok")
        return PassedRun(self._recorded, tuple(self._done[number] for number in calls))

    def _attempt(self, call: RecordedCall) -> None:
        try:
            attempt = self._door.attempt_tool(self._run, call.tool, call.arguments)
        except BadArguments as error:
            self._done[call.number] = _refused(call, error)
            return
        admission = self._door.admit(attempt)
        if admission.state is ActionState.ADMITTED:
            self._open[call.number] = attempt, admission
        else:
            self._done[call.number] = _passed(call, admission)

    def _settle(self, call: RecordedCall) -> None:
        attempt, admission = self._open.pop(call.number)
        result = call.result
        if result is None:
            outcome, text = Outcome(attempt.action, OutcomeStatus.UNKNOWN, error="not_recorded"), ""
        elif result.is_error:
            outcome, text = Outcome(attempt.action, OutcomeStatus.ERROR, error="recorded_error"), result.text
        else:
            outcome, text = Outcome(attempt.action, OutcomeStatus.OK), result.text
        settled = self._door.settle(attempt, outcome, text.encode())
        self._done[call.number] = _passed(call, admission, outcome.status, settled.loop)


def _passed(
    call: RecordedCall, admission: Admission, outcome: OutcomeStatus | None = None, loop: str = ""
) -> PassedCall:
    decision = admission.decision
    found = next((f for f in decision.findings if f.code.check is Check.LOOP and f.code not in NO_LOOP), None)
    seen = LoopSeen(Code(loop)) if loop else None if found is None else LoopSeen(found.code, found.params)
    return PassedCall(call.number, call.tool, decision.verdict, decision.findings, decision.policies, outcome, seen)


def _refused(call: RecordedCall, error: BadArguments) -> PassedCall:
    """Return a call whose arguments the door did not take: it was no action, and there is no record of it."""
    finding = Finding.of(
        Code.ARGUMENTS_INVALID, Verdict.DENY, field=error.path or "(arguments)", rule=error.code, tool=call.tool
    )
    return PassedCall(call.number, call.tool, Verdict.DENY, (finding,))
