"""Which agents and tools each policy had a say over lately."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import orjson

from remit.api.access import allow, people
from remit.api.route import Route
from remit.api.shapes import Asker, Shown
from remit.api.use_cases import UseCases
from remit.domain.clock import MICROS_PER_SECOND, Instant
from remit.domain.ids import WorkspaceName
from remit.domain.record import RecordKind

WINDOWS_S = (7 * 86_400, 86_400, 3_600)
"""How far back is looked: the longest of these with no more decisions than are read."""
MOST = 5_000
PAGE = 1_000


class TouchedShown(Shown):
    """What one policy did to an agent's calls of one target: how often, and the newest of those actions."""

    policy: str
    agent: str
    target: str
    verdict: str
    count: int
    action: str
    run: str


class ReachShown(Shown):
    """Of `decisions` since `since`, which of them each policy had a say in, the most frequent first."""

    since: int
    decisions: int
    touched: list[TouchedShown]


class ReachRoutes:
    """What policies reach."""

    def __init__(self, use: UseCases) -> None:
        self._use = use

    def routes(self) -> Iterator[Route]:
        """Name the routes."""
        yield Route("GET", "/policies/reach", self.all, ReachShown)

    @allow(people())
    def all(self, caller: Asker) -> ReachShown:
        """Count which agents and actions each policy touched: in a week, or less where that is too much to read."""
        since, bodies = self._recent(caller.workspace)
        counts: Counter[tuple[str, str, str, str]] = Counter()
        newest: dict[tuple[str, str, str, str], tuple[str, str]] = {}
        for body in bodies:
            record = orjson.loads(body)
            decision = record["decision"]
            for policy in decision["policies"]:
                key = (policy, record["agent"], record["target"], decision["verdict"])
                counts[key] += 1
                newest[key] = (record["action"], record["run"])
        return ReachShown(
            since=since,
            decisions=len(bodies),
            touched=[
                TouchedShown(
                    policy=key[0],
                    agent=key[1],
                    target=key[2],
                    verdict=key[3],
                    count=count,
                    action=newest[key][0],
                    run=newest[key][1],
                )
                for key, count in counts.most_common()
            ],
        )

    def _recent(self, workspace: WorkspaceName) -> tuple[Instant, list[bytes]]:
        now, kind = self._use.clock.now(), RecordKind.DECISION_MADE.value
        since, first = now, 0
        for window in WINDOWS_S:
            since = Instant(now - window * MICROS_PER_SECOND)
            first, count = self._use.store.span(workspace, kind, since, Instant(now + 1))
            if count <= MOST:
                break
        found: list[bytes] = []
        after = first - 1
        while first and len(found) < MOST:
            page = self._use.store.records(workspace, after, PAGE, None, kind)
            found += [body for _, body in page]
            if len(page) < PAGE:
                break
            after = page[-1][0]
        return since, found[:MOST]
