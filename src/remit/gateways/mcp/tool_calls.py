"""Tool servers for workflows: the same ones, by the same connections, as agents reach through the gateway."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import orjson

from remit.domain.ids import ActionId, WorkspaceName
from remit.domain.release import Tool
from remit.domain.upstream import ToolServer, Via
from remit.execution.workflows.ports import CallFailed, ToolAnswer
from remit.gateways.mcp.port import Exchange, Json, UpstreamFailed, UpstreamRefused, Upstreams

ACTION = "remit/action"
"""The key in `_meta` of a request under which a server finds the id of the action."""
_METHODS = {Via.TOOL: "tools/call", Via.RESOURCE: "resources/read", Via.PROMPT: "prompts/get"}
_JSON = re.compile(r"\s*[\[{]")


class McpToolCalls:
    """See ToolCalls. Owned by the event loop of its upstreams."""

    def __init__(self, upstreams: Upstreams) -> None:
        self._upstreams = upstreams

    async def definition(self, workspace: WorkspaceName, server: ToolServer, tool: Tool) -> str:
        """See ToolCalls."""
        try:
            offer = await self._upstreams.offer(workspace, server)
        except UpstreamFailed as error:
            raise CallFailed(error.code, str(error), sent=False) from None
        return offer.digest_of(tool.via, tool.upstream or tool.name)

    async def call(
        self,
        workspace: WorkspaceName,
        server: ToolServer,
        tool: Tool,
        arguments: Mapping[str, Any],
        action: ActionId,
        timeout_s: float | None,
    ) -> ToolAnswer:
        """See ToolCalls."""
        exchange = Exchange(_heard, rounds=False, meta={ACTION: action}, answer_s=timeout_s)
        params: Json = dict(arguments)
        if tool.via is Via.TOOL:
            params = {"name": tool.upstream or tool.name, "arguments": dict(arguments)}
        try:
            result = await self._upstreams.request(workspace, server, _METHODS[tool.via], params, exchange)
        except UpstreamFailed as error:
            raise CallFailed(error.code, str(error), sent=error.sent) from None
        except UpstreamRefused as error:
            text = f"the server refused the call with code {error.code}"
            raise CallFailed("refused", text, sent=error.sent) from None
        if result.get("resultType") == "input_required":
            raise CallFailed("input_required", "the tool asks a question, and nobody is there to answer", sent=True)
        return _answer(result, orjson.dumps(result))

    def output_of(self, raw: bytes) -> ToolAnswer:
        """See ToolCalls."""
        return _answer(orjson.loads(raw), raw)


async def _heard(_method: str, _params: Json) -> None:
    """Nobody watches the progress of a step."""


def _answer(result: Json, raw: bytes) -> ToolAnswer:
    return ToolAnswer(_output(result), raw, result.get("isError") is True)


def _output(result: Json) -> Any:
    """Return what a result is for the steps behind it: its structured content, or its text, as JSON where it is."""
    if "structuredContent" in result:
        return result["structuredContent"]
    content = result.get("content")
    texts = [each.get("text") for each in content if isinstance(each, Mapping)] if isinstance(content, list) else None
    if texts is None or not all(isinstance(text, str) for text in texts):
        return dict(result)
    text = "\n".join(str(each) for each in texts)
    if _JSON.match(text):
        try:
            return orjson.loads(text)
        except orjson.JSONDecodeError:
            return text
    return text
