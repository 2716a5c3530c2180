"""Who comes to a gateway, and in which run: by its credential, by a header, or by the conversation it is in."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from remit.asgi.answers import Refusal, Scope
from remit.asgi.callers import Authenticator, caller_of, peer_of
from remit.asgi.limits import RequestLimits, headers_of
from remit.domain.identity import AGENTS, Caller
from remit.domain.ids import AgentName, RunId, UserId, WorkspaceName
from remit.domain.run import Run
from remit.domain.text import ACTOR_FORMS, is_actor
from remit.execution.implied_runs import Conversation, ImpliedRuns
from remit.execution.served import ServedDoor

RUN_HEADER = "remit-run"
"""Names the run that a request belongs to; left out, it belongs to the run of its conversation."""
FOR_HEADER = "remit-on-behalf-of"
"""For whom the agent acts, as `user:sara`; left out, `service:` and its own name. Claimed, not verified."""


@dataclass(frozen=True, slots=True)
class Visit:
    """One request of an agent, identified."""

    caller: Caller
    agent: AgentName
    door: ServedDoor
    headers: Mapping[str, str]


class Reception:
    """Receives agents at the gateways. Owned by one event loop."""

    def __init__(
        self,
        authenticator: Authenticator,
        door_of: Callable[[WorkspaceName], ServedDoor],
        implied: ImpliedRuns,
        limits: RequestLimits,
    ) -> None:
        self._authenticator = authenticator
        self._door_of = door_of
        self._implied = implied
        self._identifying: dict[str, asyncio.Event] = {}
        self.limits = limits

    async def visit(self, scope: Scope) -> Visit:
        """Return who calls. Raises Refusal where it is no agent, or shows no valid credential."""
        headers = headers_of(scope, self.limits)
        if "authorization" not in headers and "x-api-key" in headers:  # as Anthropic's clients send it
            headers = {**headers, "authorization": f"Bearer {headers['x-api-key']}"}
        caller = await self._caller(headers, peer_of(scope))
        if caller.kind not in AGENTS or caller.agent is None:
            raise Refusal(
                403, "agents_only", "this route is for agents", "Use the key of an agent, as `remit keys` makes them"
            )
        return Visit(caller, caller.agent, self._door_of(caller.workspace), headers)

    async def _caller(self, headers: Mapping[str, str], peer: str) -> Caller:
        """Return who calls. Of many who show the same at once, the database is asked for the first."""
        known = self._authenticator.quickly(headers)
        if known is not None:
            return known
        shown = headers.get("authorization", "")
        first = self._identifying.get(shown)
        if first is not None:
            await first.wait()
            return await caller_of(self._authenticator, headers, peer)
        first = self._identifying[shown] = asyncio.Event()
        try:
            return await self._authenticator.identify(headers, peer)
        finally:
            del self._identifying[shown]
            first.set()

    async def run_of(self, visit: Visit, conversation: str, task: Callable[[], str] = str) -> Run:
        """Return the run that a request belongs to; `task` is asked for where it is a new one.

        Raises Refusal, RunRefused and TooManyRuns.
        """
        named = visit.headers.get(RUN_HEADER, "") or visit.caller.run or ""
        if named:
            run = await visit.door.run_of(RunId(named)) if visit.caller.run in (None, named) else None
            if run is None or run.agent != visit.agent:
                raise Refusal(
                    404, "no_run", "there is no such run of this agent", "Start one and name it", field="Remit-Run"
                )
            return run
        person = visit.headers.get(FOR_HEADER, "") or f"service:{visit.agent}"
        if not is_actor(person) or len(person) > 256:
            raise Refusal(422, "field_unfit", "is nobody an agent can act for", ACTOR_FORMS, field="Remit-On-Behalf-Of")
        caller = visit.caller
        talk = Conversation(caller.workspace, visit.agent, caller.channel, UserId(person), conversation)
        run = await self._implied.of(visit.door, talk, task)
        await visit.door.make_ready(run)
        return run

    def goes_on(self, run: Run) -> bool:
        """Hear that a run has ended; whether its conversation goes on in another, which `run_of` then returns."""
        return self._implied.over(run)
