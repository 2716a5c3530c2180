"""Freeze and unfreeze."""

from __future__ import annotations

from collections.abc import Iterator

from remit.api.access import allow, people
from remit.api.route import Route
from remit.api.shapes import Asker, Body, Named, Prose, Shown, missing, words
from remit.api.use_cases import UseCases
from remit.control.stops import target
from remit.domain.facts import Stop
from remit.domain.identity import Caller, Role
from remit.domain.ids import RunId
from remit.domain.text import is_actor


class StopBody(Body):
    """What to stop or let go.

    Write `workspace`, or `run:ID`, `agent:NAME`, `team:NAME`, `user:NAME`, `service:NAME`, `system:NAME`,
    `tool:NAME`, `model:NAME`.
    """

    target: Named
    reason: Prose = ""


class FreezeBody(StopBody):
    """As StopBody; `anyway` also stops a name that the workspace does not know yet, or no longer."""

    anyway: bool = False


class StopShown(Shown):
    """A stop in force."""

    target: str
    kind: str
    by: str
    reason: str
    at: int
    until: int | None


class StopsShown(Shown):
    """Stops in force."""

    stops: list[StopShown]


class Lifted(Shown):
    """What was let go."""

    target: str


class StopRoutes:
    """Stops."""

    def __init__(self, use: UseCases) -> None:
        self._use = use

    def routes(self) -> Iterator[Route]:
        """Name the routes."""
        yield Route("GET", "/stops", self.all, StopsShown)
        yield Route("POST", "/stops", self.freeze, StopShown, 201, writes=True)
        yield Route("POST", "/stops/lift", self.lift, Lifted, writes=True)

    @allow(people())
    def all(self, caller: Asker, run: str = "", user: str = "") -> StopsShown:
        """List the stops on the workspace, its tools, models, teams and agents, and on the run and user named."""
        found: list[StopShown] = []
        for named in self._scopes(caller, run, user):
            found += self._of(caller, named)
        return StopsShown(stops=found)

    @allow(people(Role.OPERATOR, Role.APPROVER, Role.ADMIN))
    def freeze(self, body: FreezeBody, caller: Asker) -> StopShown:
        """Stop a target at once: after the answer no admission within it commits."""
        self._check_run(body.target, caller)
        reason = words(body.reason, "reason")
        by = str(caller.person)
        stop = self._use.stops.freeze(caller.workspace, body.target, by, reason, anyway=body.anyway)
        return _shown(body.target, stop)

    @allow(people(Role.OPERATOR, Role.ADMIN))
    def lift(self, body: StopBody, caller: Asker) -> Lifted:
        """Lift a freeze."""
        self._check_run(body.target, caller)
        reason = words(body.reason, "reason")
        self._use.stops.unfreeze(caller.workspace, body.target, str(caller.person), reason)
        return Lifted(target=body.target)

    def _check_run(self, text: str, caller: Caller) -> None:
        kind, _, name = text.partition(":")
        if kind == "run":
            found = self._use.store.run(RunId(name))
            if found is None or found.workspace != caller.workspace:
                raise missing("run", name)

    def _scopes(self, caller: Caller, run: str, user: str) -> Iterator[str]:
        yield "workspace"
        rules = self._use.rules(caller.workspace)
        agents = () if rules is None else rules.configuration.agents.values()
        yield from (f"team:{team}" for team in sorted({agent.team for agent in agents if agent.team}))
        yield from (f"agent:{agent.name}" for agent in agents)
        yield from (f"run:{run}",) if run else ()
        yield from (user if is_actor(user) else f"user:{user}",) if user else ()

    def _of(self, caller: Caller, named: str) -> Iterator[StopShown]:
        scope = self._use.store.scope(target(caller.workspace, named).scope)
        now = self._use.clock.now()
        for what, stop in {} if scope is None else scope.stops.items():
            if stop.holds_at(now):
                yield _shown(what or named, stop)


def _shown(named: str, stop: Stop) -> StopShown:
    return StopShown(target=named, kind=stop.kind.value, by=stop.by, reason=stop.reason, at=stop.at, until=stop.until)
