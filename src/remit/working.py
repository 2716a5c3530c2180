"""Where the parts of a worker are joined: the tool servers and models it reaches are the gateways'."""

from __future__ import annotations

import asyncio
import secrets
import threading
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path

from remit.asgi.outbound import Outbound
from remit.compose import Parts, tool_servers, vault_of, workflow_doors, workflow_schedules, workflow_starts
from remit.control.lapsing import Lapsing
from remit.control.tokens import RunTokens
from remit.domain.ids import CredentialId, OwnerId, ReleaseId, WorkspaceName
from remit.domain.release import PRODUCTION, EndpointKind
from remit.domain.run import Run
from remit.domain.workflow import AgentStep, ApprovalStep, ModelStep, Step, ToolStep, WaitStep, WorkflowStep
from remit.domain.workflow_progress import Progress
from remit.execution.admission import AdmissionQueue
from remit.execution.keys import Keys
from remit.execution.rulesets import ReleaseUnusable
from remit.execution.workflows.again import Repeats
from remit.execution.workflows.kinds.approval import ApprovalKind
from remit.execution.workflows.kinds.asking import ModelKind
from remit.execution.workflows.kinds.child import ChildKind
from remit.execution.workflows.kinds.handing import AgentKind, Works
from remit.execution.workflows.kinds.handing import Work as HandedWork
from remit.execution.workflows.kinds.tool import ToolKind
from remit.execution.workflows.kinds.wait import WaitKind
from remit.execution.workflows.models import ModelCalls
from remit.execution.workflows.ports import ToolCalls
from remit.execution.workflows.programs import Programs
from remit.execution.workflows.segments import Bounds, Kit, Segments
from remit.execution.workflows.starting import Starts
from remit.execution.workflows.turn import StepKind
from remit.execution.workflows.undoing import Undoing
from remit.gateways.agents.away import Away, TokenOf
from remit.gateways.agents.http import HttpAgents
from remit.gateways.llm.model_calls import GatewayModelCalls
from remit.gateways.mcp.port import Upstreams
from remit.gateways.mcp.tool_calls import McpToolCalls
from remit.settings import SQLITE, Settings
from remit.storage.beside import queue_file
from remit.storage.journal_rows import journal_of
from remit.storage.port import StoreError
from remit.storage.sealed import KeyFile, Keyring
from remit.storage.timetable import timetable_of
from remit.worker import Work, Worker, WorkerSettings

SCHEDULED_S = 1.0
"""How often a worker looks whether a schedule is due."""
WANTED_S = 5.0
"""How often a server without workflows looks whether it has some."""
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
        vault = vault_of(settings)
        servers = upstreams() if upstreams is not None else tool_servers(settings, outbound)
        calls = McpToolCalls(servers)
        starts = workflow_starts(parts, queue)
        tools = ToolKind(calls, bounds.absent_after_s)
        models = GatewayModelCalls(outbound, vault, parts.clock)
        agents = AgentKind(works_of(parts, models, calls, Away(outbound, vault), bounds.absent_after_s))
        kit = Kit(
            store=parts.store,
            journal=journal,
            keys=parts.keys,
            clock=parts.clock,
            programs=programs,
            doors=workflow_doors(parts, queue),
            kinds=kinds_of(tools, starts, parts.keys, agents, models),
            undoing=Undoing(tools, agents),
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


def kinds_of(
    tools: ToolKind,
    starts: Starts,
    keys: Keys,
    agents: AgentKind | None = None,
    models: ModelCalls | None = None,
) -> Mapping[type[Step], StepKind]:
    """Return who carries out each kind of step that acts itself."""
    return {
        ToolStep: tools,
        WaitStep: WaitKind(keys),
        ApprovalStep: ApprovalKind(),
        WorkflowStep: ChildKind(starts, keys),
        AgentStep: agents or AgentKind({}),
        **({} if models is None else {ModelStep: ModelKind(models)}),
    }


def works_of(
    parts: Parts, models: ModelCalls, tools: ToolCalls, away: Away, absent_after_s: float
) -> Mapping[str, Works]:
    """Return who carries work of agents out, by kind of endpoint; those that need an extra are left out without it."""
    assert parts.settings.key_path is not None, "parts do not open without a key"
    tokens = RunTokens(parts.store, Keyring(KeyFile(parts.settings.key_path)), parts.clock, parts.ids)

    def token_of(run: Run) -> str:
        assert run.parent is not None, "work that is handed on has a run above"
        return tokens.issue(run.workspace, run.agent, run.id, CredentialId(run.parent), parts.settings.run_token_s)[0]

    found: dict[str, Works] = {EndpointKind.HTTP.value: HttpAgents(away, token_of)}
    if find_spec("pydantic_ai") is not None and find_spec("openai") is not None:
        found[""] = Awaited(lambda: _built_in(models, tools, absent_after_s))
    if find_spec("a2a") is not None:
        found[EndpointKind.A2A.value] = Awaited(lambda: _elsewhere(away, token_of, parts.keys))
    return found


def _elsewhere(away: Away, token_of: TokenOf, keys: Keys) -> Works:
    from remit.gateways.agents.a2a import A2aAgents

    return A2aAgents(away, token_of, keys)


def _built_in(models: ModelCalls, tools: ToolCalls, absent_after_s: float) -> Works:
    from remit.gateways.agents.builtin import BuiltIn

    return BuiltIn(models, tools, absent_after_s)


class Awaited:
    """Works that are made when the first work comes: their libraries take a second and up to 40 MB to load."""

    def __init__(self, make: Callable[[], Works]) -> None:
        self._make = make
        self._works: Works | None = None

    async def carry_on(self, work: HandedWork) -> Progress:
        """See Works."""
        return await (await self._made()).carry_on(work)

    async def give_up(self, work: HandedWork) -> None:
        """See Works."""
        await (await self._made()).give_up(work)

    async def _made(self) -> Works:
        if self._works is None:
            self._works = await asyncio.to_thread(self._make)
        return self._works


class OwnWorker:
    """The worker within a server on SQLite: begun once some workspace has workflows, so that others pay nothing."""

    def __init__(self, parts: Parts, queue: AdmissionQueue, tell: Callable[[str], None]) -> None:
        self._parts = parts
        self._queue = queue
        self._tell = tell
        self._worker: Worker | None = None
        self._closing = threading.Event()
        self._poked = threading.Event()
        self._thread = threading.Thread(target=self._run, name="remit-own-worker", daemon=True)

    def start(self) -> None:
        """Begin to look whether there is anything to carry out."""
        self._thread.start()

    def poke(self) -> None:
        """Look at once: somebody has just made something due."""
        self._poked.set()
        if self._worker is not None:
            self._worker.poke()

    def close(self) -> None:
        """Leave what is left to whoever comes next."""
        self._closing.set()
        self._poked.set()
        self._thread.join()
        if self._worker is not None:
            self._worker.close()

    def _run(self) -> None:
        while not self._closing.is_set():
            try:
                if self._is_wanted():
                    worker = open_worker(self._parts, self._queue)
                    worker.start()
                    self._worker = worker
                    return
            except StoreError as error:
                self._tell(str(error))
            self._poked.wait(WANTED_S)
            self._poked.clear()

    def _is_wanted(self) -> bool:
        store = self._parts.store
        for workspace in store.workspaces():
            release = store.active(workspace, PRODUCTION)
            if release is not None and self._has_workflows(workspace, release):
                return True
        return bool(journal_of(store).due(self._parts.clock.now(), self._parts.clock.now(), 1))

    def _has_workflows(self, workspace: WorkspaceName, release: ReleaseId) -> bool:
        try:
            return bool(self._parts.rulesets.of(workspace, release).configuration.workflows)
        except ReleaseUnusable:
            return False
