"""A plain tool-calling agent, such as a team writes in an afternoon. It knows nothing of Remit."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

Message = Mapping[str, Any]
"""A message of OpenAI's chat completions."""

KEPT_TURNS = 4
"""Turns the model is shown. Many frameworks cut the conversation so; what was forgotten is easily done again."""

MAX_TURNS = 100_000
"""No task takes so many; whoever runs an agent without Remit has at least this."""

MAX_OUTPUT_TOKENS = 2_000
"""Of one answer; a reasoning model thinks within it too."""


class Desk(Protocol):
    """Where an agent works: a model to ask and tools to use."""

    def ask(self, messages: Sequence[Message], tools: Sequence[Message]) -> Message:
        """Return the model's answer, a chat completion. Raises WorkStopped."""
        ...

    def use(self, tool: str, arguments: Mapping[str, Any]) -> object:
        """Return a tool's result as plain JSON. Raises WorkStopped, and LookupError for what the tool does not find."""
        ...


class WorkStopped(Exception):
    """The agent may not go on; the message says why."""


@dataclass(frozen=True, slots=True)
class Task:
    """What an agent is asked to do, by whom, with the tools of which systems. `subject` is whose data it handles."""

    agent: str
    on_behalf_of: str
    text: str
    systems: tuple[str, ...]
    subject: str = ""


@dataclass(frozen=True, slots=True)
class Ending:
    """How a task ended: finished, or stopped by the desk, with the agent's or the desk's last words."""

    finished: bool
    words: str


@dataclass(slots=True)
class Conversation:
    """The task and the last turns. A turn is an answer of the model with the results of the tools it called."""

    task: str
    turns: list[list[Message]] = field(default_factory=list)

    def messages(self) -> list[Message]:
        """Return what the model is shown."""
        system = "You are an agent of Gulf Trading, Dubai. Work with the tools; say so when you are done."
        opening: list[Message] = [{"role": "system", "content": system}, {"role": "user", "content": self.task}]
        return opening + [message for turn in self.turns for message in turn]

    def add(self, turn: list[Message]) -> None:
        """Remember a turn and forget what is too long ago."""
        self.turns = [*self.turns, turn][-KEPT_TURNS:]


def work(desk: Desk, task: Task, tools: Sequence[Message], *, until: Callable[[], bool]) -> Ending:
    """Work on a task until the model calls no tool, the desk stops the work, or `until` says that time is up."""
    conversation = Conversation(task.text)
    for _ in range(MAX_TURNS):
        if until():
            return Ending(False, "time is up")
        try:
            said = message_of(desk.ask(conversation.messages(), tools))
            if not said.get("tool_calls"):
                return Ending(True, str(said.get("content") or ""))
            conversation.add([said, *(_result(desk, call) for call in said["tool_calls"])])
        except WorkStopped as stopped:
            return Ending(False, str(stopped))
    return Ending(False, f"no end after {MAX_TURNS} turns")


def _result(desk: Desk, call: Message) -> Message:
    """Use one tool and write its result, or what was wrong with the call, as a message to the model."""
    try:
        arguments = json.loads(call["function"]["arguments"] or "{}")
        if not isinstance(arguments, dict):
            raise TypeError("the arguments are not an object")
        result = desk.use(call["function"]["name"], arguments)
    except (LookupError, TypeError, ValueError) as error:
        result = {"error": str(error)}
    return {"role": "tool", "tool_call_id": call["id"], "content": json.dumps(result, ensure_ascii=False)}


def message_of(completion: Message) -> Message:
    """Return the first choice's message; whoever made the completion has checked its form."""
    message: Message = completion["choices"][0]["message"]
    return message


def wire_name(tool: str) -> str:
    """Return a tool's name as OpenAI takes it, where a dot may not stand. Remit's gateway lists it so by itself."""
    return tool.replace(".", "_")
