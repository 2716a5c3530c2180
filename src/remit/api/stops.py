"""Freeze, unfreeze, terminate and re-activate, and what is stopped now."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from pydantic import Field

from remit.api.access import allow, people, signed_in
from remit.api.route import Route
from remit.api.shapes import PAGE, Asker, Body, Cursor, Limit, Named, Prose, Shown, cursor_of, missing, place_of, words
from remit.api.use_cases import UseCases
from remit.asgi.answers import Refusal
from remit.control.stops import InForce, target
from remit.domain.facts import Stop, stop_id
from remit.domain.identity import Caller, CredentialKind, Role
from remit.domain.ids import RunId

LONGEST_LIST = 1_000
"""Most listeners that one answer names."""


class StopBody(Body):
    """What to stop or let go.

    Write `workspace`, or `run:ID`, `agent:NAME`, `team:NAME`, `user:NAME`, `service:NAME`, `system:NAME`,
    `tool:NAME`, `model:NAME`.
    """

    target: Named
    reason: Prose = ""


class FreezeBody(StopBody):
    """As StopBody; `anyway` also stops a name that the workspace does not know yet, or no longer.

    `until` says when it ends by itself: how long, as `30m`, `2h` or `1d12h`, or an ISO 8601 instant with its zone.
    """

    until: Annotated[str, Field(max_length=100)] = ""
    anyway: bool = False


class TerminateBody(StopBody):
    """As StopBody, with a reason; `revoke_keys` needs an agent, a team or the workspace, and a signed-in session."""

    revoke_keys: bool = False
    anyway: bool = False


class StopShown(Shown):
    """A stop in force. Of `told` listeners that heard of it at once, `acknowledged` have said so."""

    id: str
    target: str
    kind: str
    by: str
    reason: str
    at: int
    until: int | None
    told: int
    acknowledged: int


class StopsShown(Shown):
    """Stops in force. `next` is the cursor of the page behind this one."""

    stops: list[StopShown]
    next: str | None


class Lifted(Shown):
    """What was let go."""

    target: str


class TerminatedShown(Shown):
    """What came of a termination: `runs` ended and `keys` revoked."""

    stop: StopShown
    runs: int
    keys: int


class ListenerShown(Shown):
    """A client that heard of a stop while it listened."""

    listener: str
    agent: str
    credential: str
    told_at: int
    acknowledged_at: int | None


class ListenersShown(Shown):
    """Who was told of a stop."""

    listeners: list[ListenerShown]


class StopRoutes:
    """Stops."""

    def __init__(self, use: UseCases) -> None:
        self._use = use

    def routes(self) -> Iterator[Route]:
        """Name the routes."""
        yield Route("GET", "/stops", self.all, StopsShown)
        yield Route("POST", "/stops", self.freeze, StopShown, 201, writes=True, urgent=True)
        yield Route("POST", "/stops/lift", self.lift, Lifted, writes=True, urgent=True)
        yield Route("POST", "/stops/terminate", self.terminate, TerminatedShown, 201, writes=True, urgent=True)
        yield Route("POST", "/stops/reactivate", self.reactivate, Lifted, writes=True, urgent=True)
        yield Route("GET", "/stops/{stop}/listeners", self.listeners, ListenersShown)

    @allow(people())
    def all(self, caller: Asker, limit: Limit = PAGE, cursor: Cursor = "") -> StopsShown:
        """List the stops in force: who, why, when, until when, and how many who listen have acknowledged them.

        `limit` counts what is stopped: the tools and models stopped in the workspace are one.
        """
        found = self._use.stops.in_force(caller.workspace, limit + 1, place_of(cursor) or "")
        scopes = sorted({each.scope for each in found}, key=[each.scope for each in found].index)
        shown = [_shown(each) for each in found if each.scope in scopes[:limit]]
        return StopsShown(stops=shown, next=cursor_of(scopes[limit - 1]) if len(scopes) > limit else None)

    @allow(people())
    def listeners(self, stop: str, caller: Asker) -> ListenersShown:
        """List the clients that heard of a stop at once, and when they acknowledged it. Nothing is decided by it."""
        told = self._use.store.listeners(caller.workspace, stop, LONGEST_LIST)
        return ListenersShown(
            listeners=[
                ListenerShown(
                    listener=each.listener,
                    agent=each.agent,
                    credential=each.credential,
                    told_at=each.told_at,
                    acknowledged_at=each.acknowledged_at,
                )
                for each in told
            ]
        )

    @allow(people(Role.OPERATOR, Role.APPROVER, Role.ADMIN))
    def freeze(self, body: FreezeBody, caller: Asker) -> StopShown:
        """Stop a target at once: after the answer no admission within it commits."""
        self._check_run(body.target, caller)
        reason = words(body.reason, "reason")
        by = str(caller.person)
        where, text = caller.workspace, body.target
        stop = self._use.stops.freeze(where, text, by, reason, until=body.until, anyway=body.anyway)
        return _new(caller, text, stop)

    @allow(people(Role.OPERATOR, Role.ADMIN))
    def lift(self, body: StopBody, caller: Asker) -> Lifted:
        """Lift a freeze."""
        self._check_run(body.target, caller)
        reason = words(body.reason, "reason")
        self._use.stops.unfreeze(caller.workspace, body.target, str(caller.person), reason)
        return Lifted(target=body.target)

    @allow(people(Role.ADMIN))
    def terminate(self, body: TerminateBody, caller: Asker) -> TerminatedShown:
        """Stop a run, agent, team, user or the workspace for good, and end its open runs. It can not be lifted."""
        self._check_run(body.target, caller)
        if body.revoke_keys and caller.kind is not CredentialKind.SESSION:
            raise Refusal(
                403, "credential_kind", "keys are revoked in a signed-in session", "Sign in", field="revoke_keys"
            )
        done = self._use.terminations.terminate(
            caller.workspace,
            body.target,
            str(caller.person),
            words(body.reason, "reason"),
            revoke_keys=body.revoke_keys,
            anyway=body.anyway,
        )
        self._use.doorkeeper.forget()
        return TerminatedShown(stop=_new(caller, body.target, done.stop), runs=done.runs, keys=done.keys)

    @allow(signed_in(Role.ADMIN))
    def reactivate(self, body: StopBody, caller: Asker) -> Lifted:
        """Let an agent, team, user or the workspace start anew after a termination. What has ended stays ended."""
        reason = words(body.reason, "reason")
        self._use.terminations.reactivate(caller.workspace, body.target, str(caller.person), reason)
        return Lifted(target=body.target)

    def _check_run(self, text: str, caller: Caller) -> None:
        kind, _, name = text.partition(":")
        if kind == "run":
            found = self._use.store.run(RunId(name))
            if found is None or found.workspace != caller.workspace:
                raise missing("run", name)


def _new(caller: Caller, text: str, stop: Stop) -> StopShown:
    aim = target(caller.workspace, text)
    return _shown(InForce(stop_id(aim.scope, aim.what, stop.at), text, aim.scope, stop, 0, 0))


def _shown(found: InForce) -> StopShown:
    stop = found.stop
    return StopShown(
        id=found.id,
        target=found.target,
        kind=stop.kind.value,
        by=stop.by,
        reason=stop.reason,
        at=stop.at,
        until=stop.until,
        told=found.told,
        acknowledged=found.acknowledged,
    )
