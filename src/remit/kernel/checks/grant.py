"""Grant: is the tool or model in the agent's remit, is it what was accepted, and do the arguments fit its schema?"""

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
        else:
            found += _pinned(call)
    return tuple(found) or _OK


def _pinned(call: Prepared) -> list[Finding]:
    """Deny a tool whose server describes it otherwise than what a person has accepted, or that nobody has."""
    tool, seen = call.rules.tool(call.action.target), call.action.definition
    if tool is None or not seen or seen == tool.pin:
        return []
    code = Code.TOOL_CHANGED if tool.pin else Code.TOOL_NOT_ACCEPTED
    return [Finding.of(code, Verdict.DENY, server=tool.server, tool=tool.name)]
