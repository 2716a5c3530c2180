"""OpenAI's embeddings: what is read costs, what is written is numbers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from remit.domain.upstream import Dialect
from remit.gateways.llm.asked import LONGEST_MODEL, Asked, Body, Fields
from remit.gateways.llm.face import Follower, Seen, UpstreamBroken
from remit.gateways.llm.faces.openai import refusal
from remit.gateways.llm.turned import Turned, invalid

KNOWN = frozenset("model input dimensions encoding_format user".split())


class Embeddings:
    """POST /openai/v1/embeddings."""

    name = "embeddings"
    dialect = Dialect.OPENAI
    path = "/embeddings"

    def read(self, body: Body) -> Asked:
        """See Face. Whoever embeds has no conversation: what an agent embeds is one, until it pauses."""
        value = body.value
        fields = Fields(value)
        model = fields.text("model", LONGEST_MODEL)
        if not isinstance(value.get("input"), str | list) or not value["input"]:
            raise invalid("field.input", "input must be a text or a list", "input")
        if value.get("stream"):
            raise invalid("field.stream", "embeddings come in one piece", "stream")
        return Asked(
            body=body,
            model=model,
            most_output=1,
            has_unknown=fields.has_unbounded(KNOWN),
            opening=b"embeddings",
            told={key: each for key, each in value.items() if key != "model"},
        )

    def changes(self, asked: Asked, model: str, provider: str, most_output: int) -> Mapping[str, Any]:  # noqa: ARG002
        """See Face."""
        return {} if asked.model == model else {"model": model}

    def follow(self, asked: Asked) -> Follower:
        """See Face."""
        raise UpstreamBroken(f"can not stream {asked.model}")

    def whole(self, asked: Asked, raw: bytes, seen: Seen) -> bytes:  # noqa: ARG002
        """See Face."""
        try:
            answer = orjson.loads(raw)
        except orjson.JSONDecodeError:
            raise UpstreamBroken("answered what is no JSON") from None
        if type(answer) is not dict or type(answer.get("data")) is not list:
            raise UpstreamBroken("answered what is no list of embeddings")
        usage = answer.get("usage")
        if type(usage) is dict:
            seen.usage = {"prompt_tokens": usage.get("prompt_tokens"), "completion_tokens": 0}
        seen.finish = "stop"
        seen.is_whole = True
        return raw

    def refusal(self, turned: Turned) -> dict[str, Any]:
        """See Face."""
        return refusal(turned)

    def cut(self, turned: Turned) -> bytes:
        """See Face: it is never translated, so its followers do this."""
        raise NotImplementedError
