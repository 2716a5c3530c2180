"""Reads requests for chat completions into the plain form."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import orjson

from remit.gateways.llm.translation.talk import (
    Came,
    Offered,
    Part,
    Picture,
    Talk,
    Turn,
    Use,
    Words,
    merged,
    no_word,
    only,
)
from remit.gateways.llm.turned import invalid

_KNOWN = frozenset(
    "model messages stream stream_options max_tokens max_completion_tokens n tools tool_choice parallel_tool_calls"
    " temperature top_p stop user safety_identifier metadata store service_tier".split()
)
_MESSAGE = frozenset("role content tool_calls tool_call_id refusal annotations audio function_call".split())
_INLINE = re.compile(r"data:(image/(?:png|jpeg|gif|webp));base64,(.+)", re.DOTALL)


def read(value: Mapping[str, Any]) -> Talk:
    """Read a request. Raises Turned for what the plain form has no word for."""
    only(value, _KNOWN, "")
    if value.get("n") not in (None, 1):
        no_word("more than one answer", "n")
    if value.get("store"):
        no_word("store", "store")
    system: list[str] = []
    turns: list[Turn] = []
    for number, message in enumerate(value["messages"]):
        _message(message, f"messages.{number}", system, turns)
    stop = value.get("stop")
    if not turns:
        raise invalid("field.messages", "messages must hold more than instructions", "messages")
    return Talk(
        system="\n\n".join(system),
        turns=merged(turns),
        tools=tuple(_tool(tool, f"tools.{number}") for number, tool in enumerate(value.get("tools") or ())),
        choice=_choice(value.get("tool_choice")),
        parallel=value.get("parallel_tool_calls"),
        temperature=value.get("temperature"),
        top_p=value.get("top_p"),
        stop=(stop,) if isinstance(stop, str) else tuple(stop or ()),
        user=str(value.get("safety_identifier") or value.get("user") or ""),
    )


def _message(message: Mapping[str, Any], where: str, system: list[str], turns: list[Turn]) -> None:
    only(message, _MESSAGE, where)
    for name in ("audio", "function_call"):
        if message.get(name):
            no_word(name, f"{where}.{name}")
    role, content = message.get("role"), message.get("content")
    if role in ("system", "developer"):
        if turns:
            no_word("an instruction after the conversation has begun", where)
        system.append(_text(content, where))
    elif role == "user":
        turns.append(Turn(is_user=True, parts=tuple(_parts(content, where))))
    elif role == "assistant":
        said = () if content in (None, "", []) else tuple(_parts(content, where))
        uses = tuple(_use(call, where) for call in message.get("tool_calls") or ())
        if said or uses:
            turns.append(Turn(is_user=False, parts=(*said, *uses)))
    elif role == "tool":
        turns.append(Turn(is_user=True, parts=(Came(str(message.get("tool_call_id")), _text(content, where)),)))
    else:
        no_word(f"a message of {str(role)[:80]}", f"{where}.role")


def _text(content: Any, where: str) -> str:
    parts = _parts(content, where)
    if not all(isinstance(part, Words) for part in parts):
        no_word("anything but text here", f"{where}.content")
    return "".join(part.text for part in parts if isinstance(part, Words))


def _parts(content: Any, where: str) -> list[Part]:
    if isinstance(content, str):
        return [Words(content)]
    if not isinstance(content, list):
        raise invalid("field.content", "content must be a text or a list of parts", f"{where}.content")
    found: list[Part] = []
    for number, part in enumerate(content):
        place = f"{where}.content.{number}"
        kind = part.get("type") if isinstance(part, dict) else None
        if kind == "text" and isinstance(part.get("text"), str):
            found.append(Words(part["text"]))
        elif kind == "image_url":
            found.append(_picture(part, place))
        else:
            no_word(f"a part of type {str(kind)[:80]}", place)
    return found


def _picture(part: Mapping[str, Any], where: str) -> Picture:
    told = part.get("image_url")
    url = told.get("url") if isinstance(told, dict) else told
    found = _INLINE.fullmatch(url) if isinstance(url, str) else None
    if found is None:
        no_word("a picture that is not sent along as data:image/...;base64", where)
    return Picture(found[1], found[2])


def _use(call: Mapping[str, Any], where: str) -> Use:
    if call.get("type", "function") != "function" or not isinstance(call.get("function"), dict):
        no_word("a tool call that is no function's", f"{where}.tool_calls")
    told = call["function"]
    try:
        arguments = orjson.loads(told.get("arguments") or "{}")
    except (orjson.JSONDecodeError, TypeError):
        arguments = None
    if not isinstance(arguments, dict):
        no_word("arguments that are no JSON object", f"{where}.tool_calls")
    return Use(str(call.get("id")), str(told.get("name")), arguments)


def _tool(tool: Mapping[str, Any], where: str) -> Offered:
    told = tool.get("function")
    if tool.get("type") != "function" or not isinstance(told, dict):
        no_word("a tool that is no function", where)
    only(told, frozenset(("name", "description", "parameters", "strict")), f"{where}.function")
    if told.get("strict"):
        no_word("strict", f"{where}.function.strict")
    return Offered(str(told.get("name")), str(told.get("description") or ""), told.get("parameters") or _NOTHING)


_NOTHING: Mapping[str, Any] = {"type": "object", "properties": {}}


def _choice(choice: Any) -> str:
    if choice is None or choice == "auto":
        return "auto"
    if choice in ("none", "required"):
        return "any" if choice == "required" else "none"
    if not isinstance(choice, dict) or not isinstance(choice.get("function"), dict):
        no_word("this choice of tools", "tool_choice")
    return f"tool:{choice['function'].get('name')}"
