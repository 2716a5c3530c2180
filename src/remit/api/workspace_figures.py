"""Figures of one workspace, read from the database when they are asked for: what waits for people, and what is stopped.

Of the caller's workspace only: nothing crosses it, numbers neither.
"""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from remit.api.figures import QueueFigures
from remit.api.use_cases import UseCases
from remit.control.stops import target
from remit.domain.clock import MICROS_PER_SECOND, Instant
from remit.domain.facts import ApprovalState
from remit.domain.ids import WorkspaceName
from remit.domain.notice import NoticeState
from remit.storage.outbox import outbox_of
from remit.storage.port import StoreError


class WorkspaceFigures(Collector):
    """One workspace's figures. Where the database does not answer, those that need it are left out."""

    def __init__(self, use: UseCases, admissions: QueueFigures, workspace: WorkspaceName) -> None:
        self._use = use
        self._admissions = admissions
        self._workspace = workspace

    def collect(self) -> Iterator[Metric]:
        """Yield the figures."""
        told = "Decisions of this process by verdict and by the check that decided; `none` where all allowed."
        decisions = CounterMetricFamily("remit_decisions", told, labels=("verdict", "check"))
        for verdict, check, count in self._admissions.decisions(self._workspace):
            decisions.add_metric((verdict, check), count)
        yield decisions
        try:
            gauges = list(self._of_database())
        except StoreError:
            return
        for name, words, value in gauges:
            yield GaugeMetricFamily(name, words, value)

    def _of_database(self) -> Iterator[tuple[str, str, float]]:
        store, where, now = self._use.store, self._workspace, self._use.clock.now()
        pending = [a for a in store.approvals(where, ApprovalState.PENDING) if now < a.expires_at]
        yield "remit_approvals_pending", "Holds that wait for people.", len(pending)
        unknown = [action for action in store.open_actions(where) if action.unknown]
        yield "remit_actions_unknown", "Actions of which nobody knows what they came to.", len(unknown)
        words = "Stops in force on the workspace, its tools, models, teams and agents."
        yield "remit_stops_in_force", words, self._stops(now)
        notices = outbox_of(store).counts(where)
        yield "remit_notices_waiting", "Messages to approvers that are to be sent.", notices[NoticeState.WAITING]
        yield "remit_notices_failed", "Messages to approvers that nobody took.", notices[NoticeState.FAILED]
        lag = self._use.evidence(where).lag(now)
        yield "remit_sealing_lag_records", "Records that are not sealed yet.", lag.records
        yield "remit_sealing_lag_seconds", "Age of the oldest record not sealed yet.", lag.micros / MICROS_PER_SECOND
        yield "remit_sealing_alarm", "1 where the ledger's records are not whole and sealing has stopped.", lag.alarm

    def _stops(self, now: Instant) -> int:
        rules = self._use.rules(self._workspace)
        agents = () if rules is None else rules.configuration.agents.values()
        named = ["workspace", *(f"team:{team}" for team in sorted({a.team for a in agents if a.team}))]
        named += [f"agent:{agent.name}" for agent in agents]
        scopes = [self._use.store.scope(target(self._workspace, name).scope) for name in named]
        return sum(stop.holds_at(now) for scope in scopes if scope for stop in scope.stops.values())
