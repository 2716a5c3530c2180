"""Tools that answer in one go, with what goes back and forth while they work."""

from __future__ import annotations

import warnings

import anyio
import mcp_types as types
from mcp.server.subscriptions import PromptsListChanged, SubscriptionBus, ToolsListChanged
from mcp.shared.exceptions import MCPDeprecationWarning, MCPError

from tests.peers.conforming.said import (
    SOUND,
    Call,
    Context,
    Json,
    Offered,
    always,
    embedded,
    image,
    result,
    schema,
    text,
)

CHANGING_TOOL = "test_changing_tool"
CHANGING_PROMPT = "test_simple_prompt"
ALL_KEYWORDS: Json = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "$defs": {
        "address": {
            "$anchor": "addressDef",
            "type": "object",
            "properties": {"street": {"type": "string"}, "city": {"type": "string"}},
        }
    },
    "properties": {
        "name": {"type": "string"},
        "address": {"$ref": "#/$defs/address"},
        "contactMethod": {"type": "string", "enum": ["phone", "email"]},
        "phone": {"type": "string"},
        "email": {"type": "string"},
    },
    "allOf": [{"anyOf": [{"required": ["phone"]}, {"required": ["email"]}]}],
    "if": {"properties": {"contactMethod": {"const": "phone"}}, "required": ["contactMethod"]},
    "then": {"required": ["phone"]},
    "else": {"required": ["email"]},
    "additionalProperties": False,
}
MIRRORED: Json = {
    "type": "object",
    "properties": {"region": {"type": "string", "x-mcp-header": "Region"}, "query": {"type": "string"}},
    "required": ["query"],
}
DEFAULTS: Json = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "default": "John Doe"},
        "age": {"type": "integer", "default": 30},
        "score": {"type": "number", "default": 95.5},
        "status": {"type": "string", "enum": ["active", "inactive", "pending"], "default": "active"},
        "verified": {"type": "boolean", "default": True},
    },
}
TITLED = [{"const": f"value{number}", "title": f"{word} Option"} for number, word in enumerate(("First", "Second"), 1)]
ENUMS: Json = {
    "type": "object",
    "properties": {
        "untitledSingle": {"type": "string", "enum": ["option1", "option2", "option3"]},
        "titledSingle": {"type": "string", "oneOf": TITLED},
        "legacyEnum": {"type": "string", "enum": ["opt1", "opt2"], "enumNames": ["Option One", "Option Two"]},
        "untitledMulti": {"type": "array", "items": {"type": "string", "enum": ["option1", "option2", "option3"]}},
        "titledMulti": {"type": "array", "items": {"anyOf": TITLED}},
    },
}
ADDRESS: Json = {
    "type": "object",
    "properties": {
        "username": {"type": "string", "description": "User's response"},
        "email": {"type": "string", "description": "User's email address"},
    },
    "required": ["username", "email"],
}


async def log(context: Context, said: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", MCPDeprecationWarning)
        await context.session.send_log_message("info", said, related_request_id=context.request_id)


async def with_logging(context: Context, params: types.CallToolRequestParams) -> types.CallToolResult:
    for said in ("Tool execution started", "Tool processing data", "Tool execution completed"):
        await log(context, said)
        await anyio.sleep(0.05)
    return result(text("Tool with logging executed"))


async def with_progress(context: Context, params: types.CallToolRequestParams) -> types.CallToolResult:
    for done in (0, 50, 100):
        await context.session.report_progress(done, 100)
        await anyio.sleep(0.05)
    return result(text("Tool with progress executed"))


async def sampling(context: Context, params: types.CallToolRequestParams) -> types.CallToolResult:
    prompt = str((params.arguments or {})["prompt"])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", MCPDeprecationWarning)
        asked = types.SamplingMessage(role="user", content=text(prompt))
        said = await context.session.create_message([asked], max_tokens=100, related_request_id=context.request_id)
    assert isinstance(said.content, types.TextContent)
    return result(text(f"LLM response: {said.content.text}"))


def asking(requested: Json, answer: str) -> Call:
    """A tool that asks the client's person, as older clients are asked: while the call waits."""

    async def call(context: Context, params: types.CallToolRequestParams) -> types.CallToolResult:
        message = str((params.arguments or {}).get("message", "Please answer"))
        said = await context.session.elicit_form(message, requested, context.request_id)
        return result(text(answer.format(action=said.action, content=said.content)))

    return call


async def missing_capability(context: Context, params: types.CallToolRequestParams) -> types.CallToolResult:
    has = context.session.client_capabilities
    if has is None or has.sampling is None:
        needed: Json = {"requiredCapabilities": {"sampling": {}}}
        raise MCPError(types.MISSING_REQUIRED_CLIENT_CAPABILITY, "This tool needs sampling", needed)
    return result(text("The client can sample"))


async def reconnection(context: Context, params: types.CallToolRequestParams) -> types.CallToolResult:
    if context.close_sse_stream is not None:
        await anyio.sleep(0.1)  # until the client has the beginning of the stream
        await context.close_sse_stream()
    await anyio.sleep(0.1)
    return result(text("Reconnection test completed"))


async def mirrored(context: Context, params: types.CallToolRequestParams) -> types.CallToolResult:
    return result(text(f"region: {(params.arguments or {}).get('region')}"))


class Lists:
    """A tool and a prompt that come and go, and whoever listens for that.

    Where a prompt has gone, no prompt is what somebody accepted; it comes back with the next change of the tools.
    """

    def __init__(self, bus: SubscriptionBus) -> None:
        self._bus = bus
        self.gone: set[str] = set()

    async def change_tools(self, context: Context, params: types.CallToolRequestParams) -> types.CallToolResult:
        self.gone ^= {CHANGING_TOOL}
        self.gone -= {CHANGING_PROMPT}
        await self._bus.publish(PromptsListChanged())
        await self._bus.publish(ToolsListChanged())
        return result(text("The tools have changed"))

    async def change_prompts(self, context: Context, params: types.CallToolRequestParams) -> types.CallToolResult:
        self.gone |= {CHANGING_PROMPT}
        await self._bus.publish(PromptsListChanged())
        return result(text("The prompts have changed"))


def tools(lists: Lists) -> dict[str, Offered]:
    """The tools by name."""
    mixed = embedded("test://mixed-content-resource", "application/json", '{"test":"data","value":123}')
    said = "User response: action={action}, content={content}"
    done = "Elicitation completed: action={action}, content={content}"
    failed = text("This tool intentionally returns an error for testing")
    inside = embedded("test://embedded-resource", "text/plain", "This is an embedded resource content.")
    sound = types.AudioContent(type="audio", data=SOUND, mime_type="audio/wav")
    return {
        "test_simple_text": Offered("Says a text", always(text("This is a simple text response for testing."))),
        "test_image_content": Offered("Shows an image", always(image())),
        "test_audio_content": Offered("Plays a sound", always(sound)),
        "test_embedded_resource": Offered("Embeds a resource", always(inside)),
        "test_multiple_content_types": Offered(
            "Says it in three ways", always(text("Multiple content types test:"), image(), mixed)
        ),
        "test_error_handling": Offered("Fails", always(failed, failed=True)),
        "test_tool_with_logging": Offered("Logs while it works", with_logging),
        "test_logging_tool": Offered("Logs if asked to", with_logging),
        "test_tool_with_progress": Offered("Tells how far it is", with_progress),
        "test_sampling": Offered("Asks the client's model", sampling, schema("prompt", prompt="string")),
        "test_elicitation": Offered(
            "Asks the client's person", asking(ADDRESS, said), schema("message", message="string")
        ),
        "test_elicitation_sep1034_defaults": Offered("Asks with defaults", asking(DEFAULTS, done)),
        "test_elicitation_sep1330_enums": Offered("Asks with choices", asking(ENUMS, done)),
        "test_reconnection": Offered("Ends its stream early", reconnection),
        "test_missing_capability": Offered("Works only with clients that can sample", missing_capability),
        "test_trigger_tool_change": Offered("Changes the tools", lists.change_tools),
        "test_trigger_prompt_change": Offered("Changes the prompts", lists.change_prompts),
        CHANGING_TOOL: Offered("Comes and goes", always(text("Here"))),
        "test_mirrored_header": Offered("Has an argument that is also a header", mirrored, MIRRORED),
        "json_schema_2020_12_tool": Offered("Tool with JSON Schema 2020-12 features", always(text("ok")), ALL_KEYWORDS),
    }
