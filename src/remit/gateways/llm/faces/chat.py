"""OpenAI's chat completions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from remit.domain.canonical import canonical
from remit.domain.upstream import Dialect
from remit.execution.metering import MAX_TOKENS
from remit.gateways.llm.asked import LONGEST_MODEL, MOST_ANSWERS, Asked, Body, Fields
from remit.gateways.llm.events import Event
from remit.gateways.llm.face import Seen, UpstreamBroken
from remit.gateways.llm.faces.openai import HOSTED_TOOLS, PRICED_OTHERWISE, refusal
from remit.gateways.llm.following import Following, told_by
from remit.gateways.llm.turned import Turned, invalid
from remit.gateways.llm.veil import Veil, veil_of

KNOWN = frozenset(
    "model messages stream stream_options max_tokens max_completion_tokens n tools tool_choice parallel_tool_calls"
    " functions function_call response_format temperature top_p frequency_penalty presence_penalty logit_bias logprobs"
    " top_logprobs stop seed user safety_identifier metadata store reasoning_effort verbosity modalities audio"
    " service_tier prompt_cache_key prompt_cache_retention top_k min_p repetition_penalty".split()
)
"""Fields whose bearing on the size of a call is known: counted with the body, or none."""
THINKING = ("reasoning_effort", "reasoning", "thinking")
FIRST_PARTIES = frozenset(("openai", "azure"))
"""Providers that know `max_completion_tokens` and whose newer models refuse `max_tokens`."""


class Chat:
    """POST /openai/v1/chat/completions."""

    name = "chat"
    dialect = Dialect.OPENAI
    path = "/chat/completions"

    def read(self, body: Body) -> Asked:
        """See Face."""
        value = body.value
        fields = Fields(value)
        model = fields.text("model", LONGEST_MODEL)
        messages = fields.objects("messages", required=True)
        limits = [fields.number(name, MAX_TOKENS) for name in ("max_tokens", "max_completion_tokens")]
        options = fields.mapping("stream_options")
        is_stream = fields.flag("stream")
        _check(fields, value)
        opening = next((each.get("content") for each in messages if each.get("role") == "user"), messages[0])
        return Asked(
            body=body,
            model=model,
            is_stream=is_stream,
            wants_usage=options.get("include_usage") is True,
            most_output=max((limit for limit in limits if limit is not None), default=None),
            answers=fields.number("n", MOST_ANSWERS) or 1,
            thinks=any(value.get(name) for name in THINKING),
            has_unknown=fields.has_unbounded(KNOWN),
            opening=canonical(opening),
            task=opening if isinstance(opening, str) else "",
            told={key: each for key, each in value.items() if key not in _NOT_TOLD},
        )

    def changes(self, asked: Asked, model: str, provider: str, most_output: int) -> Mapping[str, Any]:
        """See Face. Usage is always asked for in a stream."""
        value = asked.body.value
        changes: dict[str, Any] = {} if asked.model == model else {"model": model}
        newer, older = "max_completion_tokens", "max_tokens"
        # Other endpoints than the first party's may not know the newer name, and then have no limit.
        needed = newer if provider in FIRST_PARTIES and value.get(older) is None else older
        for name in (newer, older):
            limit = value.get(name)
            if (limit is None and name == needed) or (limit is not None and limit > most_output):
                changes[name] = most_output
        if asked.is_stream and not asked.wants_usage:
            changes["stream_options"] = {**(value.get("stream_options") or {}), "include_usage": True}
        return changes

    def follow(self, asked: Asked) -> ChatFollower:
        """See Face."""
        return ChatFollower(asked)

    def whole(self, asked: Asked, raw: bytes, seen: Seen) -> bytes:
        """See Face."""
        try:
            answer = orjson.loads(raw)
        except orjson.JSONDecodeError:
            raise UpstreamBroken("answered what is no JSON") from None
        if type(answer) is not dict or type(answer.get("choices")) is not list:
            raise UpstreamBroken("answered what is no completion")
        try:
            look_at(answer, seen, "message")
        except (AttributeError, TypeError):
            raise UpstreamBroken("answered what is no completion") from None
        seen.is_whole = True
        veil = veil_of(asked.veils)
        if veil is None:
            return raw
        for choice in answer["choices"]:
            said = choice.get("message") or {}
            said |= {name: veil.whole(said[name]) for name in ("content", *_THOUGHTS) if name in said}
        return orjson.dumps(answer)

    def refusal(self, turned: Turned) -> dict[str, Any]:
        """See Face."""
        return refusal(turned)

    def cut(self, turned: Turned) -> bytes:
        """See Face."""
        return cut(turned)


_NOT_TOLD = ("model", "stream", "stream_options")


def _check(fields: Fields, value: Mapping[str, Any]) -> None:
    for tool in fields.objects("tools"):
        if tool.get("type") not in ("function", "custom"):
            raise invalid("tools.hosted", f"{str(tool.get('type'))[:80]} {HOSTED_TOOLS}", "tools")
    if value.get("web_search_options") is not None:
        raise invalid("tools.hosted", f"web_search_options {HOSTED_TOOLS}", "web_search_options")
    fields.only("service_tier", ("auto", "default", "flex"), PRICED_OTHERWISE)


def look_at(chunk: Mapping[str, Any], seen: Seen, part: str) -> None:
    """See what a chunk (`part` delta) or a completion (message) says."""
    usage = chunk.get("usage")
    if type(usage) is dict:
        seen.usage = usage
    for place, choice in enumerate(chunk.get("choices") or ()):
        if type(choice) is not dict:
            raise UpstreamBroken("answered a choice that is none")
        index = choice.get("index", place)
        delta = choice.get(part) or {}
        if choice.get("finish_reason"):
            seen.finish = str(choice["finish_reason"])[:80]
        seen.say(delta.get("content"))
        if len(delta) == 1 and "content" in delta:  # what nearly all are
            continue
        for name in _THOUGHTS:
            if name in delta:
                seen.think(delta[name])
        for number, call in enumerate(delta.get("tool_calls") or ()):
            told = call.get("function") or call.get("custom") or {}
            at = (index, call.get("index", number))
            seen.ask(at, told.get("name"), told.get("arguments") or told.get("input"))
        if type(delta.get("function_call")) is dict:
            seen.ask((index, -1), delta["function_call"].get("name"), delta["function_call"].get("arguments"))


_THOUGHTS = ("reasoning_content", "reasoning", "refusal")


class ChatFollower(Following):
    """Follows a stream of chat completion chunks."""

    def __init__(self, asked: Asked) -> None:
        super().__init__()
        self._hides_usage = not asked.wants_usage
        self._veil = veil_of(asked.veils)

    def end(self) -> bytes:
        """See Follower. Some endpoints forget the last empty line, or [DONE]; one without a finish has died."""
        event = self._reader.last()
        if event is not None and not self.seen.is_whole:
            self.feed(event.raw)
        if self.broken is not None:
            raise self.broken
        if not self.seen.is_whole and not self.seen.finish:
            raise UpstreamBroken("hung up before the answer had ended")
        self.seen.is_whole = True
        return b"data: [DONE]\n\n"

    def cut(self, turned: Turned) -> bytes:
        """See Follower."""
        return cut(turned)

    def _passed(self, event: Event) -> bytes:
        if event.data == b"[DONE]":  # sent once the call is settled: until then the client had better not go on
            self.seen.is_whole = True
            return b""
        chunk = told_by(event)
        if chunk.get("error") is not None:
            raise UpstreamBroken("broke off with an error")
        look_at(chunk, self.seen, "delta")
        if self._hides_usage and not chunk.get("choices") and chunk.get("usage") is not None:
            return b""
        if self._veil is None:
            return event.raw
        for choice in chunk.get("choices") or ():
            _veiled(choice, self._veil)
        return b"data: " + orjson.dumps(chunk) + b"\n\n"


def _veiled(choice: dict[str, Any], veil: Veil) -> None:
    """Mask what a choice adds to its answer; with its end comes what was held back."""
    delta = choice.get("delta") or {}
    for name in ("content", *_THOUGHTS):
        key = (choice.get("index"), name)
        shown = veil.piece(key, delta.get(name))
        if choice.get("finish_reason"):
            shown += veil.rest(key)
        if shown or isinstance(delta.get(name), str):
            delta[name] = shown
    choice["delta"] = delta


def cut(turned: Turned) -> bytes:
    """Return the last events of an answer that is cut. The official clients raise an error that comes in a stream."""
    return b"data: " + orjson.dumps(refusal(turned)) + b"\n\ndata: [DONE]\n\n"
