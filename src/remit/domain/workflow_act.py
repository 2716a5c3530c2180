"""What people ask of workflows, as it goes on record."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from remit.domain.ids import ReleaseId, RunId, UserId, WorkflowName


class WorkflowAct(StrEnum):
    """What is asked of a run or a schedule."""

    START = "start"
    RETRY = "retry"
    MOVE = "move"
    CANCEL = "cancel"
    TERMINATE = "terminate"
    UNDO = "undo"
    EVENT = "event"
    PAUSE = "pause"
    RESUME = "resume"


@dataclass(frozen=True, slots=True)
class WorkflowAsked:
    """What a person asks of a run of a workflow, or of a schedule.

    Attributes:
        reason: why, in the person's own words.
        schedule: which one is paused or resumed.
        event: by which name a run was told of something, or started since something had happened.
        release: under which a run is to go on.
        follows: the run that is done again.
        path: from which step that is; empty: from where it failed.
    """

    what: WorkflowAct
    workflow: WorkflowName
    by: UserId
    reason: str = ""
    schedule: str | None = None
    event: str | None = None
    release: ReleaseId | None = None
    follows: RunId | None = None
    path: str | None = None

    def content(self) -> dict[str, object]:
        """Return it as a record has it."""
        return {
            "what": self.what.value,
            "workflow": self.workflow,
            "by": self.by,
            "reason": self.reason,
            "schedule": self.schedule,
            "event": self.event,
            "release": self.release,
            "follows": self.follows,
            "path": self.path,
        }
