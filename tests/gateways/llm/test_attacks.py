"""An agent with a valid key that wants more of a model than its remit gives it."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from remit.domain.arguments import PayloadLimits
from remit.domain.facts import ScopeKind
from remit.domain.ids import ModelName
from remit.domain.upstream import Model
from remit.gateways.llm.asked import body_from
from remit.gateways.llm.faces.chat import Chat
from remit.gateways.llm.size import size_of
from tests.gateways.llm.fake import chat, chat_events, streaming
from tests.gateways.llm.gateway import KEY, Gateway, gateway
from tests.worlds import MODEL, budget

CHAT = "/openai/v1/chat/completions"
SLOW = streaming(chat_events([f"word{number} " for number in range(100)]), 0.02)
HELLO = [{"role": "user", "content": "Hi"}]


@pytest.fixture(scope="module")
def it(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    with pytest.MonkeyPatch.context() as patch, gateway(tmp_path_factory.mktemp("attacks")) as opened:
        patch.setenv("FAKE_KEY", KEY)
        yield opened


def test_an_agent_can_not_say_of_an_open_call_that_it_never_was(tmp_path: Path) -> None:
    with gateway(tmp_path, SLOW, changes={"budgets.yaml": budget("day", "agent", "day", tokens=20_000)}) as it:
        body = {"model": MODEL, "messages": [{"role": "user", "content": "Hi"}], "max_tokens": 900, "stream": True}
        connection = http.client.HTTPConnection(it.server.host, it.server.port, timeout=20)
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {it.server.key()}"}
        connection.request("POST", CHAT, json.dumps(body), headers)
        answer = connection.getresponse()
        run, action = answer.headers["remit-run"], answer.headers["remit-action"]
        told = {"status": "error", "error": "Never", "dispatched": False}
        reply = it.server.ask("POST", f"/api/v1/runs/{run}/actions/{action}/outcome", told)
        assert (reply.status, reply.document["code"]) == (409, "nothing_open")
        [spend] = it.world.scope(ScopeKind.AGENT, "buyer").spends.values()
        assert spend.reserved > 900
        answer.read()
        connection.close()
        assert [each["cost"]["tokens"] for each in it.outcomes()] == [25]


@pytest.mark.parametrize(
    ("path", "more", "field"),
    [
        (CHAT, {"models": ["openai/gpt-5-pro"]}, "models"),  # other models that a broker falls back on
        (CHAT, {"plugins": [{"id": "web"}]}, "plugins"),
        (CHAT, {"search_parameters": {"mode": "on"}}, "search_parameters"),
        (CHAT, {"best_of": 64}, "best_of"),
        (CHAT, {"Max_Tokens": 900_000}, "Max_Tokens"),  # endpoints written in Go read it as max_tokens
        (CHAT, {"\N{KELVIN SIGN}": 1}, "\N{KELVIN SIGN}"),
        ("/openai/v1/responses", {"Tools": [{"type": "web_search"}]}, "Tools"),
        ("/openai/v1/embeddings", {"Model": "dearer"}, "Model"),
        ("/anthropic/v1/messages", {"mcpServers": []}, "mcpServers"),
    ],
)
def test_what_no_field_is_known_for_reaches_no_endpoint(
    it: Gateway, path: str, more: dict[str, Any], field: str
) -> None:
    body = {"model": MODEL, "input": "Hi"} if "v1/r" in path or "embed" in path else {"model": MODEL, "messages": HELLO}
    reply = it.server.ask("POST", path, {**body, **more})
    error = reply.document["error"]
    assert (reply.status, error["remit"]["code"], error["remit"]["field"]) == (400, "field.unknown", field)
    assert it.fake.requests == []


def test_how_an_endpoint_of_ones_own_answers_may_be_said(tmp_path: Path) -> None:
    with gateway(tmp_path, chat("hello")) as it:
        body = {"model": MODEL, "messages": HELLO, "chat_template_kwargs": {"enable_thinking": False}}
        assert it.server.ask("POST", CHAT, body).status == 200
        assert it.decisions()[0]["cost"]["tokens"] >= 128_000


def read_of(model: str) -> int:
    """The tokens that are reserved for a text of 600,000 bytes, where a document says nothing of the model."""
    raw = orjson.dumps({"model": "m", "messages": [{"role": "user", "content": "a " * 300_000}]})
    asked = Chat().read(body_from(raw, PayloadLimits(10_000_000, 64, 1_000)))
    return size_of(asked, Model(ModelName(model), ())).read


def test_a_long_prompt_is_reserved_whole_where_the_list_knows_that_the_model_takes_it() -> None:
    assert read_of("anthropic/claude-opus-4-6") > 600_000


def test_how_much_a_model_that_no_list_knows_takes_in_is_believed() -> None:
    assert read_of("own/tiny") == 128_000


def test_a_header_makes_no_prompt_longer_than_what_is_reserved(it: Gateway) -> None:
    beta = {"anthropic-beta": "interleaved-thinking-2025-05-14,context-1m-2025-08-07"}
    body = {"model": MODEL, "messages": HELLO, "max_tokens": 9}
    reply = it.server.ask("POST", "/anthropic/v1/messages", body, headers=beta)
    assert (reply.status, reply.document["error"]["remit"]["code"]) == (400, "field.header")
    assert it.fake.requests == []


@pytest.mark.parametrize(
    "item", [{"id": "msg_1"}, {"type": "item_reference", "id": "msg_1"}, {"type": None, "id": "m"}]
)
def test_nothing_that_a_provider_keeps_is_referred_to(it: Gateway, item: dict[str, Any]) -> None:
    """An id of a few bytes stands for a text of any length, perhaps another agent's."""
    body = {"model": MODEL, "input": [{"role": "user", "content": "Hi"}, item], "think": True}
    error = it.server.ask("POST", "/openai/v1/responses", body).document["error"]
    assert error["remit"]["code"] == "prompt.kept_elsewhere"
    assert it.fake.requests == []
