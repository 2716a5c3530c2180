"""One task: a call that goes on after it was answered, or that waits for people (the tasks extension, SEP-2663)."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from remit.asgi.reception import Visit
from remit.domain.clock import MICROS_PER_SECOND, Clock
from remit.gateways.mcp.calls import Admitted, Done, Held, NotDone
from remit.gateways.mcp.flights import Flight
from remit.gateways.mcp.limits import McpLimits
from remit.gateways.mcp.port import Json, UpstreamRefused
from remit.gateways.mcp.rpc import INTERNAL_ERROR, RpcError

Owner = tuple[str, str, str]
_UNANSWERED = -32000


class Status(StrEnum):
    """Where a task stands."""

    WORKING = "working"
    INPUT_REQUIRED = "input_required"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


_OVER = frozenset((Status.COMPLETED, Status.FAILED, Status.CANCELLED))


def owner_of(visit: Visit) -> Owner:
    """Return whose a task is: nobody else is told that it exists."""
    return (visit.caller.workspace, visit.agent, visit.caller.run or "")


@dataclass(eq=False)
class Task:
    """A task. Owned by the event loop.

    Attributes:
        held: what it waits for people with; None once it goes on.
        questions: what the server asks the client, by a key of ours, with where the answer goes.
        news: is set when there is a question, or when the call must go on as a task.
    """

    id: str
    owner: Owner
    clock: Clock
    limits: McpLimits
    held: Held | None = None
    parked: Admitted | None = None
    is_shown: bool = False
    status: Status = Status.WORKING
    message: str = ""
    end: dict[str, Any] = field(default_factory=dict)
    questions: dict[str, tuple[Json, asyncio.Future[Json]]] = field(default_factory=dict)
    news: asyncio.Event = field(default_factory=asyncio.Event)
    runner: asyncio.Task[Done] | None = None
    flight: Flight | None = None
    asked: int = 0
    created: int = 0
    changed: int = 0
    used: float = 0.0

    def __post_init__(self) -> None:
        self.created = self.changed = self.clock.now()

    @property
    def is_over(self) -> bool:
        """Whether it changes no more."""
        return self.status in _OVER

    def turn(self, status: Status, **end: Any) -> None:
        """Go over to another state; the last one stays."""
        if not self.is_over:
            self.status, self.end, self.changed = status, end, self.clock.now()

    def document(self) -> dict[str, Any]:
        """Return what a client is told of it."""
        limits = self.limits
        found: dict[str, Any] = {
            "taskId": self.id,
            "status": self.status.value,
            "createdAt": _written(self.created),
            "lastUpdatedAt": _written(self.changed),
            "ttlMs": int(limits.task_s * 1_000),
            "pollIntervalMs": limits.poll_ms if self.held is None else limits.hold_poll_ms,
        }
        return found | {"statusMessage": self.message} if self.message else found

    def detailed(self) -> dict[str, Any]:
        """Return what a client is told that asks how it stands."""
        found = {"resultType": "complete", **self.document(), **self.end}
        if self.status is Status.INPUT_REQUIRED:
            found["inputRequests"] = self.requests
        return found

    # -- what the server wants to know

    @property
    def requests(self) -> dict[str, Json]:
        """The questions that wait for the client."""
        return {key: request for key, (request, future) in self.questions.items() if not future.done()}

    async def ask(self, method: str, params: Json) -> Json:
        """Put one question of the server to the client. Raises UpstreamRefused where no answer comes."""
        self.asked += 1
        found = await self.gather({f"question-{self.asked}": {"method": method, "params": params}})
        return next(iter(found.values()))

    async def gather(self, requests: Mapping[str, Json]) -> dict[str, Json]:
        """Put questions to the client and wait for all answers. Raises UpstreamRefused where they do not come."""
        if len(self.questions) + len(requests) > self.limits.questions:
            raise UpstreamRefused(_UNANSWERED, "too many questions wait for the client already")
        loop = asyncio.get_running_loop()
        waiting = {key: loop.create_future() for key in requests}
        self.questions.update({key: (requests[key], waiting[key]) for key in requests})
        self.turn(Status.INPUT_REQUIRED)
        self.news.set()
        try:
            async with asyncio.timeout(self.limits.question_s):
                return {key: await future for key, future in waiting.items()}
        except TimeoutError:
            raise UpstreamRefused(_UNANSWERED, "the client did not answer in time") from None
        finally:
            for key in waiting:
                self.questions.pop(key, None)
            if not self.questions:
                self.turn(Status.WORKING)

    def hear(self, responses: Mapping[str, Any]) -> None:
        """Take answers; what was not asked is passed over."""
        for key, response in responses.items():
            found = self.questions.get(key)
            if found is not None and not found[1].done() and isinstance(response, dict):
                found[1].set_result(response)

    # -- the end

    def finish(self, runner: asyncio.Task[Done]) -> None:
        """Take what the call came to."""
        if runner.cancelled():
            self.turn(Status.CANCELLED)
            return
        error = runner.exception()
        if error is None:
            self.turn(Status.COMPLETED, result=runner.result().result)
        elif isinstance(error, NotDone):
            self.turn(Status.COMPLETED, result=error.as_result())
        elif isinstance(error, RpcError):
            self.turn(Status.FAILED, error=error.document())
        else:
            self.turn(Status.FAILED, error={"code": INTERNAL_ERROR, "message": "the call failed"})

    def cut(self, why: str) -> None:
        """End it."""
        self.turn(Status.CANCELLED)
        if self.flight is not None:
            self.flight.cut(why)
        elif self.runner is not None:
            self.runner.cancel()
        self.held = None


def _written(at: int) -> str:
    return datetime.fromtimestamp(at / MICROS_PER_SECOND, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
