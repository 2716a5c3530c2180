"""Backtests of candidates over recorded history: long-running, with progress, one at a time in each process."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Annotated

from pydantic import Field

from remit.api.access import allow, people
from remit.api.route import Route
from remit.api.shapes import Asker, Body, Channel, Json, Nothing, Shown, missing
from remit.api.use_cases import UseCases
from remit.asgi.answers import Refusal
from remit.domain.flip import Comparison, Flips
from remit.domain.flip_words import say_gap, say_kind, say_sides
from remit.domain.identity import Role
from remit.domain.ids import ReleaseId
from remit.domain.messages import Language
from remit.execution.backtest.backtests import MAX_DAYS, Asked, Backtests
from remit.kernel.ruleset import Ruleset
from remit.storage.candidate import Backtest, BacktestState
from remit.workspace.files import MAX_FILES, Folder

LANGUAGES: tuple[Language, ...] = ("en", "ar")


class NewBacktest(Body):
    """A candidate: the id of a stored release, or the files of a folder; and how far back to go."""

    release: Annotated[str, Field(max_length=64)] = ""
    files: Annotated[dict[str, str], Field(max_length=MAX_FILES)] = Field(default_factory=dict)
    days: Annotated[int, Field(ge=1, le=MAX_DAYS)] = 7
    agent: Annotated[str, Field(max_length=128)] = ""
    tool: Annotated[str, Field(max_length=300)] = ""
    channel: Channel = "production"


class FlipShown(Shown):
    """A group of decisions that come out otherwise. `words` and those of examples are in English and Arabic."""

    id: str
    kind: str
    cause: str
    agent: str
    target: str
    already: bool
    count: int
    words: dict[str, str]
    examples: list[Json]


class GapShown(Shown):
    """Decisions that could not be made again."""

    why: str
    count: int
    words: dict[str, str]
    examples: list[str]


class BacktestShown(Shown):
    """A backtest as far as it is. `state` is running, done, cancelled, failed, or lost with its process.

    `unchanged` of those decided were not made again: nothing that they rest on is otherwise in the candidate.
    """

    id: str
    release: str
    active: str
    state: str
    since: int
    until: int
    agent: str
    tool: str
    by: str
    started_at: int
    passed: int
    total: int
    decided: int
    unchanged: int
    flipped: int
    flips: list[FlipShown]
    more: int
    gaps: list[GapShown]
    fault: str


class BacktestsShown(Shown):
    """Backtests, newest first, without what they found."""

    backtests: list[BacktestShown]


class BacktestRoutes:
    """Backtests."""

    def __init__(self, use: UseCases) -> None:
        self._use = use
        self._backtests = Backtests(use.store, use.keys.apart(), use.clock, use.ids, use.rulesets.of)
        self._busy = threading.Lock()

    def routes(self) -> Iterator[Route]:
        """Name the routes."""
        yield Route("GET", "/backtests", self.all, BacktestsShown)
        yield Route("POST", "/backtests", self.begin, BacktestShown, 202, writes=True, large=True)
        yield Route("GET", "/backtests/{backtest}", self.one, BacktestShown)
        yield Route("POST", "/backtests/{backtest}/cancel", self.cancel, BacktestShown, writes=True)

    @allow(people())
    def all(self, caller: Asker) -> BacktestsShown:
        """List backtests, newest first."""
        return BacktestsShown(backtests=[self._shown(each) for each in self._use.store.backtests(caller.workspace)])

    @allow(people(Role.AUTHOR, Role.ADMIN, Role.AUDITOR))
    def begin(self, body: NewBacktest, caller: Asker) -> BacktestShown:
        """Begin to decide recorded actions again with a candidate's rules. GET it to see how far it is."""
        rules = self._candidate(body, caller)
        active = self._use.store.active(caller.workspace, body.channel)
        base = None if active is None else self._use.rulesets.of(caller.workspace, active)
        if not self._busy.acquire(blocking=False):
            raise Refusal(
                429, "busy", "this server runs a backtest already", "Wait for it, or cancel it", retry_after_s=5
            )
        try:
            asked = Asked(caller.workspace, body.days, str(caller.person), body.agent, body.tool)
            begun = self._backtests.begin(asked, rules.release, active)
            threading.Thread(target=self._run, args=(begun, rules, base), name="remit-backtest", daemon=True).start()
        except BaseException:
            self._busy.release()
            raise
        return self._shown(begun)

    @allow(people())
    def one(self, backtest: str, caller: Asker) -> BacktestShown:
        """Return a backtest: how far it is, and when it is done what it found."""
        return self._shown(self._existing(backtest, caller))

    @allow(people(Role.AUTHOR, Role.ADMIN, Role.AUDITOR))
    def cancel(self, backtest: str, caller: Asker, body: Nothing = Nothing()) -> BacktestShown:  # noqa: ARG002, B008 - no body, and frozen
        """Stop a backtest. One that is over stays as it is."""
        return self._shown(self._backtests.cancel(self._existing(backtest, caller)))

    def _run(self, begun: Backtest, rules: Ruleset, base: Ruleset | None) -> None:
        try:
            self._backtests.run(begun, rules, base)
        except Exception:  # noqa: BLE001 - what went wrong stands on the backtest's row, for whoever asks
            return
        finally:
            self._busy.release()

    def _candidate(self, body: NewBacktest, caller: Asker) -> Ruleset:
        if bool(body.files) == bool(body.release):
            raise Refusal(422, "field_missing", "which candidate is not said", "Send release or files", field="release")
        if body.release:
            found = self._use.rules(caller.workspace, body.release)
            if found is None:
                raise missing("release", body.release)
            return found
        folder = Folder(caller.workspace, {path: text.encode() for path, text in sorted(body.files.items())}, ())
        plan = self._use.releases.plan(folder, str(caller.person), "", body.channel)
        return Ruleset(ReleaseId(plan.release.id), plan.configuration)

    def _existing(self, id: str, caller: Asker) -> Backtest:
        found = self._use.store.backtest(caller.workspace, id)
        if found is None:
            raise missing("backtest", id)
        return found

    def _shown(self, found: Backtest) -> BacktestShown:
        lost = found.state is BacktestState.RUNNING and self._backtests.is_lost(found)
        return BacktestShown(
            id=found.id,
            release=found.release,
            active=found.base,
            state="lost" if lost else found.state.value,
            since=found.since,
            until=found.until,
            agent=found.agent,
            tool=found.target,
            by=found.by,
            started_at=found.started_at,
            passed=found.decided,
            total=found.total,
            decided=found.comparison.decided,
            unchanged=found.comparison.unchanged,
            flipped=found.comparison.flipped,
            flips=[flips_shown(flips) for flips in found.comparison.flips],
            more=found.comparison.more,
            gaps=gaps_shown(found.comparison),
            fault=found.fault,
        )


def flips_shown(flips: Flips) -> FlipShown:
    """Return one group of flips."""
    key = flips.key
    return FlipShown(
        id=key.id,
        kind=key.kind,
        cause=key.cause,
        agent=key.agent,
        target=key.target,
        already=key.already,
        count=flips.count,
        words={language: say_kind(key, language) for language in LANGUAGES},
        examples=[
            {
                **example.as_json(),
                "words": {
                    language: dict(zip(("before", "after"), say_sides(example, language), strict=True))
                    for language in LANGUAGES
                },
            }
            for example in flips.examples
        ],
    )


def gaps_shown(comparison: Comparison) -> list[GapShown]:
    """Return why decisions could not be made again, and how many."""
    return [
        GapShown(
            why=gap.value,
            count=count,
            words={language: say_gap(gap, language) for language in LANGUAGES},
            examples=list(comparison.gap_examples.get(gap, ())),
        )
        for gap, count in comparison.gaps.items()
    ]
