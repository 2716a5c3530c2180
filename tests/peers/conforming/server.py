"""The server: what is offered, joined to the SDK."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any, get_args

import mcp_types as types
from mcp.server.caching import CacheableMethod, CacheHint
from mcp.server.lowlevel import Server
from mcp.server.request_state import RequestStateBoundary, RequestStateSecurity
from mcp.server.subscriptions import InMemorySubscriptionBus, ListenHandler
from mcp.shared.exceptions import MCPDeprecationWarning, MCPError

from tests.peers.conforming import inputs, prompts, tasks
from tests.peers.conforming.said import Context, Json, Offered
from tests.peers.conforming.tools import Lists, tools

NAME = "conforming"


async def done(context: Context, params: types.RequestParams | None) -> types.EmptyResult:
    return types.EmptyResult()


def conforming() -> Server:
    """Return a server that the suite is satisfied with, as far as the SDK can."""
    bus = InMemorySubscriptionBus()
    lists = Lists(bus)
    offered: Mapping[str, Offered] = {**tools(lists), **inputs.TOOLS, **tasks.TOOLS}
    kept = tasks.Tasks()

    async def list_tools(context: Context, params: types.PaginatedRequestParams | None) -> types.ListToolsResult:
        listed = [
            types.Tool(name=name, description=tool.description, input_schema=dict(tool.schema))
            for name, tool in sorted(offered.items())
            if name not in lists.gone
        ]
        return types.ListToolsResult(tools=listed)

    async def list_prompts(context: Context, params: types.PaginatedRequestParams | None) -> types.ListPromptsResult:
        return types.ListPromptsResult(prompts=[each for each in prompts.PROMPTS if each.name not in lists.gone])

    async def call_tool(context: Context, params: types.CallToolRequestParams) -> types.Result | Json:
        if params.name in tasks.TOOLS:
            return await kept.call(context, params)
        if params.name not in offered:
            raise MCPError(types.INVALID_PARAMS, f"There is no tool {params.name!r}")
        return await offered[params.name].call(context, params)

    def schema_of(name: str) -> Mapping[str, Any] | None:
        return offered[name].schema if name in offered else None

    server: Server = Server(
        NAME,
        version="1",
        cache_hints={method: CacheHint(ttl_ms=60_000, scope="public") for method in get_args(CacheableMethod)},
        get_tool_input_schema=schema_of,
        on_list_tools=list_tools,
        on_list_resources=prompts.list_resources,
        on_list_resource_templates=prompts.list_templates,
        on_read_resource=prompts.read,
        on_subscribe_resource=done,
        on_unsubscribe_resource=done,
        on_subscriptions_listen=ListenHandler(bus),
        on_list_prompts=list_prompts,
        on_get_prompt=prompts.get_prompt,
        on_completion=prompts.complete,
    )
    # A call may become a task, which the constructor's types do not know of.
    server.add_request_handler("tools/call", types.CallToolRequestParams, call_tool)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", MCPDeprecationWarning)
        server.add_request_handler("logging/setLevel", types.SetLevelRequestParams, done)
    server.middleware.append(RequestStateBoundary(RequestStateSecurity.ephemeral(), default_audience=NAME))
    kept.serve(server)
    return server
