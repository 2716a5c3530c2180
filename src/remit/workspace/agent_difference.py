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
from remit.domain.said import Part, Said
from remit.workspace.budget_difference import budget_changes
from remit.workspace.wording import (
    amount,
    amount_per,
    changed_from,
    differing_fields,
    rate,
    said,
    same,
    seconds,
    shown,
)


def agent_summary(agent: Agent) -> Iterator[Said]:
    """Say who a new agent is and everything it may do."""
    name, limits = agent.name, agent.remit.limits
    yield said("agent.new", name=name, status=agent.status.value, owner=agent.owner, purpose=agent.purpose)
    yield from agent_changes(_before(agent), agent)
    each = (
        said("field", name=_limit_name(f.name), value=_limit(f.name, getattr(limits, f.name))) for f in fields(limits)
    )
    yield said("agent.limited", name=name, limits=tuple(each))


def _before(agent: Agent) -> Agent:
    # Its limits are said apart: compared with the defaults they would read as if somebody had changed them.
    return Agent(agent.name, agent.owner, agent.purpose, agent.status, remit=Remit(limits=agent.remit.limits))


def agent_changes(before: Agent, after: Agent) -> Iterator[Said]:
    """Say what changes about an agent."""
    name = after.name
    for changed in differing_fields(before, after):
        old, new = getattr(before, changed), getattr(after, changed)
        match changed:
            case "remit":
                yield from _remit_changes(name, old, new)
            case "owner":
                yield said("agent.owner", name=name, new=new, old=old)
            case "status":
                yield said("agent.status", name=name, new=new.value, old=old.value)
            case "team" | "role":
                yield said(f"agent.{changed}", name=name, new=shown(new), old=shown(old))
            case "endpoint":
                yield said("agent.endpoint", name=name, new=_place(new), old=_place(old))
            case _:
                yield changed_from(name, changed, shown(old), shown(new))


def _remit_changes(name: str, before: Remit, after: Remit) -> Iterator[Said]:
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
                yield changed_from(name, changed, shown(old), shown(new))


def _place(endpoint: Endpoint | None) -> Part:
    if endpoint is None:
        return said("place.built_in")
    place = [said("place.at", url=endpoint.url, kind=endpoint.kind.value)]
    place.append(said("place.answers", seconds=str(endpoint.answer_s)))
    place += [said("place.secret", secret=endpoint.credential)] if endpoint.credential else []
    place += [said("place.private")] if endpoint.private else []
    place += [said("place.card", pin=endpoint.pin)] if endpoint.pin else []
    return tuple(place)


def _agents_changes(name: str, before: Sequence[str], after: Sequence[str]) -> Iterator[Said]:
    yield from (said("hand.added", name=name, agent=agent) for agent in after if agent not in before)
    yield from (said("hand.removed", name=name, agent=agent) for agent in before if agent not in after)
    if sorted(before) == sorted(after):
        yield said("hand.listed", name=name)


def _grants_changes(name: str, before: Sequence[Grant], after: Sequence[Grant]) -> Iterator[Said]:
    old = {grant.tool: grant for grant in before}
    new = {grant.tool: grant for grant in after}
    for tool, grant in new.items():
        if tool not in old:
            conditions = _conditions(grant)
            yield said("grant.added_if" if conditions else "grant.added", name=name, tool=tool, conditions=conditions)
        elif not same(old[tool], grant):
            yield from _grant_changes(name, old[tool], grant)
    yield from (said("grant.removed", name=name, tool=tool) for tool in old if tool not in new)
    if old == new:
        yield said("grant.listed", name=name)


def _conditions(grant: Grant) -> tuple[Said, ...]:
    found = []
    if grant.mode is GrantMode.POLICY:
        found.append(said("if.policy"))
    if grant.when:
        found.append(said("if.when", when=grant.when))
    if grant.calls_per_run is not None:
        found.append(said("if.calls", times=Said("times", count=grant.calls_per_run)))
    return (*found, *map(_duty, grant.duties))


def _duty(duty: Mask | Cap) -> Said:
    if isinstance(duty, Mask):
        return said("duty.mask", field=duty.field)
    return said("duty.cap", field=duty.field, maximum=f"{duty.maximum:,}")


def _grant_changes(name: str, before: Grant, after: Grant) -> Iterator[Said]:
    tool = after.tool
    for changed in differing_fields(before, after):
        old, new = getattr(before, changed), getattr(after, changed)
        match changed:
            case "mode":
                yield said("grant.by_remit" if new is GrantMode.GRANT else "grant.by_policy", name=name, tool=tool)
            case "when" if not new:
                yield said("grant.always", name=name, tool=tool, old=old)
            case "when":
                yield said("grant.when" if old else "grant.when_first", name=name, tool=tool, new=new, old=old)
            case "calls_per_run":
                was, now = (_limit(changed, each) for each in (old, new))
                yield said(f"grant.calls_{_way(old, new)}", name=name, tool=tool, old=was, new=now)
            case "duties":
                yield from _duties_changes(name, tool, old, new)
            case _:
                yield changed_from(said("thing.on", name=name, tool=tool), changed, shown(old), shown(new))


def _duties_changes(name: str, tool: str, before: Sequence[Mask | Cap], after: Sequence[Mask | Cap]) -> Iterator[Said]:
    yield from (said("duty.added", name=name, tool=tool, duty=_duty(duty)) for duty in after if duty not in before)
    yield from (said("duty.removed", name=name, tool=tool, duty=_duty(duty)) for duty in before if duty not in after)
    if _is_same_listed(before, after):
        yield said("duty.listed", name=name, tool=tool)


def _models_changes(name: str, before: Sequence[str], after: Sequence[str]) -> Iterator[Said]:
    yield from (said("asks.added", name=name, model=model) for model in after if model not in before)
    yield from (said("asks.removed", name=name, model=model) for model in before if model not in after)
    if set(before) == set(after):
        yield said("asks.listed", name=name)


def _limits_changes(name: str, before: Limits, after: Limits) -> Iterator[Said]:
    for changed in differing_fields(before, after):
        old, new = getattr(before, changed), getattr(after, changed)
        way = _way(_looseness(old), _looseness(new))
        was, now = (_limit(changed, each) for each in (old, new))
        yield said(f"limit.{way}", name=name, limit=_limit_name(changed), old=was, new=now)


def _limit_name(field: str) -> Said:
    return said(f"limit.{field}")


def _looseness(value: int | Rate | None) -> float | None:
    return value.calls / value.seconds if isinstance(value, Rate) else value


def _way(old: float | None, new: float | None) -> str:
    """Say which way a limit moves; None is no limit. Equal looseness is possible: 60 a minute, 1 a second."""
    if old == new:
        return "changed"
    return "loosened" if new is None or (old is not None and new > old) else "tightened"


def _limit(name: str, value: int | Rate | None) -> Part:
    if value is None:
        return said("unlimited")
    if isinstance(value, Rate):
        return rate(value)
    return seconds(value) if name.endswith("_s") else f"{value:,}"


def _loops_changes(name: str, before: LoopRule, after: LoopRule) -> Iterator[Said]:
    for changed in differing_fields(before, after):
        old, new = getattr(before, changed), getattr(after, changed)
        if changed == "on_detection":
            yield said("loop.leads_to", name=name, new=new.value, old=old.value)
        elif changed == "approvers":
            yield said("loop.answered", name=name, new=_group(new), old=_group(old))
        else:
            was, now = (shown(each) if each is not None else said("default") for each in (old, new))
            yield changed_from(said("thing.loops", name=name), changed, was, now)


def _group(name: str | None) -> Part:
    return name or said("nobody")


def _budgets_changes(name: str, before: Sequence[Budget], after: Sequence[Budget]) -> Iterator[Said]:
    old, new = _named(before), _named(after)
    for key, budget in new.items():
        if key not in old:
            yield said("own_budget.added", name=name, budget=key, amount=amount_per(budget))
        elif not same(old[key], budget):
            yield from budget_changes(old[key], budget)
    for key, budget in old.items():
        if key not in new:
            yield said("own_budget.removed", name=name, budget=key, amount=amount(budget))
    if old == new:
        yield said("own_budget.listed", name=name)


def _named(budgets: Sequence[Budget]) -> Mapping[str, Budget]:
    return {budget.name: budget for budget in budgets}


def _holds_changes(name: str, before: Sequence[HoldRule], after: Sequence[HoldRule]) -> Iterator[Said]:
    for code, some, others in (("hold.added", after, before), ("hold.removed", before, after)):
        for rule in some:
            if rule not in others:
                yield said(code, name=name, effects=shown(rule.effects), group=rule.approvers)
    if _is_same_listed(before, after):
        yield said("hold.listed", name=name)


def _is_same_listed(before: Sequence[object], after: Sequence[object]) -> bool:
    """Tell whether two lists have the same things, in whatever order."""
    return sorted(map(repr, before)) == sorted(map(repr, after))
