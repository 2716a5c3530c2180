"""Policy: what Cedar says, on the slice that applies. Default deny; any error denies; holds are asked apart."""

from __future__ import annotations

from datetime import datetime
from functools import partial

from remit.domain.action import ActionKind
from remit.domain.clock import MICROS_PER_SECOND
from remit.domain.decision import Duty
from remit.domain.facts import Facts, Progress
from remit.domain.finding import Code, Finding, Verdict
from remit.domain.own_tools import ASKING, delegating_tool
from remit.kernel.checks.budget import least_money_left
from remit.kernel.duties import impossible
from remit.kernel.prepared import Prepared
from remit.policy.compiled.values import Ref, Value
from remit.policy.request import PolicyAnswer, PolicyRequest

MODEL_ACTION = "model.call"


def ask(facts: Facts, call: Prepared) -> PolicyAnswer | None:
    """Put the action to the policies; None where it can not be put."""
    request = request_of(facts, call)
    if request is None:
        return None
    own = call.rules.authorizer.authorize(request)
    return combined(own, ask_above(facts, call)) if facts.line else own


def ask_above(facts: Facts, call: Prepared) -> tuple[PolicyAnswer, ...]:
    """Put the action to the policies as that of each agent above: what one of them may not do, it may not have done.

    Nothing is asked where the grant check denies it anyway. What asks people is not a thing that an agent does.
    """
    request = request_of(facts, call)
    tool = call.rules.tool(call.action.target)
    if request is None or (tool is not None and tool.server == ASKING):
        return ()
    agents = dict.fromkeys(superior.agent for superior in facts.line)
    agents.pop(call.action.agent, None)
    target = call.action.target  # work that is handed back to an agent has no more than it has
    known = [agent for agent in agents if call.rules.agent(agent) is not None and target != delegating_tool(agent)]
    return tuple(call.rules.authorizer.authorize(request._replace(agent=agent)) for agent in known)


def combined(own: PolicyAnswer, above: tuple[PolicyAnswer, ...]) -> PolicyAnswer:
    """Return what all of them come to: each must permit, and what any of them asks for is asked for."""
    every = (own, *above)
    return PolicyAnswer(
        permitted=all(answer.permitted for answer in every),
        permits=tuple(sorted({id for answer in every for id in answer.permits})),
        forbids=tuple(sorted({each for answer in every for each in answer.forbids})),
        holds=tuple(dict.fromkeys(hold for answer in every for hold in answer.holds)),
        errors=tuple(sorted({error for answer in every for error in answer.errors})),
        duties=tuple(dict.fromkeys(duty for answer in every for duty in answer.duties)),
    )


def request_of(facts: Facts, call: Prepared) -> PolicyRequest | None:
    """Return what the policies are asked of an action.

    None where it can not even be put: an unknown tool or arguments that do not fit.
    """
    action = call.action
    if call.input is None or call.rules.agent(action.agent) is None:
        return None
    is_tool = action.kind is ActionKind.TOOL
    return PolicyRequest(
        agent=action.agent,
        action=action.target if is_tool else MODEL_ACTION,
        resource_type="Tool" if is_tool else "Model",
        resource=action.target,
        input=call.input,
        call=partial(_call_context, facts, call),
    )


def findings(answer: PolicyAnswer | None, call: Prepared) -> tuple[Finding, ...]:
    """Turn the policies' answer into findings. A duty that the call leaves no way to carry out denies."""
    if answer is None:
        return (Finding(Code.POLICY_NOT_ASKED, Verdict.DENY),)
    if answer.permitted and not answer.holds and not answer.duties:
        return (Finding(Code.POLICY_OK, Verdict.ALLOW, (("policies", ", ".join(answer.permits)),)),)
    found = [Finding.of(Code.POLICY_ERROR, Verdict.DENY, policy=policy) for policy in answer.errors]
    found += [Finding.of(Code.POLICY_FORBIDDEN, Verdict.DENY, policy=id, reason=why) for id, why in answer.forbids]
    found += [
        Finding.of(Code.POLICY_HOLD, Verdict.HOLD, policy=hold.id, approvers=hold.group, reason=hold.reason)
        for hold in answer.holds
    ]
    undoable = _undoable(answer, call)
    if undoable is not None:
        found.append(Finding.of(Code.POLICY_DUTY, Verdict.DENY, field=undoable.field))
    if not answer.permitted and not answer.forbids and not answer.errors:
        found.append(Finding(Code.POLICY_NO_PERMIT, Verdict.DENY))
    if not found:
        found.append(Finding.of(Code.POLICY_OK, Verdict.ALLOW, policies=", ".join(answer.permits)))
    return tuple(found)


def _undoable(answer: PolicyAnswer, call: Prepared) -> Duty | None:
    if call.action.kind is ActionKind.MODEL:  # its prompt is not here, so nothing of it can be changed
        return next(iter(answer.duties), None)
    return impossible(call.action.arguments, answer.duties)


def _call_context(facts: Facts, call: Prepared, optional: bool) -> dict[str, Value]:
    progress = facts.run.progress if facts.run is not None and facts.run.progress is not None else Progress()
    agent = call.rules.agent(call.action.agent)
    local = datetime.fromtimestamp(facts.now // MICROS_PER_SECOND, call.rules.zone)
    context: dict[str, Value] = {
        "now_s": facts.now // MICROS_PER_SECOND,
        "hour": local.hour,
        "weekday": local.isoweekday(),
        "on_behalf_of": Ref("User", call.run.on_behalf_of),
        "verified": call.run.verified,
        "purpose": call.run.purpose or (agent.purpose if agent else ""),
        "depth": call.run.depth,
        "steps": progress.steps,
        "tool_calls": progress.tool_calls,
        "model_calls": progress.model_calls,
        "loop_repeats": facts.repeats,
        "assurance": call.action.assurance.value,
    }
    left = least_money_left(facts, call) if optional else None
    if left is not None:
        context["budget_left_micro_usd"] = left
    declared = call.rules.configuration.settings.temporal
    if declared:
        context["temporal"] = {fact.name: facts.temporal[fact.key] for fact in declared if fact.key in facts.temporal}
    return context
