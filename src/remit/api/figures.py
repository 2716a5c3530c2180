"""Figures of one process, for Prometheus. A registry of our own: nothing else in the process gets in by itself."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, Metric
from prometheus_client.registry import Collector

from remit.execution.admission import AdmissionQueue

_BUCKETS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class QueueFigures(Collector):
    """What the writer counts, read when asked for: nothing is added to its path."""

    def __init__(self, queue: AdmissionQueue) -> None:
        self._queue = queue

    def collect(self) -> Iterator[Metric]:
        """Yield the writer's counters."""
        counters = self._queue.counters
        for name, told, value in (
            ("remit_admission_batches", "Transactions of the writer.", counters.batches),
            ("remit_admission_commands", "Commands that were carried out durably.", counters.commands),
            ("remit_admission_failures", "Transactions that failed.", counters.failures),
        ):
            yield CounterMetricFamily(name, told, value)


class Figures:
    """Counters and latencies of one process. Labels are closed sets: no path, name or id becomes one."""

    def __init__(self, queue: AdmissionQueue) -> None:
        self._registry = CollectorRegistry()
        self._registry.register(QueueFigures(queue))
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

    def text(self) -> bytes:
        """Return everything in the text format."""
        return generate_latest(self._registry)
