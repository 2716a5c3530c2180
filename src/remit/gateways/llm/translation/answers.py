"""Writes answers in the dialects of clients, from the steps of the plain form."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Protocol

import orjson

from remit.gateways.llm.translation.talk import Asks, AsksWith, Ends, Said, Step, Used


class Writer(Protocol):
    """Writes one answer: step by step as events, or whole."""

    def begin(self) -> bytes: ...

    def step(self, step: Step) -> bytes: ...

    def last(self) -> bytes: ...

    def whole(self, steps: Iterable[Step]) -> dict[str, Any]: ...


_CHAT_ENDS = {"stop": "stop", "length": "length", "tools": "tool_calls", "filtered": "content_filter"}


class ChatWriter:
    """Writes chat completions. `id` is of the answer, `wants_usage` whether the client has asked for that chunk."""

    def __init__(self, id: str, model: str, created: int, *, wants_usage: bool) -> None:
        self._head = {"id": f"chatcmpl-{id}", "created": created, "model": model}
        self._wants_usage = wants_usage
        self._used: Used | None = None

    def begin(self) -> bytes:
        """Return the chunk that every stream begins with."""
        return self._chunk({"role": "assistant", "content": ""})

    def step(self, step: Step) -> bytes:
        """Return the chunk that says a step."""
        match step:
            case Said():
                return self._chunk({"content": step.text})
            case Asks():
                told = {"name": step.name, "arguments": ""}
                call = {"index": step.place, "id": step.id, "type": "function", "function": told}
                return self._chunk({"tool_calls": [call]})
            case AsksWith():
                call = {"index": step.place, "function": {"arguments": step.text}}
                return self._chunk({"tool_calls": [call]})
            case Ends():
                return self._chunk({}, _CHAT_ENDS[step.why])
            case Used():
                self._used = step
        return b""

    def last(self) -> bytes:
        """Return what a stream ends with."""
        end = b"data: [DONE]\n\n"
        if not self._wants_usage or self._used is None:
            return end
        document = {**self._head, "object": "chat.completion.chunk", "choices": [], "usage": _chat_usage(self._used)}
        return b"data: " + orjson.dumps(document) + b"\n\n" + end

    def whole(self, steps: Iterable[Step]) -> dict[str, Any]:
        """Return the completion that some steps make."""
        said: list[str] = []
        calls: dict[int, dict[str, Any]] = {}
        finish, usage = "stop", None
        for step in steps:
            match step:
                case Said():
                    said.append(step.text)
                case Asks():
                    told = {"name": step.name, "arguments": ""}
                    calls[step.place] = {"id": step.id, "type": "function", "function": told}
                case AsksWith():
                    calls[step.place]["function"]["arguments"] += step.text
                case Ends():
                    finish = _CHAT_ENDS[step.why]
                case Used():
                    usage = _chat_usage(step)
        message: dict[str, Any] = {"role": "assistant", "content": "".join(said) or None}
        if calls:
            message["tool_calls"] = list(calls.values())
        choice = {"index": 0, "message": message, "finish_reason": finish}
        return {**self._head, "object": "chat.completion", "choices": [choice], "usage": usage}

    def _chunk(self, delta: dict[str, Any], finish: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "finish_reason": finish}
        document = {**self._head, "object": "chat.completion.chunk", "choices": [choice]}
        return b"data: " + orjson.dumps(document) + b"\n\n"


def _chat_usage(used: Used) -> dict[str, Any]:
    return {
        "prompt_tokens": used.read,
        "completion_tokens": used.written,
        "total_tokens": used.read + used.written,
        "prompt_tokens_details": {"cached_tokens": used.cached},
    }


_MESSAGE_ENDS = {"stop": "end_turn", "length": "max_tokens", "tools": "tool_use", "filtered": "refusal"}


class MessageWriter:
    """Writes messages. What was read is told at the end: other endpoints do not say it before."""

    def __init__(self, id: str, model: str) -> None:
        self._message = {"id": f"msg_{id}", "type": "message", "role": "assistant", "model": model}
        self._index = -1
        self._open: int | None = None  # the place of the tool that is being written, or _TEXT
        self._why = "stop"
        self._used = Used(0, 0)

    def begin(self) -> bytes:
        """Return the event that every stream begins with."""
        usage = {"input_tokens": 0, "output_tokens": 0}
        message: dict[str, Any] = {
            **self._message,
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
            "usage": usage,
        }
        return _event("message_start", message=message)

    def step(self, step: Step) -> bytes:
        """Return the events that say a step."""
        match step:
            case Said():
                begun = b"" if self._open == _TEXT else self._begin(_TEXT, {"type": "text", "text": ""})
                return begun + self._delta({"type": "text_delta", "text": step.text})
            case Asks():
                return self._begin(step.place, {"type": "tool_use", "id": step.id, "name": step.name, "input": {}})
            case AsksWith():
                return self._delta({"type": "input_json_delta", "partial_json": step.text})
            case Ends():
                self._why = step.why
            case Used():
                self._used = step
        return b""

    def last(self) -> bytes:
        """Return what a stream ends with."""
        delta = {"stop_reason": _MESSAGE_ENDS[self._why], "stop_sequence": None}
        told = _event("message_delta", delta=delta, usage=_message_usage(self._used))
        return self._end() + told + _event("message_stop")

    def whole(self, steps: Iterable[Step]) -> dict[str, Any]:
        """Return the message that some steps make."""
        content: list[dict[str, Any]] = []
        texts: dict[int, str] = {}
        blocks: dict[int, dict[str, Any]] = {}
        for step in steps:
            match step:
                case Said():
                    if content and content[-1]["type"] == "text":
                        content[-1]["text"] += step.text
                    else:
                        content.append({"type": "text", "text": step.text})
                case Asks():
                    blocks[step.place] = {"type": "tool_use", "id": step.id, "name": step.name, "input": {}}
                    content.append(blocks[step.place])
                case AsksWith():
                    texts[step.place] = texts.get(step.place, "") + step.text
                case Ends():
                    self._why = step.why
                case Used():
                    self._used = step
        for place, text in texts.items():
            blocks[place]["input"] = orjson.loads(text)
        ended = {"stop_reason": _MESSAGE_ENDS[self._why], "stop_sequence": None}
        return {**self._message, "content": content, **ended, "usage": _message_usage(self._used)}

    def _begin(self, place: int, block: dict[str, Any]) -> bytes:
        ended = self._end()
        self._index += 1
        self._open = place
        return ended + _event("content_block_start", index=self._index, content_block=block)

    def _delta(self, delta: dict[str, Any]) -> bytes:
        return _event("content_block_delta", index=self._index, delta=delta)

    def _end(self) -> bytes:
        if self._open is None:
            return b""
        self._open = None
        return _event("content_block_stop", index=self._index)


_TEXT = -1


def _message_usage(used: Used) -> dict[str, int]:
    read = used.read - used.cached
    return {"input_tokens": read, "output_tokens": used.written, "cache_read_input_tokens": used.cached}


def _event(kind: str, **fields: Any) -> bytes:
    return b"event: " + kind.encode() + b"\ndata: " + orjson.dumps({"type": kind, **fields}) + b"\n\n"
