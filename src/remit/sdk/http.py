"""The port's implementation for agents that talk to a server: plain HTTP, with nothing of a server loaded.

Every request that changes something bears a key, so that it may be sent again when a connection breaks: what was
decided the first time is the answer to the second. A server that can not be reached admits nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from typing import Any, TypeVar, cast
from urllib.parse import quote

import orjson

from remit.domain.action import NOT_SENT, ActionKind, ActionState, Cost, Outcome, OutcomeStatus
from remit.domain.admission import Admission, AskedQuestion, RunRequest, WaitingFor
from remit.domain.arguments import BadArguments, PayloadLimits, checked
from remit.domain.clock import SystemClock
from remit.domain.decision import Decision
from remit.domain.facts import ApprovalState, ScopeKind, Stop
from remit.domain.finding import ABOVE, Code, Finding, Verdict
from remit.domain.ids import ActionId, ApprovalId, Ids, KeyId, RandomIds, RunId
from remit.domain.policy_reading import PolicyReading
from remit.domain.prompt import fitted
from remit.domain.run import Run
from remit.domain.text import recordable
from remit.execution import metering
from remit.sdk import port
from remit.sdk.errors import Refused, RemitError, Unavailable, Unreachable
from remit.sdk.heartbeats import Heartbeats
from remit.sdk.listening import Heard, Listening
from remit.sdk.unasked import Read, Unasked
from remit.sdk.wire import NoSuchThing, Reach, Wire

T = TypeVar("T")

MAX_THREADS = 32
"""How many calls of async functions are under way at once; more wait."""
LONGEST_WAIT_S = 30
"""How long the server lets one request wait for a person's answer."""

_WHOLE = ("input_tokens", "output_tokens")
"""What a usage always says; the rest are parts of them."""


@dataclass(slots=True)
class HttpAttempt:
    """An action on its way. `action` is the key we know it by until the server has named it."""

    of: Run
    kind: ActionKind
    target: str
    arguments: Mapping[str, Any]
    key: str
    tokens: tuple[int, int]
    action: ActionId
    usage: metering.Usage | None = None
    under: ApprovalId | None = None
    unasked: bool = False
    """It was let through without a decision, since there was no server."""
    left: bool = False
    """Whoever waited for the decision was cancelled, so nobody dispatches the action."""

    @property
    def run(self) -> RunId:
        """The run it belongs to."""
        return self.of.id

    def body(self) -> dict[str, object]:
        """Return the request."""
        asked: dict[str, object] = {"kind": self.kind, "target": self.target, "id": self.key}
        if self.kind is ActionKind.TOOL:
            asked["arguments"] = self.arguments
            asked |= {} if self.under is None else {"approval": self.under}
        else:
            asked["input_tokens"], asked["max_output_tokens"] = self.tokens
            asked |= self.arguments
        return asked


class HttpDoor:
    """Implements sdk/port.py's Door. Safe to use from any number of threads and event loops."""

    def __init__(
        self,
        reach: Reach,
        limits: PayloadLimits | None = None,
        ids: Ids | None = None,
        *,
        listens: bool = False,
        reads_unasked: bool = False,
    ) -> None:
        """Look at the address. Nothing is sent yet. Raises Refused for one that can not be used.

        `listens`: hear of stops while runs are open. `reads_unasked`: let through what only reads where nobody answers.
        """
        self._wire = Wire(reach)
        self._limits = limits or PayloadLimits()
        self._ids = ids or RandomIds()
        self._heartbeats = Heartbeats(self._beat)
        self._listening = Listening(self._wire, self._ids.new("lis")) if listens else None
        self._clock = SystemClock()
        self._unasked = Unasked(self._told_late, allowed=reads_unasked)
        self._threads = ThreadPoolExecutor(MAX_THREADS, thread_name_prefix="remit-http")

    # -- runs

    def start_run(self, request: RunRequest) -> Run:
        """See Door."""
        asked: dict[str, object] = {
            "agent": request.agent,
            "task": request.task,
            "purpose": request.purpose,
            "subject": request.subject,
            "parent": request.parent or "",
            "id": self._ids.new("try"),
        }
        if request.channel:
            asked["channel"] = request.channel
        if request.identity_token:
            asked["identity_token"] = request.identity_token
        if request.on_behalf_of or not request.identity_token:
            asked["on_behalf_of"] = request.on_behalf_of
        try:
            body = orjson.dumps(asked)
        except TypeError as error:
            raise Refused(f"the run can not be described as JSON: {error}") from None
        document = self._wire.ask("POST", "/api/v1/runs", body)
        run = _run_from(document)
        self._heartbeats.opened(run.id, int(document.get("action_lease_s", 0)))
        self._unasked.opened(run.id, document.get("reads", ()))
        if self._listening is not None:
            self._listening.opened(run)
        return run

    async def astart_run(self, request: RunRequest) -> Run:
        """See Door."""
        return await self._elsewhere(self.start_run, request)

    def end_run(self, run: Run, status: str) -> None:
        """See Door."""
        self._heartbeats.ended(run.id)
        self._unasked.ended(run.id)
        if self._listening is not None:
            self._listening.ended(run)
        self._unasked.tell()
        self._wire.ask("POST", f"/api/v1/runs/{_step(run.id)}/end", orjson.dumps({"status": status[:200]}))

    async def aend_run(self, run: Run, status: str) -> None:
        """See Door."""
        await self._elsewhere(self.end_run, run, status)

    # -- actions

    def attempt_tool(self, run: Run, tool: str, arguments: Mapping[str, Any]) -> HttpAttempt:
        """See Door."""
        raw = checked(arguments, self._limits)
        return self._attempt(run, ActionKind.TOOL, recordable(tool), orjson.loads(raw), (0, 0))

    def attempt_model(
        self, run: Run, model: str, input_tokens: int, max_output_tokens: int, prompt: Mapping[str, Any]
    ) -> HttpAttempt:
        """See Door."""
        for (name, least), tokens in zip(metering.LEAST, (input_tokens, max_output_tokens), strict=True):
            if type(tokens) is not int or not least <= tokens <= metering.MAX_TOKENS:
                wanted = f"must be a whole number from {least} to {metering.MAX_TOKENS:,}"
                raise BadArguments("bad_tokens", name, wanted, "Give the most the call may use")
        told = fitted(prompt, self._limits)
        return self._attempt(run, ActionKind.MODEL, recordable(model), told, (input_tokens, max_output_tokens))

    def again(self, attempt: port.Attempt, waited: WaitingFor | None) -> HttpAttempt:
        """See Door."""
        known = cast("HttpAttempt", attempt)
        if waited is None or waited.arguments is None:
            return self._attempt(known.of, known.kind, known.target, known.arguments, known.tokens)
        made = self._attempt(known.of, known.kind, known.target, waited.arguments, known.tokens)
        made.under = waited.approval
        return made

    def _attempt(
        self, run: Run, kind: ActionKind, target: str, arguments: Mapping[str, Any], tokens: tuple[int, int]
    ) -> HttpAttempt:
        key = self._ids.new("try")
        return HttpAttempt(run, kind, target, arguments, key, tokens, ActionId(key))

    def admit(self, attempt: port.Attempt) -> Admission:
        """See Door."""
        known = cast("HttpAttempt", attempt)
        heard = None if self._listening is None else self._listening.stop_on(known.of, f"{known.kind}:{known.target}")
        if heard is not None:
            self._unasked.ended(known.run)  # whether it is lifted while nobody answers is not known
            return _stopped(known, heard)
        try:
            self._unasked.tell()  # it came before
            answer = self._asked(known.run, known.body())
        except Unreachable:
            if known.kind is not ActionKind.TOOL or not self._unasked.lets(known.run, known.target):
                raise
            known.unasked = True
            allowed = Decision(Verdict.ALLOW, ())
            return Admission(known.action, known.run, ActionState.ADMITTED, allowed, self._clock.now())
        admission = _admission_from(answer)
        known.action = admission.action
        if admission.state is ActionState.ADMITTED:
            self._heartbeats.admitted(known.run, admission.action)
        elif any(reason.code is Code.STOPPED for reason in admission.decision.reasons):
            self._unasked.ended(known.run)
        return admission

    def _asked(self, run: RunId, body: Mapping[str, object]) -> Mapping[str, Any]:
        return self._wire.ask("POST", f"/api/v1/runs/{_step(run)}/actions", orjson.dumps(body))

    def _told_late(self, read: Read) -> None:
        answer = self._asked(read.run, read.asked | {"unasked": True})
        if answer["state"] == ActionState.ADMITTED:
            self._outcome(read.run, answer["action"], read.outcome)

    def _outcome(self, run: RunId, action: ActionId, told: Mapping[str, object]) -> None:
        path = f"/api/v1/runs/{_step(run)}/actions/{_step(action)}/outcome"
        self._wire.ask("POST", path, orjson.dumps(told))

    async def aadmit(self, attempt: port.Attempt) -> Admission:
        """See Door."""
        try:
            return await self._elsewhere(self._admit_for_caller, attempt)
        except asyncio.CancelledError:
            cast("HttpAttempt", attempt).left = True
            raise

    def _admit_for_caller(self, attempt: port.Attempt) -> Admission:
        """Decide; give back what was admitted to a caller who has gone while the request was on its way."""
        admission = self.admit(attempt)
        if cast("HttpAttempt", attempt).left and admission.state is ActionState.ADMITTED:
            nothing = Outcome(admission.action, OutcomeStatus.ERROR, NOT_SENT, error="not_dispatched")
            with contextlib.suppress(RemitError):  # the caller was quicker to say so
                self.settle(attempt, nothing, b"")
        return admission

    # -- outcomes

    def reasons(self, attempt: port.Attempt) -> tuple[PolicyReading, ...]:
        """See Door."""
        run = cast("HttpAttempt", attempt).run
        path = f"/api/v1/runs/{_step(run)}/actions/{_step(attempt.action)}/reasons"
        try:
            answer = self._wire.ask("GET", path, None)
        except NoSuchThing:  # an action that was never decided, as where a stop was heard of
            return ()
        return tuple(map(PolicyReading.from_json, answer["policies"]))

    def settle(self, attempt: port.Attempt, outcome: Outcome, result: bytes) -> None:
        """See Door."""
        known = cast("HttpAttempt", attempt)
        told: dict[str, object] = {"status": outcome.status, "error": _type_name(outcome.error)}
        if outcome.cost == NOT_SENT:
            told["dispatched"] = False
        if known.usage is not None:
            told["usage"] = {name: tokens for name, tokens in asdict(known.usage).items() if tokens or name in _WHOLE}
        if known.unasked:
            told["result_sha256"] = hashlib.sha256(result).hexdigest()
            self._unasked.keep(Read(known.run, known.target, known.body(), told))
            return
        told |= _result(result, self._limits)
        self._heartbeats.settled(known.run, outcome.action)  # told or not: there is nothing more to wait for
        self._outcome(known.run, outcome.action, told)

    async def asettle(self, attempt: port.Attempt, outcome: Outcome, result: bytes) -> None:
        """See Door."""
        await self._elsewhere(self.settle, attempt, outcome, result)

    def cost_of(self, attempt: port.Attempt, response: object) -> Cost | None:
        """Keep what a response says it used; the server, which has the prices, works out what it cost."""
        try:
            cast("HttpAttempt", attempt).usage = metering.usage_of(response)
        except metering.NoUsage:
            return None
        return None

    # -- stops and signs of life

    def stop_on(self, run: Run) -> Stop | None:
        """See Door. What was heard; nothing without a stream."""
        heard = None if self._listening is None else self._listening.stop_on(run)
        return None if heard is None else heard.stop

    def _beat(self, run: RunId, actions: list[ActionId]) -> None:
        self._wire.ask("POST", f"/api/v1/runs/{_step(run)}/heartbeat", orjson.dumps({"actions": actions}))

    # -- waiting

    def waiting_for(self, approval: ApprovalId, wait_s: float = 0.0) -> WaitingFor | None:
        """See Door."""
        seconds = int(max(0.0, min(wait_s, LONGEST_WAIT_S)))
        path = f"/api/v1/approvals/{_step(approval)}/state?wait={seconds}"
        try:
            answer = self._wire.ask("GET", path, None, more_s=seconds)
        except NoSuchThing:
            return None
        return _waiting_from(answer)

    def reply(self, run: Run, approval: ApprovalId, text: str, question: str) -> None:  # noqa: ARG002
        """See Door. The server knows whose run it is."""
        if not isinstance(text, str):
            raise Refused("the answer must be text")
        told = {"text": text} | ({"question": question} if question else {})
        self._wire.ask("POST", f"/api/v1/approvals/{_step(approval)}/reply", orjson.dumps(told))

    async def areply(self, run: Run, approval: ApprovalId, text: str, question: str) -> None:
        """See Door."""
        await self._elsewhere(self.reply, run, approval, text, question)

    def close(self) -> None:
        """See Door."""
        with contextlib.suppress(RemitError):  # what can not be told now is lost with this process
            self._unasked.tell()
        self._heartbeats.close()
        if self._listening is not None:
            self._listening.close()
        self._threads.shutdown(wait=True)
        self._wire.close()

    async def _elsewhere(self, work: Callable[..., T], *arguments: Any) -> T:
        """Do it in a thread. Cancelling the wait does not undo it: what the server has recorded stands."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, work, *arguments)


def _step(id: str) -> str:
    """Write an id as one step of a path, whatever is in it."""
    return quote(id, safe="")


def _run_from(document: Mapping[str, Any]) -> Run:
    try:
        return Run(
            id=document["run"],
            workspace=document["workspace"],
            agent=document["agent"],
            team=document["team"],
            release=document["release"],
            on_behalf_of=document["on_behalf_of"],
            purpose=document["purpose"],
            started_at=document["started_at"],
            key=KeyId(""),  # payloads are sealed where the keys are
            parent=document["parent"],
            depth=document["depth"],
            ancestors=tuple(document.get("ancestors", ())),
        )
    except KeyError as error:
        raise Unavailable(f"the server's answer has no {error}: it is not of this version") from None


def _stopped(attempt: HttpAttempt, heard: Heard) -> Admission:
    """Return the denial that the server would give: it was heard of, and nobody need ask."""
    stop, (kind, _, _) = heard.stop, heard.target.partition(":")
    if heard.target == attempt.of.on_behalf_of:
        kind = ScopeKind.USER
    elif kind == ScopeKind.RUN and heard.target != f"run:{attempt.run}":
        kind = ABOVE
    told = {"scope": kind, "stop": stop.kind.value, "by": stop.by, "reason": stop.reason}
    decision = Decision(Verdict.DENY, (Finding.of(Code.STOPPED, Verdict.DENY, **told),))
    return Admission(attempt.action, attempt.run, ActionState.DENIED, decision, stop.at)


def _admission_from(document: Mapping[str, Any]) -> Admission:
    try:
        return Admission(
            action=document["action"],
            run=document["run"],
            state=ActionState(document["state"]),
            decision=Decision.from_json(document["decision"]),
            at=document["at"],
            approval=document["approval"],
            digest=document["digest"],
            reserved=Cost.from_json(document["reserved"]),
            repeated=document["repeated"],
        )
    except (KeyError, ValueError, TypeError) as error:
        raise Unavailable(f"the server's decision can not be read ({error}): it is not of this version") from None


def _waiting_from(document: Mapping[str, Any]) -> WaitingFor:
    try:
        return WaitingFor(
            approval=document["approval"],
            state=ApprovalState(document["state"]),
            arguments=document["arguments"],
            questions=tuple(AskedQuestion(**each) for each in document["questions"]),
        )
    except (KeyError, ValueError, TypeError) as error:
        raise Unavailable(f"the server's answer can not be read ({error}): it is not of this version") from None


def _type_name(error: str) -> str:
    return error if all(part.isidentifier() for part in error.split(".")) or not error else "Error"


def _result(result: bytes, limits: PayloadLimits) -> dict[str, object]:
    """Return a result as the server takes it: its text, or of one that is too large or no text its SHA-256."""
    if len(result) <= limits.bytes:
        try:
            return {"result_text": result.decode()}
        except UnicodeDecodeError:
            pass
    return {"result_sha256": hashlib.sha256(result).hexdigest()}
