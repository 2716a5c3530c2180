"""Grant: is the tool or model in the agent's remit, and are the arguments what its schema says?"""

from __future__ import annotations

from remit.domain.action import ActionKind
from remit.domain.facts import Facts
from remit.domain.finding import Code, Finding, Verdict
from remit.kernel.prepared import Prepared

_OK = (Finding(Code.GRANT_OK, Verdict.ALLOW),)


def check(facts: Facts, call: Prepared) -> tuple[Finding, ...]:  # noqa: ARG001 - one signature for all checks
    """Deny what the remit does not list, and arguments that do not fit."""
    action = call.action
    found = list(call.faults)
    if action.kind is ActionKind.TOOL:
        if call.rules.tool(action.target) is None:
            found.append(Finding.of(Code.TOOL_UNKNOWN, Verdict.DENY, tool=action.target))
        elif call.rules.grant(action.agent, action.target) is None:
            found.append(Finding.of(Code.TOOL_NOT_GRANTED, Verdict.DENY, agent=action.agent, tool=action.target))
    return tuple(found) or _OK
