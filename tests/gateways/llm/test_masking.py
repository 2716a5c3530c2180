"""What a model may not see does not reach it, nor the record; and what may not come back does not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import anthropic
import openai
import orjson

from remit.domain.payload import ARGUMENTS
from tests.gateways.llm.fake import answering, chat_events, completion, message_events, response_events, streaming
from tests.gateways.llm.gateway import Gateway, gateway
from tests.gateways.llm.test_interfaces import NATIVE
from tests.worlds import MODEL

MAIL, CARD, TOKEN = "omar@example.com", "4111 1111 1111 1111", "sk-live-9aXk27QpLmN4vTz81RbC"
ASKED = f"Write to {MAIL}, charge {CARD}."
CALL = {
    "id": "call_9aXk27QpLmN4vTz81RbCq0Wd",
    "type": "function",
    "function": {"name": "erp_pay", "arguments": json.dumps({"card": 4111111111111111, "to": MAIL})},
}


def arguments(it: Gateway, number: int = 0) -> dict[str, Any]:
    action = it.decisions()[number]["action"]
    sealed = it.world.store.payload(action, ARGUMENTS)
    found: dict[str, Any] = orjson.loads(it.world.parts.keys.of(sealed.key).open(sealed))
    return found


def ask(it: Gateway, content: str, **fields: Any) -> Any:
    body = {"model": MODEL, "messages": [{"role": "user", "content": content}], **fields}
    reply = it.server.ask("POST", "/openai/v1/chat/completions", body)
    assert reply.status == 200, reply
    return reply.document


def test_what_a_model_may_not_see_is_masked_on_the_way_and_on_record(tmp_path: Path) -> None:
    said = completion(f"It was {MAIL}", tool_calls=[CALL])
    with gateway(tmp_path, answering(200, said), sees=["financial"]) as it:
        later = [
            {"role": "assistant", "tool_calls": [CALL]},
            {"role": "tool", "tool_call_id": CALL["id"], "content": MAIL},
        ]
        messages = [{"role": "user", "content": ASKED}, *later]
        answer = ask(it, "", messages=messages)
        [request] = it.fake.requests
        sent = request.json["messages"]
        assert sent[0]["content"] == f"Write to [EMAIL_1], charge {CARD}."
        assert sent[2] == {"role": "tool", "tool_call_id": CALL["id"], "content": "[EMAIL_1]"}
        assert json.loads(sent[1]["tool_calls"][0]["function"]["arguments"])["to"] == "[EMAIL_1]"
        kept = arguments(it)["prompt"]
        assert kept["masked"] == {"EMAIL": 3}
        assert MAIL not in json.dumps(kept)
        assert CARD not in json.dumps(kept)  # this model may see it, the record does not hold it
        assert answer["choices"][0]["message"]["content"] == f"It was {MAIL}"  # answers are not masked unless asked
        result = it.result(it.decisions()[0]["action"])
        assert result["answer"] == "It was [EMAIL_1]"
        assert MAIL not in json.dumps(result)
        assert [each["tool"] for each in result["proposed"]] == ["erp_pay"]


def test_two_requests_that_differ_only_in_what_is_masked_are_two(tmp_path: Path) -> None:
    with gateway(tmp_path) as it:
        ask(it, f"Pay {MAIL}")
        ask(it, "Pay sara@example.com")
        ask(it, f"Pay {MAIL}")
        digests = [each["arguments_digest"] for each in it.decisions()]
        assert len(set(digests)) == 2
        assert [request.json["messages"][0]["content"] for request in it.fake.requests] == ["Pay [EMAIL_1]"] * 3


def test_what_a_model_sees_passes_as_it_came(tmp_path: Path) -> None:
    body = (
        b'{ "model": "local/tiny-1",  "messages":[{"role":"user","content":"caf\\u00e9 omar@example.com"}],"seed":1.50}'
    )
    with gateway(tmp_path, sees=["pii", "financial", "secret"]) as it:
        assert it.server.ask("POST", "/openai/v1/chat/completions", body).status == 200
        expected = body.replace(b'"local/tiny-1"', b'"tiny-upstream"').replace(b"1.50}", b'1.50,"max_tokens":1000}')
        assert it.fake.requests[0].body == expected


SPLIT = ["Mail ", "omar@", "example", ".com", " or call", " nobody"]
SHOWN = "Mail [EMAIL_1] or call nobody"


def test_answers_are_masked_where_the_model_says_so(tmp_path: Path) -> None:
    whole = answering(200, completion("".join(SPLIT)))
    with gateway(tmp_path, whole, mask_answers=True) as it:
        client = openai.OpenAI(base_url=it.openai, api_key=it.server.key())
        asked: Any = {"model": MODEL, "messages": [{"role": "user", "content": "Hi"}]}
        assert client.chat.completions.create(**asked).choices[0].message.content == SHOWN
        it.fake.play(streaming(chat_events(SPLIT)))
        stream = client.chat.completions.create(**asked, stream=True)
        assert "".join(each.choices[0].delta.content or "" for each in stream) == SHOWN
        it.fake.play(streaming(response_events(SPLIT)))
        with client.responses.stream(model=MODEL, input="Hi") as events:
            deltas = "".join(each.delta for each in events if each.type == "response.output_text.delta")
        assert MAIL not in deltas
        assert events.get_final_response().output_text == SHOWN
        client.close()
    (tmp_path / "b").mkdir()
    documents = NATIVE.replace('"kind"', '"mask_answers": true, "kind"')
    with gateway(tmp_path / "b", streaming(message_events(SPLIT)), documents=documents) as it:
        claude = anthropic.Anthropic(base_url=it.anthropic, api_key=it.server.key())
        with claude.messages.stream(model=MODEL, max_tokens=9, messages=[{"role": "user", "content": "Hi"}]) as told:
            assert "".join(told.text_stream) == SHOWN
        claude.close()


PROMPT = """---
kind: Prompt
name: welcome
variables:
  who: {type: string}
max_output_tokens: 77
---
## System

You greet people.

## User

Greet {{who}}.
"""


def test_a_prompt_of_the_release_is_named_instead_of_messages(tmp_path: Path) -> None:
    with gateway(tmp_path, changes={"prompts/welcome.md": PROMPT}) as it:
        client = openai.OpenAI(base_url=it.openai, api_key=it.server.key())
        prompt = {"name": "welcome", "variables": {"who": "Lina"}}
        client.chat.completions.create(model=MODEL, messages=[], extra_body={"prompt": prompt})
        [request] = it.fake.requests
        expected = [{"role": "system", "content": "You greet people."}, {"role": "user", "content": "Greet Lina."}]
        assert request.json["messages"] == expected
        assert request.json["max_completion_tokens"] == 77
        assert "prompt" not in request.json
        [version] = [each["definition"].split() for each in it.decisions()]
        assert version[:2] == ["prompt", "welcome"]
        metadata = {"prompt": json.dumps({**prompt, "version": version[2]})}
        client.chat.completions.create(model=MODEL, messages=[], metadata=metadata)
        for unfit, code in (
            ({"name": "welcome"}, "prompt.variables"),
            ({"name": "other"}, "prompt.unknown"),
            ({**prompt, "version": "sha256:" + "0" * 64}, "prompt.other_version"),
            ({**prompt, "more": 1}, "prompt.unfit"),
        ):
            body: dict[str, Any] = {"model": MODEL, "messages": [], "prompt": unfit}
            reply = it.server.ask("POST", "/openai/v1/chat/completions", body)
            assert reply.document["error"]["code"] == code
        assert len(it.fake.requests) == 2
        client.close()
