"""Tools that no tool server has: what agents ask people with, and hand work to each other with, are actions as well."""

from __future__ import annotations

from remit.domain.ids import AgentName, ToolName

ASKING = "approval"
"""The name before the first dot of the tool that an approval step of a workflow is."""
DELEGATING = "delegate"
"""The name before the first dot of the tool by which an agent hands work to another."""


def delegating_tool(agent: AgentName) -> ToolName:
    """Return the name of the tool by which work is handed to an agent."""
    return ToolName(f"{DELEGATING}.{agent}")
