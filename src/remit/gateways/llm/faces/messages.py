"""Anthropic's messages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from remit.domain.canonical import canonical
from remit.domain.upstream import Dialect
from remit.execution.metering import MAX_TOKENS
from remit.gateways.llm.asked import LONGEST_MODEL, Asked, Body, Fields
from remit.gateways.llm.events import Event
from remit.gateways.llm.face import Seen, UpstreamBroken
from remit.gateways.llm.faces.anthropic import refusal
from remit.gateways.llm.faces.openai import HOSTED_TOOLS, PRICED_OTHERWISE
from remit.gateways.llm.following import Following, told_by
from remit.gateways.llm.turned import Turned, invalid
from remit.gateways.llm.veil import Veil, veil_of

KNOWN = frozenset(
    "model messages max_tokens system stream temperature top_p top_k stop_sequences tools tool_choice metadata thinking"
    " service_tier context_management output_config output_format cache_control inference_geo speed".split()
)
OWN_TOOLS = ("bash_", "text_editor_", "computer_", "memory_")
"""Tools that Anthropic describes and the client carries out."""


class Messages:
    """POST /anthropic/v1/messages."""

    name = "messages"
    dialect = Dialect.ANTHROPIC
    path = "/messages"

    def read(self, body: Body) -> Asked:
        """See Face."""
        value = body.value
        fields = Fields(value)
        model = fields.text("model", LONGEST_MODEL)
        messages = fields.objects("messages", required=True)
        most_output = fields.number("max_tokens", MAX_TOKENS)
        is_stream = fields.flag("stream")
        thinking = fields.mapping("thinking")
        _check(fields, value)
        opening = next((each.get("content") for each in messages if each.get("role") == "user"), messages[0])
        return Asked(
            body=body,
            model=model,
            is_stream=is_stream,
            wants_usage=True,
            most_output=most_output,
            thinks=bool(thinking) and thinking.get("type") != "disabled",
            has_unknown=fields.has_unbounded(KNOWN),
            opening=canonical(opening),
            task=opening if isinstance(opening, str) else "",
            told={key: each for key, each in value.items() if key not in ("model", "stream")},
        )

    def changes(self, asked: Asked, model: str, provider: str, most_output: int) -> Mapping[str, Any]:  # noqa: ARG002
        """See Face."""
        changes: dict[str, Any] = {} if asked.model == model else {"model": model}
        if asked.most_output is None or asked.most_output > most_output:
            changes["max_tokens"] = most_output
        return changes

    def follow(self, asked: Asked) -> MessageFollower:
        """See Face."""
        return MessageFollower(veil_of(asked.veils))

    def whole(self, asked: Asked, raw: bytes, seen: Seen) -> bytes:
        """See Face."""
        try:
            answer = orjson.loads(raw)
        except orjson.JSONDecodeError:
            raise UpstreamBroken("answered what is no JSON") from None
        if type(answer) is not dict or type(answer.get("content")) is not list:
            raise UpstreamBroken("answered what is no message")
        try:
            for index, block in enumerate(answer["content"]):
                look_at_block(seen, index, block)
                if block.get("input"):
                    seen.ask((0, index), "", orjson.dumps(block["input"]).decode())
        except (AttributeError, TypeError):
            raise UpstreamBroken("answered what is no message") from None
        seen.usage = answer["usage"] if type(answer.get("usage")) is dict else {}
        seen.finish = str(answer.get("stop_reason") or "")[:80]
        seen.is_whole = True
        veil = veil_of(asked.veils)
        if veil is None:
            return raw
        for block in answer["content"]:
            block |= {name: veil.whole(block[name]) for name in _TEXTS if name in block}
        return orjson.dumps(answer)

    def refusal(self, turned: Turned) -> dict[str, Any]:
        """See Face."""
        return refusal(turned)

    def cut(self, turned: Turned) -> bytes:
        """See Face."""
        return cut(turned)


def _check(fields: Fields, value: Mapping[str, Any]) -> None:
    for tool in fields.objects("tools"):
        kind = tool.get("type")
        if kind not in (None, "custom") and not (isinstance(kind, str) and kind.startswith(OWN_TOOLS)):
            raise invalid("tools.hosted", f"{str(kind)[:80]} {HOSTED_TOOLS}", "tools")
    for name in ("mcp_servers", "container"):
        if value.get(name):
            raise invalid("tools.hosted", f"{name} {HOSTED_TOOLS}", name)
    for edit in Fields(fields.mapping("context_management")).objects("edits"):
        if not str(edit.get("type", "")).startswith("clear_"):
            raise invalid("field.context_management", f"an edit of this type {PRICED_OTHERWISE}", "context_management")
    fields.only("service_tier", ("auto", "standard_only"), PRICED_OTHERWISE)
    fields.only("speed", ("standard",), PRICED_OTHERWISE)
    fields.only("inference_geo", ("global",), PRICED_OTHERWISE)


def look_at_block(seen: Seen, index: int, block: Mapping[str, Any]) -> None:
    """See what a content block begins with, or is."""
    match block.get("type"):
        case "text":
            seen.say(block.get("text"))
        case "tool_use":
            seen.ask((0, index), block.get("name"))
        case _:
            seen.think({key: each for key, each in block.items() if key != "type"})


class MessageFollower(Following):
    """Follows a stream of message events."""

    def __init__(self, veil: Veil | None) -> None:
        super().__init__()
        self._veil = veil

    def cut(self, turned: Turned) -> bytes:
        """See Follower."""
        return cut(turned)

    def _passed(self, event: Event) -> bytes:
        told = told_by(event)
        seen = self.seen
        match told["type"]:
            case "content_block_delta":
                look_at_delta(seen, told["index"], told["delta"])
                return event.raw if self._veil is None else self._veiled(told, event, self._veil)
            case "content_block_start":
                look_at_block(seen, told["index"], told["content_block"])
            case "content_block_stop":
                return self._held(told["index"]) + event.raw
            case "message_start":
                seen.usage = dict(told["message"].get("usage") or {})
            case "message_delta":
                seen.usage |= {key: each for key, each in (told.get("usage") or {}).items() if each is not None}
                seen.finish = str(told["delta"].get("stop_reason") or "")[:80]
            case "message_stop":  # sent once the call is settled
                seen.is_whole = True
                self._last = event.raw
                return b""
            case "error":
                raise UpstreamBroken("broke off with an error")
        return event.raw

    def _veiled(self, told: dict[str, Any], event: Event, veil: Veil) -> bytes:
        """Mask what is added to a block of text."""
        name = next((name for name in _TEXTS if name in told["delta"]), None)
        if name is None:
            return event.raw
        told["delta"][name] = veil.piece((told["index"], name), told["delta"][name])
        return _event(told)

    def _held(self, index: int) -> bytes:
        """Return what was held back of a block that has ended, as a delta of its own."""
        found = b""
        for name in _TEXTS if self._veil is not None else ():
            rest = self._veil.rest((index, name)) if self._veil is not None else ""
            if rest:
                delta = {"type": f"{name}_delta", name: rest}
                found += _event({"type": "content_block_delta", "index": index, "delta": delta})
        return found


_TEXTS = ("text", "thinking")


def _event(told: Mapping[str, Any]) -> bytes:
    return b"event: " + str(told["type"]).encode() + b"\ndata: " + orjson.dumps(told) + b"\n\n"


def look_at_delta(seen: Seen, index: int, delta: Mapping[str, Any]) -> None:
    """See what is added to a content block."""
    match delta["type"]:
        case "text_delta":
            seen.say(delta["text"])
        case "input_json_delta":
            seen.ask((0, index), "", delta["partial_json"])
        case _:
            seen.think({key: each for key, each in delta.items() if key != "type"})


def cut(turned: Turned) -> bytes:
    """Return the last events of an answer that is cut. The official clients raise it, and read no further."""
    return b"event: error\ndata: " + orjson.dumps(refusal(turned)) + b"\n\n"
