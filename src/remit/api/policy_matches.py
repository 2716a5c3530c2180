"""How often each policy has decided something, and which ones have been there all the time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Annotated

import orjson
from fastapi import Query

from remit.api.access import allow, people
from remit.api.route import Route
from remit.api.shapes import Asker, Channel, Shown
from remit.api.use_cases import UseCases
from remit.asgi.answers import Refusal
from remit.domain.clock import MICROS_PER_SECOND, Instant
from remit.domain.ids import WorkspaceName
from remit.domain.record import RecordKind

DAY_S = 86_400
MOST = 500_000
"""Decisions that are read at most: some 15 µs each."""
PAGE = 1_000


class MatchesShown(Shown):
    """What policies did in the last days.

    Attributes:
        decisions: how many there are since `since`.
        counts: by policy, how many of them it determined.
        idle: policies that determined none, of those that the channel has had all this time.
    """

    since: int
    decisions: int
    counts: dict[str, int]
    idle: list[str]


class MatchRoutes:
    """What policies did."""

    def __init__(self, use: UseCases) -> None:
        self._use = use

    def routes(self) -> Iterator[Route]:
        """Name the routes."""
        yield Route("GET", "/policies/matches", self.all, MatchesShown)

    @allow(people())
    def all(
        self, caller: Asker, days: Annotated[int, Query(ge=1, le=366)] = 30, channel: Channel = "production"
    ) -> MatchesShown:
        """Count which policies determined how many decisions, and name those that did nothing."""
        now = self._use.clock.now()
        since = Instant(max(0, now - days * DAY_S * MICROS_PER_SECOND))
        counts, read = self._counted(caller.workspace, since, Instant(now + 1))
        there = self._there_since(caller.workspace, channel, since)
        return MatchesShown(
            since=since,
            decisions=read,
            counts=dict(counts.most_common()),
            idle=sorted(there - counts.keys()) if read else [],
        )

    def _counted(self, workspace: WorkspaceName, since: Instant, until: Instant) -> tuple[Counter[str], int]:
        kind = RecordKind.DECISION_MADE.value
        first, total = self._use.store.span(workspace, kind, since, until)
        if total > MOST:
            raise Refusal(
                422,
                "too_much",
                f"there are {total:,} decisions in that time, and {MOST:,} are read at most",
                "Ask for fewer days",
                field="days",
            )
        after, read, counts = first - 1, 0, Counter[str]()
        while read < total:
            found = self._use.store.records(workspace, after, PAGE, kind=kind)
            if not found:
                break
            after = found[-1][0]
            for record in (orjson.loads(body) for _, body in found):
                if since <= record["at"] < until:
                    counts.update(set(record["decision"]["policies"]))
                    read += 1
        return counts, read

    def _there_since(self, workspace: WorkspaceName, channel: str, since: Instant) -> frozenset[str]:
        """Return the ids of the policies that every release of the channel has had since an instant, and before it."""
        ids: frozenset[str] | None = None
        for activation in sorted(self._use.store.activations(workspace, channel), key=lambda each: -each.at):
            rules = self._use.rules(workspace, activation.release)
            here = frozenset(policy.id for policy in rules.authorizer.policies) if rules is not None else frozenset()
            ids = here if ids is None else ids & here
            if activation.at <= since or not ids:
                return ids if activation.at <= since else frozenset()
        return frozenset()
