"""Agents that are spoken to by plain HTTP, and work through the gateways with the token of their run.

    POST URL            {"run", "task", "output", "token"}    begins; the same run again is the same work
    GET URL/RUN         header Remit-Run-Token                tells how far it is, and gets a fresh token
    DELETE URL/RUN                                            nobody wants it any more

Each answers {"state": "working" | "done" | "failed", "output", "error", "after_s"}.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from remit.domain.release import Endpoint
from remit.domain.workflow_progress import Progress, StepState
from remit.execution.workflows.kinds.handing import Work
from remit.execution.workflows.ports import CallFailed
from remit.execution.workflows.turn import StepFailed, done, failed
from remit.gateways.agents.away import SHORTEST_S, Away, TokenOf, answered, asked_again, is_late, missed

BEGUN = "begun"
FRESH_TOKEN = "remit-run-token"  # noqa: S105 - the name of a header
LONGEST_ERROR = 200


class HttpAgents:
    """See Works."""

    def __init__(self, away: Away, token_of: TokenOf) -> None:
        self._away = away
        self._token_of = token_of

    async def carry_on(self, work: Work) -> Progress:
        """See Works."""
        sub = work.sub(BEGUN)
        if sub.began_at is None:
            sub = work.turn.notebook.write(sub)
        if is_late(work, sub):
            await self.give_up(work)
            return failed(work.row, f"timed_out: it was not done within {work.step.timeout_s} s")
        work.turn.holds()
        try:
            document = await (self._look(work) if sub.state is StepState.DONE else self._begin(work))
        except CallFailed as error:
            return missed(work, sub, error)
        if document is None:  # it knows nothing of it: what was begun was lost with it
            work.turn.notebook.write(replace(sub, state=StepState.RUNNING, number=0, ended_at=None))
            return asked_again(work, SHORTEST_S)
        if sub.state is not StepState.DONE or sub.attempt > 1:
            work.turn.notebook.write(replace(done(sub, None), attempt=1))
        return self._told(work, document)

    async def give_up(self, work: Work) -> None:
        """See Works."""
        with contextlib.suppress(CallFailed):
            endpoint = _endpoint(work)
            await self._away.ask(endpoint, "DELETE", _url(endpoint, work), {})

    async def _begin(self, work: Work) -> Mapping[str, Any]:
        endpoint, run = _endpoint(work), work.turn.run
        token = await work.turn.thread(self._token_of, run)
        body = {"run": run.id, "task": work.task, "output": work.step.output, "token": token}
        status, document = await self._away.ask(endpoint, "POST", endpoint.url, {"idempotency-key": run.id}, body)
        return _read(status, document)

    async def _look(self, work: Work) -> Mapping[str, Any] | None:
        endpoint = _endpoint(work)
        token = await work.turn.thread(self._token_of, work.turn.run)
        status, document = await self._away.ask(endpoint, "GET", _url(endpoint, work), {FRESH_TOKEN: token})
        return None if status == 404 else _read(status, document)

    def _told(self, work: Work, document: Mapping[str, Any]) -> Progress:
        match document.get("state"):
            case "done":
                return answered(work, document.get("output"))
            case "failed":
                return failed(work.row, f"agent.failed: {_code(document.get('error'))}")
            case "working":
                after = document.get("after_s")
                return asked_again(work, after if isinstance(after, int | float) else SHORTEST_S)
        raise StepFailed("agent.unreadable", "its answer says neither that it is working, nor done, nor failed")


def _read(status: int, document: Any) -> Mapping[str, Any]:
    if status in (200, 201, 202) and isinstance(document, Mapping):
        return document
    if status in (408, 409, 425, 429) or status >= 500:
        raise CallFailed(f"status_{status}", "the agent can not be asked now", sent=True)
    raise StepFailed(f"agent.status_{status}", "the agent does not take the work")


def _code(error: object) -> str:
    """Return what an agent says went wrong, if it is a name: its words may hold anything."""
    is_name = isinstance(error, str) and len(error) <= LONGEST_ERROR
    if is_name and all(part.isidentifier() for part in str(error).split(".")):
        return str(error)
    return "it does not say why in a name, as `quota.reached`"


def _endpoint(work: Work) -> Endpoint:
    assert work.agent.endpoint is not None, "an agent elsewhere has an endpoint"
    return work.agent.endpoint


def _url(endpoint: Endpoint, work: Work) -> str:
    place, mark, query = endpoint.url.partition("?")
    return f"{place.rstrip('/')}/{work.turn.run.id}{mark}{query}"
