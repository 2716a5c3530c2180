"""A step that hands work to an agent."""

from __future__ import annotations

from remit.domain.workflow_progress import Progress
from remit.execution.workflows.turn import StepFailed, Turn
from remit.execution.workflows.walking import Ready


class NoAgents:
    """Stands where this installation can not carry out agent steps."""

    async def carry_out(self, turn: Turn, ready: Ready) -> Progress:  # noqa: ARG002 - one signature for all kinds
        """See StepKind."""
        raise StepFailed("not_supported", "agent steps need the extra: pip install 'remit[agents]'")
