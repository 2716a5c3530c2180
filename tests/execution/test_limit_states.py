"""Limits in any order of events: exactly what counting by hand says."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from remit.domain.action import ActionState, OutcomeStatus
from remit.domain.facts import ScopeKind
from remit.domain.finding import Check, Code
from remit.domain.release import Limits
from remit.domain.run import Run
from remit.execution.commands import Admit, EndRun
from tests.execution.desk import Desk, configured

TOOLS = ("erp.get", "erp.scan")
limit = st.none() | st.integers(1, 6)


class LimitStates(RuleBasedStateMachine):
    """Acts on the real transaction; beside it, a few counters."""

    def __init__(self, template: Path) -> None:
        super().__init__()
        self.template = template
        self.runs: list[Run] = []
        self.open: list[Admit] = []
        self.steps: Counter[str] = Counter()
        self.calls: Counter[tuple[str, str]] = Counter()
        self.in_flight: Counter[str] = Counter()
        self.denials: Counter[str] = Counter()
        self.ended: set[str] = set()

    @initialize(
        steps=limit,
        tool_calls=limit,
        depth=st.none() | st.integers(0, 2),
        concurrency=limit,
        wall_time_s=st.none() | st.just(600),
        calls_per_run=limit,
        denials=limit,
    )
    def open_desk(
        self,
        steps: int | None,
        tool_calls: int | None,
        depth: int | None,
        concurrency: int | None,
        wall_time_s: int | None,
        calls_per_run: int | None,
        denials: int | None,
    ) -> None:
        self.limits = Limits(steps, tool_calls, None, None, wall_time_s, depth, concurrency, denials)
        self.calls_per_run = calls_per_run
        self.desk = Desk(self.template, configured(self.limits, calls_per_run=calls_per_run))

    def teardown(self) -> None:
        if hasattr(self, "desk"):
            self.desk.close()

    def expected(self, run: Run, tool: str) -> set[Code]:
        limits, found = self.limits, set()
        if limits.steps is not None and self.steps[run.id] >= limits.steps:
            found.add(Code.STEPS_REACHED)
        if limits.tool_calls is not None and self.steps[run.id] >= limits.tool_calls:
            found.add(Code.TOOL_CALLS_REACHED)
        if self.calls_per_run is not None and self.calls[run.id, tool] >= self.calls_per_run:
            found.add(Code.GRANT_CALLS_REACHED)
        if limits.concurrency is not None and self.in_flight[run.agent] >= limits.concurrency:
            found.add(Code.CONCURRENCY_REACHED)
        if limits.depth is not None and run.depth > limits.depth:
            found.add(Code.DEPTH_REACHED)
        if limits.wall_time_s is not None and self.desk.clock.now() - run.started_at >= limits.wall_time_s * 1_000_000:
            found.add(Code.WALL_TIME_REACHED)
        if run.id in self.ended:
            found.add(Code.RUN_ENDED)
        if limits.denials is not None and self.denials[run.id] >= limits.denials:
            found.add(Code.DENIALS_REACHED)
        return found

    @rule(agent=st.sampled_from(["buyer", "clerk"]), depth=st.integers(0, 3))
    def start(self, agent: str, depth: int) -> None:
        self.runs.append(self.desk.start(agent, depth=depth))

    @precondition(lambda self: self.runs)
    @rule(which=st.integers(0), tool=st.sampled_from(TOOLS), times=st.integers(1, 4))
    def act(self, which: int, tool: str, times: int) -> None:
        run = self.runs[which % len(self.runs)]
        for _ in range(times):
            arguments = {"id": "1"} if tool == "erp.get" else {"page": 1}
            attempt = self.desk.attempt(run, tool, **arguments)
            expected = self.expected(run, tool)
            admission = self.desk.admit(attempt)
            checks = (Check.LIMITS, Check.STANDING)
            assert {finding.code for finding in admission.decision.reasons if finding.code.check in checks} == expected
            assert admission.state is (ActionState.DENIED if expected else ActionState.ADMITTED)
            if expected:
                self.denials[run.id] += 1
                most = self.limits.denials
                assert self.desk.is_on_record(attempt) is (most is None or self.denials[run.id] <= most + 1)
            else:
                self.open.append(attempt)
                self.steps[run.id] += 1
                self.calls[run.id, tool] += 1
                self.in_flight[run.agent] += 1

    @precondition(lambda self: self.open)
    @rule(which=st.integers(0), status=st.sampled_from(OutcomeStatus), found_out=st.booleans())
    def settle(self, which: int, status: OutcomeStatus, found_out: bool) -> None:
        attempt = self.open.pop(which % len(self.open))
        self.desk.settle(attempt, status)
        self.in_flight[attempt.run.agent] -= 1
        if status is OutcomeStatus.UNKNOWN and found_out:
            self.desk.settle(attempt, OutcomeStatus.OK, reconciles=True)

    @precondition(lambda self: self.runs)
    @rule(which=st.integers(0))
    def end(self, which: int) -> None:
        run = self.runs[which % len(self.runs)]
        self.desk.carry_out(EndRun(run, "ok"))
        self.ended.add(run.id)

    @rule(seconds=st.sampled_from([1, 300, 599]))
    def pass_time(self, seconds: int) -> None:
        self.desk.clock.advance(seconds)

    @invariant()
    def the_rows_say_what_was_counted(self) -> None:
        for run in self.runs:
            progress = self.desk.scope(ScopeKind.RUN, run.id).progress
            assert progress is not None
            assert (progress.steps, progress.tool_calls) == (self.steps[run.id], self.steps[run.id])
            assert progress.denials == self.denials[run.id]
            assert progress.calls == {tool: self.calls[run.id, tool] for tool in TOOLS if self.calls[run.id, tool]}
        for agent, count in self.in_flight.items():
            assert self.desk.scope(ScopeKind.AGENT, agent).in_flight == count


@pytest.mark.slow
def test_limits_are_what_counting_says_in_any_order_of_events(tmp_path: Path) -> None:
    template = Desk.template(tmp_path)
    run_state_machine_as_test(lambda: LimitStates(template))  # type: ignore[arg-type]  # a factory will do
    assert template.exists()
