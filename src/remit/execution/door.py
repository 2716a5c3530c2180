"""The door inside the agent's own process: prepare in the caller's thread, queue, wait for the durable answer."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

import orjson

from remit.domain.action import Action, ActionKind, Assurance, Cost, Outcome, OutcomeStatus
from remit.domain.admission import Admission, AskedQuestion, RunRequest, WaitingFor
from remit.domain.arguments import BadArguments, PayloadLimits, checked
from remit.domain.canonical import salted_digest
from remit.domain.clock import Clock, Instant
from remit.domain.facts import ApprovalState, Stop
from remit.domain.ids import ActionId, AgentName, ApprovalId, Ids, KeyId, ReleaseId, RunId, WorkspaceName
from remit.domain.own_tools import delegating_tool
from remit.domain.payload import ARGUMENTS, RESULT, TASK
from remit.domain.policy_reading import PolicyReading
from remit.domain.prompt import written
from remit.domain.release import PRODUCTION, Agent
from remit.domain.run import Run, RunAbove
from remit.domain.text import recordable, unfit
from remit.execution import metering
from remit.execution.admission import Admissions
from remit.execution.commands import Admit, EndRun, Observation, Reply, Settle, Settled, StartRun
from remit.execution.keys import Keys
from remit.execution.reasons import reasons
from remit.execution.recorded import Recorded
from remit.execution.rulesets import Rulesets
from remit.execution.run_requests import DEEPEST as DEEPEST
from remit.execution.run_requests import RunRefused as RunRefused
from remit.execution.run_requests import accepted_by, check_handed, check_texts
from remit.execution.transaction import Answer, NothingAsked, NothingOpen
from remit.kernel.loops.sketch import CallSketch, result_sketch
from remit.kernel.prepared import Prepared, model_arguments, prepare
from remit.kernel.ruleset import Ruleset
from remit.storage.approval import QUESTION, REPLY, Approval
from remit.storage.candidate import TrialKind
from remit.storage.port import Reads, SealedPayload, StoreError

NO_PROMPT: Mapping[str, Any] = MappingProxyType({})

LONGEST_REPLY = 4_000
"""Characters of an answer to a question."""


@dataclass(frozen=True, slots=True)
class Entrance:
    """What a door says of itself for an action: how surely it enforces, and what it sees the tool to be."""

    assurance: Assurance = Assurance.COOPERATIVE
    definition: str = ""


AGENTS_OWN = Entrance()
"""The agent holds the credentials itself."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """An action that was prepared: submitted as often as it takes to get a durable answer, always the same one."""

    command: Admit
    arguments: Mapping[str, Any]

    @property
    def call(self) -> Prepared:
        """The prepared action."""
        return self.command.call

    @property
    def action(self) -> ActionId:
        """The action's id."""
        return self.call.action.id

    @property
    def target(self) -> str:
        """The tool's or model's name."""
        return self.call.action.target


class InProcessDoor:
    """Everything an embedded agent needs. Safe to use from any number of threads and event loops."""

    action_lease_s = 0
    """How long an outcome is waited for; 0: as long as this process is there."""

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
    ) -> None:
        self.workspace = workspace
        self._store = store
        self._admissions = admissions
        self._rulesets = rulesets
        self._keys = keys
        self._clock = clock
        self._ids = ids
        self._limits = limits

    # -- runs

    def start_run(self, request: RunRequest) -> Run:
        """Start a run, pinned to the release its channel points at. Raises RunRefused."""
        handing = self._handing(request)
        if handing is not None:
            accepted_by(self.admit(handing), request)
        run, command = self._prepare_run(request)
        self._admissions.submit(command)
        if handing is not None:
            self.settle(handing, Outcome(handing.action, OutcomeStatus.OK), run.id.encode())
        return run

    async def astart_run(self, request: RunRequest) -> Run:
        """As start_run, without blocking the event loop."""
        handing = self._handing(request)
        if handing is not None:
            accepted_by(await self.aadmit(handing), request)
        run, command = self._prepare_run(request)
        await self._admissions.asubmit(command)
        if handing is not None:
            await self.asettle(handing, Outcome(handing.action, OutcomeStatus.OK), run.id.encode())
        return run

    def _handing(self, request: RunRequest, key: str = "") -> Attempt | None:
        """Return the action by which a run hands work to another agent; None where none is needed.

        None is for a run that is nobody's below, for one of the same agent, which has nothing that the one above had
        not, and where the work was handed on already.
        """
        if request.parent is None or request.handed:
            return None
        check_texts(request)
        above = self._above(request.parent)
        if above.agent == request.agent:
            return None
        check_handed(self._rules(above.release), above, request)
        id = None
        if key:
            told = f"{above.id}\x00delegate\x00{request.agent}\x00{key}"
            id = ActionId("act_" + hashlib.sha256(told.encode("utf-8", "backslashreplace")).hexdigest()[:24])
        tool = delegating_tool(request.agent)
        return self.attempt_tool(self._keys.salted(above), tool, {"task": request.task}, id)

    def _prepare_run(self, request: RunRequest) -> tuple[Run, StartRun]:
        self._admissions.check_process()
        check_texts(request)
        above = None if request.parent is None else self._above(request.parent)
        if above is not None:
            check_handed(self._rules(above.release), above, request)
            # It is held to the very remits that the run above is held to.
            request = replace(request, release=above.release)
        channel = request.channel or PRODUCTION
        release = request.release or self._store.active(self.workspace, channel)
        if release is None:
            raise RunRefused(
                f"channel {channel} of workspace {self.workspace} points at no release: run `remit apply DIR` first"
            )
        id = RunId(self._ids.new("run"))
        release = request.release or self._tried(channel, request.agent, id) or release
        agent = self._rules(release).agent(request.agent)
        if agent is None:
            known = ", ".join(sorted(self._rules(release).configuration.agents)) or "none"
            raise RunRefused(f"release {release} knows no agent {request.agent}; it knows {known}")
        now = self._clock.now()
        key_id, wrapped = self._keys.for_new_run(self.workspace, id, request.subject, now)
        if above is not None and not request.subject and above.key != f"{self.workspace}/{above.id}":
            key_id, wrapped = above.key, None  # whose data is handed on is erased with their key
        key = self._keys.of(key_id) if wrapped is None else self._keys.unwrapped(wrapped)
        run = self._run_of(request, agent, id, release, now, key_id, key.salt(id), above)
        task = request.task.encode("utf-8", "backslashreplace")
        if len(task) > self._limits.bytes:
            raise RunRefused(f"task has {len(task):,} bytes, more than the {self._limits.bytes:,} allowed")
        payloads = (key.seal(id, TASK, task),) if task else ()
        return run, StartRun(run, wrapped, salted_digest(run.salt, task) if task else "", payloads, asked=request.asked)

    def _tried(self, channel: str, agent: AgentName, run: RunId) -> ReleaseId | None:
        """Return the release of a canary that this run is chosen for, or None."""
        for trial in self._store.trials(self.workspace, running=True):
            if trial.kind is TrialKind.CANARY and trial.channel == channel and trial.concerns(agent, run):
                return trial.release
        return None

    def _run_of(
        self,
        request: RunRequest,
        agent: Agent,
        id: RunId,
        release: ReleaseId,
        now: Instant,
        key: KeyId,
        salt: bytes,
        above: Run | None,
    ) -> Run:
        ancestors: tuple[RunId, ...] = ()
        line: tuple[RunAbove, ...] = ()
        if above is not None:
            ancestors = (*above.ancestors, above.id)
            line = (*above.line, RunAbove(above.id, above.agent, above.team, above.started_at))
        return Run(
            id=id,
            workspace=self.workspace,
            agent=agent.name,
            team=agent.team,
            release=release,
            on_behalf_of=request.on_behalf_of,
            purpose=request.purpose or agent.purpose,
            started_at=now,
            key=key,
            parent=request.parent,
            depth=len(ancestors),
            ancestors=ancestors,
            line=line,
            started_by=request.started_by,
            follows=request.follows,
            verified=request.verified,
            salt=salt,
        )

    def _above(self, parent: RunId) -> Run:
        """Return the run that another one is to be started below. What holds it, or one above it, will hold that."""
        run = self._store.run(parent)
        if run is None or run.workspace != self.workspace:
            raise RunRefused(f"the parent run {parent} is not in workspace {self.workspace}")
        if run.depth >= DEEPEST:
            raise RunRefused(f"the parent run {parent} is {run.depth} deep already, and a line of runs ends there")
        return run

    def end_run(self, run: Run, status: str) -> None:
        """End a run; nothing is admitted in it afterwards."""
        self._admissions.submit(EndRun(run, status))

    async def aend_run(self, run: Run, status: str) -> None:
        """As end_run, without blocking the event loop."""
        await self._admissions.asubmit(EndRun(run, status))

    # -- actions

    def attempt_tool(
        self,
        run: Run,
        tool: str,
        arguments: Mapping[str, Any],
        id: ActionId | None = None,
        entrance: Entrance = AGENTS_OWN,
    ) -> Attempt:
        """Prepare a tool call; without an `id` it gets a new one. Raises BadArguments for what can not be an action."""
        rules = self._rules(run.release)
        known = rules.tool(tool)
        cost = Cost(micros=known.cost_per_call if known is not None else None)
        raw = checked(arguments, self._limits)
        return self._attempt(rules, run, ActionKind.TOOL, tool, raw, cost, id, entrance)

    def attempt_model(
        self,
        run: Run,
        model: str,
        input_tokens: int,
        max_output_tokens: int,
        prompt: Mapping[str, Any] = NO_PROMPT,
        id: ActionId | None = None,
        entrance: Entrance = AGENTS_OWN,
    ) -> Attempt:
        """Prepare a model call; `model` is `provider/name`, `prompt` what domain/prompt.py says of the prompt.

        Without a prompt an approval holds for any call of so many tokens in this run.
        """
        for (field, least), tokens in zip(metering.LEAST, (input_tokens, max_output_tokens), strict=True):
            _check_tokens(field, tokens, least)
        model = recordable(model)
        provider, _, name = model.partition("/")
        rules = self._rules(run.release)
        most = metering.Usage(input_tokens, max_output_tokens)
        cost = metering.worst_case(rules.configuration, provider, name, most)
        raw = written(model_arguments(provider, name, input_tokens, max_output_tokens), prompt, self._limits)
        return self._attempt(rules, run, ActionKind.MODEL, model, raw, cost, id, entrance)

    def _attempt(
        self,
        rules: Ruleset,
        run: Run,
        kind: ActionKind,
        target: str,
        raw: bytes,
        cost: Cost,
        id: ActionId | None = None,
        entrance: Entrance = AGENTS_OWN,
    ) -> Attempt:
        arguments = orjson.loads(raw)  # what is decided, recorded and dispatched is one value, whoever holds the other
        target = recordable(target)
        action = Action(
            id=id or ActionId(self._ids.new("act")),
            workspace=run.workspace,
            run=run.id,
            agent=run.agent,
            kind=kind,
            target=target,
            arguments=arguments,
            cost=cost,
            on_behalf_of=run.on_behalf_of,
            assurance=entrance.assurance,
            definition=entrance.definition,
        )
        sealed = self._keys.of_run(run).seal(action.id, ARGUMENTS, raw)
        return Attempt(Admit(prepare(rules, run, action, raw), (sealed,), self.action_lease_s), arguments)

    def admit(self, attempt: Attempt) -> Admission:
        """Decide, reserve and record. The answer is durable.

        Where the commit failed nobody knows whether it took effect. Asking again with the same id finds out: the stored
        answer comes back, or the action is decided now.
        """
        try:
            answer = self._admissions.submit(attempt.command)
        except StoreError:
            answer = self._admissions.submit(attempt.command)
        assert isinstance(answer, Admission)
        return answer

    async def aadmit(self, attempt: Attempt) -> Admission:
        """As admit, without blocking the event loop."""
        try:
            answer = await self._admissions.asubmit(attempt.command)
        except StoreError:
            answer = await self._admissions.asubmit(attempt.command)
        assert isinstance(answer, Admission)
        return answer

    def again(self, attempt: Attempt, waited: WaitingFor | None = None) -> Attempt:
        """Return a new attempt at the same action, for after an approval: with the arguments that were approved.

        Where a person has changed them, the attempt is bound to that approval: it is admitted by it or not at all.
        """
        call = attempt.call
        edited = None if waited is None else waited.arguments
        arguments = attempt.arguments if edited is None else edited
        raw = checked(arguments, self._limits)
        made = self._attempt(call.rules, call.run, call.action.kind, call.action.target, raw, call.action.cost)
        if waited is None or edited is None:
            return made
        return replace(made, command=replace(made.command, under=waited.approval))

    # -- outcomes

    def settle(self, attempt: Attempt, outcome: Outcome, result: bytes) -> Settled:
        """Record what came of an admitted action. `result` is what the loop check and an auditor see of it."""
        command = self._settlement(attempt, outcome, result)
        try:
            answer = self._admissions.submit(command)
        except StoreError:  # as in admit: asking again finds out, or does it now
            answer = self._admissions.submit(command)
        return _accepted(answer, outcome)

    async def asettle(self, attempt: Attempt, outcome: Outcome, result: bytes) -> Settled:
        """As settle, without blocking the event loop."""
        command = self._settlement(attempt, outcome, result)
        try:
            answer = await self._admissions.asubmit(command)
        except StoreError:
            answer = await self._admissions.asubmit(command)
        return _accepted(answer, outcome)

    def _settlement(self, attempt: Attempt, outcome: Outcome, result: bytes) -> Settle:
        action = attempt.call.action
        return self._settled(attempt.call.run, action.kind, action.target, attempt.call.sketch, outcome, result)

    def _settled(
        self, run: Run, kind: ActionKind, target: str, sketch: CallSketch, outcome: Outcome, result: bytes
    ) -> Settle:
        """Return the command that records an outcome, with what the loop check sees of it and its sealed result."""
        rules = self._rules(run.release)
        tool, agent = rules.tool(target), rules.agent(run.agent)
        observation = None
        if agent is not None and tool is not None and kind is ActionKind.TOOL:
            observation = Observation(sketch, result_sketch(result, run.salt), tool.pollable, agent.remit.loops)
        payloads: tuple[SealedPayload, ...] = ()
        if len(result) <= self._limits.bytes:  # a larger one is known by its digest only
            payloads = (self._keys.of_run(run).seal(outcome.action, RESULT, result),)
        return Settle(run, outcome, observation, salted_digest(run.salt, result), payloads)

    def cost_of(self, attempt: Attempt, response: object) -> Cost | None:
        """Return what a model call did cost by the response's usage; None where it does not say."""
        call = attempt.call
        provider, _, name = call.action.target.partition("/")
        try:
            usage = metering.usage_of(response)
        except metering.NoUsage:
            return None
        return metering.actual(call.rules.configuration, provider, name, usage)

    # -- stops

    def stop_on(self, run: Run, what: str = "") -> Stop | None:
        """Return a stop that holds a run now, or `what` it uses such as `tool:erp.pay`, the widest first.

        Nothing is decided by it.
        """
        self._admissions.check_process()
        now = self._clock.now()
        for scope in filter(None, map(self._store.scope, run.scopes)):
            for stop in (scope.stops.get(""), scope.stops.get(what)):
                if stop is not None and stop.holds_at(now):
                    return stop
        return None

    # -- waiting

    def approval(self, approval: ApprovalId) -> Approval | None:
        """Return an approval as it stands."""
        self._admissions.check_process()
        found = self._store.approval(approval)
        return None if found is None else found.lapsed(self._clock.now())

    def waiting_for(self, found: Approval) -> WaitingFor:
        """Return what the agent is told of an approval. Raises PayloadLost where its data was erased."""
        edited = None
        if found.edits and found.state is ApprovalState.APPROVED:
            edited = orjson.loads(self._opened(found.payload, ARGUMENTS) or b"null")
        questions = tuple(
            AskedQuestion(each.id, each.at, self._text(each.id, QUESTION) or "", self._text(each.id, REPLY))
            for each in found.questions
        )
        return WaitingFor(found.id, found.state, edited, questions)

    def reasons(self, run: RunId, action: ActionId) -> tuple[PolicyReading, ...]:
        """Return how the policies read an action of a run, as far as its agent is told."""
        recorded = Recorded(self._store, self._rulesets, self._keys)
        return reasons(self._store, recorded, self.workspace, run, action)

    def reply(self, run: Run, approval: ApprovalId, text: str, question: str = "") -> None:
        """Answer a person's question, by default the oldest that waits. Raises NothingAsked."""
        self._admissions.submit(self._prepare_reply(run, approval, text, question))

    async def areply(self, run: Run, approval: ApprovalId, text: str, question: str = "") -> None:
        """As reply, without blocking the event loop."""
        await self._admissions.asubmit(self._prepare_reply(run, approval, text, question))

    def _prepare_reply(self, run: Run, approval: ApprovalId, text: str, question: str) -> Reply:
        why = unfit(text, LONGEST_REPLY, prose=True) if text.strip() else "is empty"
        if why is not None:
            raise NothingAsked(f"the answer {why}")
        found = self._store.approval(approval)
        waits = [] if found is None else [each.id for each in found.questions if each.answered_at is None]
        id = question or next(iter(waits), "")
        raw = text.encode()
        sealed = self._keys.of_run(run).seal(id, REPLY, raw)
        return Reply(run, approval, id, salted_digest(run.salt, raw), sealed)

    def _text(self, owner: str, part: str) -> str | None:
        raw = self._opened(owner, part)
        return None if raw is None else raw.decode()

    def kept(self, owner: str, part: str) -> bytes | None:
        """Return what an action or run was sealed with; None where it is not kept. Raises PayloadLost."""
        return self._opened(owner, part)

    def _opened(self, owner: str, part: str) -> bytes | None:
        sealed = self._store.payload(owner, part)
        return None if sealed is None else self._keys.of(sealed.key).open(sealed)

    def rules_of(self, run: Run) -> Ruleset:
        """Return the rules that a run is pinned to."""
        return self._rules(run.release)

    def _rules(self, release: ReleaseId) -> Ruleset:
        self._admissions.check_process()
        return self._rulesets.of(self.workspace, release)


def _check_tokens(field: str, tokens: object, least: int) -> None:
    """Refuse a number of tokens that is none: a negative one would give a budget something back."""
    if not isinstance(tokens, int) or isinstance(tokens, bool) or not least <= tokens <= metering.MAX_TOKENS:
        wanted = f"must be a whole number from {least} to {metering.MAX_TOKENS:,}"
        raise BadArguments("bad_tokens", field, wanted, "Give the most the call may use")


def _accepted(answer: Answer, outcome: Outcome) -> Settled:
    assert isinstance(answer, Settled)
    if answer.status != outcome.status.value:
        raise NothingOpen(f"action {outcome.action} is settled as {answer.status}; {outcome.status.value} came late")
    return answer
