"""A step that asks a model: a prompt of the release, or messages as they stand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from remit.domain.ids import PromptName
from remit.domain.prompt_template import RenderedTooLong, UnfitVariables, render
from remit.domain.workflow import ModelStep
from remit.domain.workflow_progress import Progress, StepState
from remit.execution.metering import Usage, prices_at_hand
from remit.execution.workflows.acting import Acting
from remit.execution.workflows.kinds.model import ModelDeed
from remit.execution.workflows.models import ModelCalls
from remit.execution.workflows.ports import CallFailed
from remit.execution.workflows.turn import StepFailed, Turn, begun
from remit.execution.workflows.walking import Ready


class ModelKind:
    """Asks models. What a step comes to is the text, and the tokens it took."""

    def __init__(self, models: ModelCalls) -> None:
        self._models = models

    async def carry_out(self, turn: Turn, ready: Ready) -> Progress:
        """See StepKind."""
        step = ready.step
        assert isinstance(step, ModelStep)
        configuration = turn.door.rules_of(turn.run).configuration
        body: dict[str, Any] = {"model": step.model, "messages": _messages(turn, step, ready)}
        prompt = configuration.prompts.get(PromptName(step.prompt))
        most = step.max_output_tokens or (None if prompt is None else prompt.max_output_tokens)
        if most is not None:
            body["max_tokens"] = most
        await prices_at_hand()
        try:
            request = self._models.ready(configuration, step.model, body)
        except CallFailed as error:
            raise StepFailed(error.code, str(error)) from None
        deed = ModelDeed(turn, self._models, request, step.timeout_s)
        row = await Acting(turn, deed, step.retry, step.timeout_s, 0).act(begun(turn, ready), {})
        return replace(row, output=_told(row.output)) if row.state is StepState.DONE else row


def _messages(turn: Turn, step: ModelStep, ready: Ready) -> list[Any]:
    if not step.prompt:
        found = turn.filled(step.id, step.messages, ready.values)
        if not isinstance(found, list):
            raise StepFailed("messages_unfit", "`messages` comes to no list")
        return found
    prompt = turn.door.rules_of(turn.run).configuration.prompts.get(PromptName(step.prompt))
    if prompt is None:
        raise StepFailed("prompt_unknown", f"the release has no prompt {step.prompt}")
    variables = turn.filled(step.id, step.variables, ready.values)
    try:
        return [{"role": each.speaker.value, "content": each.text} for each in render(prompt, dict(variables))]
    except (UnfitVariables, RenderedTooLong) as error:
        raise StepFailed("variables_unfit", str(error)) from None


def _told(document: object) -> dict[str, Any]:
    """Return what steps behind it see of a chat completion."""
    found = document if isinstance(document, Mapping) else {}
    choices = found.get("choices") or [{}]
    message = choices[0].get("message") or {}
    usage = found.get("usage") or {}
    took = Usage(int(usage.get("prompt_tokens") or 0), int(usage.get("completion_tokens") or 0))
    text = message.get("content")
    return {
        "text": text if isinstance(text, str) else "",
        "input_tokens": took.input_tokens,
        "output_tokens": took.output_tokens,
    }
