"""A recorded action as a test of the workspace: what a person has found once is then checked at every apply."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from remit.domain.action import ActionKind
from remit.domain.canonical import JsonValue
from remit.domain.clock import MICROS_PER_SECOND
from remit.domain.decision import Decision
from remit.domain.facts import Facts, Progress, ScopeKind
from remit.domain.finding import Verdict
from remit.domain.flip import Gap, kind_of
from remit.domain.money import MICROS_PER_USD
from remit.domain.prompt import PROMPT_FIELDS
from remit.domain.release import ArgumentRole, BudgetUnit
from remit.execution.again import Past, decide_again, worst_cost
from remit.kernel.checks.budget import rolled
from remit.kernel.ruleset import Ruleset

LEFT_OUT = "(left out)"
"""Stands in a test for a text that was no business of whoever reads it."""

_HIDDEN = frozenset({ArgumentRole.SECRET, ArgumentRole.PAYLOAD})


class NotPinned(Exception):
    """A test can not say what was found. The message says why."""


@dataclass(frozen=True, slots=True)
class Pinned:
    """A test document, and which arguments were left out of it."""

    text: str
    verdict: Verdict
    left_out: tuple[str, ...]


def pinned(rules: Ruleset, past: Past, expect: str = "") -> Pinned:
    """Write an action as a document of tests. `expect` is a verdict; by default what the rules decide.

    Arguments whose role is `secret` or `payload` are left out. Raises NotPinned where the outcome rests on one of
    them, or where the action can not be decided under these rules.
    """
    open_decision = _decided(rules, past)
    hidden = _hidden(rules, past)
    masked = replace(past, arguments=_masked(past.arguments, hidden))
    if hidden and _otherwise(open_decision, decide_again(rules, masked)):
        raise NotPinned(
            f"the outcome rests on {', '.join(hidden)}, whose role keeps it out of files:"
            " write a test with a value of your own"
        )
    verdict = Verdict[expect.upper()] if expect else open_decision.verdict
    lines = _document(rules, masked, verdict, open_decision)
    return Pinned("\n".join(lines) + "\n", verdict, hidden)


def _decided(rules: Ruleset, past: Past) -> Decision:
    decision = decide_again(rules, past)
    if isinstance(decision, Gap):
        raise NotPinned(f"the action can not be decided under these rules ({decision.value})")
    return decision


def _otherwise(before: Decision, after: Decision | Gap) -> bool:
    return isinstance(after, Gap) or bool(kind_of(before, after)) or before.policies != after.policies


def _hidden(rules: Ruleset, past: Past) -> tuple[str, ...]:
    if past.record["action_kind"] == ActionKind.MODEL.value:
        return tuple(name for name in PROMPT_FIELDS if name in past.arguments)
    tool = rules.tool(past.record["target"])
    roles = {} if tool is None else tool.roles
    heads = {path.partition(".")[0] for path, role in roles.items() if role in _HIDDEN}
    return tuple(sorted(heads & past.arguments.keys()))


def _masked(arguments: Mapping[str, Any], hidden: tuple[str, ...]) -> dict[str, JsonValue]:
    return {name: _blank(value) if name in hidden else value for name, value in arguments.items()}


def _blank(value: JsonValue) -> JsonValue:
    match value:
        case str():
            return LEFT_OUT
        case Mapping():
            return {name: _blank(part) for name, part in value.items()}
        case list():
            return [_blank(part) for part in value]
    return value


def _document(rules: Ruleset, past: Past, verdict: Verdict, decision: Decision) -> Iterator[str]:
    """Yield the lines; every value is written as JSON, which is YAML, so that nothing can be read as something else."""
    record = past.record
    is_tool = record["action_kind"] == ActionKind.TOOL.value
    facts = Facts.from_json(record["facts"])
    said: dict[str, object] = {
        "name": f"{record['agent']}, {record['target']}: as recorded in {past.action}",
        "agent": record["agent"],
        "tool" if is_tool else "model": record["target"],
        "arguments": {k: v for k, v in past.arguments.items() if is_tool or k in _MODEL_ARGUMENTS},
        "on_behalf_of": record["on_behalf_of"],
        "cost_usd": None if is_tool else _cost_usd(rules, past),
        "facts": dict(_facts(rules, past, facts)),
        "expect": verdict.word,
    }
    if verdict is decision.verdict:
        said["reasons"] = list(dict.fromkeys(reason.code.value for reason in decision.reasons))
        said["policies"] = list(decision.policies)
        said["approvers"] = list(decision.approvers) if verdict is Verdict.HOLD else []
    yield "# Pinned from recorded history. Look at what it says before you share it."
    yield "kind: Tests"
    yield "tests:"
    for number, (key, value) in enumerate((key, value) for key, value in said.items() if value not in ([], {}, None)):
        yield f"{'  - ' if number == 0 else '    '}{key}: {json.dumps(value, ensure_ascii=False)}"


def _cost_usd(rules: Ruleset, past: Past) -> float | None:
    micros = worst_cost(rules, past).micros
    return None if micros is None else micros / MICROS_PER_USD


_MODEL_ARGUMENTS = ("input_tokens", "max_output_tokens")


def _facts(rules: Ruleset, past: Past, facts: Facts) -> Iterator[tuple[str, object]]:
    """Yield what a test can say of the facts, as far as it is not what a quiet first call has."""
    progress = (facts.run.progress if facts.run else None) or Progress()
    yield "at", datetime.fromtimestamp(facts.now // MICROS_PER_SECOND, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    counts = {"steps": progress.steps, "tool_calls": progress.tool_calls, "model_calls": progress.model_calls}
    counts |= {"depth": past.run.depth, "in_flight": facts.agent.in_flight, "repeats": facts.repeats}
    yield from ((name, count) for name, count in counts.items() if count)
    if past.run.verified:
        yield "verified", True
    running_s = (facts.now - past.run.started_at) // MICROS_PER_SECOND
    if running_s > 0:
        yield "running", f"{running_s}s"
    known = {name: count for name, count in progress.calls.items() if rules.tool(name) is not None}
    if known:
        yield "calls", known
    if spent := dict(_spent(rules, past, facts)):
        yield "spent", spent
    counted = {fact.name: facts.temporal.get(fact.key, 0) for fact in rules.configuration.settings.temporal}
    if any(counted.values()):
        yield "temporal", {name: count for name, count in counted.items() if count}
    if stopped := list(_stopped(past, facts)):
        yield "stopped", stopped
    if progress.loop is not None:
        yield "loop", progress.loop.code.value
    if facts.approval is not None and facts.approval.state.value in _SAYABLE:
        yield "approval", facts.approval.state.value


_SAYABLE = ("pending", "approved", "rejected", "expired")


def _spent(rules: Ruleset, past: Past, facts: Facts) -> Iterator[tuple[str, object]]:
    for charge in rules.charges(past.run.agent):
        scope = facts.of(charge.scope)
        used = 0 if scope is None else rolled(scope.spends.get(charge.budget.name), charge, facts).used
        if used:
            unit = charge.budget.unit
            is_money = unit is BudgetUnit.MICRO_USD
            yield charge.budget.name, {"usd": used / MICROS_PER_USD} if is_money else {unit.value: used}


def _stopped(past: Past, facts: Facts) -> Iterator[str]:
    kind, target = past.record["action_kind"], past.record["target"]
    if any(what == f"{kind}:{target}" and stop.holds_at(facts.now) for what, stop in facts.workspace.stops.items()):
        yield kind
    for scope in facts.scopes():
        if "" in scope.stops and scope.stops[""].holds_at(facts.now) and scope.kind is not ScopeKind.USER:
            yield scope.kind.value
