"""Reads requests for messages into the plain form."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

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
    "model messages max_tokens system stream temperature top_p top_k stop_sequences tools tool_choice metadata thinking"
    " service_tier".split()
)
_HINT = frozenset(("cache_control",))
"""What asks for a cache changes nothing of the answer: an endpoint of another dialect caches as it does."""


def read(value: Mapping[str, Any]) -> Talk:
    """Read a request. Raises Turned for what the plain form has no word for."""
    only(value, _KNOWN | _HINT, "")
    thinking = value.get("thinking") or {}
    if thinking.get("type", "disabled") != "disabled":
        no_word("thinking", "thinking")
    choice, parallel = _choice(value.get("tool_choice"))
    return Talk(
        system=_text(value["system"], "system") if value.get("system") else "",
        turns=merged([_turn(each, f"messages.{number}") for number, each in enumerate(value["messages"])]),
        tools=tuple(_tool(tool, f"tools.{number}") for number, tool in enumerate(value.get("tools") or ())),
        choice=choice,
        parallel=parallel,
        temperature=value.get("temperature"),
        top_p=value.get("top_p"),
        top_k=value.get("top_k"),
        stop=tuple(value.get("stop_sequences") or ()),
        user=str((value.get("metadata") or {}).get("user_id") or ""),
    )


def _turn(message: Mapping[str, Any], where: str) -> Turn:
    only(message, frozenset(("role", "content")), where)
    role = message.get("role")
    if role not in ("user", "assistant"):
        no_word(f"a message of {str(role)[:80]}", f"{where}.role")
    return Turn(role == "user", tuple(_parts(message.get("content"), f"{where}.content")))


def _parts(content: Any, where: str) -> list[Part]:
    if isinstance(content, str):
        return [Words(content)]
    if not isinstance(content, list) or not all(isinstance(each, dict) for each in content):
        raise invalid("field.content", "content must be a text or a list of blocks", where)
    return [_part(block, f"{where}.{number}") for number, block in enumerate(content)]


def _part(block: Mapping[str, Any], where: str) -> Part:
    kind = block.get("type")
    if kind not in ("text", "image", "tool_use", "tool_result"):
        no_word(f"a block of type {str(kind)[:80]}", where)
    match kind:
        case "text":
            only(block, frozenset(("type", "text")) | _HINT, where)
            return Words(str(block.get("text", "")))
        case "image":
            source = block.get("source")
            if not isinstance(source, dict) or source.get("type") != "base64":
                no_word("a picture that is not sent along in base64", where)
            return Picture(str(source.get("media_type")), str(source.get("data")))
        case "tool_use":
            arguments = block.get("input")
            return Use(str(block.get("id")), str(block.get("name")), arguments if isinstance(arguments, dict) else {})
    content = block.get("content")
    text = _text(content, f"{where}.content") if content else ""
    return Came(str(block.get("tool_use_id")), text, failed=block.get("is_error") is True)


def _text(content: Any, where: str) -> str:
    parts = _parts(content, where)
    if not all(isinstance(part, Words) for part in parts):
        no_word("anything but text here", where)
    return "\n\n".join(part.text for part in parts if isinstance(part, Words))


def _tool(tool: Mapping[str, Any], where: str) -> Offered:
    if tool.get("type") not in (None, "custom"):
        no_word(f"a tool of type {str(tool.get('type'))[:80]}", where)
    only(tool, frozenset(("type", "name", "description", "input_schema")) | _HINT, where)
    return Offered(str(tool.get("name")), str(tool.get("description") or ""), tool.get("input_schema") or {})


def _choice(choice: Any) -> tuple[str, bool | None]:
    if choice is None:
        return "auto", None
    kind = choice.get("type") if isinstance(choice, dict) else None
    if kind not in ("auto", "any", "none", "tool"):
        no_word("this choice of tools", "tool_choice")
    parallel = False if choice.get("disable_parallel_tool_use") else None
    return (f"tool:{choice.get('name')}" if kind == "tool" else str(kind)), parallel
