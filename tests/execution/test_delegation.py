"""Work that is handed on: started below a run, spent from what that has, and over when that is over."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from remit.domain.action import ActionState, Outcome, OutcomeStatus
from remit.domain.admission import Admission
from remit.domain.facts import ScopeKind
from remit.domain.finding import Code
from remit.domain.ids import BudgetName
from remit.domain.record import RecordKind
from remit.domain.run import Run, RunAbove
from remit.execution.door import RunRefused
from remit.execution.replay import Agreement
from tests.worlds import SARA, WORKSPACE, World, agent, budget, files, world, yaml

AGENTS = {
    "agents/buyer.yaml": agent(
        agents=["clerk"],
        tools=["erp.get", {"tool": "erp.pay", "when": "context.input.amount <= 100"}],
        budgets=[{"name": "buyer-run", "per": "run", "calls": 3}],
    ),
    "agents/clerk.yaml": agent("clerk", team="accounts"),
    "agents/stranger.yaml": agent("stranger", team="accounts"),
    "budgets.yaml": budget("team-day", "team", "day", calls=50, subject="procurement"),
}


@pytest.fixture
def it(tmp_path: Path) -> Iterator[World]:
    with world(tmp_path, AGENTS) as opened:
        yield opened


def ask(it: World, run: Run, tool: str = "erp.get", **arguments: object) -> Admission:
    attempt = it.door.attempt_tool(run, tool, arguments or {"id": "1"})
    admission = it.door.admit(attempt)
    if admission.state is ActionState.ADMITTED:
        it.door.settle(attempt, Outcome(attempt.action, OutcomeStatus.OK), b"{}")
    return admission


def used(it: World, kind: ScopeKind, name: str, budget: str) -> tuple[int, int]:
    spend = it.scope(kind, name).spends[BudgetName(budget)]
    return spend.spent, spend.reserved


def test_handing_work_on_is_an_action_of_the_run_above(it: World) -> None:
    top = it.start()
    below = it.start("clerk", parent=top.id, task="Look it up.")
    decided = it.records(RecordKind.DECISION_MADE)
    assert [(each["run"], each["target"], each["state"]) for each in decided] == [
        (top.id, "delegate.clerk", "admitted")
    ]
    (outcome,) = it.records(RecordKind.OUTCOME_REPORTED)
    assert (outcome["run"], outcome["status"]) == (top.id, "ok")
    assert below.line == (RunAbove(top.id, top.agent, top.team, top.started_at),)
    assert it.store.run(below.id).line == below.line, "it is read again as it was started"
    assert (below.release, below.on_behalf_of, below.depth) == (top.release, top.on_behalf_of, 1)


def test_what_is_done_below_is_spent_above_as_well(it: World) -> None:
    top = it.start()
    below = it.start("clerk", parent=top.id)
    assert ask(it, below).state is ActionState.ADMITTED
    assert used(it, ScopeKind.RUN, top.id, "buyer-run") == (2, 0), "handing it on, and what was done"
    assert used(it, ScopeKind.TEAM, "procurement", "team-day") == (2, 0), "the other agent's team is accounts"
    assert ask(it, below).state is ActionState.ADMITTED
    assert {finding.code for finding in ask(it, below).decision.reasons} == {Code.BUDGET_EXCEEDED}
    assert {finding.code for finding in ask(it, top).decision.reasons} == {Code.BUDGET_EXCEEDED}
    progress = it.scope(ScopeKind.RUN, top.id).progress
    assert progress is not None
    assert (progress.steps, progress.calls) == (3, {"delegate.clerk": 1, "erp.get": 2})
    assert {each.agreement for each in it.replay.all(WORKSPACE)} == {Agreement.SAME}


def test_what_the_one_above_may_not_do_is_denied_below(it: World) -> None:
    below = it.start("clerk", parent=it.start().id)
    assert {f.code for f in ask(it, below, "erp.scan", page=1).decision.reasons} == {
        Code.NOT_GRANTED_ABOVE,
        Code.POLICY_NO_PERMIT,
    }
    assert {f.code for f in ask(it, below, "erp.pay", amount=101).decision.reasons} == {Code.POLICY_NO_PERMIT}
    assert ask(it, it.start("clerk"), "erp.pay", amount=101).state is ActionState.ADMITTED, "by itself it may"


def test_a_run_below_is_nobody_elses(it: World) -> None:
    top = it.start()
    with pytest.raises(RunRefused, match="buyer may not hand work to stranger: its remit lists clerk under `agents`"):
        it.start("stranger", parent=top.id)
    with pytest.raises(RunRefused, match="acts for user:visitor: so does a run below it, and nobody else"):
        it.start("clerk", SARA, parent=top.id)
    assert it.start(parent=top.id).depth == 1, "one of the same agent has nothing that this has not"
    assert len(it.records(RecordKind.DECISION_MADE)) == 0, "what is refused is no action, nor is one's own run"


def test_handing_work_on_can_be_forbidden_and_held(it: World) -> None:
    forbids = (
        'forbid(principal, action == Action::"delegate.clerk", resource) when { context.input.task like "*pay*" };'
    )
    it.apply({**AGENTS, "policies/handing.cedar": forbids})
    top = it.start()
    with pytest.raises(RunRefused, match=r"handing work to clerk was denied: policy .* forbids it"):
        it.start("clerk", parent=top.id, task="pay them")
    it.apply({**AGENTS, "policies/handing.cedar": f'@id("asks")@hold("finance")\n{forbids}'})
    held = it.start()
    with pytest.raises(RunRefused, match="handing work to clerk waits for people"):
        it.start("clerk", parent=held.id, task="pay them")
    (waiting,) = it.store.approvals(WORKSPACE)
    it.approvals.answer(waiting.id, SARA, waiting.digest, approve=True)
    assert it.start("clerk", parent=held.id, task="pay them").parent == held.id


def test_a_run_below_keeps_the_release_and_the_subject_of_the_one_above(it: World) -> None:
    top = it.start(subject="customer-7")
    it.apply({**AGENTS, "agents/clerk.yaml": agent("clerk", team="accounts", tools=[])})
    below = it.start("clerk", parent=top.id, task="About customer 7.")
    assert (below.release, below.key) == (top.release, top.key)
    assert ask(it, below).state is ActionState.ADMITTED


def test_a_stop_of_the_agent_above_holds_what_it_has_handed_on(it: World) -> None:
    below = it.start("clerk", parent=it.start().id)
    it.stops.freeze(WORKSPACE, "agent:buyer", SARA, "smells")
    assert {finding.code for finding in ask(it, below).decision.reasons} == {Code.STOPPED}
    it.stops.unfreeze(WORKSPACE, "agent:buyer", SARA, "fine")
    assert ask(it, below).state is ActionState.ADMITTED


def test_once_the_run_above_has_ended_nothing_is_admitted_below(it: World) -> None:
    top = it.start()
    below = it.start("clerk", parent=top.id)
    it.door.end_run(top, "ok")
    assert {finding.code for finding in ask(it, below).decision.reasons} == {Code.RUN_ENDED}


def test_an_agent_that_is_not_there_is_a_mistake(it: World) -> None:
    plan = it.plan
    with pytest.raises(Exception, match="there is no agent `clark`"):
        plan({**files(AGENTS), "agents/buyer.yaml": agent(agents=["clark"]).encode()})
    own = yaml("Tool", name="delegate.clerk", effect="read", description="Mine.", input={"type": "object"})
    with pytest.raises(Exception, match="`delegate` is of Remit's own tools"):
        plan({**files(AGENTS), "tools/own.yaml": own.encode()})
