"""Our own OpenTelemetry spans, where somebody wants them: requests, admissions, outcomes, sealing.

Imported only where an endpoint is set. Names and attributes are those of OpenTelemetry's semantic conventions for HTTP
and for generative AI where they say the same thing, and `remit.` ones elsewhere. What an agent fills in freely is in no
span: no arguments, results, tasks, purposes, headers, paths with ids, messages of errors, and no name of a tool or
model that the release does not know. Neither is whom a run acts for.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from typing import Any

from opentelemetry.context import Context, get_current
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Span, SpanLimits, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased
from opentelemetry.trace import SpanKind, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from opentelemetry.util.types import Attributes

from remit.asgi.answers import ROUTE, Application, Receive, Scope, Send
from remit.control.sealing import Sealing, SealsWorkspaces
from remit.domain.action import ActionKind, ActionState
from remit.domain.admission import Admission
from remit.domain.ids import WorkspaceName
from remit.domain.run import Run
from remit.execution.commands import Admit, EndRun, Settle, StartRun
from remit.execution.watching import Carried, Transaction

MAX_WAITING = 1_000
"""Most transactions that wait to be told of; more are left out, so that a slow collector takes no memory."""
MAX_SPANS = 8_192
"""The same for spans that wait to be sent."""
SEND_TIMEOUT_S = 5
LONGEST_ATTRIBUTE = 256
UNTRACED = frozenset({"/healthz", "/readyz", "/metrics", "/api/v1/events"})
"""Asked every few seconds, or open for hours."""
_METHODS = frozenset("GET HEAD POST PUT PATCH DELETE OPTIONS".split())
_NANOS = 1_000_000_000
_MICROS = 1_000_000


class Spans:
    """Makes and sends spans. What it is told of by the writer is worked out in a thread of its own."""

    def __init__(self, endpoint: str, ratio: float, version: str) -> None:
        """Send to an OTLP collector at `endpoint`, by HTTP: this share of the traces that begin here.

        Headers a collector asks for come from OTEL_EXPORTER_OTLP_HEADERS, which the exporter reads itself.
        """
        resource = Resource.create({"service.name": "remit", "service.version": version})
        limits = SpanLimits(max_span_attribute_length=LONGEST_ATTRIBUTE)
        self._provider = TracerProvider(ParentBased(TraceIdRatioBased(ratio)), resource, span_limits=limits)
        exporter = OTLPSpanExporter(endpoint.rstrip("/") + "/v1/traces", timeout=SEND_TIMEOUT_S)
        self._provider.add_span_processor(BatchSpanProcessor(exporter, max_queue_size=MAX_SPANS))
        self._tracer = self._provider.get_tracer("remit", version)
        self._propagator = TraceContextTextMapPropagator()
        self._told: queue.SimpleQueue[tuple[Transaction, int] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work_off, name="remit-spans", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Send what there is, for as long as a collector may take, and end."""
        self._told.put(None)
        self._thread.join(SEND_TIMEOUT_S)
        self._provider.shutdown()

    # -- the writer

    def queued(self) -> object:
        """Return the span in which a command is put into the queue."""
        return get_current()

    def told(self, transaction: Transaction) -> None:
        """Take note of a transaction. Called in the writer thread."""
        if self._told.qsize() < MAX_WAITING:
            # What is taken by the performance counter is put on the clock by the distance to now.
            self._told.put((transaction, time.time_ns() - int(time.perf_counter() * _NANOS)))

    def _work_off(self) -> None:
        while (item := self._told.get()) is not None:
            transaction, zero_ns = item
            for carried in transaction.carried:
                self._of_command(carried, transaction, zero_ns)

    def _of_command(self, carried: Carried, transaction: Transaction, zero_ns: int) -> None:
        span = self._tracer.start_span(
            _NAMES.get(type(carried.command), "remit.command"),
            carried.context if isinstance(carried.context, Context) else None,
            start_time=zero_ns + int(carried.at * _NANOS),
            attributes={
                "remit.workspace": carried.command.workspace,
                "remit.queue.wait_us": int((transaction.begun - carried.at) * _MICROS),
                "remit.transaction.duration_us": int((transaction.over - transaction.begun) * _MICROS),
                "remit.transaction.commands": len(transaction.carried),
                **_of_answer(carried),
            },
        )
        if isinstance(carried.answer, Exception):
            span.set_status(Status(StatusCode.ERROR))
        span.end(zero_ns + int(transaction.over * _NANOS))

    # -- requests

    def around(self, application: Application) -> Application:
        """Return an application whose requests are spans, within whatever trace their caller names."""

        async def traced(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["path"] in UNTRACED:
                await application(scope, receive, send)
                return
            status = 0

            async def seen(message: MutableMapping[str, Any]) -> None:
                nonlocal status
                if message["type"] == "http.response.start":
                    status = message["status"]
                await send(message)

            with self._request(scope) as span:
                await application(scope, receive, seen)
                method, route = _method(scope), scope.get(ROUTE)
                span.update_name(f"{method} {route}" if route else method)
                span.set_attributes({"http.response.status_code": status} | ({"http.route": route} if route else {}))
                if status >= 500:
                    span.set_status(Status(StatusCode.ERROR))

        return traced

    @contextmanager
    def _request(self, scope: Scope) -> Iterator[Span]:
        carrier = {str(n, "latin-1"): str(v, "latin-1") for n, v in scope["headers"] if n in (b"traceparent",)}
        # No baggage and no state: only where the trace goes on.
        context = self._propagator.extract(carrier)
        attributes: Attributes = {"http.request.method": _method(scope), "url.scheme": scope.get("scheme", "http")}
        with self._tracer.start_as_current_span(
            _method(scope),
            context,
            SpanKind.SERVER,
            attributes,
            record_exception=False,  # its message may hold anything
            set_status_on_exception=False,
        ) as span:
            assert isinstance(span, Span) or not span.is_recording()
            yield span  # type: ignore[misc]  # one that is not recorded takes the same calls

    # -- sealing

    def sealing(self, sealer: SealsWorkspaces) -> SealsWorkspaces:
        """Return a sealer whose seals are spans."""
        return _TracedSealer(self, sealer)

    def sealed(self, workspace: WorkspaceName, begun_ns: int, came: Sealing | Exception) -> None:
        """Tell of one seal."""
        attributes: dict[str, str | int] = {"remit.workspace": workspace}
        if isinstance(came, Sealing):
            attributes |= {"remit.sealing.records": came.new, "remit.sealing.size": came.size}
        else:
            attributes |= {"error.type": type(came).__name__}
        span = self._tracer.start_span("remit.seal", Context(), start_time=begun_ns, attributes=attributes)
        if isinstance(came, Exception):
            span.set_status(Status(StatusCode.ERROR))
        span.end()


class _TracedSealer:
    def __init__(self, spans: Spans, sealer: SealsWorkspaces) -> None:
        self._spans = spans
        self._sealer = sealer

    def seal_all(self, workspace: WorkspaceName) -> Sealing:
        begun = time.time_ns()
        try:
            sealing = self._sealer.seal_all(workspace)
        except Exception as error:
            self._spans.sealed(workspace, begun, error)
            raise
        if sealing.new:
            self._spans.sealed(workspace, begun, sealing)
        return sealing


_NAMES = {
    StartRun: "remit.start_run",
    Admit: "remit.admit",
    Settle: "remit.settle",
    EndRun: "remit.end_run",
}


def _method(scope: Scope) -> str:
    """Return the method, or what HTTP's conventions say for one nobody knows: a caller may send any word."""
    method = str(scope["method"])
    return method if method in _METHODS else "_OTHER"


def _of_answer(carried: Carried) -> dict[str, str | int | bool]:
    command, answer = carried.command, carried.answer
    if isinstance(answer, Exception):
        return {"error.type": type(answer).__name__}
    match command:
        case StartRun(run=run):
            return {"gen_ai.operation.name": "invoke_agent", **_of_run(run)}
        case EndRun(run=run):
            return _of_run(run)
        case Settle(run=run, outcome=outcome):
            told: dict[str, str | int | bool] = {"gen_ai.tool.call.id": outcome.action, "remit.outcome": outcome.status}
            if outcome.cost is not None and outcome.cost.micros is not None:
                told["remit.cost.usd_micro"] = outcome.cost.micros
            return told | _of_run(run)
        case Admit() if isinstance(answer, Admission):
            return _of_admission(command, answer) | _of_run(command.call.run)
    return {}


def _of_run(run: Run) -> dict[str, str | int | bool]:
    return {
        "gen_ai.agent.name": run.agent,
        "gen_ai.conversation.id": run.id,
        "remit.release": run.release,
    }


def _of_admission(command: Admit, answer: Admission) -> dict[str, str | int | bool]:
    action, decision = command.call.action, answer.decision
    reasons = decision.reasons
    told: dict[str, str | int | bool] = {
        "gen_ai.tool.call.id": action.id,
        "remit.state": answer.state,
        "remit.verdict": decision.verdict.word,
        "remit.repeated": answer.repeated,
    }
    if reasons:
        told |= {"remit.check": reasons[0].code.check, "remit.reason": reasons[0].code}
    if action.kind is ActionKind.TOOL:
        told["gen_ai.operation.name"] = "execute_tool"
        if command.call.rules.tool(action.target) is not None:
            told["gen_ai.tool.name"] = action.target
        return told
    told["gen_ai.operation.name"] = "chat"
    if answer.state is not ActionState.DENIED:  # then the remit has named it
        provider, _, name = action.target.partition("/")
        told |= {"gen_ai.provider.name": provider, "gen_ai.request.model": name}
    return told
