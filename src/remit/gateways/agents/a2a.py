"""Agents that speak the Agent2Agent protocol, by the official SDK.

Its card is fetched and looked at each time, and held to the pin where there is one. A task is sent once; what it comes
to is streamed for a while where the agent can, and asked for after that. Where nobody knows whether a task was taken,
it is looked for by its context, which is the run; it is never sent a second time.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import httpx
import orjson
from a2a.client import A2AClientError, Client, ClientConfig, ClientFactory
from a2a.client.card_resolver import parse_agent_card
from a2a.types import (
    AgentCard,
    CancelTaskRequest,
    GetTaskRequest,
    ListTasksRequest,
    Message,
    Part,
    Role,
    SendMessageConfiguration,
    SendMessageRequest,
    StreamResponse,
    Task,
    TaskState,
)
from a2a.utils.errors import A2AError
from google.protobuf.json_format import MessageToDict, ParseError

from remit.domain.release import Endpoint
from remit.domain.workflow_progress import Progress, StepState
from remit.execution.keys import Keys
from remit.execution.workflows.kinds.handing import Work
from remit.execution.workflows.notebook import EVENT, opened
from remit.execution.workflows.ports import CallFailed
from remit.execution.workflows.turn import StepFailed, done, failed
from remit.gateways.agents.away import Away, TokenOf, answered, asked_again, is_late, missed
from remit.gateways.agents.card import card_of
from remit.gateways.agents.guarded import GuardedTransport

STREAMED_S = 20.0
"""How long a stream is followed in one turn; after that the task is asked for, and no worker is held."""
LOOK_S = 2
"""How soon a task is asked for again."""
BEGUN, ANSWERED = "begun", "answered"
INPUT = "input."
"""Before the id of a step: the event by which people answer what its agent asks."""
TOKEN, RUN, SCHEMA = "remit/token", "remit/run", "remit/output"
"""Keys in the metadata of the request: with the token the agent works through the gateways."""
_OVER = {
    TaskState.TASK_STATE_FAILED: "failed",
    TaskState.TASK_STATE_CANCELED: "cancelled",
    TaskState.TASK_STATE_REJECTED: "rejected",
    TaskState.TASK_STATE_AUTH_REQUIRED: "auth_required",
}


class A2aAgents:
    """See Works."""

    def __init__(self, away: Away, token_of: TokenOf, keys: Keys) -> None:
        self._away = away
        self._token_of = token_of
        self._keys = keys

    async def carry_on(self, work: Work) -> Progress:
        """See Works."""
        sub = work.sub(BEGUN)
        if sub.began_at is None:
            sub = work.turn.notebook.write(sub)
        if is_late(work, sub):
            await self.give_up(work)
            return failed(work.row, f"timed_out: it was not done within {work.step.timeout_s} s")
        try:
            async with self._client(work) as client:
                return await self._go_on(work, sub, client)
        except CallFailed as error:
            sub = work.sub(BEGUN)
            if not error.sent and not _task_of(sub):
                sub = replace(sub, output=None)  # it never left, so it may be sent
            return missed(work, sub, error)

    async def give_up(self, work: Work) -> None:
        """See Works."""
        task = _task_of(work.sub(BEGUN))
        if task:
            with contextlib.suppress(CallFailed, StepFailed):
                async with self._client(work) as client:
                    await client.cancel_task(CancelTaskRequest(id=task))

    async def _go_on(self, work: Work, sub: Progress, client: Client) -> Progress:
        known = _task_of(sub)
        if not known and (_is_sent(sub) or work.turn.row.claims > 1):  # whoever began this turn before may have sent it
            found = await self._found(work, client)
            if found is None:
                raise StepFailed("agent.unknown", "nobody knows whether the agent has taken the work: ask whose it is")
            return self._told(work, found)
        if not known:
            return self._told(work, await self._sent(work, client, ""))
        task = await client.get_task(GetTaskRequest(id=known))
        if task.status.state == TaskState.TASK_STATE_INPUT_REQUIRED:
            return await self._answer(work, client, task)
        return self._told(work, task)

    async def _found(self, work: Work, client: Client) -> Task | None:
        found = await client.list_tasks(ListTasksRequest(context_id=work.turn.run.id, include_artifacts=True))
        return next(iter(found.tasks), None)

    async def _sent(self, work: Work, client: Client, task: str, text: str = "") -> Task | Message:
        """Send what is asked, or an answer to what the agent has asked, and follow what comes of it for a while."""
        work.turn.holds()
        run = work.turn.run
        message = Message(
            message_id=f"{run.id}-{work.sub(ANSWERED).asked if task else 0}",
            context_id=run.id,
            task_id=task,
            role=Role.ROLE_USER,
            parts=[Part(text=text or work.task)],
        )
        told = {TOKEN: await work.turn.thread(self._token_of, run), RUN: run.id}
        if work.step.output is not None:
            told[SCHEMA] = orjson.dumps(work.step.output).decode()
        request = SendMessageRequest(message=message, configuration=SendMessageConfiguration(return_immediately=True))
        request.metadata.update(told)
        seen: Task | Message | None = None
        if not task:
            work.turn.notebook.write(replace(work.sub(BEGUN), output={"task": "", "sent": True}))
        try:
            async with asyncio.timeout(STREAMED_S):
                async for event in client.send_message(request):
                    seen = _seen(event, seen)
                    if isinstance(seen, Task) and seen.id:
                        self._note(work, seen.id)
        except TimeoutError:
            if seen is None:
                raise CallFailed("timed_out", "the agent did not say that it has taken the work", sent=True) from None
        if seen is None:
            raise CallFailed("unreadable", "the agent answers with neither a task nor a message", sent=True)
        return seen

    def _note(self, work: Work, task: str) -> None:
        sub = work.sub(BEGUN)
        if _task_of(sub) != task:
            work.turn.notebook.write(done(sub, {"task": task}))

    def _told(self, work: Work, seen: Task | Message) -> Progress:
        if isinstance(seen, Message):
            return answered(work, _output(work, list(seen.parts)))
        self._note(work, seen.id)
        state = seen.status.state
        if state == TaskState.TASK_STATE_COMPLETED:
            parts = [part for artifact in seen.artifacts for part in artifact.parts] or list(seen.status.message.parts)
            return answered(work, _output(work, parts))
        if state in _OVER:
            return failed(work.row, f"agent.{_OVER[state]}: the task of the agent has ended without a result")
        if state == TaskState.TASK_STATE_INPUT_REQUIRED:
            return self._asks(work, seen)
        return asked_again(work, LOOK_S)

    # -- what an agent asks people

    def _asks(self, work: Work, task: Task) -> Progress:
        """Wait for the event by which people answer. What is asked stands in a row of its own, sealed."""
        sub = work.sub(ANSWERED)
        text = _text(list(task.status.message.parts))
        work.turn.notebook.write(replace(sub, state=StepState.RUNNING, output={"asks": text}))
        return work.waits_as(Progress(work.path, StepState.WAITING, waits_for=f"event:{INPUT}{work.step.id}"))

    async def _answer(self, work: Work, client: Client, task: Task) -> Progress:
        name = f"{INPUT}{work.step.id}"
        for event in work.turn.events:
            if event.name == name and not work.turn.notebook.is_used(event.id):
                data = opened(self._keys.of(work.turn.row.key), event.id, EVENT, event.data)
                text = data if isinstance(data, str) else orjson.dumps(data).decode()
                seen = await self._sent(work, client, task.id, text)
                work.turn.notebook.use(event.id, work.row.path)
                sub = work.sub(ANSWERED)
                work.turn.notebook.write(replace(sub, asked=sub.asked + 1))
                return self._told(work, seen)
        return self._asks(work, task)

    # -- the client

    @asynccontextmanager
    async def _client(self, work: Work) -> AsyncIterator[Client]:
        """Open a client of the agent. Raises CallFailed and StepFailed, also for what goes wrong inside."""
        endpoint = work.agent.endpoint
        assert endpoint is not None, "an agent elsewhere has an endpoint"
        transport = GuardedTransport(
            self._away.outbound, endpoint.url, private=endpoint.private, pause_s=endpoint.answer_s
        )
        card = await self._card(endpoint)
        headers = self._away.credential(endpoint)
        try:
            async with httpx.AsyncClient(transport=transport, headers=dict(headers), timeout=None) as web:  # noqa: S113
                config = ClientConfig(streaming=card.capabilities.streaming, httpx_client=web)
                yield ClientFactory(config).create(card)
        except ValueError:
            raise StepFailed("agent.card_unfit", "the card names no interface that speaks JSON-RPC") from None
        except (A2AClientError, A2AError, httpx.HTTPError) as error:
            failure = transport.failed
            if failure is not None:
                raise CallFailed(failure.code, str(failure), sent=failure.sent) from None
            raise CallFailed("a2a", f"the agent answers with {type(error).__name__}", sent=True) from None

    async def _card(self, endpoint: Endpoint) -> AgentCard:
        card = await card_of(self._away, endpoint)
        if endpoint.pin and card.digest != endpoint.pin:
            raise StepFailed("agent.card_changed", f"its card is not the one that was looked at: it is {card.digest}")
        try:
            return parse_agent_card(dict(card.document))
        except (ParseError, ValueError, TypeError, KeyError):
            raise StepFailed("agent.card_unfit", "its card is not what the protocol says") from None


def _is_sent(sub: Progress) -> bool:
    """Tell whether a task was sent, or may have been: it is not sent again."""
    return isinstance(sub.output, dict) and bool(sub.output.get("sent"))


def _task_of(sub: Progress) -> str:
    return str(sub.output["task"]) if isinstance(sub.output, dict) and sub.output.get("task") else ""


def _seen(event: StreamResponse, before: Task | Message | None) -> Task | Message | None:
    """Return what is known of a task after one more event."""
    match event.WhichOneof("payload"):
        case "task":
            return event.task
        case "message":
            return event.message
        case "status_update":
            task = before if isinstance(before, Task) else Task(id=event.status_update.task_id)
            task.status.CopyFrom(event.status_update.status)
            return task
        case "artifact_update":
            task = before if isinstance(before, Task) else Task(id=event.artifact_update.task_id)
            update = event.artifact_update
            known = next((each for each in task.artifacts if each.artifact_id == update.artifact.artifact_id), None)
            if known is None:
                task.artifacts.append(update.artifact)
            elif update.append:
                known.parts.extend(update.artifact.parts)
            else:
                known.CopyFrom(update.artifact)
            return task
    return before


def _output(work: Work, parts: list[Part]) -> Any:
    """Return what parts come to: data where one has some and the step asks for more than text, else their text."""
    if work.step.output is None:
        return _text(parts)
    for part in parts:
        if part.HasField("data"):
            return _whole(MessageToDict(part.data))
    try:
        return orjson.loads(_text(parts))
    except orjson.JSONDecodeError:
        return _text(parts)


def _whole(value: Any) -> Any:
    """Return numbers without a fraction as whole ones: the protocol knows no others than those with one."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, dict):
        return {key: _whole(each) for key, each in value.items()}
    return [_whole(each) for each in value] if isinstance(value, list) else value


def _text(parts: list[Part]) -> str:
    return "\n".join(part.text for part in parts if part.HasField("text"))
