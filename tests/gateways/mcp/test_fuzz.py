"""Whatever comes in, the MCP gateway answers in the dialect, tells nothing of itself, and runs nothing unadmitted.

`corpus/` holds bodies that once mattered, or that every shape of request begins with. They are sent as they are, and
changed in ways that hypothesis looks for.
"""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from remit.domain.record import RecordKind
from tests.gateways.mcp.behind import LEGACY, MODERN, Gateway, gateway

CORPUS = sorted((Path(__file__).parent / "corpus").iterdir())
STATUSES = {200, 202, 400, 404, 405, 406, 413, 415, 421, 422, 429}
FREELY: dict[str, Any] = {
    "limits": {"steps": 100_000, "tool_calls": 100_000, "denials": 100_000},
    "loops": {"on_detection": "warn"},
}


@pytest.fixture(scope="module")
def it(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    with gateway(tmp_path_factory.mktemp("fuzz"), **FREELY) as opened:
        opened.initialize()
        yield opened


def sent(it: Gateway, body: bytes, headers: dict[str, str]) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection(it.server.host, it.server.port, timeout=20)
    try:
        told = {"Authorization": f"Bearer {it.server.key()}", "Content-Type": "application/json", **headers}
        connection.request("POST", "/mcp", body, told)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def headers_for(body: bytes, era: str) -> dict[str, str]:
    """What a client of that era would send beside a body."""
    if era == LEGACY:
        return {"Accept": "application/json", "MCP-Protocol-Version": LEGACY}
    try:
        found = json.loads(body)
    except ValueError:
        found = None
    found = found if isinstance(found, dict) else {}
    params = found.get("params")
    params = params if isinstance(params, dict) else {}
    told = {"Accept": "application/json", "MCP-Protocol-Version": MODERN, "Mcp-Method": str(found.get("method"))}
    named = next((params[key] for key in ("name", "uri", "taskId") if isinstance(params.get(key), str)), None)
    told |= {} if named is None else {"Mcp-Name": named}
    return {name: value for name, value in told.items() if value.isascii() and value.isprintable()}


def check(it: Gateway, body: bytes, era: str) -> None:
    headers = headers_for(body, era)
    if era == LEGACY:
        headers["Mcp-Session-Id"] = it.session
    status, answer = sent(it, body, headers)
    assert status in STATUSES, (status, answer, body)
    assert b"Traceback" not in answer
    assert b"remit/" not in answer.replace(b"remit/outcome", b"").replace(b"remit/held", b""), "no path of ours"
    if status == 202:
        assert answer == b""
        return
    document = json.loads(answer)
    assert document["jsonrpc"] == "2.0"
    assert ("result" in document) != ("error" in document)
    if "error" in document:
        assert document["error"]["code"] != -32603, (document, body)
        assert document["error"]["message"]


def admitted(it: Gateway) -> int:
    return sum(record["state"] == "admitted" for record in it.world.records(RecordKind.DECISION_MADE))


@pytest.mark.parametrize("era", [LEGACY, MODERN])
@pytest.mark.parametrize("path", CORPUS, ids=lambda path: path.name)
def test_what_once_mattered_is_answered(it: Gateway, path: Path, era: str) -> None:
    check(it, path.read_bytes(), era)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.just("erp.get"),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)


@st.composite
def changed(draw: st.DrawFn) -> bytes:
    """A body of the corpus with some part of it replaced, taken out or cut."""
    raw = draw(st.sampled_from(CORPUS)).read_bytes()
    try:
        found = json.loads(raw)
    except ValueError:
        found = None
    if not isinstance(found, dict) or draw(st.integers(0, 3)) == 0:
        at = draw(st.integers(0, len(raw)))
        return raw[:at] + draw(st.binary(max_size=8)) + raw[at + draw(st.integers(0, 4)) :]
    place: Any = found
    while True:
        key = draw(st.sampled_from(sorted(place)))
        if not isinstance(place[key], dict) or not place[key] or draw(st.booleans()):
            break
        place = place[key]
    if draw(st.booleans()):
        place[key] = draw(JSON)
    else:
        del place[key]
    return json.dumps(found).encode()


@pytest.mark.slow
@settings(max_examples=4 * settings().max_examples, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=changed(), era=st.sampled_from([LEGACY, MODERN]))
def test_whatever_is_changed_is_answered(it: Gateway, body: bytes, era: str) -> None:
    check(it, body, era)


def test_nothing_ran_that_was_not_admitted(it: Gateway) -> None:
    """Comes last: over all that was sent to this gateway."""
    completions = sum(method == "completion/complete" for method, _ in it.erp.calls)
    assert len(it.erp.dispatched) + completions == admitted(it) > 0
