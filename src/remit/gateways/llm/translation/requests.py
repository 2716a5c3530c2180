"""Writes requests in the dialects of endpoints, from the plain form."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import orjson

from remit.gateways.llm.translation.talk import Came, Offered, Part, Picture, Talk, Turn, Use, Words, no_word

Write: TypeAlias = Callable[[Talk, str, int, bool, str], Mapping[str, Any]]
"""Takes the request, the model's name there, the most tokens of output, whether it streams, and the provider."""


def chat(talk: Talk, model: str, most_output: int, is_stream: bool, provider: str) -> Mapping[str, Any]:
    """Write a request for chat completions."""
    if talk.top_k is not None:
        no_word("top_k", "top_k")
    messages: list[dict[str, Any]] = [{"role": "system", "content": talk.system}] if talk.system else []
    for turn in talk.turns:
        messages += _chat_turn(turn)
    limit = "max_completion_tokens" if provider in ("openai", "azure") else "max_tokens"
    value: dict[str, Any] = {"model": model, "messages": messages, limit: most_output}
    if is_stream:
        value |= {"stream": True, "stream_options": {"include_usage": True}}
    if talk.tools:
        value["tools"] = [{"type": "function", "function": _function(tool)} for tool in talk.tools]
        named = {"type": "function", "function": {"name": talk.choice[5:]}}
        words = {"auto": "auto", "none": "none", "any": "required"}
        value["tool_choice"] = words.get(talk.choice, named)
        if talk.parallel is not None:
            value["parallel_tool_calls"] = talk.parallel
    settings: dict[str, Any] = {"temperature": talk.temperature, "top_p": talk.top_p}
    settings |= {"stop": list(talk.stop) or None, "user": talk.user or None}
    return value | {name: each for name, each in settings.items() if each is not None}


def _function(tool: Offered) -> dict[str, Any]:
    about = {"description": tool.description} if tool.description else {}
    return {"name": tool.name, **about, "parameters": tool.schema}


def _chat_turn(turn: Turn) -> list[dict[str, Any]]:
    if turn.is_user:
        came = [part for part in turn.parts if isinstance(part, Came)]
        found: list[dict[str, Any]] = [
            {"role": "tool", "tool_call_id": each.id, "content": f"Error: {each.text}" if each.failed else each.text}
            for each in came
        ]
        others = [_chat_part(part) for part in turn.parts if not isinstance(part, Came)]
        if others:
            found.append({"role": "user", "content": _plain(others)})
        return found
    said = [_chat_part(part) for part in turn.parts if isinstance(part, Words | Picture)]
    message: dict[str, Any] = {"role": "assistant", "content": _plain(said) if said else None}
    uses = [
        {"id": use.id, "type": "function", "function": {"name": use.name, "arguments": _text(use.arguments)}}
        for use in turn.parts
        if isinstance(use, Use)
    ]
    return [message | {"tool_calls": uses} if uses else message]


def _plain(parts: list[dict[str, Any]]) -> str | list[dict[str, Any]]:
    return str(parts[0]["text"]) if len(parts) == 1 and parts[0]["type"] == "text" else parts


def _chat_part(part: Part) -> dict[str, Any]:
    if isinstance(part, Picture):
        return {"type": "image_url", "image_url": {"url": f"data:{part.kind};base64,{part.data}"}}
    return {"type": "text", "text": part.text if isinstance(part, Words) else ""}


def _text(arguments: Mapping[str, Any]) -> str:
    return orjson.dumps(arguments).decode()


def messages(talk: Talk, model: str, most_output: int, is_stream: bool, provider: str) -> Mapping[str, Any]:  # noqa: ARG001
    """Write a request for messages."""
    value: dict[str, Any] = {"model": model, "max_tokens": most_output}
    if talk.system:
        value["system"] = talk.system
    value["messages"] = [
        {"role": "user" if turn.is_user else "assistant", "content": [_block(part) for part in turn.parts]}
        for turn in talk.turns
    ]
    if is_stream:
        value["stream"] = True
    if talk.tools:
        value["tools"] = [
            {"name": tool.name, "description": tool.description, "input_schema": tool.schema} for tool in talk.tools
        ]
        kind = "tool" if talk.choice.startswith("tool:") else talk.choice
        choice: dict[str, Any] = {"type": kind}
        if kind == "tool":
            choice["name"] = talk.choice[5:]
        if talk.parallel is False:
            choice["disable_parallel_tool_use"] = True
        value["tool_choice"] = choice
    settings: dict[str, Any] = {"temperature": talk.temperature, "top_p": talk.top_p, "top_k": talk.top_k}
    settings["stop_sequences"] = list(talk.stop) or None
    settings["metadata"] = {"user_id": talk.user} if talk.user else None
    return value | {name: each for name, each in settings.items() if each is not None}


def _block(part: Part) -> dict[str, Any]:
    match part:
        case Words():
            return {"type": "text", "text": part.text}
        case Picture():
            return {"type": "image", "source": {"type": "base64", "media_type": part.kind, "data": part.data}}
        case Use():
            return {"type": "tool_use", "id": part.id, "name": part.name, "input": part.arguments}
        case Came():
            failed = {"is_error": True} if part.failed else {}
            return {"type": "tool_result", "tool_use_id": part.id, "content": part.text, **failed}


def converse(talk: Talk, model: str, most_output: int, is_stream: bool, provider: str) -> Mapping[str, Any]:  # noqa: ARG001
    """Write a request for Bedrock's converse; the model stands in the path, and so does whether it streams."""
    if talk.parallel is False:
        no_word("one tool at a time", "parallel_tool_calls")
    if talk.top_k is not None:
        no_word("top_k", "top_k")
    limits = {"maxTokens": most_output, "temperature": talk.temperature, "topP": talk.top_p}
    inference: dict[str, Any] = {name: each for name, each in limits.items() if each is not None}
    if talk.stop:
        inference["stopSequences"] = list(talk.stop)
    value: dict[str, Any] = {
        "messages": [
            {"role": "user" if turn.is_user else "assistant", "content": [_bedrock_block(part) for part in turn.parts]}
            for turn in talk.turns
        ],
        "inferenceConfig": inference,
    }
    if talk.system:
        value["system"] = [{"text": talk.system}]
    if talk.tools and talk.choice == "none":
        no_word("tools that must not be used", "tool_choice")
    if talk.tools:
        specs = [{"name": tool.name, "inputSchema": {"json": tool.schema}} for tool in talk.tools]
        for spec, tool in zip(specs, talk.tools, strict=True):
            if tool.description:
                spec["description"] = tool.description
        named = {"tool": {"name": talk.choice[5:]}}
        choice = named if talk.choice.startswith("tool:") else {talk.choice: {}}
        value["toolConfig"] = {"tools": [{"toolSpec": spec} for spec in specs], "toolChoice": choice}
    return value


def _bedrock_block(part: Part) -> dict[str, Any]:
    match part:
        case Words():
            return {"text": part.text}
        case Picture():
            return {"image": {"format": part.kind.partition("/")[2], "source": {"bytes": part.data}}}
        case Use():
            return {"toolUse": {"toolUseId": part.id, "name": part.name, "input": part.arguments}}
        case Came():
            status = {"status": "error"} if part.failed else {}
            return {"toolResult": {"toolUseId": part.id, "content": [{"text": part.text}], **status}}
