"""Chat completions by the official client: governed, relayed, settled."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import openai

if TYPE_CHECKING:
    from openai.types.chat import ChatCompletionMessageParam

from tests.gateways.llm.fake import chat
from tests.gateways.llm.gateway import KEY, Gateway, gateway
from tests.worlds import MODEL

HELLO: list[ChatCompletionMessageParam] = [{"role": "user", "content": "Say hello"}]


def client(it: Gateway) -> openai.OpenAI:
    return openai.OpenAI(base_url=it.openai, api_key=it.server.key(), timeout=20)


def test_a_stream_is_governed_end_to_end(tmp_path: Path) -> None:
    with gateway(tmp_path, chat("hello dear world")) as it, client(it) as asking:
        stream = asking.chat.completions.create(model=MODEL, messages=HELLO, stream=True)
        chunks = list(stream)
        said = "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
        assert said == "hello dear world "
        [request] = it.fake.requests
        assert request.headers["authorization"] == f"Bearer {KEY}"
        assert request.json["model"] == "tiny-upstream"
        assert request.json["max_tokens"] == 1_000
        assert request.json["stream_options"] == {"include_usage": True}
        [decision], [outcome] = it.decisions(), it.outcomes()
        assert decision["state"] == "admitted"
        assert decision["assurance"] == "enforced"
        assert outcome["status"] == "ok"
        assert outcome["cost"] == {"micros": 20 + 2 * 5, "tokens": 25, "calls": 1}
        assert it.result(decision["action"])["answer"] == said
