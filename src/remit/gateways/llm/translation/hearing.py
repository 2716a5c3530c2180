"""Reads answers of endpoints, whole or event by event, into the steps of the plain form."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Protocol

import orjson

from remit.gateways.llm.events import EventReader, NoEvent
from remit.gateways.llm.face import UpstreamBroken
from remit.gateways.llm.translation.eventstream import Frames
from remit.gateways.llm.translation.talk import Asks, AsksWith, Ends, Numbers, Said, Step, Used

Document = Mapping[str, Any]


class Hearing(Protocol):
    """Hears an answer. Raises UpstreamBroken, and whatever reading a document raises that is none of its dialect.

    `is_over`: the answer has come to its end.
    """

    is_over: bool
    kind: str

    def whole(self, answer: Document) -> Iterator[Step]: ...

    def pieces(self, piece: bytes) -> Iterator[Step]: ...

    def last(self) -> Iterator[Step]: ...


_CHAT_ENDS = {"stop": "stop", "length": "length", "tool_calls": "tools", "content_filter": "filtered"}


class ChatHearing:
    """Hears chat completions."""

    kind = "text/event-stream"

    def __init__(self) -> None:
        self.is_over = False
        self._ended = False
        self._events = EventReader()
        self._calls = Numbers()

    def whole(self, answer: Document) -> Iterator[Step]:
        """See Hearing."""
        [choice] = answer["choices"]
        message = choice["message"]
        yield from self._said(message)
        for number, call in enumerate(message.get("tool_calls") or ()):
            yield from self._call(call, number)
        yield Ends(_CHAT_ENDS.get(choice.get("finish_reason"), "stop"))
        yield from _chat_usage(answer)

    def pieces(self, piece: bytes) -> Iterator[Step]:
        """See Hearing."""
        for event in _fed(self._events, piece):
            if event == b"[DONE]":
                self.is_over = True
                return
            chunk = orjson.loads(event)
            if chunk.get("error") is not None:
                raise UpstreamBroken("broke off with an error")
            for choice in chunk.get("choices") or ():
                delta = choice.get("delta") or {}
                yield from self._said(delta)
                for number, call in enumerate(delta.get("tool_calls") or ()):
                    yield from self._call(call, call.get("index", number))
                if choice.get("finish_reason"):
                    self._ended = True
                    yield Ends(_CHAT_ENDS.get(choice["finish_reason"], "stop"))
            yield from _chat_usage(chunk)

    def last(self) -> Iterator[Step]:
        """See Hearing. Some endpoints forget [DONE]."""
        self.is_over = self.is_over or self._ended
        return iter(())

    def _said(self, message: Document) -> Iterator[Step]:
        if message.get("content"):
            yield Said(message["content"])
        if message.get("refusal"):
            yield Said(message["refusal"])

    def _call(self, call: Document, index: int) -> Iterator[Step]:
        told = call.get("function") or {}
        place = self._calls.of(index)
        if call.get("id") or told.get("name"):
            yield Asks(place, str(call.get("id") or f"call_{place}"), str(told.get("name") or ""))
        if told.get("arguments"):
            yield AsksWith(place, told["arguments"])


def _chat_usage(document: Document) -> Iterator[Step]:
    usage = document.get("usage")
    if usage:
        cached = (usage.get("prompt_tokens_details") or {}).get("cached_tokens") or 0
        yield Used(usage["prompt_tokens"], usage["completion_tokens"], cached)


_MESSAGE_ENDS = {
    "max_tokens": "length",
    "tool_use": "tools",
    "refusal": "filtered",
    "model_context_window_exceeded": "length",
}


class MessageHearing:
    """Hears messages."""

    kind = "text/event-stream"

    def __init__(self) -> None:
        self.is_over = False
        self._events = EventReader()
        self._calls = Numbers()
        self._usage: dict[str, Any] = {}

    def whole(self, answer: Document) -> Iterator[Step]:
        """See Hearing."""
        for index, block in enumerate(answer["content"]):
            yield from self._begun(index, block)
            if block.get("type") == "tool_use":
                yield AsksWith(self._calls.of(index), orjson.dumps(block.get("input") or {}).decode())
        yield Ends(_MESSAGE_ENDS.get(str(answer.get("stop_reason")), "stop"))
        self._usage = dict(answer.get("usage") or {})
        yield from self._used()

    def pieces(self, piece: bytes) -> Iterator[Step]:
        """See Hearing."""
        for event in _fed(self._events, piece):
            told = orjson.loads(event)
            match told["type"]:
                case "message_start":
                    self._usage = dict(told["message"].get("usage") or {})
                case "content_block_start":
                    yield from self._begun(told["index"], told["content_block"])
                case "content_block_delta":
                    yield from self._delta(told["index"], told["delta"])
                case "message_delta":
                    self._usage |= {name: each for name, each in (told.get("usage") or {}).items() if each is not None}
                    yield Ends(_MESSAGE_ENDS.get(told["delta"].get("stop_reason"), "stop"))
                    yield from self._used()
                case "message_stop":
                    self.is_over = True
                    return
                case "error":
                    raise UpstreamBroken("broke off with an error")

    def last(self) -> Iterator[Step]:
        """See Hearing."""
        return iter(())

    def _begun(self, index: int, block: Document) -> Iterator[Step]:
        if block.get("type") == "text" and block.get("text"):
            yield Said(block["text"])
        elif block.get("type") == "tool_use":
            yield Asks(self._calls.of(index), block["id"], block["name"])

    def _delta(self, index: int, delta: Document) -> Iterator[Step]:
        if delta["type"] == "text_delta":
            yield Said(delta["text"])
        elif delta["type"] == "input_json_delta" and delta["partial_json"]:
            yield AsksWith(self._calls.of(index), delta["partial_json"])

    def _used(self) -> Iterator[Step]:
        usage = self._usage
        if "input_tokens" in usage and "output_tokens" in usage:
            cached = usage.get("cache_read_input_tokens") or 0
            read = usage["input_tokens"] + cached + (usage.get("cache_creation_input_tokens") or 0)
            yield Used(read, usage["output_tokens"], cached)


_BEDROCK_ENDS = {
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tools",
    "content_filtered": "filtered",
    "guardrail_intervened": "filtered",
}


class ConverseHearing:
    """Hears Bedrock's converse: whole, or in the frames of Amazon's event stream."""

    kind = "application/vnd.amazon.eventstream"

    def __init__(self) -> None:
        self.is_over = False
        self._frames = Frames()
        self._calls = Numbers()
        self._ended = False

    def whole(self, answer: Document) -> Iterator[Step]:
        """See Hearing."""
        for index, block in enumerate(answer["output"]["message"]["content"]):
            if "text" in block:
                yield Said(block["text"])
            elif "toolUse" in block:
                use, place = block["toolUse"], self._calls.of(index)
                yield Asks(place, use["toolUseId"], use["name"])
                yield AsksWith(place, orjson.dumps(use.get("input") or {}).decode())
        yield Ends(_BEDROCK_ENDS.get(answer.get("stopReason", ""), "stop"))
        yield from _bedrock_usage(answer)

    def pieces(self, piece: bytes) -> Iterator[Step]:
        """See Hearing."""
        for kind, payload in self._frames.feed(piece):
            told = orjson.loads(payload) if payload else {}
            match kind:
                case "contentBlockStart":
                    use = (told.get("start") or {}).get("toolUse")
                    if use:
                        yield Asks(self._calls.of(told["contentBlockIndex"]), use["toolUseId"], use["name"])
                case "contentBlockDelta":
                    yield from self._delta(told)
                case "messageStop":
                    self._ended = True
                    yield Ends(_BEDROCK_ENDS.get(told.get("stopReason", ""), "stop"))
                case "metadata":
                    yield from _bedrock_usage(told)
                    self.is_over = True

    def last(self) -> Iterator[Step]:
        """See Hearing. The usage may be missing."""
        self.is_over = self.is_over or self._ended
        return iter(())

    def _delta(self, told: Document) -> Iterator[Step]:
        delta = told["delta"]
        if delta.get("text"):
            yield Said(delta["text"])
        elif delta.get("toolUse"):
            yield AsksWith(self._calls.of(told["contentBlockIndex"]), delta["toolUse"].get("input") or "")


def _bedrock_usage(document: Document) -> Iterator[Step]:
    usage = document.get("usage")
    if usage:
        cached = usage.get("cacheReadInputTokens") or 0
        read = usage["inputTokens"] + cached + (usage.get("cacheWriteInputTokens") or 0)
        yield Used(read, usage["outputTokens"], cached)


def _fed(events: EventReader, piece: bytes) -> Iterator[bytes]:
    try:
        for event in events.feed(piece):
            if event.data:
                yield event.data
    except NoEvent:
        raise UpstreamBroken("never ended an event") from None
