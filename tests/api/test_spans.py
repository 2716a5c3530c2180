"""Our own spans as a collector gets them: one trace from the caller to the record, and nothing secret in any of it."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from remit.api.serving import NotEncrypted
from remit.api.spans import Spans
from remit.control.sealing import LedgerBroken, Sealer
from remit.domain.ids import OwnerId
from remit.server import open_spans
from remit.settings import Settings
from remit.storage.sealed import KeyFile
from remit.storage.seals import seals_of
from tests.served import Served, served
from tests.worlds import MODEL, VISITOR, WORKSPACE, World, world

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
CALLER = f"00-{TRACE}-00f067aa0ba902b7-01"
SECRETS = {
    "argument": "INV-secret-argument",
    "result": "secret-result",
    "task": "secret-task",
    "purpose": "secret-purpose",
    "subject": "secret-subject",
    "user": "user:secret-user",
    "tool": "secret-tool-name",
    "model": "secret/model-name",
    "error": "SecretError",
    "query": "secret-query",
    "header": "secret-header",
}


class Collector:
    """Takes OTLP over HTTP and keeps what it got, raw and decoded."""

    def __init__(self) -> None:
        self.raw: list[bytes] = []
        self.paths: list[str] = []
        collector = self

        class Taker(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                collector.paths.append(self.path)
                collector.raw.append(self.rfile.read(int(self.headers["Content-Length"])))
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None: ...

        self._server = HTTPServer(("127.0.0.1", 0), Taker)
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def spans(self) -> list[Span]:
        found: list[Span] = []
        for raw in self.raw:
            for resource in ExportTraceServiceRequest.FromString(raw).resource_spans:
                for scope in resource.scope_spans:
                    found += scope.spans
        return found

    def named(self, name: str) -> list[Span]:
        return [span for span in self.spans if span.name == name]


def told(span: Span) -> dict[str, object]:
    """The attributes of a span."""
    found: dict[str, object] = {}
    for each in span.attributes:
        kind = each.value.WhichOneof("value")
        found[each.key] = None if kind is None else getattr(each.value, kind)
    return found


@pytest.fixture
def collector() -> Iterator[Collector]:
    opened = Collector()
    yield opened
    opened.close()


def story(server: Served) -> None:
    """A run with everything secret that an agent can fill in somewhere."""
    headers = {"traceparent": CALLER, "X-Secret": SECRETS["header"], "tracestate": f"x={SECRETS['header']}"}
    start = {"on_behalf_of": SECRETS["user"], "task": SECRETS["task"], "purpose": SECRETS["purpose"]}
    run = server.ask("POST", "/api/v1/runs", {**start, "subject": SECRETS["subject"]}, headers=headers).document["run"]
    place = f"/api/v1/runs/{run}/actions"

    def attempt(kind: str, target: str, **fields: object) -> str:
        body = {"kind": kind, "target": target, **fields}
        return str(server.ask("POST", place, body, headers=headers).document["action"])

    action = attempt("tool", "erp.get", arguments={"id": SECRETS["argument"]})
    outcome = {"status": "error", "error": SECRETS["error"], "result_text": SECRETS["result"]}
    server.ask("POST", f"{place}/{action}/outcome?x={SECRETS['query']}", outcome, headers=headers)
    attempt("tool", SECRETS["tool"], arguments={"id": SECRETS["argument"]})
    attempt("model", SECRETS["model"], input_tokens=1, max_output_tokens=1)
    attempt("model", MODEL, input_tokens=1, max_output_tokens=1)
    server.ask("POST", f"/api/v1/runs/{run}/end", {}, headers=headers)
    server.ask("GET", f"/api/v1/runs?user={SECRETS['query']}", headers=headers)
    server.ask("GET", f"/api/v1/{SECRETS['query']}", headers=headers)
    server.ask("PURGE", "/api/v1/runs", headers=headers)


def watched(tmp_path: Path, collector: Collector) -> list[str]:
    """Play the story; return the keys of agents that were used."""
    spans = Spans(collector.url, 1.0, "0")
    with world(tmp_path) as it, served(it, spans=spans) as server:
        story(server)
        keys = list(server.keys.values())
        it.queue.close()
    spans.close()
    return keys


def test_one_trace_leads_from_the_caller_to_the_record(tmp_path: Path, collector: Collector) -> None:
    watched(tmp_path, collector)
    assert set(collector.paths) == {"/v1/traces"}
    assert {span.trace_id.hex() for span in collector.spans} == {TRACE}
    (request,) = collector.named("POST /api/v1/runs/{run}/actions/{action}/outcome")
    assert (request.kind, request.parent_span_id.hex()) == (Span.SPAN_KIND_SERVER, "00f067aa0ba902b7")
    assert told(request) == {
        "http.request.method": "POST",
        "url.scheme": "http",
        "http.route": "/api/v1/runs/{run}/actions/{action}/outcome",
        "http.response.status_code": 200,
    }
    (settle,) = collector.named("remit.settle")
    assert settle.parent_span_id == request.span_id
    assert request.start_time_unix_nano <= settle.start_time_unix_nano < settle.end_time_unix_nano
    assert settle.end_time_unix_nano <= request.end_time_unix_nano


def test_admissions_tell_how_long_they_waited_and_what_was_decided(tmp_path: Path, collector: Collector) -> None:
    watched(tmp_path, collector)
    first, unknown, refused, model = (told(span) for span in collector.named("remit.admit"))
    run = first["gen_ai.conversation.id"]
    assert {name: first[name] for name in first if name.startswith("gen_ai.")} == {
        "gen_ai.operation.name": "execute_tool",
        "gen_ai.agent.name": "buyer",
        "gen_ai.conversation.id": run,
        "gen_ai.tool.name": "erp.get",
        "gen_ai.tool.call.id": first["gen_ai.tool.call.id"],
    }
    assert (first["remit.state"], first["remit.verdict"]) == ("admitted", "allow")
    assert first["remit.transaction.commands"] == 1
    waited, lasted = first["remit.queue.wait_us"], first["remit.transaction.duration_us"]
    assert isinstance(waited, int)
    assert isinstance(lasted, int)
    assert waited >= 0 < lasted
    assert (unknown["remit.verdict"], unknown["remit.reason"]) == ("deny", "grant.tool_unknown")
    assert "gen_ai.tool.name" not in unknown, "an agent makes up any name"
    assert "gen_ai.request.model" not in refused
    assert (model["gen_ai.provider.name"], model["gen_ai.request.model"]) == tuple(MODEL.split("/"))
    assert [span.name for span in collector.spans if span.name.startswith("remit.")].count("remit.start_run") == 1


def test_nothing_secret_is_in_what_is_sent(tmp_path: Path, collector: Collector) -> None:
    keys = watched(tmp_path, collector)
    everything = b"".join(collector.raw)
    assert len(collector.spans) > 10
    for name, secret in {**SECRETS, **{f"key {number}": key for number, key in enumerate(keys)}}.items():
        assert secret.encode() not in everything, name
        assert secret.upper().encode() not in everything, name


def sealer_of(it: World) -> Sealer:
    path = it.parts.settings.key_path
    assert path is not None
    return Sealer(it.store, seals_of(it.store), KeyFile(path), it.clock, it.ids, OwnerId("own_1"))


def test_seals_and_failures_are_told(tmp_path: Path, collector: Collector) -> None:
    spans = Spans(collector.url, 1.0, "0")
    with world(tmp_path) as it:
        sealing = spans.sealing(sealer_of(it))
        assert sealing.seal_all(WORKSPACE).new == 2
        assert sealing.seal_all(WORKSPACE).new == 0
        it.start("buyer", VISITOR)
        with it.store._engine.begin() as connection:
            connection.exec_driver_sql("delete from records where seq = (select max(seq) from records)")
        with pytest.raises(LedgerBroken):
            sealing.seal_all(WORKSPACE)
    spans.close()
    done, broken = collector.named("remit.seal")
    assert told(done) == {"remit.workspace": WORKSPACE, "remit.sealing.records": 2, "remit.sealing.size": 2}
    assert told(broken) == {"remit.workspace": WORKSPACE, "error.type": "LedgerBroken"}
    assert broken.status.message == ""


def test_a_share_of_the_traces_is_sent_and_none_of_none(tmp_path: Path, collector: Collector) -> None:
    spans = Spans(collector.url, 0.0, "0")
    with world(tmp_path) as it, served(it, spans=spans) as server:
        server.start()
    spans.close()
    assert collector.spans == []


def test_a_collector_that_is_not_there_keeps_nobody_from_anything(tmp_path: Path) -> None:
    spans = Spans("http://127.0.0.1:9", 1.0, "0")
    with world(tmp_path) as it, served(it, spans=spans) as server:
        run = server.start()["run"]
        body = {"kind": "tool", "target": "erp.get", "arguments": {"id": "7"}}
        assert server.ask("POST", f"/api/v1/runs/{run}/actions", body).document["state"] == "admitted"
    spans.close()


def test_spans_do_not_cross_a_network_in_the_clear() -> None:
    with pytest.raises(NotEncrypted, match="in the clear"):
        open_spans(Settings(otel_endpoint="http://collector.example:4318"))
    assert open_spans(Settings()) is None


OFF = """
import sys
HEAVY = ("opentelemetry.sdk", "opentelemetry.exporter", "opentelemetry.proto", "requests", "google", "remit.api.spans")
from pathlib import Path
from remit.compose import open_parts, open_queue
from remit.server import open_server, open_spans
from remit.settings import Settings

settings = Settings(database_url="sqlite:///" + sys.argv[1])
parts = open_parts(settings)
queue = open_queue(parts)
opened = open_server(parts, queue, secure=False, spans=open_spans(settings))
print([name for name in sys.modules if name.startswith(HEAVY)])
queue.close()
parts.close()
"""


def test_off_nothing_of_it_is_imported(tmp_path: Path) -> None:
    """But the interfaces, which the web framework imports by itself."""
    done = subprocess.run(
        [sys.executable, "-c", OFF, str(tmp_path / "remit.db")], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
