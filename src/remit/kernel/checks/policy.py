"""Policy: what Cedar says, on the slice that applies. Default deny; any error denies; holds are asked apart."""

from __future__ import annotations

from datetime import datetime
from functools import partial

from remit.domain.action import ActionKind
from remit.domain.clock import MICROS_PER_SECOND
from remit.domain.decision import Duty
from remit.domain.facts import Facts, Progress
from remit.domain.finding import Code, Finding, Verdict
from remit.kernel.checks.budget import least_money_left
from remit.kernel.duties import impossible
from remit.kernel.prepared import Prepared
from remit.policy.compiled.values import Ref, Value
from remit.policy.request import PolicyAnswer, PolicyRequest

MODEL_ACTION = "model.call"


def ask(facts: Facts, call: Prepared) -> PolicyAnswer | None:
    """Put the action to the policies; None where it can not be put."""
    request = request_of(facts, call)
    return None if request is None else call.rules.authorizer.authorize(request)


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
