"""The agent's desk without Remit. The one with Remit is stock_desk.py."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from gulf_trading.agents import MAX_OUTPUT_TOKENS, Message, wire_name
from gulf_trading.meter import Meter


class Model(Protocol):
    """Something that completes chats."""

    @property
    def name(self) -> str:
        """`provider/model`, as the workspace names it."""
        ...

    def complete(self, messages: Sequence[Message], tools: Sequence[Message], max_output_tokens: int) -> Message:
        """Return a chat completion in OpenAI's form, with usage. Raises LookupError for what it can not answer."""
        ...


class BareDesk:
    """Whatever the model wants is done."""

    def __init__(self, model: Model, tools: Mapping[str, Callable[..., object]], meter: Meter) -> None:
        self.model = model
        self.meter = meter
        self._tools = {wire_name(name): (name, tool) for name, tool in tools.items()}

    def ask(self, messages: Sequence[Message], tools: Sequence[Message]) -> Message:
        """Ask the model."""
        completion = self.model.complete(messages, tools, MAX_OUTPUT_TOKENS)
        usage = completion["usage"]
        self.meter.model_called(usage["prompt_tokens"], usage["completion_tokens"])
        return completion

    def use(self, tool: str, arguments: Mapping[str, Any]) -> object:
        """Use a tool."""
        if tool not in self._tools:
            raise LookupError(f"there is no tool {tool}")
        name, use = self._tools[tool]
        self.meter.tool_called(name)
        return use(**arguments)
