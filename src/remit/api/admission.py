"""The raw routes of agents: start, admit, outcome, end, the state of an approval, and a reply to a question about it.

Beside FastAPI and straight into the admission queue: one request, one durable answer. Agent, workspace and run come
from the credential and the path, never from a body.
"""

from __future__ import annotations

import asyncio
import logging
import re
import time
import traceback
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Protocol
from urllib.parse import parse_qs

from remit.api.call_form import prompt_of, result_of, usage_of
from remit.api.form import Form
from remit.asgi.answers import ROUTE, Receive, Refusal, Scope, Send, answer, logged, refuse
from remit.asgi.callers import Authenticator, caller_of, peer_of
from remit.asgi.commits import Commits
from remit.asgi.limits import LONGEST_KEY, Disconnected, RequestLimits, headers_of, json_of, key_in
from remit.asgi.problems import refusal_of
from remit.domain.action import Assurance, Cost, Outcome, OutcomeStatus
from remit.domain.admission import Admission, RunRequest
from remit.domain.facts import ApprovalState
from remit.domain.identity import AGENTS, Caller, CredentialKind
from remit.domain.ids import ActionId, AgentName, ApprovalId, CredentialId, RunId, UserId, WorkspaceName
from remit.domain.messages import Language, say
from remit.domain.money import Micros
from remit.domain.run import Run
from remit.execution import metering
from remit.execution.door import AGENTS_OWN, LONGEST_REPLY, Entrance
from remit.execution.served import ServedDoor
from remit.storage.port import Approval

LONGEST_WAIT_S = 30
"""How long one request may wait for people to answer."""

LOOK_AGAIN_S = 1.0
"""How often a waiting request looks by itself: answers given in other processes are not told."""

LONGEST_TEXT = 4_000

MOST_PROLONGED = 256
"""Most actions that one heartbeat prolongs."""

_log = logging.getLogger("remit.api")


class RunTokens(Protocol):
    """Makes the short-lived token of one run, and says when it expires, in seconds since 1970."""

    def issue(
        self, workspace: WorkspaceName, agent: AgentName, run: RunId, issuer: CredentialId, lasting_s: int
    ) -> tuple[str, int]: ...


class Identities(Protocol):
    """Says whose identity token it is; may ask the identity provider, and raises Refusal."""

    def person(self, workspace: WorkspaceName, token: str) -> UserId: ...


@dataclass(frozen=True, slots=True)
class Told:
    """What else is done about an answer: the token of a run that was started, and figures of requests.

    `answered` takes method, route, status and seconds.
    """

    tokens: RunTokens
    token_s: int
    answered: Callable[[str, str, int, float], None]


@dataclass(frozen=True, slots=True)
class Asked:
    """One request of an agent."""

    caller: Caller
    agent: AgentName
    door: ServedDoor
    headers: Mapping[str, str]
    query: bytes
    receive: Receive

    @property
    def language(self) -> Language:
        """The language that findings are put into words in."""
        return "ar" if self.headers.get("accept-language", "").lower().startswith("ar") else "en"


Answer = tuple[int, Mapping[str, object]]
Handler = Callable[[Asked, tuple[str, ...]], Awaitable[Answer]]


@dataclass(frozen=True, slots=True)
class _Path:
    """Where a route is, and which method of AgentRoutes answers it."""

    method: str
    template: str
    handler: str
    pattern: re.Pattern[str]


def _path(method: str, template: str, handler: str) -> _Path:
    return _Path(method, template, handler, re.compile(re.sub(r"\{\w+\}", r"([^/]{1,64})", template)))


_PATHS = (
    _path("POST", "/api/v1/runs", "start"),
    _path("POST", "/api/v1/runs/{run}/actions", "admit"),
    _path("POST", "/api/v1/runs/{run}/actions/{action}/outcome", "settle"),
    _path("GET", "/api/v1/runs/{run}/actions/{action}/reasons", "reasons"),
    _path("POST", "/api/v1/runs/{run}/end", "end"),
    _path("POST", "/api/v1/runs/{run}/heartbeat", "prolong"),
    _path("GET", "/api/v1/approvals/{approval}/state", "approval_state"),
    _path("POST", "/api/v1/approvals/{approval}/reply", "reply"),
)


class AgentRoutes:
    """An ASGI application of a few routes. Other paths are not for it: ask `takes` first."""

    def __init__(
        self,
        authenticator: Authenticator,
        door_of: Callable[[WorkspaceName], ServedDoor],
        commits: Commits,
        limits: RequestLimits,
        told: Told,
        identities: Identities,
    ) -> None:
        self._authenticator = authenticator
        self._door_of = door_of
        self._commits = commits
        self._limits = limits
        self._told = told
        self._identities = identities
        self._closing = False

    def takes(self, scope: Scope) -> bool:
        """Whether a request is for one of these routes."""
        return _found(scope) is not None

    def close(self) -> None:
        """Answer those who wait for people, so that they come back to another process."""
        self._closing = True
        self._commits.wake()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        found = _found(scope)
        assert found is not None
        begun = time.perf_counter()
        path, ids = found
        scope[ROUTE] = path.template
        handler: Handler = getattr(self, path.handler)
        try:
            status, document = await handler(await self._asked(scope, receive), ids)
        except Disconnected:
            return
        except Exception as error:  # noqa: BLE001 - whatever it is, nothing was admitted, and the caller is told
            refusal = refusal_of(error)
            status = refusal.status
            if status == 500:
                places = [f"{frame.filename}:{frame.lineno}" for frame in traceback.extract_tb(error.__traceback__)]
                where = " < ".join(reversed(places[-8:]))
                _log.error("a request failed: %s at %s", type(error).__name__, where, extra=logged(scope))
            await refuse(send, refusal)
        else:
            await answer(send, status, document)
        self._told.answered(path.method, path.template, status, time.perf_counter() - begun)

    async def _asked(self, scope: Scope, receive: Receive) -> Asked:
        headers = headers_of(scope, self._limits)
        caller = await caller_of(self._authenticator, headers, peer_of(scope))
        if caller.kind not in AGENTS or caller.agent is None:
            raise Refusal(
                403, "agents_only", "this route is for agents", "Use the key of an agent, as `remit keys` makes them"
            )
        door = self._door_of(caller.workspace)
        return Asked(caller, caller.agent, door, headers, scope["query_string"], receive)

    # -- the routes

    async def start(self, asked: Asked, _: tuple[str, ...]) -> Answer:
        """POST /api/v1/runs."""
        form = await self._form(asked)
        parent = form.text("parent", 64, default="")
        if asked.caller.kind is CredentialKind.RUN_TOKEN and parent != asked.caller.run:
            raise Refusal(
                403,
                "run_token",
                "a run's token starts no run but those below its own",
                "Send its run as parent, or use the agent's key",
            )
        above = await self._run(asked, parent) if parent else None
        named = form.text("agent", 128, default=asked.agent)
        if named != asked.agent and above is None:
            raise Refusal(
                403, "other_agent", "the key is another agent's", f"Leave agent out: it is {asked.agent}", field="agent"
            )
        own = asked.caller.channel
        if form.text("channel", 128, default=own) != own:
            raise Refusal(
                403,
                "other_channel",
                "the key is of another channel",
                f"Leave channel out: it is {own}. A key of another is made with `remit keys make --channel`",
                field="channel",
            )
        person, is_verified = await self._acting_for(asked, form, above)
        request = RunRequest(
            agent=AgentName(named),
            on_behalf_of=person,
            task=form.raw_text("task") or "",
            purpose=form.text("purpose", LONGEST_TEXT, default="", prose=True),
            subject=form.text("subject", 256, default=""),
            parent=None if above is None else above.id,
            channel=own,
            verified=is_verified,
        )
        key = _key_of(asked, form)
        form.done()
        run, repeated = await asked.door.start_once(request, key)
        issuer = CredentialId(asked.caller.issuer or asked.caller.credential)
        token, expires = await asyncio.to_thread(
            self._told.tokens.issue, run.workspace, run.agent, run.id, issuer, self._told.token_s
        )
        return 201, _run_document(run) | {
            "repeated": repeated,
            "reads": await asyncio.to_thread(asked.door.reads, run),
            "token": token,
            "token_expires": expires,
            "action_lease_s": asked.door.action_lease_s,
        }

    async def _acting_for(self, asked: Asked, form: Form, above: Run | None) -> tuple[UserId, bool]:
        """Return whom a run is for, and whether an identity token says so or only the agent does.

        A run below another is for the same person, and that is as sure as it is of the one above.
        """
        token = form.raw_text("identity_token")
        if token is None and above is not None:
            person = UserId(form.text("on_behalf_of", 256, default=above.on_behalf_of))
            return person, above.verified
        if token is None:
            return UserId(form.text("on_behalf_of", 256)), False
        person = await asyncio.to_thread(self._identities.person, asked.caller.workspace, token)
        if form.text("on_behalf_of", 256, default=person) != person:
            raise Refusal(
                403,
                "other_person",
                "the identity token is another person's",
                "Leave on_behalf_of out: it is whose token it is",
                field="on_behalf_of",
            )
        return person, True

    async def admit(self, asked: Asked, ids: tuple[str, ...]) -> Answer:
        """POST /api/v1/runs/{run}/actions."""
        form = await self._form(asked)
        kind = form.word("kind", ("tool", "model"))
        target = form.raw_text("target")
        if not target:
            raise Refusal(422, "field_missing", "target is missing", "Name the tool or the model", field="target")
        key = _key_of(asked, form)
        run = await self._run(asked, ids[0])
        id = asked.door.action_id(run, key)
        if kind == "tool":
            arguments, under = form.mapping("arguments"), form.text("approval", 64, default="")
            unasked = form.flag("unasked", default=False)
            form.done()
            approval = ApprovalId(under) if under else None
            entrance = _told_late(asked.door, run, target) if unasked else AGENTS_OWN
            admission = await asked.door.admit_tool(run, target, arguments or {}, id, approval, entrance)
        else:
            tokens = [form.number(name, metering.MAX_TOKENS, least) for name, least in metering.LEAST]
            prompt = prompt_of(form)
            form.done()
            admission = await asked.door.admit_model(run, target, tokens[0], tokens[1], id, prompt)
        return 200, _admission_document(admission, asked.language)

    async def settle(self, asked: Asked, ids: tuple[str, ...]) -> Answer:
        """POST /api/v1/runs/{run}/actions/{action}/outcome."""
        form = await self._form(asked)
        status = OutcomeStatus(form.word("status", tuple(OutcomeStatus)))
        error = form.text("error", 200, default="")
        if error and not all(part.isidentifier() for part in error.split(".")):
            raise Refusal(
                422, "field_unfit", "error is no name of a type", "Send a name, as TimeoutError", field="error"
            )
        usage = usage_of(form.mapping("usage"))
        cost = None if form.flag("dispatched", default=True) else Cost(Micros(0), 0, 0)
        if cost is not None and (status is not OutcomeStatus.ERROR or usage is not None):
            raise Refusal(
                422, "field_unfit", "what was not dispatched has no other outcome", "Send error", field="dispatched"
            )
        result = result_of(form)
        form.done()
        run = await self._run(asked, ids[0])
        # Who was cut off before the answer came knows only the key it had chosen.
        id = ActionId(ids[1]) if ids[1].startswith("act_") else asked.door.action_id(run, ids[1])
        outcome = Outcome(id, status, cost, error=error)
        settled = await asked.door.settle_told(run, outcome, result, usage)
        return 200, {
            "action": settled.action,
            "status": settled.status,
            "overrun": settled.overrun,
            "loop": settled.loop,
            "repeated": settled.repeated,
        }

    async def reasons(self, asked: Asked, ids: tuple[str, ...]) -> Answer:
        """GET /api/v1/runs/{run}/actions/{action}/reasons."""
        run = await self._run(asked, ids[0])
        found = await asyncio.to_thread(asked.door.reasons, run.id, ActionId(ids[1]))
        return 200, {"policies": [each.as_json() for each in found]}

    async def end(self, asked: Asked, ids: tuple[str, ...]) -> Answer:
        """POST /api/v1/runs/{run}/end."""
        form = await self._form(asked)
        status = form.text("status", 200, default="ok")
        form.done()
        run = await self._run(asked, ids[0])
        standing = await asked.door.end_once(run, status)
        return 200, {"run": standing.run, "repeated": standing.repeated}

    async def prolong(self, asked: Asked, ids: tuple[str, ...]) -> Answer:
        """POST /api/v1/runs/{run}/heartbeat."""
        form = await self._form(asked)
        actions = form.texts("actions", MOST_PROLONGED, 64)
        form.done()
        run = await self._run(asked, ids[0])
        prolonged = await asked.door.prolong(run, tuple(ActionId(action) for action in actions))
        return 200, {"run": run.id, "actions": list(prolonged.actions), "action_lease_s": asked.door.action_lease_s}

    async def approval_state(self, asked: Asked, ids: tuple[str, ...]) -> Answer:
        """GET /api/v1/approvals/{approval}/state?wait=SECONDS."""
        id, wait_s = ApprovalId(ids[0]), _wait_of(asked.query)
        found = await (self._answered(asked, id, wait_s) if wait_s else self._approval(asked, id))
        told = await asyncio.to_thread(asked.door.waiting_for, found)
        return 200, {
            "approval": found.id,
            "state": found.state,
            "run": found.run,
            "action": found.action,
            "target": found.target,
            "digest": found.digest,
            "expires_at": found.expires_at,
            "arguments": told.arguments,
            "questions": [asdict(question) for question in told.questions],
        }

    async def reply(self, asked: Asked, ids: tuple[str, ...]) -> Answer:
        """POST /api/v1/approvals/{approval}/reply."""
        form = await self._form(asked)
        text, question = form.text("text", LONGEST_REPLY, prose=True), form.text("question", 64, default="")
        form.done()
        found = await self._approval(asked, ApprovalId(ids[0]))
        run = await self._run(asked, found.run)
        await asked.door.areply(run, found.id, text, question)
        return 200, {"approval": found.id, "replied": True}

    # -- what they share

    async def _form(self, asked: Asked) -> Form:
        key_in(asked.headers)  # an outcome and an end need none, and take it all the same
        return Form(await json_of(asked.headers, asked.receive, self._limits))

    async def _answered(self, asked: Asked, id: ApprovalId, longest_s: float) -> Approval:
        """Return an approval once it is answered or its agent is asked something, or as it is in the end."""
        loop = asyncio.get_running_loop()
        until = loop.time() + longest_s
        with self._commits.followed(asked.caller.workspace) as followed:
            while True:
                count = followed.count  # before it is read: an answer in between is not missed
                found = await self._approval(asked, id)
                left = until - loop.time()
                asks = any(question.answered_at is None for question in found.questions)
                if found.state is not ApprovalState.PENDING or asks or left <= 0 or self._closing:
                    return found
                await followed.after(count, min(left, LOOK_AGAIN_S))

    async def _approval(self, asked: Asked, id: ApprovalId) -> Approval:
        found = await asyncio.to_thread(asked.door.approval, id)
        own = found is not None and (found.workspace, found.agent) == (asked.caller.workspace, asked.agent)
        if found is None or not own or asked.caller.run not in (None, found.run):
            raise Refusal(404, "no_approval", "there is no such approval of this agent", "Check the id")
        return found

    async def _run(self, asked: Asked, id: str) -> Run:
        """Return a run the caller may use: its agent's, and with a run's token only that run."""
        run = await asked.door.run_of(RunId(id)) if asked.caller.run in (None, id) else None
        if run is None or run.agent != asked.agent:
            raise Refusal(404, "no_run", "there is no such run of this agent", "Start one, and use its id and token")
        return run


def _found(scope: Scope) -> tuple[_Path, tuple[str, ...]] | None:
    for path in _PATHS:
        match = path.pattern.fullmatch(scope["path"]) if path.method == scope["method"] else None
        if match is not None:
            return path, match.groups()
    return None


def _key_of(asked: Asked, form: Form) -> str:
    """Return the key by which the caller will know this request again, from the body or the header."""
    in_body = form.text("id", LONGEST_KEY, default="")
    in_header = key_in(asked.headers)
    if in_body and in_header and in_body != in_header:
        raise Refusal(400, "keys_differ", "id and Idempotency-Key differ", "Send one of them", field="id")
    return in_body or in_header


def _wait_of(query: bytes) -> float:
    values = parse_qs(query.decode("latin-1"), max_num_fields=10).get("wait", ["0"])
    if len(values) == 1 and values[0].isdecimal() and len(values[0]) < 3 and int(values[0]) <= LONGEST_WAIT_S:
        return float(values[0])
    raise Refusal(
        422, "field_unfit", f"wait is no whole number from 0 to {LONGEST_WAIT_S}", "Send seconds", field="wait"
    )


def _told_late(door: ServedDoor, run: Run, tool: str) -> Entrance:
    """Return the entrance of a read that was done while this server could not be reached: it was only heard of."""
    if tool not in door.reads(run):
        raise Refusal(
            422, "field_unfit", f"{tool} does more than read", "Ask before acting; report nothing else", field="unasked"
        )
    return Entrance(Assurance.OBSERVED)


def _run_document(run: Run) -> dict[str, object]:
    return {
        "run": run.id,
        "workspace": run.workspace,
        "agent": run.agent,
        "team": run.team,
        "release": run.release,
        "on_behalf_of": run.on_behalf_of,
        "purpose": run.purpose,
        "started_at": run.started_at,
        "parent": run.parent,
        "depth": run.depth,
        "ancestors": list(run.ancestors),
    }


def _admission_document(admission: Admission, language: Language) -> dict[str, object]:
    decision = admission.decision
    told = decision.as_json()
    told["findings"] = [finding.as_json() | {"words": say(finding, language)} for finding in decision.findings]
    return {
        "action": admission.action,
        "run": admission.run,
        "state": admission.state,
        "at": admission.at,
        "approval": admission.approval,
        "digest": admission.digest,
        "reserved": admission.reserved.as_json(),
        "repeated": admission.repeated,
        "decision": told,
    }
