"""What a workflow asks people with: each approval step is a tool that its agent may call, and that is always held.

So an explicit approval is an action like any other. It is on record with what was shown, its group's rules hold, an
answer is bound to exactly that, and it can be decided again. Calling it does nothing but tell who approved.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from remit.domain.ids import AgentName, ToolName, WorkflowName
from remit.domain.own_tools import ASKING
from remit.domain.release import Agent, Effect, Grant, Title, Tool
from remit.domain.workflow import ApprovalStep, Workflow


def asking_tool(workflow: WorkflowName, step: str) -> ToolName:
    """Return the name of the tool that an approval step is."""
    return ToolName(f"{ASKING}.{workflow}.{step}")


def asking_tools(workflows: Iterable[Workflow]) -> Iterator[tuple[AgentName, Tool]]:
    """Yield the tool of each approval step, and the agent that may call it."""
    for workflow in workflows:
        for step in workflow.each_step():
            if isinstance(step, ApprovalStep):
                yield workflow.agent, _tool(workflow, step)


def _tool(workflow: Workflow, step: ApprovalStep) -> Tool:
    shown = step.shows.value
    names = sorted(shown) if isinstance(shown, Mapping) else []
    return Tool(
        name=asking_tool(workflow.name, step.id),
        server=ASKING,
        effect=Effect.READ,
        description=f"Asks {step.approvers} in the workflow {workflow.name}.",
        input_schema={"type": "object", "properties": {name: {} for name in names}},
        not_governable=tuple(names),
        idempotent=True,
        title=Title(step.title, step.title_ar),
        approvers=step.approvers,
    )


def with_asking(agents: Mapping[AgentName, Agent], tools: Iterable[tuple[AgentName, Tool]]) -> dict[AgentName, Agent]:
    """Return agents that may also call these tools."""
    found = dict(agents)
    for name, tool in tools:
        agent = found.get(name)
        if agent is not None:
            grants = (*agent.remit.grants, Grant(tool.name))
            found[name] = replace(agent, remit=replace(agent.remit, grants=grants))
    return found
