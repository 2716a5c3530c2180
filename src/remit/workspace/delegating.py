"""What an agent hands work to another with: each agent that some remit lists under `agents` is a tool of those remits.

So handing work on is an action like any other. It is on record with the task, policies permit, hold or forbid it (each
alone, or all by `resource in ToolServer::"delegate"`), and it counts against the limits and budgets of whoever does it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from remit.domain.ids import AgentName
from remit.domain.own_tools import DELEGATING, delegating_tool
from remit.domain.release import Agent, ArgumentRole, Effect, Title, Tool

LONGEST_TASK = 100_000
"""Characters of a task that is handed on."""


def delegating_tools(agents: Iterable[Agent]) -> Iterator[tuple[AgentName, Tool]]:
    """Yield the tool by which work is handed to an agent, and an agent that may call it; each such pair once."""
    agents = list(agents)
    known = {agent.name for agent in agents}
    for agent in agents:
        for to in dict.fromkeys(agent.remit.agents):
            if to in known:
                yield agent.name, _tool(to)


def _tool(to: AgentName) -> Tool:
    task = {"type": "string", "maxLength": LONGEST_TASK, "description": "what is asked, in words"}
    return Tool(
        name=delegating_tool(to),
        server=DELEGATING,
        effect=Effect.SEND,
        description=f"Hands work to the agent {to}, in a run below this one.",
        input_schema={"type": "object", "properties": {"task": task}, "required": ["task"]},
        roles={"task": ArgumentRole.PAYLOAD},
        idempotent=True,
        title=Title(f"Hand to {to}: {{task}}"),
    )
