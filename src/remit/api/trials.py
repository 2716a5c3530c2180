"""Trials: candidates observed on live traffic, enforced for some runs, promoted, weakened, stopped."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from pydantic import Field

from remit.api.access import allow, people
from remit.api.backtests import FlipShown, GapShown, flips_shown, gaps_shown
from remit.api.route import Route
from remit.api.shapes import Asker, Body, Channel, Nothing, Prose, Shown, missing, words
from remit.api.use_cases import UseCases
from remit.asgi.answers import Refusal
from remit.control.trials import Trials, Wish
from remit.domain.identity import Role
from remit.domain.ids import AgentName
from remit.execution.backtest.tally import merged
from remit.storage.candidate import WHOLE, Trial, TrialKind

Release = Annotated[str, Field(min_length=1, max_length=64)]


class NewTrial(Body):
    """A stored release and what to do with it. `share` is a number of runs of ten thousand; all by default."""

    release: Release
    kind: TrialKind
    channel: Channel = "production"
    agents: list[Annotated[str, Field(min_length=1, max_length=128, pattern=r"^\S+$")]] = Field(
        default_factory=list, max_length=100
    )
    share: Annotated[int, Field(ge=1, le=WHOLE)] = WHOLE
    expect: list[Annotated[str, Field(max_length=64)]] = Field(default_factory=list, max_length=1_000)


class Promotion(Body):
    """Why, and which flips of a backtest are wanted."""

    message: Prose = ""
    expect: list[Annotated[str, Field(max_length=64)]] = Field(default_factory=list, max_length=1_000)


class TrialShown(Shown):
    """A trial. Of one that observes: what the candidate decided otherwise; `unobserved` were dropped under load."""

    id: str
    kind: str
    state: str
    release: str
    channel: str
    agents: list[str]
    share: int
    by: str
    started_at: int
    ended_at: int | None
    ended_by: str
    decided: int
    flipped: int
    flips: list[FlipShown]
    more: int
    gaps: list[GapShown]
    unobserved: int


class TrialsShown(Shown):
    """Trials, newest first."""

    trials: list[TrialShown]


class TrialRoutes:
    """Trials."""

    def __init__(self, use: UseCases) -> None:
        self._use = use
        self._trials = Trials(use.store, use.releases, use.clock, use.ids)

    def routes(self) -> Iterator[Route]:
        """Name the routes."""
        yield Route("GET", "/trials", self.all, TrialsShown)
        yield Route("POST", "/trials", self.begin, TrialShown, 201, writes=True)
        yield Route("GET", "/trials/{trial}", self.one, TrialShown)
        yield Route("POST", "/trials/{trial}/promote", self.promote, TrialShown, writes=True)
        yield Route("POST", "/trials/{trial}/demote", self.demote, TrialShown, writes=True)
        yield Route("POST", "/trials/{trial}/stop", self.stop, TrialShown, writes=True)

    @allow(people())
    def all(self, caller: Asker) -> TrialsShown:
        """List trials, newest first."""
        return TrialsShown(trials=[self._shown(each) for each in self._use.store.trials(caller.workspace)])

    @allow(people(Role.AUTHOR, Role.OPERATOR, Role.ADMIN))
    def begin(self, body: NewTrial, caller: Asker) -> TrialShown:
        """Begin to observe a release, or to enforce it for some new runs: that passes the gates of the channel."""
        if body.kind is TrialKind.CANARY and not caller.roles & {Role.AUTHOR, Role.OPERATOR}:
            raise Refusal(
                403,
                "role_missing",
                "a canary takes the right to activate",
                "Ask an author or an operator",
                field="kind",
            )
        agents = tuple(map(AgentName, body.agents))
        by, expect = str(caller.person), tuple(body.expect)
        wish = Wish(caller.workspace, body.channel, body.release, body.kind, by, agents, body.share, expect)
        return self._shown(self._trials.begin(wish))

    @allow(people())
    def one(self, trial: str, caller: Asker) -> TrialShown:
        """Return a trial, and what the candidate decided otherwise so far."""
        found = self._use.store.trial(caller.workspace, trial)
        if found is None:
            raise missing("trial", trial)
        return self._shown(found)

    @allow(people(Role.AUTHOR, Role.OPERATOR))
    def promote(self, trial: str, caller: Asker, body: Promotion = Promotion()) -> TrialShown:  # noqa: B008 - frozen
        """Point the channel at a canary's release; where that takes two people, propose it or agree to it."""
        message, by = words(body.message, "message"), str(caller.person)
        return self._shown(self._trials.promote(caller.workspace, trial, by, message, body.expect))

    @allow(people(Role.ADMIN))
    def demote(self, trial: str, caller: Asker, body: Nothing = Nothing()) -> TrialShown:  # noqa: ARG002, B008
        """Enforce a canary no longer, and observe its release instead. It is the new trial that is returned."""
        return self._shown(self._trials.demote(caller.workspace, trial, str(caller.person)))

    @allow(people(Role.AUTHOR, Role.OPERATOR, Role.ADMIN))
    def stop(self, trial: str, caller: Asker, body: Nothing = Nothing()) -> TrialShown:  # noqa: ARG002, B008
        """End a trial: new runs get what the channel points at."""
        return self._shown(self._trials.stop(caller.workspace, trial, str(caller.person)))

    def _shown(self, trial: Trial) -> TrialShown:
        comparison = merged(count.comparison for count in self._use.store.trial_counts(trial.id))
        return TrialShown(
            id=trial.id,
            kind=trial.kind.value,
            state=trial.state.value,
            release=trial.release,
            channel=trial.channel,
            agents=list(trial.agents),
            share=trial.share,
            by=trial.by,
            started_at=trial.started_at,
            ended_at=trial.ended_at,
            ended_by=trial.ended_by,
            decided=comparison.decided,
            flipped=comparison.flipped,
            flips=[flips_shown(flips) for flips in comparison.flips],
            more=comparison.more,
            gaps=gaps_shown(comparison),
            unobserved=comparison.unobserved,
        )
