"""The other interfaces, by the official clients: messages, responses, embeddings, lists of models."""

from __future__ import annotations

from pathlib import Path

import anthropic
import openai
import pytest

from tests.gateways.llm.fake import answering, message, response
from tests.gateways.llm.gateway import KEY, Gateway, gateway
from tests.worlds import MODEL

NATIVE = '{"kind": "Model", "name": "local/tiny-1", "max_output_tokens": 1000, "routes": [{"dialect": "anthropic",'
NATIVE += ' "url": "FAKE_URL", "upstream": "claude-tiny", "credential": "env:FAKE_KEY", "private": true}]}'


def asking(it: Gateway) -> openai.OpenAI:
    return openai.OpenAI(base_url=it.openai, api_key=it.server.key(), timeout=20)


def claude(it: Gateway) -> anthropic.Anthropic:
    return anthropic.Anthropic(base_url=it.anthropic, api_key=it.server.key(), timeout=20)


def test_messages_in_one_piece_and_as_a_stream(tmp_path: Path) -> None:
    with gateway(tmp_path, message("hello dear world"), documents=NATIVE) as it, claude(it) as client:
        whole = client.messages.create(model=MODEL, max_tokens=100, messages=[{"role": "user", "content": "Hi"}])
        assert whole.content[0].type == "text"
        assert whole.content[0].text == "hello dear world"
        with client.messages.stream(model=MODEL, max_tokens=100, messages=[{"role": "user", "content": "Hi"}]) as seen:
            assert "".join(seen.text_stream) == "hello dear world "
            assert seen.get_final_message().usage.output_tokens == 5
        first, second = it.fake.requests
        assert (first.path, first.headers["x-api-key"]) == ("/v1/messages", KEY)
        assert first.json["model"] == "claude-tiny"
        assert second.json == {**first.json, "stream": True}
        assert [outcome["cost"]["micros"] for outcome in it.outcomes()] == [30, 30]
        assert [it.result(each["action"])["answer"].strip() for each in it.decisions()] == ["hello dear world"] * 2


def test_responses_in_one_piece_and_as_a_stream(tmp_path: Path) -> None:
    with gateway(tmp_path, response("hello dear world")) as it, asking(it) as client:
        assert client.responses.create(model=MODEL, input="Hi").output_text == "hello dear world"
        events = list(client.responses.create(model=MODEL, input="Hi", stream=True))
        assert events[-1].type == "response.completed"
        assert it.fake.requests[0].path == "/v1/responses"
        assert it.fake.requests[0].json["max_output_tokens"] == 1_000
        assert [outcome["cost"]["micros"] for outcome in it.outcomes()] == [30, 30]
        assert it.result(it.decisions()[1]["action"])["answer"] == "hello dear world "


def test_embeddings_cost_what_is_read(tmp_path: Path) -> None:
    vectors = {
        "object": "list",
        "data": [{"object": "embedding", "index": 0, "embedding": [0.5]}],
        "model": "fake",
        "usage": {"prompt_tokens": 7, "total_tokens": 7},
    }
    with gateway(tmp_path, answering(200, vectors)) as it, asking(it) as client:
        found = client.embeddings.create(model=MODEL, input=["some words"], encoding_format="float")
        assert found.data[0].embedding == [0.5]
        assert it.outcomes()[0]["cost"] == {"micros": 7, "tokens": 7, "calls": 1}


def test_lists_hold_what_the_agent_may_ask_for_and_no_more(tmp_path: Path) -> None:
    other = {"models/other.yaml": NATIVE.replace("local/tiny-1", "local/other")}
    with gateway(tmp_path, changes=other) as it, asking(it) as client, claude(it) as second:
        assert [model.id for model in client.models.list()] == [MODEL]
        assert client.models.retrieve(MODEL).owned_by == "local"
        assert [model.id for model in second.models.list()] == [MODEL]
        with pytest.raises(openai.NotFoundError):
            client.models.retrieve("local/other")


def test_a_bare_name_is_enough_where_it_is_not_ambiguous(tmp_path: Path) -> None:
    with gateway(tmp_path) as it, asking(it) as client:
        client.chat.completions.create(model="tiny-1", messages=[{"role": "user", "content": "Hi"}])
        assert it.decisions()[0]["target"] == MODEL
