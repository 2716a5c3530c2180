"""Figures of one process, for Prometheus. A registry of our own: nothing else in the process gets in by itself."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import asdict
from itertools import accumulate

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from remit.domain.admission import Admission
from remit.domain.ids import WorkspaceName
from remit.execution.admission import AdmissionQueue
from remit.execution.commands import Admit
from remit.execution.rulesets import Rulesets
from remit.execution.second_opinion import SecondOpinion
from remit.execution.watching import Transaction, Watch

_BUCKETS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class QueueFigures(Collector):
    """What the writer has done, counted after everybody who waited has their answer."""

    def __init__(self, queue: AdmissionQueue | None) -> None:
        """Begin to count; without a queue there is nothing to count."""
        self._queue = queue
        self._seconds = [0] * (len(_BUCKETS_S) + 1)  # owned by the writer thread, like the two below
        self._sum_s = 0.0
        self._decisions: dict[tuple[str, str, str], int] = {}
        if queue is not None:
            queue.watch(Watch(self.told))

    def told(self, transaction: Transaction) -> None:
        """Count one transaction's commands."""
        for carried in transaction.carried:
            seconds = transaction.over - carried.at
            self._seconds[bisect_left(_BUCKETS_S, seconds)] += 1
            self._sum_s += seconds
            command, answer = carried.command, carried.answer
            if isinstance(command, Admit) and isinstance(answer, Admission) and not answer.repeated:
                reasons = answer.decision.reasons
                check = reasons[0].code.check.value if reasons else "none"
                key = (command.run.workspace, answer.decision.verdict.word, check)
                self._decisions[key] = self._decisions.get(key, 0) + 1

    def collect(self) -> Iterator[Metric]:
        """Yield the writer's counters."""
        if self._queue is None:
            return
        counters = self._queue.counters
        for name, told, value in (
            ("remit_admission_batches", "Transactions of the writer.", counters.batches),
            ("remit_admission_commands", "Commands that were carried out durably.", counters.commands),
            ("remit_admission_failures", "Transactions that failed.", counters.failures),
        ):
            yield CounterMetricFamily(name, told, value)
        yield GaugeMetricFamily("remit_admission_waiting", "Commands that wait for the writer.", self._queue.waiting)
        bounds = [*(str(bound) for bound in _BUCKETS_S), "+Inf"]
        buckets = list(zip(bounds, accumulate(self._seconds), strict=True))
        told = "From being put into the queue to being durable and answered, of every command."
        yield HistogramMetricFamily("remit_admission_seconds", told, buckets, self._sum_s)

    def decisions(self, workspace: WorkspaceName) -> Iterator[tuple[str, str, int]]:
        """Yield verdict, deciding check and how many, of one workspace."""
        for (where, verdict, check), count in sorted(self._decisions.copy().items()):
            if where == workspace:
                yield verdict, check, count


class PolicyFigures(Collector):
    """How the policies were asked, and what second opinions said, over the releases that are kept ready."""

    def __init__(self, rulesets: Rulesets, opinion: SecondOpinion | None) -> None:
        self._rulesets = rulesets
        self._opinion = opinion

    def collect(self) -> Iterator[Metric]:
        """Yield the counts. Those of a release that is dropped go with it."""
        ready = self._rulesets.ready
        asked = GaugeMetricFamily("remit_policy_answers", "Answers of the policies, by who gave them.", labels=["by"])
        asked.add_metric(["compiled"], sum(rules.authorizer.counts.compiled for rules in ready))
        asked.add_metric(["official"], sum(rules.authorizer.counts.official for rules in ready))
        yield asked
        distrusted = sum(bool(rules.authorizer.distrusted) for rules in ready)
        told = "Releases decided by the official implementation, since compiled policies were found to differ."
        yield GaugeMetricFamily("remit_policy_distrusted_releases", told, distrusted)
        if self._opinion is not None:
            told = "Decisions that were decided again, by what came of it."
            opinions = CounterMetricFamily("remit_policy_second_opinions", told, labels=["result"])
            for result, count in asdict(self._opinion.opinions).items():
                opinions.add_metric([result], count)
            yield opinions


class Figures:
    """Counters and latencies of one process. Labels are closed sets: no path, name or id becomes one."""

    def __init__(self, queue: AdmissionQueue | None, rulesets: Rulesets) -> None:
        """Begin to count; without a `queue` the writer's counters are left out."""
        self._registry = CollectorRegistry()
        self.admissions = QueueFigures(queue)
        self._registry.register(self.admissions)
        self._registry.register(PolicyFigures(rulesets, None if queue is None else queue.opinion))
        self.requests = Counter(
            "remit_http_requests",
            "Requests by route and status class.",
            ["method", "route", "status"],
            registry=self._registry,
        )
        self.latency = Histogram(
            "remit_http_request_seconds", "Time to answer.", ["route"], registry=self._registry, buckets=_BUCKETS_S
        )

        # By what is counted, so that the labels of every request are not looked up under a lock.
        self._counted: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}

    def answered(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count one answer. `route` is the template, as `/runs/{run}`."""
        kind = method, route, status // 100
        counted = self._counted.get(kind)
        if counted is None:
            requests = self.requests.labels(method, route, f"{status // 100}xx")
            counted = self._counted[kind] = requests, self.latency.labels(route)
        counted[0].inc()
        counted[1].observe(seconds)

    def text(self, *more: Collector) -> bytes:
        """Return everything in the text format, with what somebody adds for this once."""
        registry = CollectorRegistry()
        for each in more:
            registry.register(each)
        return generate_latest(self._registry) + generate_latest(registry)
