"""OpenAI's responses. Nothing is translated into them or out of them: they go to endpoints that speak them."""

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
from remit.gateways.llm.faces.openai import HOSTED_TOOLS, KEPT_THERE, PRICED_OTHERWISE, refusal
from remit.gateways.llm.following import Following, told_by
from remit.gateways.llm.turned import Turned, invalid
from remit.gateways.llm.veil import Veil, veil_of

KNOWN = frozenset(
    "model input instructions stream stream_options max_output_tokens tools tool_choice parallel_tool_calls text"
    " reasoning temperature top_p top_logprobs truncation user safety_identifier metadata store include service_tier"
    " prompt_cache_key prompt_cache_retention max_tool_calls background previous_response_id conversation"
    " prompt".split()
)
REFERENCE = "item_reference"
"""What an item of the input is that has neither a type nor a role: one that the provider keeps, by its id."""
OWN_TOOLS = ("function", "custom", "local_shell", "apply_patch")
"""Tools that the client carries out."""
_LAST = ("response.completed", "response.incomplete", "response.failed")


class Responses:
    """POST /openai/v1/responses."""

    name = "responses"
    dialect = Dialect.OPENAI
    path = "/responses"

    def read(self, body: Body) -> Asked:
        """See Face."""
        value = body.value
        fields = Fields(value)
        model = fields.text("model", LONGEST_MODEL)
        most_output = fields.number("max_output_tokens", MAX_TOKENS)
        asked = value.get("input")
        if not isinstance(asked, str):
            items = fields.objects("input", required=True)
            asked = next((each.get("content") for each in items if each.get("role") == "user"), items[0])
        _check(fields, value)
        return Asked(
            body=body,
            model=model,
            is_stream=fields.flag("stream"),
            wants_usage=True,
            most_output=most_output,
            thinks=bool(fields.mapping("reasoning")),
            has_unknown=fields.has_unbounded(KNOWN),
            opening=canonical(asked),
            task=asked if isinstance(asked, str) else "",
            told={key: each for key, each in value.items() if key not in ("model", "stream", "stream_options")},
        )

    def changes(self, asked: Asked, model: str, provider: str, most_output: int) -> Mapping[str, Any]:  # noqa: ARG002
        """See Face."""
        changes: dict[str, Any] = {} if asked.model == model else {"model": model}
        if asked.most_output is None or asked.most_output > most_output:
            changes["max_output_tokens"] = most_output
        return changes

    def follow(self, asked: Asked) -> ResponseFollower:
        """See Face."""
        return ResponseFollower(veil_of(asked.veils))

    def whole(self, asked: Asked, raw: bytes, seen: Seen) -> bytes:
        """See Face."""
        try:
            answer = orjson.loads(raw)
        except orjson.JSONDecodeError:
            raise UpstreamBroken("answered what is no JSON") from None
        if type(answer) is not dict or type(answer.get("output")) is not list:
            raise UpstreamBroken("answered what is no response")
        try:
            for index, item in enumerate(answer["output"]):
                _look_at_item(seen, index, item)
        except (AttributeError, TypeError):
            raise UpstreamBroken("answered what is no response") from None
        seen.usage = answer["usage"] if type(answer.get("usage")) is dict else {}
        seen.finish = str(answer.get("status") or "")[:80]
        seen.is_whole = True
        veil = veil_of(asked.veils)
        return raw if veil is None else orjson.dumps(_veiled(answer, veil))

    def refusal(self, turned: Turned) -> dict[str, Any]:
        """See Face."""
        return refusal(turned)

    def cut(self, turned: Turned) -> bytes:
        """See Face: it is never translated, so its followers do this."""
        raise NotImplementedError


def _check(fields: Fields, value: Mapping[str, Any]) -> None:
    for tool in fields.objects("tools"):
        if tool.get("type") not in OWN_TOOLS:
            raise invalid("tools.hosted", f"{str(tool.get('type'))[:80]} {HOSTED_TOOLS}", "tools")
    for name in ("previous_response_id", "conversation", "prompt"):
        if value.get(name):
            raise invalid("prompt.kept_elsewhere", f"{name} {KEPT_THERE}", name)
    for item in fields.objects("input") if isinstance(value.get("input"), list) else ():
        kind = item.get("type") or ("message" if "role" in item else REFERENCE)
        if kind == REFERENCE:
            raise invalid("prompt.kept_elsewhere", f"an item that is named by its id {KEPT_THERE}", "input")
    if value.get("background"):
        raise invalid("field.background", "an answer in the background can not be followed: leave it out", "background")
    fields.only("service_tier", ("auto", "default", "flex"), PRICED_OTHERWISE)


def _look_at_item(seen: Seen, index: int, item: Mapping[str, Any]) -> None:
    """See what an item of an answer is."""
    match item.get("type"):
        case "message":
            for part in item.get("content") or ():
                seen.say(part.get("text") or part.get("refusal"))
        case "function_call" | "custom_tool_call":
            seen.ask((0, index), item.get("name"), item.get("arguments") or item.get("input"))
        case _:
            seen.think({key: each for key, each in item.items() if key not in ("type", "id", "status")})


class ResponseFollower(Following):
    """Follows a stream of response events."""

    def __init__(self, veil: Veil | None) -> None:
        super().__init__()
        self._veil = veil
        self._response: dict[str, Any] = {"object": "response", "output": []}
        self._number = 0

    def cut(self, turned: Turned) -> bytes:
        """See Follower."""
        error = {"code": "server_error", "message": turned.text}
        told = {"code": turned.code, **turned.told}
        failed = {**self._response, "status": "failed", "error": error, "remit": told}
        document = {"type": "response.failed", "sequence_number": self._number + 1, "response": failed}
        return b"event: response.failed\ndata: " + orjson.dumps(document) + b"\n\n"

    def _passed(self, event: Event) -> bytes:
        if event.data == b"[DONE]":
            return b""
        told = told_by(event)
        kind: str = told["type"]
        number = told.get("sequence_number")
        self._number = number if type(number) is int else self._number + 1
        if kind == "response.output_text.delta":
            self.seen.say(told["delta"])
        elif kind == "response.created":
            self._response = dict(told["response"])
        elif kind == "response.output_item.done":
            if told["item"].get("type") in ("function_call", "custom_tool_call"):
                _look_at_item(self.seen, told["output_index"], told["item"])
        elif kind in _LAST:
            self._end(kind, told["response"])
            self._last = event.raw if self._veil is None else _event(_veiled(told, self._veil))
            return b""
        elif kind == "error":
            raise UpstreamBroken("broke off with an error")
        elif kind.endswith(".delta") and "arguments" not in kind:
            self.seen.think(told["delta"])
        return event.raw if self._veil is None else self._shown(told, kind, self._veil)

    def _shown(self, told: dict[str, Any], kind: str, veil: Veil) -> bytes:
        """Mask what an event says; with the end of a text comes what was held back of it."""
        key = tuple(told.get(name) for name in ("output_index", "content_index", "summary_index"))
        if kind.endswith(".delta") and "arguments" not in kind:
            return _event({**told, "delta": veil.piece(key, told["delta"])})
        held = b""
        if kind.endswith(("text.done", "refusal.done")):
            rest = veil.rest(key)
            before = {name: each for name, each in told.items() if name not in ("text", "refusal")}
            held = _event({**before, "type": kind.replace(".done", ".delta"), "delta": rest}) if rest else b""
        return held + _event(_veiled(told, veil))

    def _end(self, kind: str, response: Mapping[str, Any]) -> None:
        if kind == "response.failed":
            raise UpstreamBroken("failed to answer")
        self.seen.usage = dict(response.get("usage") or {})
        self.seen.finish = kind.partition(".")[2]
        self.seen.is_whole = True


def _event(told: Mapping[str, Any]) -> bytes:
    return b"event: " + str(told["type"]).encode() + b"\ndata: " + orjson.dumps(told) + b"\n\n"


def _veiled(value: Any, veil: Veil, name: str = "") -> Any:
    """Mask every text that a client is shown as one: not ids, names, or the arguments of tools."""
    if isinstance(value, dict):
        return {key: _veiled(each, veil, key) for key, each in value.items()}
    if isinstance(value, list):
        return [_veiled(each, veil, name) for each in value]
    return veil.whole(value) if name in ("text", "refusal") else value
