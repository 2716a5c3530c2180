"""Models that say what a test tells them to, and count how often they are asked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from remit.domain.ids import ActionId
from remit.domain.release import Configuration
from remit.execution.metering import Usage
from remit.execution.workflows.models import ModelAnswer, ModelRequest
from remit.execution.workflows.ports import CallFailed


def says(text: str) -> dict[str, Any]:
    """A message of the model."""
    return {"role": "assistant", "content": text}


def calls(*asked: tuple[str, Mapping[str, Any]]) -> dict[str, Any]:
    """A message of the model that asks for tools."""
    made = [
        {
            "id": f"call_{number}",
            "type": "function",
            "function": {"name": name, "arguments": orjson.dumps(arguments).decode()},
        }
        for number, (name, arguments) in enumerate(asked)
    ]
    return {"role": "assistant", "content": None, "tool_calls": made}


@dataclass
class PlayedModels:
    """Answers turn by turn: the number of an answer follows from what was said before it, as with a real model."""

    script: list[dict[str, Any]] = field(default_factory=list)
    asked: list[Mapping[str, Any]] = field(default_factory=list)
    failing: list[CallFailed] = field(default_factory=list)
    point: Callable[[], None] = lambda: None

    def ready(self, configuration: Configuration, model: str, body: Mapping[str, Any]) -> ModelRequest:
        return ModelRequest(model, 100, 50, {"messages": body["messages"]}, body)

    async def ask(
        self, configuration: Configuration, request: ModelRequest, action: ActionId, timeout_s: float | None
    ) -> ModelAnswer:
        self.point()
        self.asked.append(request.asked)
        if self.failing:
            raise self.failing.pop(0)
        said = sum(message["role"] == "assistant" for message in request.asked["messages"])
        message = self.script[min(said, len(self.script) - 1)]
        finish = "tool_calls" if message.get("tool_calls") else "stop"
        document = {
            "id": action,
            "object": "chat.completion",
            "created": 1,
            "model": request.model,
            "choices": [{"index": 0, "message": message, "finish_reason": finish}],
            "usage": {"prompt_tokens": 80, "completion_tokens": 20, "total_tokens": 100},
        }
        self.point()
        return self.output_of(orjson.dumps(document))

    def output_of(self, raw: bytes) -> ModelAnswer:
        document = orjson.loads(raw)
        used = document["usage"]
        return ModelAnswer(document, Usage(used["prompt_tokens"], used["completion_tokens"]), raw)
