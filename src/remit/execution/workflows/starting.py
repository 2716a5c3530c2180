"""Runs of workflows begin: by a person, a schedule, an event, a webhook, or another workflow."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import jsonschema_rs
import orjson

from remit.domain.admission import RunRequest
from remit.domain.clock import MICROS_PER_SECOND, Clock, Instant
from remit.domain.ids import ReleaseId, RunId, UserId, WorkflowName, WorkspaceName
from remit.domain.release import PRODUCTION
from remit.domain.run import Run
from remit.domain.workflow import Workflow
from remit.domain.workflow_act import WorkflowAsked
from remit.domain.workflow_progress import WorkflowState
from remit.execution.served import ServedDoor
from remit.execution.workflows.programs import Programs
from remit.kernel.schema import closed
from remit.storage.journal import NO_BOUND, Journal, StoredStep, WorkflowRun
from remit.storage.port import Reads

MOST_FAULTS = 8
"""Mistakes in inputs that are told of one start."""


class InputsUnfit(Exception):
    """Inputs that the workflow does not take. `faults` say where and what, never the value, which may be secret."""

    def __init__(self, workflow: str, faults: Sequence[tuple[str, str]]) -> None:
        super().__init__(f"{workflow} does not take these inputs: " + "; ".join(f"{at}: {what}" for at, what in faults))
        self.faults = tuple(faults)


class NothingActive(Exception):
    """The channel points at no release."""


@dataclass(frozen=True, slots=True)
class Start:
    """What is to be started.

    Attributes:
        key: the same key starts one run only, whoever asks how often; empty: each asks for one of its own.
        by: who or what started it, as `user:sara` or `schedule:NAME`.
        on_behalf_of: whom its agent acts for; `verified` says that this is known and not just said.
        release: what it is pinned to; None: what the channel points at now.
        asked: what goes on record of a person who asks for it.
        handed: whether the work was handed on already, by an action of the run above that was admitted.
    """

    workspace: WorkspaceName
    workflow: WorkflowName
    inputs: Mapping[str, Any]
    on_behalf_of: UserId
    by: str
    key: str = ""
    channel: str = PRODUCTION
    verified: bool = False
    release: ReleaseId | None = None
    parent: RunId | None = None
    budget: int = NO_BOUND
    shares: str = ""
    asked: WorkflowAsked | None = None
    handed: bool = False


Steps = Callable[[Run], Sequence[StoredStep]]
"""Which steps a run begins with, sealed for it."""


def _none(_: Run) -> Sequence[StoredStep]:
    return ()


class Starts:
    """Starts runs. Safe to use from any thread; blocks."""

    def __init__(
        self,
        store: Reads,
        journal: Journal,
        programs: Programs,
        doors: Callable[[WorkspaceName], ServedDoor],
        clock: Clock,
    ) -> None:
        self._store = store
        self._journal = journal
        self._programs = programs
        self._doors = doors
        self._clock = clock

    def start(self, start: Start, steps: Steps = _none) -> tuple[WorkflowRun, bool]:
        """Start a run, or return the one its key stands for, and whether it was started before.

        Raises NothingActive, WorkflowUnknown, InputsUnfit, RunRefused, and KeyReused for a key with other inputs.
        """
        release = start.release or self._store.active(start.workspace, start.channel)
        if release is None:
            raise NothingActive(
                f"channel {start.channel} of workspace {start.workspace} points at no release: run `remit apply DIR`"
            )
        workflow = self._programs.of(start.workspace, release, start.workflow).workflow
        check_inputs(workflow, start.inputs)
        request = RunRequest(
            workflow.agent,
            start.on_behalf_of,
            task=task_of(start.workflow, start.inputs),
            parent=start.parent,
            channel=start.channel,
            verified=start.verified,
            release=release,
            handed=start.handed,
            asked=start.asked,
            started_by=start.by,
            follows=RunId(start.shares) if start.shares else None,
        )
        # An agent's own keys are printable: none of them is one of these.
        key = f"workflow\x00{start.workflow}/{start.key}" if start.key else ""
        run, repeated = self._doors(start.workspace).start_now(request, key, leased=False)
        row = self._row(start, workflow, run)
        # A start that was cut off between the two is made whole by whoever asks again under its key.
        self._journal.add(row, steps(run))
        found = self._journal.run(run.id)
        assert found is not None, "it was written just now, or before"
        return found, repeated

    def _row(self, start: Start, workflow: Workflow, run: Run) -> WorkflowRun:
        now = self._clock.now()
        deadline = now + workflow.timeout_s * MICROS_PER_SECOND if workflow.timeout_s else 0
        return WorkflowRun(
            run=run.id,
            workspace=run.workspace,
            workflow=workflow.name,
            agent=run.agent,
            release=run.release,
            key=run.key,
            started_by=start.by,
            created_at=Instant(now),
            state=WorkflowState.QUEUED,
            priority=workflow.priority,
            most=workflow.concurrency or 0,
            deadline=deadline,
            ready_at=Instant(now),
            parent=start.parent or "",
            budget=start.budget,
            shares=start.shares,
        )


def task_of(workflow: WorkflowName, inputs: Mapping[str, Any]) -> str:
    """Return what the run of a workflow is asked, as its task on record and as what is handed to another agent."""
    return orjson.dumps({"workflow": workflow, "inputs": inputs}, option=orjson.OPT_SORT_KEYS).decode()


def check_inputs(workflow: Workflow, inputs: Mapping[str, Any]) -> None:
    """Raise InputsUnfit where inputs are not what the workflow says it takes."""
    validator = jsonschema_rs.Draft202012Validator(closed(workflow.inputs), validate_formats=True)
    faults = []
    for error in validator.iter_errors(dict(inputs)):
        place = ".".join(map(str, error.instance_path))
        # The words name the rule and what the author wrote; the message would repeat the value.
        faults.append((place or "inputs", _rule(error)))
        if len(faults) == MOST_FAULTS:
            break
    if faults:
        raise InputsUnfit(workflow.name, faults)


def _rule(error: jsonschema_rs.ValidationError) -> str:
    told = [_told(value) for name, value in error.kind.as_dict().items() if name in _TOLD]
    return f"{error.kind.name} {'; '.join(told)}".strip()[:200]


def _told(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


_TOLD = ("types", "options", "limit", "pattern", "format", "expected_value", "multiple_of", "property")
"""What the author wrote; what was sent is told of by its place only."""


def key_of(*parts: str) -> str:
    """Return a key of bounded length for what starts a run."""
    return hashlib.sha256("\x00".join(parts).encode()).hexdigest()
