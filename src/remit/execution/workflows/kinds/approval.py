"""A step in which people decide: a call of a tool that is always held, and does nothing once it is admitted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from remit.domain.action import ActionKind, OutcomeStatus
from remit.domain.admission import Admission
from remit.domain.ids import ActionId, ApprovalId
from remit.domain.workflow import ApprovalStep, Retry
from remit.domain.workflow_progress import Progress
from remit.execution.workflows.acting import Acting, Performed
from remit.execution.workflows.turn import StepFailed, Turn, begun
from remit.execution.workflows.walking import Ready
from remit.workspace.asking import asking_tool


class ApprovalKind:
    """Asks people."""

    async def carry_out(self, turn: Turn, ready: Ready) -> Progress:
        """See StepKind."""
        step = ready.step
        assert isinstance(step, ApprovalStep)
        shows = turn.filled(step.id, step.shows, ready.values)
        if not isinstance(shows, Mapping):
            raise StepFailed("arguments_invalid", "`shows` comes to no object")
        deed = ApprovalDeed(turn, asking_tool(turn.workflow.name, step.id))
        return await Acting(turn, deed, Retry(), step.timeout_s, 0).act(begun(turn, ready), shows)


@dataclass(frozen=True, slots=True)
class ApprovalDeed:
    """See Deed."""

    turn: Turn
    target: str
    kind: ActionKind = ActionKind.TOOL
    most_micros: int | None = 0
    is_read: bool = True
    may_repeat: bool = True

    async def admit(self, id: ActionId, under: ApprovalId | None, arguments: Mapping[str, Any]) -> Admission:
        """See Deed."""
        return await self.turn.door.admit_tool(self.turn.run, self.target, arguments, id, under)

    async def perform(self, id: ActionId, arguments: Mapping[str, Any]) -> Performed:  # noqa: ARG002 - as in Deed
        """Tell who approved it."""
        output = await self.turn.thread(self._told, id)
        return Performed(output, orjson.dumps(output))

    def recalled(self, raw: bytes) -> Performed:
        """See Deed."""
        return Performed(orjson.loads(raw), raw)

    async def status(self, id: ActionId, number: int) -> tuple[OutcomeStatus | None, bytes]:  # noqa: ARG002
        """It has no effect: nobody need be asked."""
        raise LookupError

    def _told(self, id: ActionId) -> dict[str, Any]:
        body = self.turn.store.record(self.turn.run.workspace, f"{id}/decision")
        approval = "" if body is None else str(orjson.loads(body).get("approval") or "")
        found = self.turn.door.approval(ApprovalId(approval))
        by = [] if found is None else sorted({str(vote.person) for vote in found.votes})
        return {"approval": approval, "by": by}
