"""A test of a workspace: an action under given facts, and the decision expected of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from remit.domain.action import ActionKind
from remit.domain.canonical import JsonValue
from remit.domain.finding import Code, Verdict
from remit.domain.ids import AgentName, BudgetName, GroupName, UserId


@dataclass(frozen=True, slots=True)
class GivenFacts:
    """The state of the world before the action; whatever is not given is as on a quiet first call.

    Attributes:
        at: RFC 3339 time of the decision; empty means the moment the test is run at is irrelevant and
            2026-01-05T09:00:00Z is taken.
        temporal: what temporal facts come to, by name; nothing where left out.
        spent: budget name to amount spent in the current window, in the budget's unit.
        calls: tool name to calls already made in this run.
        stopped: scopes with a stop on them: `workspace`, `team`, `agent`, `run`, `tool`, `model`.
        loop: a code of the loop check that has been detected, such as `loop.near_duplicate`.
        approval: `pending`, `approved`, `rejected` or `expired`, for exactly these arguments.
        above: the agents that have handed the work on, the first one first; nothing was done yet in their runs.
    """

    at: str = ""
    steps: int = 0
    tool_calls: int = 0
    model_calls: int = 0
    denials: int = 0
    depth: int = 0
    verified: bool = False
    running_s: int = 0
    in_flight: int = 0
    repeats: int = 0
    temporal: Mapping[str, int] = field(default_factory=dict)
    spent: Mapping[BudgetName, int] = field(default_factory=dict)
    calls: Mapping[str, int] = field(default_factory=dict)
    stopped: tuple[str, ...] = ()
    loop: Code | None = None
    approval: str | None = None
    above: tuple[AgentName, ...] = ()


@dataclass(frozen=True, slots=True)
class Scenario:
    """One test of `tests/*.yaml`.

    Attributes:
        reasons: codes that must be among the decision's reasons; for an allowed action, among its findings.
        policies: ids of policies that must be among the determining ones.
        approvers: groups that must be exactly the approvers, where given.
    """

    file: str
    line: int
    name: str
    agent: AgentName
    kind: ActionKind
    target: str
    arguments: Mapping[str, JsonValue]
    expect: Verdict
    on_behalf_of: UserId = UserId("user:test")
    cost_micros: int | None = None
    facts: GivenFacts = GivenFacts()
    reasons: tuple[Code, ...] = ()
    policies: tuple[str, ...] = ()
    approvers: tuple[GroupName, ...] = ()
