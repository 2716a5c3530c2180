"""The agent's desk as it is anywhere: the official MCP client for tools, the official OpenAI client for the model.

Nothing here is of Remit, nor is anything it imports. Where the clients lead is said by their addresses and keys alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, Self

import anyio.to_thread
import httpx2
from anyio.from_thread import BlockingPortal, start_blocking_portal
from mcp import Client, MCPError
from mcp.client import InputRequiredRoundsExceededError
from mcp.client.session import ClientRequestContext
from mcp.client.streamable_http import streamable_http_client
from mcp.types import INVALID_REQUEST, CallToolResult, ElicitRequestParams, ElicitResult, ErrorData, TextContent
from openai import APIError, OpenAI

from gulf_trading.agents import MAX_OUTPUT_TOKENS, Message, WorkStopped

TIMEOUT_S = 60

Tell = Callable[[str, Mapping[str, Any]], None]
"""Writes down what the agent does: what happened, and the particulars."""
Person = Callable[[], bool]
"""Waits until whoever sits at this agent has opened an address they were shown; False where they will not."""


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where tools and the model are. The OpenAI client takes its own two from the environment, as it always does."""

    tools_url: str
    tools_key: str
    model: str


class StockDesk:
    """A model to ask and tools to use, for one agent in a process of its own."""

    def __init__(self, at: Addresses, tell: Tell, person: Person | None = None) -> None:
        """Take a `person` where one sits at the agent; without one the client can not open addresses, and says so."""
        self._at = at
        self._tell = tell
        self._person = person
        self._model = OpenAI(timeout=TIMEOUT_S)
        self._open = ExitStack()
        self._using: tuple[str, Mapping[str, Any]] = ("", {})

    def __enter__(self) -> Self:
        with ExitStack() as opening:  # closed again where the server can not be reached
            self._portal: BlockingPortal = opening.enter_context(start_blocking_portal())
            headers = {"Authorization": f"Bearer {self._at.tools_key}"}
            http = httpx2.AsyncClient(headers=headers, timeout=TIMEOUT_S)
            opening.enter_context(self._portal.wrap_async_context_manager(http))
            asks = None if self._person is None else self._asked
            client = Client(streamable_http_client(self._at.tools_url, http_client=http), elicitation_callback=asks)
            self._tools = opening.enter_context(self._portal.wrap_async_context_manager(client))
            self._open = opening.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()
        self._model.close()

    def tools(self) -> list[Message]:
        """Return what the server lists, in OpenAI's form."""
        listed = self._portal.call(self._tools.list_tools).tools
        return [
            {
                "type": "function",
                "function": {
                    "name": tool.name,
                    "description": tool.description,
                    "parameters": tool.input_schema,
                },
            }
            for tool in listed
        ]

    def ask(self, messages: Sequence[Message], tools: Sequence[Message]) -> Message:
        """Ask the model."""
        try:
            completion = self._model.chat.completions.create(
                model=self._at.model,
                messages=list(messages),  # type: ignore[arg-type]
                tools=list(tools),  # type: ignore[arg-type]
                max_completion_tokens=MAX_OUTPUT_TOKENS,
            ).model_dump(mode="json", exclude_none=True)
        except APIError as error:  # an agent that may not think can not go on
            raise WorkStopped(_said(error)) from error
        self._tell("asked", completion["usage"])
        return completion

    def use(self, tool: str, arguments: Mapping[str, Any]) -> object:
        """Use a tool. That it brought nothing is a result too: the model may find another way."""
        self._using = (tool, arguments)
        try:
            result = self._portal.call(self._tools.call_tool, tool, dict(arguments))
        except (MCPError, InputRequiredRoundsExceededError) as error:
            self._tell("called", {"tool": tool, "arguments": arguments, "is_error": True, "words": str(error)})
            return {"error": str(error)}
        words, is_error = _words(result), result.is_error is True
        told = {"tool": tool, "arguments": arguments, "is_error": is_error, "words": words, "meta": result.meta or {}}
        self._tell("called", told)
        if is_error:
            return {"error": words}
        return words if result.structured_content is None else result.structured_content

    async def _asked(
        self,
        context: ClientRequestContext,  # noqa: ARG002 - as the client calls it
        params: ElicitRequestParams,
    ) -> ElicitResult | ErrorData:
        """Show a person the address that a server wants opened, and wait for them."""
        assert self._person is not None
        tool, arguments = self._using
        told = {"tool": tool, "arguments": arguments, "words": params.message, "url": getattr(params, "url", "")}
        self._tell("waits", told)
        if await anyio.to_thread.run_sync(self._person):
            return ElicitResult(action="accept")
        return ErrorData(code=INVALID_REQUEST, message=f"{params.message} Nobody answered in time.")


def _words(result: CallToolResult) -> str:
    return "\n".join(part.text for part in result.content if isinstance(part, TextContent))


def _said(error: APIError) -> str:
    body = error.body
    return str(body["message"]) if isinstance(body, dict) and body.get("message") else str(error)
