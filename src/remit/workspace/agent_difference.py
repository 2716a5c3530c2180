"""What changes about an agent: who answers for it, and above all what it may do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields

from remit.domain.release import (
    Agent,
    Budget,
    Cap,
    Endpoint,
    Grant,
    GrantMode,
    HoldRule,
    Limits,
    LoopRule,
    Mask,
    Rate,
    Remit,
)
from remit.workspace.budget_difference import budget_changes
from remit.workspace.wording import amount, differing_fields, per, rate, same, seconds, shown

_LIMIT_WORDS: Sequence[tuple[str, str]] = (
    ("steps", "steps in a run"),
    ("tool_calls", "tool calls in a run"),
    ("model_calls", "model calls in a run"),
    ("rate", "rate"),
    ("wall_time_s", "time of a run"),
    ("depth", "depth of delegation"),
    ("concurrency", "actions at the same time"),
    ("denials", "denials in a run"),
)


def agent_summary(agent: Agent) -> Iterator[str]:
    """Say who a new agent is and everything it may do."""
    yield f"agent {agent.name} is new, {agent.status.value}, owned by {agent.owner}: {agent.purpose}"
    yield from agent_changes(_before(agent), agent)
    limits, words = agent.remit.limits, dict(_LIMIT_WORDS)
    each = (f"{words.get(f.name, f.name)} {_limit(f.name, getattr(limits, f.name))}" for f in fields(limits))
    yield f"{agent.name} is limited: {', '.join(each)}"


def _before(agent: Agent) -> Agent:
    # Its limits are said apart: compared with the defaults they would read as if somebody had changed them.
    return Agent(agent.name, agent.owner, agent.purpose, agent.status, remit=Remit(limits=agent.remit.limits))


def agent_changes(before: Agent, after: Agent) -> Iterator[str]:
    """Say what changes about an agent."""
    name = after.name
    for changed in differing_fields(before, after):
        old, new = getattr(before, changed), getattr(after, changed)
        if changed == "remit":
            yield from _remit_changes(name, old, new)
        elif changed == "owner":
            yield f"{name} is now owned by {new} instead of {old}"
        elif changed == "status":
            yield f"{name} is now {new.value} instead of {old.value}"
        elif changed == "team":
            yield f"{name} now works for the team {shown(new)} instead of {shown(old)}"
        elif changed == "role":
            yield f"{name} now has the role {shown(new)} instead of {shown(old)}"
        elif changed == "endpoint":
            yield f"{name} now works {_place(new)} instead of {_place(old)}"
        else:
            yield f"{name}: {changed} changed from {shown(old)} to {shown(new)}"


def _remit_changes(name: str, before: Remit, after: Remit) -> Iterator[str]:
    for changed in differing_fields(before, after):
        old, new = getattr(before, changed), getattr(after, changed)
        match changed:
            case "grants":
                yield from _grants_changes(name, old, new)
            case "models":
                yield from _models_changes(name, old, new)
            case "agents":
                yield from _agents_changes(name, old, new)
            case "limits":
                yield from _limits_changes(name, old, new)
            case "loops":
                yield from _loops_changes(name, old, new)
            case "budgets":
                yield from _budgets_changes(name, old, new)
            case "holds":
                yield from _holds_changes(name, old, new)
            case _:
                yield f"{name}: {changed} changed from {shown(old)} to {shown(new)}"


def _place(endpoint: Endpoint | None) -> str:
    if endpoint is None:
        return "as the built-in agent"
    said = [f"at {endpoint.url} by {endpoint.kind.value}", f"answering within {endpoint.answer_s} s"]
    said += [f"shown the secret {endpoint.credential}"] if endpoint.credential else []
    said += ["maybe at a private address"] if endpoint.private else []
    said += [f"with the card {endpoint.pin}"] if endpoint.pin else []
    return ", ".join(said)


def _agents_changes(name: str, before: Sequence[str], after: Sequence[str]) -> Iterator[str]:
    for agent in after:
        if agent not in before:
            yield f"{name} may now hand work to {agent}"
    for agent in before:
        if agent not in after:
            yield f"{name} may no longer hand work to {agent}"
    if sorted(before) == sorted(after):
        yield f"the agents to which {name} may hand work are listed in another order"


def _grants_changes(name: str, before: Sequence[Grant], after: Sequence[Grant]) -> Iterator[str]:
    old = {grant.tool: grant for grant in before}
    new = {grant.tool: grant for grant in after}
    for tool, grant in new.items():
        if tool not in old:
            yield f"{name} may now call {tool}{_conditions(grant)}"
        elif not same(old[tool], grant):
            yield from _grant_changes(name, old[tool], grant)
    for tool in old:
        if tool not in new:
            yield f"{name} may no longer call {tool}"
    if old == new:
        yield f"the tools of {name} are listed in another order"


def _conditions(grant: Grant) -> str:
    said = []
    if grant.mode is GrantMode.POLICY:
        said.append("where a written policy permits it")
    if grant.when:
        said.append(f"when {grant.when}")
    if grant.calls_per_run is not None:
        said.append(f"at most {_times(grant.calls_per_run)} in a run")
    said += [_duty(duty) for duty in grant.duties]
    return " " + ", ".join(said) if said else ""


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count:,} times"


def _duty(duty: Mask | Cap) -> str:
    return f"with {duty.field} masked" if isinstance(duty, Mask) else f"with {duty.field} lowered to {duty.maximum:,}"


def _grant_changes(name: str, before: Grant, after: Grant) -> Iterator[str]:
    tool = after.tool
    for changed in differing_fields(before, after):
        old, new = getattr(before, changed), getattr(after, changed)
        match changed:
            case "mode":
                how = "by its remit alone" if new is GrantMode.GRANT else "only where a written policy permits it"
                yield f"{name} may now call {tool} {how}"
            case "when" if not new:
                yield f"{name} may now call {tool} without a condition; it was: when {old}"
            case "when":
                yield f"{name} may now call {tool} when {new}; " + (f"it was: when {old}" if old else "before, always")
            case "calls_per_run":
                was, now = (f"{each:,}" if each is not None else "unlimited" for each in (old, new))
                yield f"calls of {tool} in a run of {name} {_verb(old, new)} from {was} to {now}"
            case "duties":
                yield from _duties_changes(name, tool, old, new)
            case _:
                yield f"{name} on {tool}: {changed} changed from {shown(old)} to {shown(new)}"


def _duties_changes(name: str, tool: str, before: Sequence[Mask | Cap], after: Sequence[Mask | Cap]) -> Iterator[str]:
    for duty in after:
        if duty not in before:
            yield f"{name} now calls {tool} {_duty(duty)}"
    for duty in before:
        if duty not in after:
            yield f"{name} no longer calls {tool} {_duty(duty)}"
    if sorted(map(shown, before)) == sorted(map(shown, after)):
        yield f"what is changed before {name} calls {tool} is listed in another order"


def _models_changes(name: str, before: Sequence[str], after: Sequence[str]) -> Iterator[str]:
    yield from (f"{name} may now call the model {model}" for model in after if model not in before)
    yield from (f"{name} may no longer call the model {model}" for model in before if model not in after)
    if set(before) == set(after):
        yield f"the models of {name} are listed in another order"


def _limits_changes(name: str, before: Limits, after: Limits) -> Iterator[str]:
    words = dict(_LIMIT_WORDS)
    for changed in differing_fields(before, after):
        old, new = getattr(before, changed), getattr(after, changed)
        verb = _verb(_looseness(old), _looseness(new))
        what = words.get(changed, changed)
        yield f"limit {what} of {name} {verb} from {_limit(changed, old)} to {_limit(changed, new)}"


def _looseness(value: int | Rate | None) -> float | None:
    return value.calls / value.seconds if isinstance(value, Rate) else value


def _verb(old: float | None, new: float | None) -> str:
    """Say which way a limit moves; None is no limit. Equal looseness is possible: 60 a minute, 1 a second."""
    if old == new:
        return "changed"
    return "loosened" if new is None or (old is not None and new > old) else "tightened"


def _limit(name: str, value: int | Rate | None) -> str:
    if value is None:
        return "unlimited"
    if isinstance(value, Rate):
        return rate(value)
    return seconds(value) if name.endswith("_s") else f"{value:,}"


def _loops_changes(name: str, before: LoopRule, after: LoopRule) -> Iterator[str]:
    for changed in differing_fields(before, after):
        old, new = getattr(before, changed), getattr(after, changed)
        if changed == "on_detection":
            yield f"a loop of {name} now leads to {new.value} instead of {old.value}"
        elif changed == "approvers":
            yield f"loops of {name} are now answered by {_group(new)} instead of {_group(old)}"
        else:
            was, now = (shown(each) if each is not None else "the default" for each in (old, new))
            yield f"loops of {name}: {changed} changed from {was} to {now}"


def _group(name: str | None) -> str:
    return name or "nobody"


def _budgets_changes(name: str, before: Sequence[Budget], after: Sequence[Budget]) -> Iterator[str]:
    old, new = _named(before), _named(after)
    for key, budget in new.items():
        if key not in old:
            yield f"{name} now has the budget {key}: {amount(budget)} {per(budget.window)}"
        elif not same(old[key], budget):
            yield from budget_changes(old[key], budget)
    yield from (f"{name} no longer has the budget {key}: {amount(old[key])}" for key in old if key not in new)
    if old == new:
        yield f"the budgets of {name} are listed in another order"


def _named(budgets: Sequence[Budget]) -> Mapping[str, Budget]:
    return {budget.name: budget for budget in budgets}


def _holds_changes(name: str, before: Sequence[HoldRule], after: Sequence[HoldRule]) -> Iterator[str]:
    for rule in after:
        if rule not in before:
            yield f"actions of {name} with the effect {shown(rule.effects)} now wait for {rule.approvers}"
    for rule in before:
        if rule not in after:
            yield f"actions of {name} with the effect {shown(rule.effects)} no longer wait for {rule.approvers}"
    if sorted(map(shown, before)) == sorted(map(shown, after)):
        yield f"the holds of {name} are listed in another order"
