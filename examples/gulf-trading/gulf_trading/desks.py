"""The agent's desk, bare and with Remit around it. This file is all that changes when an agent comes under Remit."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import remit
from gulf_trading.agents import MAX_OUTPUT_TOKENS, Message, WorkStopped
from gulf_trading.meter import Meter

Watch = Callable[[str, Mapping[str, Any], "remit.RemitError | None"], bool]
"""Is told of every tool call: its name, its arguments, and why it was not admitted, if it was not.

For a held one it says whether it is worth asking again: a person has answered meanwhile, or is about to.
"""


class Model(Protocol):
    """Something that completes chats."""

    @property
    def name(self) -> str:
        """`provider/model`, as the workspace names it."""
        ...

    def complete(self, messages: Sequence[Message], tools: Sequence[Message], max_output_tokens: int) -> Message:
        """Return a chat completion in OpenAI's form, with usage. Raises ModelFailed."""
        ...


class ModelFailed(Exception):
    """The model gave no usable answer; the message says what came instead."""


class BareDesk:
    """Whatever the model wants is done."""

    def __init__(self, model: Model, tools: Mapping[str, Callable[..., object]], meter: Meter) -> None:
        self.model = model
        self.meter = meter
        self._tools = tools

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
        self.meter.tool_called(tool)
        return self._tools[tool](**arguments)


class GovernedDesk:
    """The same desk in a run of Remit: every call is admitted first, and the agent hears why when it is not."""

    def __init__(
        self, desk: BareDesk, run: remit.ActiveRun, watch: Watch = lambda *_: False, wait_s: float | None = None
    ) -> None:
        self._desk = desk
        self._run = run
        self._watch = watch
        self._wait_s = wait_s  # for a person, when asking again

    def ask(self, messages: Sequence[Message], tools: Sequence[Message]) -> Message:
        """Ask the model, within the remit and the budget."""
        try:
            answer: Message = self._run.model(
                self._desk.model.name,
                {"messages": messages, "tools": tools},
                max_output_tokens=MAX_OUTPUT_TOKENS,
                using=lambda: self._desk.ask(messages, tools),
            )
        except remit.RemitError as error:  # an agent that may not think can not go on
            raise WorkStopped(str(error)) from error
        return answer

    def use(self, tool: str, arguments: Mapping[str, Any]) -> object:
        """Use a tool, within the remit. A refusal is a result: the model may find another way."""
        try:
            result = self._call(tool, arguments)
        except remit.Stopped as error:
            self._watch(tool, arguments, error)
            raise WorkStopped(str(error)) from error
        except remit.Held as error:
            return {"held": error.why(), "approval": error.approval, "next": "a person decides; go on without it"}
        except remit.Denied as error:
            self._watch(tool, arguments, error)
            return {"denied": error.why()}
        self._watch(tool, arguments, None)
        return result

    def _call(self, tool: str, arguments: Mapping[str, Any]) -> object:
        """Call once, and once more where it was held and somebody answers."""
        try:
            return self._run.call(tool, arguments, using=lambda **given: self._desk.use(tool, given))
        except remit.Held as error:
            if not self._watch(tool, arguments, error):
                raise
        return self._run.call(tool, arguments, using=lambda **given: self._desk.use(tool, given), wait=self._wait_s)
