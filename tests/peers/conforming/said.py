"""What a tool of the server says, and what it may be asked with."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import mcp_types as types
from mcp.server.context import ServerRequestContext

Context = ServerRequestContext[Any, Any]
Json = dict[str, Any]
Call = Callable[[Context, types.CallToolRequestParams], Awaitable[types.CallToolResult | types.InputRequiredResult]]

NOTHING: Mapping[str, Any] = {"type": "object", "properties": {}}
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFAAH/q842iQAAAABJRU5ErkJggg=="
SOUND = "UklGRiQAAABXQVZFZm10IBAAAAABAAEAQB8AAIA+AAACABAAZGF0YQAAAAA="


@dataclass(frozen=True)
class Offered:
    """One tool: what it is called with and what it does."""

    description: str
    call: Call
    schema: Mapping[str, Any] = field(default_factory=lambda: NOTHING)


def schema(*required: str, **properties: str) -> Json:
    """A schema of an object: `schema("prompt", prompt="string")`."""
    fields = {name: {"type": kind} for name, kind in properties.items()}
    return {"type": "object", "properties": fields, "required": list(required)}


def text(said: str) -> types.TextContent:
    return types.TextContent(type="text", text=said)


def image() -> types.ImageContent:
    return types.ImageContent(type="image", data=PIXEL, mime_type="image/png")


def embedded(uri: str, kind: str, said: str) -> types.EmbeddedResource:
    return types.EmbeddedResource(
        type="resource", resource=types.TextResourceContents(uri=uri, mime_type=kind, text=said)
    )


def result(*content: types.ContentBlock, failed: bool = False) -> types.CallToolResult:
    return types.CallToolResult(content=list(content), is_error=failed)


def always(*content: types.ContentBlock, failed: bool = False) -> Call:
    """A tool that says the same each time."""

    async def call(context: Context, params: types.CallToolRequestParams) -> types.CallToolResult:
        return result(*content, failed=failed)

    return call
