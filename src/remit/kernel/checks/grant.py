"""Grant: is the tool or model in the agent's remit, is it what was accepted, and do the arguments fit its schema?"""

from __future__ import annotations

import itertools

from remit.domain.action import ActionKind
from remit.domain.facts import Facts
from remit.domain.finding import Code, Finding, Verdict
from remit.domain.ids import AgentName, ModelName
from remit.domain.own_tools import ASKING, delegating_tool
from remit.kernel.prepared import Prepared

_OK = (Finding(Code.GRANT_OK, Verdict.ALLOW),)


def check(facts: Facts, call: Prepared) -> tuple[Finding, ...]:
    """Deny what the remit does not list, what those of the agents above do not, and arguments that do not fit."""
    action = call.action
    found = list(call.faults)
    if action.kind is ActionKind.TOOL:
        if call.rules.tool(action.target) is None:
            found.append(Finding.of(Code.TOOL_UNKNOWN, Verdict.DENY, tool=action.target))
        elif call.rules.grant(action.agent, action.target) is None:
            found.append(Finding.of(Code.TOOL_NOT_GRANTED, Verdict.DENY, agent=action.agent, tool=action.target))
        else:
            found += _pinned(call)
    if facts.line:
        found += _above(facts, call)
    return tuple(found) or _OK


def _above(facts: Facts, call: Prepared) -> list[Finding]:
    """Deny what an agent above could not do itself, and all of whoever it may not hand work to."""
    found: list[Finding] = []
    agents = [*(superior.agent for superior in facts.line), call.action.agent]
    for agent, below in itertools.pairwise(agents):
        if agent != below and call.rules.grant(agent, delegating_tool(below)) is None:
            found.append(Finding.of(Code.NOT_DELEGATED, Verdict.DENY, agent=agent, to=below))
        if not _is_granted(agent, call):
            found.append(Finding.of(Code.NOT_GRANTED_ABOVE, Verdict.DENY, agent=agent, target=call.action.target))
    return list(dict.fromkeys(found))


def _is_granted(agent: AgentName, call: Prepared) -> bool:
    target = call.action.target
    if call.action.kind is ActionKind.MODEL:
        found = call.rules.agent(agent)
        return found is not None and ModelName(target) in found.remit.models
    tool = call.rules.tool(target)
    if tool is None or tool.server == ASKING or target == delegating_tool(agent):  # what it hands back has no more
        return True
    return call.rules.grant(agent, target) is not None


def _pinned(call: Prepared) -> list[Finding]:
    """Deny a tool whose server describes it otherwise than what a person has accepted, or that nobody has."""
    tool, seen = call.rules.tool(call.action.target), call.action.definition
    if tool is None or not seen or seen == tool.pin:
        return []
    code = Code.TOOL_CHANGED if tool.pin else Code.TOOL_NOT_ACCEPTED
    return [Finding.of(code, Verdict.DENY, server=tool.server, tool=tool.name)]
