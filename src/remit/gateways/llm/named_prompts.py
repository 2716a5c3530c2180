"""Prompts of the release, asked for by name: `{name, version, variables}` in place of messages, or before them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from remit.domain.canonical import canonical
from remit.domain.ids import PromptName
from remit.domain.prompt_template import Prompt, RenderedTooLong, Speaker, UnfitVariables, render
from remit.gateways.llm.asked import Body
from remit.gateways.llm.turned import Turned, Why, invalid
from remit.kernel.ruleset import Ruleset

FIELD = "prompt"
SHORTEST_VERSION = 12
"""Digits of a version that are enough to name it."""
_MEMBERS = frozenset(("name", "version", "variables"))


@dataclass(frozen=True, slots=True)
class Reference:
    """Which prompt a request asks for, and with what in it."""

    name: str
    version: str
    variables: Mapping[str, Any]

    @property
    def opening(self) -> bytes:
        """What its conversation is known by."""
        return canonical([self.name, self.variables])


def reference_in(body: Body) -> Reference | None:
    """Return the prompt a request names, in `prompt` or in `metadata.prompt`; None where it names none. Raises Turned.

    Values of OpenAI's metadata are texts, so that the one there may be JSON in a text.
    """
    found = body.value.get(FIELD)
    metadata = body.value.get("metadata")
    if found is None and isinstance(metadata, dict):
        found = metadata.get(FIELD)
        if isinstance(found, str):
            try:
                found = orjson.loads(found)
            except orjson.JSONDecodeError:
                raise invalid("prompt.unfit", "metadata.prompt is no JSON", "metadata.prompt") from None
    if not isinstance(found, dict) or "name" not in found:
        return None
    name, version, variables = found["name"], found.get("version") or "", found.get("variables") or {}
    fits = isinstance(name, str) and isinstance(version, str) and isinstance(variables, dict)
    if not fits or not found.keys() <= _MEMBERS:
        text = "a prompt is named as {name, version, variables}: two texts and an object; only the name is needed"
        raise invalid("prompt.unfit", text, FIELD)
    return Reference(name, version, variables)


def filled(body: Body, reference: Reference, face: str, rules: Ruleset) -> tuple[Body, Prompt]:
    """Return a request with the prompt's messages in front of its own, and the prompt. Raises Turned."""
    prompt = rules.configuration.prompts.get(PromptName(reference.name))
    if prompt is None:
        text = "the release of this run has no such prompt"
        raise Turned(Why.UNKNOWN, "prompt.unknown", text, {"field": FIELD})
    _check_version(prompt, reference.version)
    try:
        messages = render(prompt, reference.variables)
    except (UnfitVariables, RenderedTooLong) as error:
        raise invalid("prompt.variables", str(error), f"{FIELD}.variables") from None
    said = [{"role": each.speaker.value, "content": each.text} for each in messages]
    value = {name: each for name, each in body.value.items() if name != FIELD}
    metadata = value.get("metadata")
    if isinstance(metadata, dict) and FIELD in metadata:
        value["metadata"] = {name: each for name, each in metadata.items() if name != FIELD}
    _PLACED[face](value, said)
    if prompt.model is not None and not value.get("model"):
        value["model"] = prompt.model
    limits = _LIMITS[face]
    if prompt.max_output_tokens is not None and all(value.get(limit) is None for limit in limits):
        value[limits[0]] = prompt.max_output_tokens
    return Body(value, orjson.dumps(value), is_compact=True), prompt


def _check_version(prompt: Prompt, version: str) -> None:
    wanted = version.removeprefix("sha256:")
    has = prompt.version.removeprefix("sha256:")
    if wanted and (len(wanted) < SHORTEST_VERSION or not has.startswith(wanted)):
        text = f"the release of this run has version {has[:SHORTEST_VERSION]} of prompt {prompt.name}"
        raise Turned(Why.UNKNOWN, "prompt.other_version", text, {"field": f"{FIELD}.version"})


def _in_chat(value: dict[str, Any], said: list[dict[str, str]]) -> None:
    value["messages"] = [*said, *_own(value, "messages")]


def _in_messages(value: dict[str, Any], said: list[dict[str, str]]) -> None:
    system, others = _parted(said)
    value["messages"] = [*others, *_own(value, "messages")]
    if system:
        own = value.get("system")
        if isinstance(own, list):
            value["system"] = [{"type": "text", "text": system}, *own]
        else:
            value["system"] = f"{system}\n\n{own}" if own else system


def _in_responses(value: dict[str, Any], said: list[dict[str, str]]) -> None:
    system, others = _parted(said)
    own = value.get("input")
    mine = [{"role": "user", "content": own}] if isinstance(own, str) and own else _own(value, "input")
    value["input"] = [*others, *mine]
    if system:
        value["instructions"] = "\n\n".join(filter(None, (system, value.get("instructions"))))


def _own(value: Mapping[str, Any], name: str) -> list[Any]:
    own = value.get(name)
    if own is not None and own != "" and not isinstance(own, list):
        raise invalid(f"field.{name}", f"{name} must be a list of objects", name)
    return own or []


def _parted(said: list[dict[str, str]]) -> tuple[str, list[dict[str, str]]]:
    system = [each["content"] for each in said if each["role"] == Speaker.SYSTEM.value]
    return "\n\n".join(system), [each for each in said if each["role"] != Speaker.SYSTEM.value]


def _in_embeddings(value: dict[str, Any], said: list[dict[str, str]]) -> None:  # noqa: ARG001
    raise invalid("prompt.unfit", "embeddings take no prompt", FIELD)


_PLACED = {"chat": _in_chat, "messages": _in_messages, "responses": _in_responses, "embeddings": _in_embeddings}
_LIMITS = {
    "chat": ("max_completion_tokens", "max_tokens"),
    "messages": ("max_tokens",),
    "responses": ("max_output_tokens",),
    "embeddings": ("max_tokens",),
}
