"""Where the parts of a worker are joined: the tool servers and models it reaches are the gateways'."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Mapping
from pathlib import Path

from remit.asgi.outbound import Outbound
from remit.compose import Parts, workflow_doors, workflow_schedules, workflow_starts
from remit.control.lapsing import Lapsing
from remit.domain.ids import OwnerId
from remit.domain.workflow import AgentStep, ApprovalStep, Step, ToolStep, WaitStep, WorkflowStep
from remit.execution.admission import AdmissionQueue
from remit.execution.keys import Keys
from remit.execution.workflows.again import Repeats
from remit.execution.workflows.kinds.agent import NoAgents
from remit.execution.workflows.kinds.approval import ApprovalKind
from remit.execution.workflows.kinds.child import ChildKind
from remit.execution.workflows.kinds.tool import ToolKind
from remit.execution.workflows.kinds.wait import WaitKind
from remit.execution.workflows.programs import Programs
from remit.execution.workflows.segments import Bounds, Kit, Segments
from remit.execution.workflows.starting import Starts
from remit.execution.workflows.turn import StepKind
from remit.execution.workflows.undoing import Undoing
from remit.gateways.mcp.port import Upstreams
from remit.gateways.mcp.tool_calls import McpToolCalls
from remit.gateways.mcp.upstreams.servers import ToolServers
from remit.settings import SQLITE, Settings
from remit.storage.beside import queue_file
from remit.storage.journal_rows import journal_of
from remit.storage.timetable import timetable_of
from remit.storage.vault import MachineVault
from remit.worker import Work, Worker, WorkerSettings

SCHEDULED_S = 1.0
"""How often a worker looks whether a schedule is due."""
LAPSED_S = 5.0
"""How often a worker looks what time has done to approvals: no server need be there to wake who waits for them."""


def lapsing_of(parts: Parts) -> Callable[[], None]:
    """Return what puts on record what time has done to approvals."""
    lapsing = Lapsing(parts.store, parts.clock)

    def once() -> None:
        lapsing.once()

    return once


def worker_settings(settings: Settings) -> WorkerSettings:
    """Return how a worker works by the settings. Raises StoreError where the queue's file can not be made."""
    url = settings.database_url
    if url.startswith(SQLITE):
        url = f"{SQLITE}{queue_file(Path(url.removeprefix(SQLITE)))}"
    return WorkerSettings(
        queue_url=url,
        at_once=settings.worker_segments,
        of_workspace=settings.workspace_segments,
        rate=settings.workspace_segment_rate,
        lease_s=settings.worker_lease_s,
    )


def open_worker(parts: Parts, queue: AdmissionQueue, upstreams: Callable[[], Upstreams] | None = None) -> Worker:
    """Join a worker over an open database; it is still to be started. `upstreams` stand in for the tool servers."""
    settings = parts.settings
    made = worker_settings(settings)
    bounds = Bounds(settings.workflow_steps, made.lease_s, settings.absent_after_s)
    journal, programs = journal_of(parts.store), Programs(parts.rulesets)

    def open_work(owner: OwnerId, holds: Callable[[], None]) -> Work:
        outbound = Outbound()
        vault = MachineVault(os.environ)
        servers = upstreams() if upstreams is not None else ToolServers(vault, outbound, os.environ)
        calls = McpToolCalls(servers)
        starts = workflow_starts(parts, queue)
        tools = ToolKind(calls, bounds.absent_after_s)
        kit = Kit(
            store=parts.store,
            journal=journal,
            keys=parts.keys,
            clock=parts.clock,
            programs=programs,
            doors=workflow_doors(parts, queue),
            kinds=kinds_of(tools, starts, parts.keys),
            undoing=Undoing(tools),
            repeats=Repeats(journal, programs, starts, parts.keys, parts.store),
            bounds=bounds,
        )

        async def close() -> None:
            await servers.close()
            await outbound.close()

        return Work(Segments(kit, owner, holds), close)

    owner = OwnerId(f"wrk_{secrets.token_hex(8)}")
    chores = ((SCHEDULED_S, workflow_schedules(parts, queue)), (LAPSED_S, lapsing_of(parts)))
    return Worker(made, journal, timetable_of(parts.store), parts.clock, owner, open_work, chores)


def kinds_of(tools: ToolKind, starts: Starts, keys: Keys) -> Mapping[type[Step], StepKind]:
    """Return who carries out each kind of step that acts itself."""
    return {
        ToolStep: tools,
        WaitStep: WaitKind(keys),
        ApprovalStep: ApprovalKind(),
        WorkflowStep: ChildKind(starts, keys),
        AgentStep: NoAgents(),
    }
