"""Across dialects: every client before every kind of endpoint, the same conversation, and what can not be said."""

from __future__ import annotations

import json
import struct
import zlib
from pathlib import Path
from typing import Any

import anthropic
import openai
import pytest
from botocore.auth import SigV4Auth  # type: ignore[import-untyped]
from botocore.awsrequest import AWSRequest  # type: ignore[import-untyped]
from botocore.credentials import Credentials  # type: ignore[import-untyped]
from hypothesis import given
from hypothesis import strategies as st
from yarl import URL

from remit.domain.clock import Instant
from remit.gateways.llm.face import UpstreamBroken
from remit.gateways.llm.translation import from_chat, from_messages, requests
from remit.gateways.llm.translation.bedrock import AccessKey, access_key_in, path_of, signed
from remit.gateways.llm.translation.eventstream import Frames
from remit.gateways.llm.turned import Turned
from tests.gateways.llm.fake import Play, answering, chunk, event, named, streaming
from tests.gateways.llm.gateway import KEY, Gateway, gateway, model
from tests.worlds import MODEL

TOOLS: Any = [
    {
        "type": "function",
        "function": {"name": "erp_get", "description": "Reads.", "parameters": {"type": "object", "properties": {}}},
    }
]
USE = {"id": "call_1", "type": "function", "function": {"name": "erp_get", "arguments": '{"id": "7"}'}}
TALK: Any = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": "Where is 7?"},
    {"role": "assistant", "content": "I look.", "tool_calls": [USE]},
    {"role": "tool", "tool_call_id": "call_1", "content": "at sea"},
    {"role": "user", "content": "And now?"},
]


def frame(kind: str, payload: dict[str, Any], message: str = "event") -> bytes:
    """One frame of Amazon's event stream."""
    headers = b""
    for name, value in ((":event-type", kind), (":message-type", message)):
        headers += bytes([len(name)]) + name.encode() + b"\x07" + struct.pack(">H", len(value)) + value.encode()
    body = json.dumps(payload).encode()
    prelude = struct.pack(">II", 16 + len(headers) + len(body), len(headers))
    whole = prelude + struct.pack(">I", zlib.crc32(prelude)) + headers + body
    return whole + struct.pack(">I", zlib.crc32(whole))


BEDROCK_USAGE = {"inputTokens": 20, "outputTokens": 5, "totalTokens": 25}
CONVERSED = [
    frame("messageStart", {"role": "assistant"}),
    frame("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"text": "It is "}}),
    frame("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"text": "at sea"}}),
    frame("contentBlockStop", {"contentBlockIndex": 0}),
    frame("contentBlockStart", {"contentBlockIndex": 1, "start": {"toolUse": {"toolUseId": "t1", "name": "erp_get"}}}),
    frame("contentBlockDelta", {"contentBlockIndex": 1, "delta": {"toolUse": {"input": '{"id":'}}}),
    frame("contentBlockDelta", {"contentBlockIndex": 1, "delta": {"toolUse": {"input": '"8"}'}}}),
    frame("contentBlockStop", {"contentBlockIndex": 1}),
    frame("messageStop", {"stopReason": "tool_use"}),
    frame("metadata", {"usage": BEDROCK_USAGE}),
]
WHOLE: dict[str, dict[str, Any]] = {
    "bedrock": {
        "output": {
            "message": {
                "role": "assistant",
                "content": [
                    {"text": "It is at sea"},
                    {"toolUse": {"toolUseId": "t1", "name": "erp_get", "input": {"id": "8"}}},
                ],
            }
        },
        "stopReason": "tool_use",
        "usage": BEDROCK_USAGE,
    },
    "anthropic": {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "content": [
            {"type": "text", "text": "It is at sea"},
            {"type": "tool_use", "id": "t1", "name": "erp_get", "input": {"id": "8"}},
        ],
        "stop_reason": "tool_use",
        "usage": {"input_tokens": 12, "cache_read_input_tokens": 8, "output_tokens": 5},
    },
    "openai": {
        "id": "x",
        "object": "chat.completion",
        "choices": [
            {
                "index": 0,
                "finish_reason": "tool_calls",
                "message": {
                    "role": "assistant",
                    "content": "It is at sea",
                    "tool_calls": [
                        {"id": "t1", "type": "function", "function": {"name": "erp_get", "arguments": '{"id":"8"}'}}
                    ],
                },
            }
        ],
        "usage": {"prompt_tokens": 20, "completion_tokens": 5, "total_tokens": 25},
    },
}
STREAMS: dict[str, Play] = {
    "bedrock": streaming(
        [b"".join(CONVERSED)[:100], b"".join(CONVERSED)[100:]], kind="application/vnd.amazon.eventstream"
    ),
    "anthropic": streaming(
        [
            named(
                "message_start",
                message={
                    **WHOLE["anthropic"],
                    "content": [],
                    "usage": {"input_tokens": 12, "cache_read_input_tokens": 8, "output_tokens": 1},
                },
            ),
            named("content_block_start", index=0, content_block={"type": "text", "text": ""}),
            named("content_block_delta", index=0, delta={"type": "text_delta", "text": "It is at sea"}),
            named("content_block_stop", index=0),
            named(
                "content_block_start",
                index=1,
                content_block={"type": "tool_use", "id": "t1", "name": "erp_get", "input": {}},
            ),
            named("content_block_delta", index=1, delta={"type": "input_json_delta", "partial_json": '{"id":"8"}'}),
            named("content_block_stop", index=1),
            named("message_delta", delta={"stop_reason": "tool_use"}, usage={"output_tokens": 5}),
            named("message_stop"),
        ]
    ),
    "openai": streaming(
        [
            chunk({"role": "assistant", "content": ""}),
            chunk({"content": "It is at sea"}),
            chunk(
                {
                    "tool_calls": [
                        {"index": 0, "id": "t1", "type": "function", "function": {"name": "erp_get", "arguments": ""}}
                    ]
                }
            ),
            chunk({"tool_calls": [{"index": 0, "function": {"arguments": '{"id":"8"}'}}]}),
            chunk({}, "tool_calls"),
            event({"choices": [], "usage": {"prompt_tokens": 20, "completion_tokens": 5, "total_tokens": 25}}),
            b"data: [DONE]\n\n",
        ]
    ),
}


def behind(dialect: str) -> str:
    more = {"region": "me-central-1"} if dialect == "bedrock" else {}
    route = {"dialect": dialect, "url": "FAKE_URL", "upstream": "up:1", "credential": "env:FAKE_KEY", "private": True}
    return model({**route, **more})


def check_sent(it: Gateway, dialect: str) -> None:
    """The conversation arrived whole, in the endpoint's own words."""
    for request in it.fake.requests:
        value, text = request.json, json.dumps(request.json)
        assert all(word in text for word in ("Be brief.", "Where is 7?", "I look.", "erp_get", "at sea", "And now?"))
        if dialect == "bedrock":
            assert request.path.startswith(("/v1/model/up:1/converse", "/v1/model/up%3A1/converse"))
            assert request.headers["authorization"] == f"Bearer {KEY}"
            assert value["inferenceConfig"]["maxTokens"] == 500
            assert [each["role"] for each in value["messages"]] == ["user", "assistant", "user"]
        else:
            assert (value["model"], value.get("max_tokens")) == ("up:1", 500)
            roles = {"anthropic": "user assistant user", "openai": "system user assistant tool user"}
            assert [each["role"] for each in value["messages"]] == roles[dialect].split()


@pytest.mark.parametrize("dialect", ["anthropic", "bedrock"])
def test_openais_client_before_other_endpoints(tmp_path: Path, dialect: str) -> None:
    with gateway(tmp_path, answering(200, WHOLE[dialect]), documents=behind(dialect)) as it:
        client = openai.OpenAI(base_url=it.openai, api_key=it.server.key(), timeout=20)
        asked: Any = {"model": MODEL, "messages": TALK, "tools": TOOLS, "max_tokens": 500}
        whole = client.chat.completions.create(**asked)
        choice = whole.choices[0]
        assert (choice.message.content, choice.finish_reason) == ("It is at sea", "tool_calls")
        assert choice.message.tool_calls is not None
        assert choice.message.tool_calls[0].to_dict()["function"] == {"name": "erp_get", "arguments": '{"id":"8"}'}
        it.fake.play(STREAMS[dialect])
        with client.chat.completions.stream(**asked, stream_options={"include_usage": True}) as stream:
            stream.until_done()
            final = stream.get_final_completion()
        assert final.choices[0].message.content == "It is at sea"
        assert final.choices[0].message.tool_calls is not None
        assert final.choices[0].message.tool_calls[0].function.arguments == '{"id":"8"}'
        assert final.usage is not None
        assert final.usage.total_tokens == 25
        check_sent(it, dialect)
        assert [each["cost"]["micros"] for each in it.outcomes()] == [30, 30]
        proposed = [it.result(each["action"])["proposed"] for each in it.decisions()]
        assert proposed == [[{"tool": "erp_get", "arguments": {"id": "8"}}]] * 2
        with pytest.raises(openai.BadRequestError) as untold:
            client.chat.completions.create(**asked, logprobs=True)
        assert untold.value.code == "translation.no_word"
        assert it.outcomes()[-1]["cost"]["micros"] == 0
        with pytest.raises(openai.BadRequestError):
            client.responses.create(model=MODEL, input="Hi")
        it.fake.play(streaming([b"event: x\ndata: {}\n\n"], kind="application/vnd.amazon.eventstream"))
        with pytest.raises(openai.APIError):
            list(client.chat.completions.create(**asked, stream=True))
        client.close()


@pytest.mark.parametrize("dialect", ["openai", "bedrock"])
def test_anthropics_client_before_other_endpoints(tmp_path: Path, dialect: str) -> None:
    messages: Any = [
        {"role": "user", "content": "Where is 7?"},
        {
            "role": "assistant",
            "content": [
                {"type": "text", "text": "I look."},
                {"type": "tool_use", "id": "call_1", "name": "erp_get", "input": {"id": "7"}},
            ],
        },
        {
            "role": "user",
            "content": [
                {"type": "tool_result", "tool_use_id": "call_1", "content": "at sea"},
                {"type": "text", "text": "And now?"},
            ],
        },
    ]
    tools: Any = [{"name": "erp_get", "description": "Reads.", "input_schema": {"type": "object", "properties": {}}}]
    with gateway(tmp_path, answering(200, WHOLE[dialect]), documents=behind(dialect)) as it:
        client = anthropic.Anthropic(base_url=it.anthropic, api_key=it.server.key(), timeout=20)
        asked: Any = {"model": MODEL, "max_tokens": 500, "system": "Be brief.", "messages": messages, "tools": tools}
        whole = client.messages.create(**asked)
        assert [block.type for block in whole.content] == ["text", "tool_use"]
        assert whole.content[1].to_dict()["input"] == {"id": "8"}
        assert (whole.stop_reason, whole.usage.output_tokens) == ("tool_use", 5)
        it.fake.play(STREAMS[dialect])
        with client.messages.stream(**asked) as stream:
            final = stream.get_final_message()
        assert [block.to_dict() for block in final.content] == [block.to_dict() for block in whole.content]
        assert final.usage.input_tokens == 20
        check_sent(it, dialect)
        assert [each["cost"]["micros"] for each in it.outcomes()] == [30, 30]
        with pytest.raises(anthropic.BadRequestError) as untold:
            client.messages.create(**asked, thinking={"type": "enabled", "budget_tokens": 400})
        assert "translation.no_word" in str(untold.value.body)
        client.close()


def test_what_can_not_be_said_is_refused_by_name() -> None:
    picture = {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "https://x.example/a.png"}}]}
    base = {"messages": [{"role": "user", "content": "Hi"}]}
    late = [*base["messages"], {"role": "system", "content": "Now"}]
    for value in (
        {**base, "n": 2},
        {**base, "seed": 1},
        {**base, "response_format": {"type": "json_object"}},
        {**base, "tools": [{"type": "custom", "custom": {"name": "x"}}]},
        {**base, "tool_choice": {"type": "allowed_tools"}},
        {"messages": [picture]},
        {"messages": late},
        {"messages": [{"role": "user", "content": "Hi", "name": "sara"}]},
        {"messages": [{"role": "user", "content": [{"type": "input_audio", "input_audio": {}}]}]},
    ):
        with pytest.raises(Turned):
            from_chat.read(value)
    for block in (
        {"type": "document", "source": {}},
        {"type": "image", "source": {"type": "url"}},
        {"type": "thinking"},
    ):
        with pytest.raises(Turned):
            from_messages.read({"messages": [{"role": "user", "content": [block]}]})
    with pytest.raises(Turned):
        requests.chat(from_messages.read({**base, "top_k": 3}), "m", 9, False, "local")
    with pytest.raises(Turned):
        requests.converse(from_chat.read({**base, "tools": TOOLS, "tool_choice": "none"}), "m", 9, False, "aws")


WORDS = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), min_size=1, max_size=20)


@given(st.lists(st.tuples(st.sampled_from(["user", "assistant"]), WORDS), min_size=1, max_size=8), st.booleans())
def test_a_conversation_comes_back_as_it_went(turns: list[tuple[str, str]], choose: bool) -> None:
    messages = [{"role": role, "content": text} for role, text in turns]
    talk = from_chat.read({"messages": messages, "tools": TOOLS, "tool_choice": "required" if choose else "auto"})
    there = requests.messages(talk, "m", 9, False, "anthropic")
    back = from_messages.read(json.loads(json.dumps(there)))
    assert back == talk
    assert from_chat.read(json.loads(json.dumps(requests.chat(back, "m", 9, False, "local")))) == talk


@given(st.lists(st.integers(1, 400), max_size=8))
def test_frames_come_out_whatever_the_pieces_are(cuts: list[int]) -> None:
    data, frames = b"".join(CONVERSED), Frames()
    found: list[tuple[str, bytes]] = []
    for cut in [*cuts, len(data)]:
        found += frames.feed(data[:cut])
        data = data[cut:]
    found += frames.feed(data)
    assert [kind for kind, _ in found][-2:] == ["messageStop", "metadata"]
    assert len(found) == len(CONVERSED)


@given(st.integers(0, len(CONVERSED[1]) - 1), st.integers(1, 255))
def test_a_frame_that_was_changed_is_none(at: int, by: int) -> None:
    broken = bytearray(CONVERSED[1])
    broken[at] ^= by
    with pytest.raises(UpstreamBroken):
        list(Frames().feed(bytes(broken)))
    with pytest.raises(UpstreamBroken):
        list(Frames().feed(frame("exception", {"message": "no"}, "exception")))


@given(st.sampled_from(["", "session/token=="]), st.sampled_from(["anthropic.claude-v1:0", "arn:aws:bedrock:x/y z"]))
def test_signatures_are_those_of_amazons_own_library(session: str, upstream: str) -> None:
    url = "https://bedrock-runtime.me-central-1.amazonaws.com" + path_of(upstream, is_stream=True)
    key = access_key_in(
        "AKIAIOSFODNN7EXAMPLE:wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY" + (f":{session}" if session else "")
    )
    assert key == AccessKey("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", session)
    assert "EXAMPLEKEY" not in repr(key)
    body = b'{"messages":[]}'
    ours = signed(key, url, {"content-type": "application/json"}, body, "me-central-1", Instant(1_700_000_000_000_000))
    request = AWSRequest("POST", str(URL(url)), {"content-type": "application/json"}, body)
    request.context["timestamp"] = ours["x-amz-date"]
    auth = SigV4Auth(Credentials(key.id, key.secret, session or None), "bedrock", "me-central-1")
    request.headers["X-Amz-Date"] = ours["x-amz-date"]
    if session:
        request.headers["X-Amz-Security-Token"] = session
    text = auth.string_to_sign(request, auth.canonical_request(request))
    assert ours["authorization"].endswith(auth.signature(text, request))
