"""The door of agents in other processes: the in-process door, with runs and actions named by id instead of held.

An agent that talks over HTTP asks again when a connection breaks. So what it asks for bears a key of its choice, and
the same key gets the same answer; nothing is decided, counted or recorded twice.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import threading
import time
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, TypeVar

import orjson

from remit.domain.action import ActionKind, ActionState, Assurance, Outcome, OutcomeStatus
from remit.domain.admission import Admission, RunRequest
from remit.domain.arguments import PayloadLimits
from remit.domain.canonical import salted_digest
from remit.domain.clock import Clock
from remit.domain.ending import BY_OTHERS
from remit.domain.ids import ActionId, ApprovalId, Ids, ReleaseId, RunId, WorkspaceName
from remit.domain.payload import ARGUMENTS
from remit.domain.release import Effect, GrantMode
from remit.domain.run import Run
from remit.execution import metering
from remit.execution.admission import Admissions
from remit.execution.commands import Command, EndRun, Prolong, Prolonged, RunStanding, Settle, Settled, StartRun
from remit.execution.door import AGENTS_OWN, NO_PROMPT, Attempt, Entrance, InProcessDoor
from remit.execution.keys import Keys
from remit.execution.rulesets import Rulesets
from remit.execution.run_requests import accepted_by
from remit.execution.transaction import NothingOpen
from remit.kernel.loops.sketch import CallSketch, call_sketch
from remit.kernel.ruleset import Ruleset
from remit.storage.port import Reads, StoreError
from remit.storage.sealed import PayloadLost

T = TypeVar("T", RunStanding, Settled, Prolonged)

SALTED_S = 5.0
"""How long the salt of a run is used again; sealing under its key is asked for each time."""

MAX_KEPT = 8192
"""How many runs, and how many admitted calls, are remembered; others are read again."""


class KeyReused(Exception):
    """An idempotency key came again with another request: the first one's answer is not for this one."""


@dataclass(frozen=True, slots=True)
class StartOnce(StartRun):
    """A start that bears the caller's key: started again with it, the run that was started first is the answer."""

    once: str = ""

    @property
    def record_key(self) -> str:
        """Unique in the workspace; no agent can take another's key."""
        return f"start/{self.run.agent}/{self.once}"


@dataclass(frozen=True, slots=True)
class Result:
    """What came of a call: its bytes, or only their SHA-256, which tells the loop check nothing."""

    content: bytes | None = None
    sha256: bytes = b""


@dataclass(frozen=True, slots=True)
class _Call:
    """What an outcome needs to know of the call it belongs to."""

    run: RunId
    kind: ActionKind
    target: str
    sketch: CallSketch
    assurance: Assurance


@dataclass(frozen=True, slots=True)
class _Salted:
    """A run with its salt, and when it was worked out, by the monotonic clock."""

    run: Run
    at: float


class ServedDoor(InProcessDoor):
    """One workspace's door for agents elsewhere. Used by one event loop; what reads the database goes to a thread."""

    def __init__(
        self,
        workspace: WorkspaceName,
        store: Reads,
        admissions: Admissions,
        rulesets: Rulesets,
        keys: Keys,
        clock: Clock,
        ids: Ids,
        limits: PayloadLimits,
        action_lease_s: int,
    ) -> None:
        super().__init__(workspace, store, admissions, rulesets, keys, clock, ids, limits)
        self.action_lease_s = action_lease_s
        self._lock = threading.Lock()
        self._runs: OrderedDict[RunId, _Salted] = OrderedDict()  # guarded by _lock, as is the one below
        self._calls: OrderedDict[ActionId, _Call] = OrderedDict()
        self._loading: dict[ReleaseId, asyncio.Task[Ruleset]] = {}  # owned by the event loop

    # -- runs

    async def start_once(self, request: RunRequest, key: str, *, leased: bool = True) -> tuple[Run, bool]:
        """Start a run, or return the one that was started with this key, and whether it was.

        One that is not `leased` may be silent for as long as it likes. Raises RunRefused, and KeyReused where the first
        request was another one.
        """
        handing = None
        if request.parent is not None:
            handing = await asyncio.to_thread(self._handing, request, key)
        if handing is not None:
            accepted_by(await self._admitted(handing), request)
        run, command = await asyncio.to_thread(self._prepare_once, request, key, leased)
        answer = await self._surely(command, RunStanding)
        is_first = answer.run == run.id
        if not is_first:
            run = await asyncio.to_thread(self._first, answer.run, command, request)
        if handing is not None:
            with contextlib.suppress(NothingOpen):  # it was settled the first time
                await self.asettle(handing, Outcome(handing.action, OutcomeStatus.OK), run.id.encode())
        return run, not is_first

    def start_now(self, request: RunRequest, key: str, *, leased: bool = True) -> tuple[Run, bool]:
        """As start_once, for callers that may block."""
        handing = self._handing(request, key)
        if handing is not None:
            accepted_by(self.admit(handing), request)
        run, command = self._prepare_once(request, key, leased)
        try:
            answer = self._admissions.submit(command)
        except StoreError:
            answer = self._admissions.submit(command)
        assert isinstance(answer, RunStanding)
        is_first = answer.run == run.id
        if not is_first:
            run = self._first(answer.run, command, request)
        if handing is not None:
            with contextlib.suppress(NothingOpen):
                self.settle(handing, Outcome(handing.action, OutcomeStatus.OK), run.id.encode())
        return run, not is_first

    def _prepare_once(self, request: RunRequest, key: str, leased: bool) -> tuple[Run, StartRun]:
        run, command = self._prepare_run(request)
        command = replace(command, leased=leased, verified=request.verified)
        if not key:
            return run, command
        once = hashlib.sha256(key.encode()).hexdigest()
        told = {each.name: getattr(command, each.name) for each in fields(StartRun)}
        return run, StartOnce(**told, once=once)

    def _first(self, id: RunId, again: StartRun, request: RunRequest) -> Run:
        """Return the run a key stands for. Raises KeyReused where it was started otherwise."""
        stored = self._store.run(id)
        assert stored is not None, "a run is stored with the record that names it"
        first = self._keys.salted(stored)
        task = request.task.encode("utf-8", "backslashreplace")
        digest = salted_digest(first.salt, task) if task else ""
        record = self._recorded(again.record_key)
        key = again.run.key if request.subject else f"{self.workspace}/{first.id}"
        if request.parent is not None and again.run.key != f"{self.workspace}/{again.run.id}":
            key = again.run.key  # that of the subject whose data the run above handles
        told = (record["task_digest"], record.get("verified", False))
        asked = (again.run.on_behalf_of, again.run.purpose, again.run.parent, key, digest, request.verified)
        if asked != (first.on_behalf_of, first.purpose, first.parent, first.key, *told):
            raise KeyReused("the key was used before, to start another run")
        return first

    async def run_of(self, id: RunId) -> Run | None:
        """Return a run that has been started in this workspace. Raises PayloadLost where its data was erased."""
        with self._lock:
            kept = self._runs.get(id)
        if kept is not None and time.monotonic() - kept.at < SALTED_S:
            await self.make_ready(kept.run)
            return kept.run
        run = await asyncio.to_thread(self._read_run, id)
        if run is None:
            return None
        with self._lock:
            self._runs.pop(id, None)
            _keep(self._runs, id, _Salted(run, time.monotonic()))
        await self.make_ready(run)
        return run

    async def make_ready(self, run: Run) -> None:
        """Have the rules of a run at hand: reading a release takes a while, and must not be done on the event loop."""
        release = run.release
        if self._rulesets.is_ready(self.workspace, release):
            return
        loading = self._loading.get(release)
        if loading is None:  # one thread, however many runs wait for it
            loading = self._loading[release] = asyncio.create_task(asyncio.to_thread(self._rules, release))
            loading.add_done_callback(lambda _: self._loading.pop(release, None))
        await asyncio.shield(loading)

    def _read_run(self, id: RunId) -> Run | None:
        run = self._store.run(id)
        return None if run is None or run.workspace != self.workspace else self._keys.salted(run)

    async def end_once(self, run: Run, status: str) -> RunStanding:
        """End a run. One that others have ended is as good as ended. Raises KeyReused for another status of its own."""
        command = EndRun(run, status)
        answer = await self._surely(command, RunStanding)
        if answer.repeated:
            record = await asyncio.to_thread(self._recorded, command.record_key)
            if record["status"] not in (status, *BY_OTHERS):
                raise KeyReused(f"run {run.id} has ended already, with another status")
        return answer

    async def prolong(self, run: Run, actions: tuple[ActionId, ...]) -> Prolonged:
        """Hear that a run is still carried out, and wait longer for the outcomes of these actions of it."""
        return await self._surely(Prolong(run, actions, self.action_lease_s), Prolonged)

    # -- actions

    async def admit_tool(
        self,
        run: Run,
        tool: str,
        arguments: Mapping[str, Any],
        id: ActionId,
        under: ApprovalId | None = None,
        entrance: Entrance = AGENTS_OWN,
    ) -> Admission:
        """Decide a tool call, where `under` is given by that approval or not at all.

        Raises BadArguments, and ActionIdReused where `id` was decided with other arguments.
        """
        attempt = self.attempt_tool(run, tool, arguments, id, entrance)
        if under is not None:
            attempt = replace(attempt, command=replace(attempt.command, under=under))
        return await self._admitted(attempt)

    async def admit_model(
        self,
        run: Run,
        model: str,
        input_tokens: int,
        max_output_tokens: int,
        id: ActionId,
        prompt: Mapping[str, Any] = NO_PROMPT,
        entrance: Entrance = AGENTS_OWN,
    ) -> Admission:
        """Decide a model call. Raises as admit_tool."""
        return await self._admitted(
            self.attempt_model(run, model, input_tokens, max_output_tokens, prompt, id, entrance)
        )

    def reads(self, run: Run) -> list[str]:
        """Return the tools that do nothing but read and that its remit grants without condition, duty or hold."""
        rules = self._rules(run.release)
        agent = rules.agent(run.agent)
        if agent is None or any(Effect.READ in rule.effects for rule in agent.remit.holds):
            return []
        granted = agent.remit.grants
        plain = [each for each in granted if each.mode is GrantMode.GRANT and not each.when and not each.duties]
        tools = [rules.tool(grant.tool) for grant in plain]
        return sorted(tool.name for tool in tools if tool is not None and tool.effect is Effect.READ)

    def action_id(self, run: Run, key: str) -> ActionId:
        """Return the id of the action that this run calls by `key`; a new one where it has no key for it.

        The run is part of it, so that no agent can name another's action, here or in another workspace.
        """
        if not key:
            return ActionId(self._ids.new("act"))
        return ActionId("act_" + hashlib.sha256(f"{run.id}\x00{key}".encode()).hexdigest()[:24])

    async def _admitted(self, attempt: Attempt) -> Admission:
        admission = await self.aadmit(attempt)
        if admission.state is ActionState.ADMITTED:
            action = attempt.call.action
            with self._lock:
                _keep(
                    self._calls,
                    action.id,
                    _Call(action.run, action.kind, action.target, attempt.call.sketch, action.assurance),
                )
        return admission

    # -- outcomes

    async def settle_told(self, run: Run, outcome: Outcome, result: Result, usage: metering.Usage | None) -> Settled:
        """Record what an agent says came of an action that it carried out itself. Raises as settle_once.

        What a gateway or a worker carries out is theirs to settle: an agent that could say of its open calls that they
        never were would have its reservations back while they run.
        """
        call = await self._call(run, outcome.action)
        if call.assurance is Assurance.ENFORCED:
            raise NothingOpen(f"what came of action {outcome.action} is told by Remit, which carries it out")
        return await self.settle_once(run, outcome, result, usage)

    def remembers(self, action: ActionId) -> bool:
        """Tell whether an action was admitted here a moment ago: its outcome then is in the queue at once."""
        with self._lock:
            return action in self._calls

    async def settle_once(self, run: Run, outcome: Outcome, result: Result, usage: metering.Usage | None) -> Settled:
        """Record what came of an action. Raises NothingOpen, and KeyReused where another outcome is on record."""
        call = await self._call(run, outcome.action)
        command = self._settle(run, call, outcome, result, usage)
        answer = await self._surely(command, Settled)
        if answer.repeated:
            record = await asyncio.to_thread(self._recorded, command.record_key)
            told = (outcome.status, outcome.error, command.result_digest)
            if told != (record["status"], record["error"], record["result_digest"]):
                raise KeyReused(f"action {outcome.action} has another outcome already")
        return answer

    def _settle(self, run: Run, call: _Call, outcome: Outcome, result: Result, usage: metering.Usage | None) -> Settle:
        if usage is not None and call.kind is ActionKind.MODEL:
            provider, _, name = call.target.partition("/")
            configuration = self._rules(run.release).configuration
            outcome = replace(outcome, cost=metering.actual(configuration, provider, name, usage))
        if result.content is None:
            return Settle(run, outcome, result_digest=salted_digest(run.salt, result.sha256))
        return self._settled(run, call.kind, call.target, call.sketch, outcome, result.content)

    async def _call(self, run: Run, id: ActionId) -> _Call:
        """Return the call an outcome belongs to: remembered, or read again where another process admitted it."""
        with self._lock:
            call = self._calls.get(id)
        if call is None:
            call = await asyncio.to_thread(self._read_call, run, id)
        if call is None or call.run != run.id:
            raise NothingOpen(f"action {id} was not admitted in run {run.id}")
        return call

    def _read_call(self, run: Run, id: ActionId) -> _Call | None:
        body = self._store.record(self.workspace, f"{id}/decision")
        record = {} if body is None else orjson.loads(body)
        if record.get("run") != run.id:
            return None
        sealed = self._store.payload(id, ARGUMENTS)
        if sealed is None:
            raise PayloadLost(f"the arguments of {id} are not there any more")
        arguments = self._keys.of(sealed.key).open(sealed)
        sketch = call_sketch(record["target"], arguments, run.salt)
        return _Call(
            run.id, ActionKind(record["action_kind"]), record["target"], sketch, Assurance(record["assurance"])
        )

    # -- the queue

    async def _surely(self, command: Command, expected: type[T]) -> T:
        """Carry out a command. Where a commit failed, nobody knows whether it took effect: asking again finds out."""
        try:
            answer = await self._admissions.asubmit(command)
        except StoreError:
            answer = await self._admissions.asubmit(command)
        assert isinstance(answer, expected)
        return answer

    def _recorded(self, key: str) -> dict[str, Any]:
        body = self._store.record(self.workspace, key)
        assert body is not None, "whoever got a stored answer finds its record"
        record: dict[str, Any] = orjson.loads(body)
        return record


def _keep(kept: OrderedDict[Any, Any], id: str, value: object) -> None:
    kept[id] = value
    if len(kept) > MAX_KEPT:
        kept.popitem(last=False)
