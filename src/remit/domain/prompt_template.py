"""A prompt of the release: messages with placeholders, and what goes into them. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from remit.domain.canonical import canonical, sha256_hex
from remit.domain.ids import ModelName, PromptName

LONGEST_RENDERED = 1_000_000
"""Most characters of all messages once the variables are filled in."""

PLACEHOLDER = re.compile(r"\\\{\{|\{\{[ \t]{0,8}([A-Za-z_][A-Za-z0-9_]{0,63})[ \t]{0,8}\}\}")
"""`{{name}}`, or `\\{{`, which stands for `{{` itself. No more than that: no conditions, no loops, no filters."""


class VariableType(StrEnum):
    """What a variable takes."""

    STRING = "string"
    INTEGER = "integer"
    BOOLEAN = "boolean"


@dataclass(frozen=True, slots=True)
class Variable:
    """What is filled in where a prompt says `{{name}}`.

    Attributes:
        required: without it the prompt is not rendered. Others are `default`, or nothing, where they are left out.
        longest: most characters of a string.
    """

    type: VariableType = VariableType.STRING
    description: str = ""
    required: bool = True
    default: str | int | bool | None = None
    longest: int = 20_000


class Speaker(StrEnum):
    """Whose message it is, in the words of every model's interface."""

    SYSTEM = "system"
    USER = "user"
    ASSISTANT = "assistant"


@dataclass(frozen=True, slots=True)
class Message:
    """One message. In a prompt `text` holds placeholders, once rendered what they stand for."""

    speaker: Speaker
    text: str


@dataclass(frozen=True, slots=True)
class Prompt:
    """Messages that agents ask for by name, with values for its variables.

    Attributes:
        model: which it was written for, used where the request names none.
        max_output_tokens: most that the model may write in answer, used where the request says nothing.
    """

    name: PromptName
    messages: tuple[Message, ...]
    description: str = ""
    variables: Mapping[str, Variable] = field(default_factory=dict)
    model: ModelName | None = None
    max_output_tokens: int | None = None

    @property
    def version(self) -> str:
        """The digest of all that decides what is asked: `sha256:` and 64 digits. Name and description are no part."""
        variables = {
            name: [each.type.value, each.required, each.default, each.longest] for name, each in self.variables.items()
        }
        said = [[message.speaker.value, message.text] for message in self.messages]
        return "sha256:" + sha256_hex(canonical([said, variables, self.model, self.max_output_tokens]))


class VariableFault(StrEnum):
    """What may be wrong with a variable's value."""

    MISSING = "prompt.variable_missing"
    UNKNOWN = "prompt.variable_unknown"
    MISTYPED = "prompt.variable_mistyped"
    TOO_LONG = "prompt.variable_too_long"


@dataclass(frozen=True, slots=True)
class VariableProblem:
    """One thing that is wrong with the values, and what would be right; never the value itself."""

    fault: VariableFault
    variable: str
    words: str


class UnfitVariables(ValueError):
    """The values do not fit the prompt; `problems` has every mistake."""

    def __init__(self, prompt: PromptName, problems: Sequence[VariableProblem]) -> None:
        super().__init__(f"prompt {prompt}: " + "; ".join(problem.words for problem in problems[:10]))
        self.prompt = prompt
        self.problems = tuple(problems)


class RenderedTooLong(ValueError):
    """The messages are longer than LONGEST_RENDERED once the values are in."""


def render(prompt: Prompt, values: Mapping[str, object]) -> tuple[Message, ...]:
    """Fill the values in, once: what looks like a placeholder in a value stays as it is, and ends no message.

    Raises:
        UnfitVariables: one is missing, unknown, of another type or too long.
        RenderedTooLong: together they are.
    """
    problems = [*_unknown(prompt, values), *_unfit(prompt, values)]
    if problems:
        raise UnfitVariables(prompt.name, problems)
    filled = {name: _written(values.get(name, each.default)) for name, each in prompt.variables.items()}
    room = LONGEST_RENDERED
    for message in prompt.messages:
        room -= _length(message.text, filled)
    if room < 0:
        raise RenderedTooLong(
            f"prompt {prompt.name} has {LONGEST_RENDERED - room:,} characters with these values, more than"
            f" {LONGEST_RENDERED:,}: shorten the values"
        )
    return tuple(Message(message.speaker, _filled(message.text, filled)) for message in prompt.messages)


def _unknown(prompt: Prompt, values: Mapping[str, object]) -> list[VariableProblem]:
    known = ", ".join(prompt.variables) or "none"
    strangers = [name for name in values if name not in prompt.variables]
    return [
        VariableProblem(VariableFault.UNKNOWN, name[:64], f"there is no variable {name[:64]!r}; known: {known}")
        for name in strangers[:20]
    ]


def _unfit(prompt: Prompt, values: Mapping[str, object]) -> list[VariableProblem]:
    found: list[VariableProblem] = []
    for name, each in prompt.variables.items():
        value = values.get(name)
        if value is None:
            if each.required:
                found.append(VariableProblem(VariableFault.MISSING, name, f"{name} ({each.type.value}) is missing"))
        elif not fits(value, each.type):
            words = f"{name} must be of type {each.type.value}, not {type(value).__name__}"
            found.append(VariableProblem(VariableFault.MISTYPED, name, words))
        elif isinstance(value, str) and len(value) > each.longest:
            words = f"{name} has {len(value):,} characters, more than {each.longest:,}"
            found.append(VariableProblem(VariableFault.TOO_LONG, name, words))
    return found


def fits(value: object, type: VariableType) -> bool:  # noqa: A002 - the word of the front matter
    """Tell whether a value is of a variable's type; true and 1 are two things."""
    if type is VariableType.STRING:
        return isinstance(value, str)
    return isinstance(value, bool) == (type is VariableType.BOOLEAN) and isinstance(value, int)


def _written(value: object) -> str:
    if value is None:
        return ""
    return ("true" if value else "false") if isinstance(value, bool) else str(value)


def _length(text: str, filled: Mapping[str, str]) -> int:
    return len(text) + sum(len(filled[name]) for name in PLACEHOLDER.findall(text) if name)


def _filled(text: str, filled: Mapping[str, str]) -> str:
    return PLACEHOLDER.sub(lambda found: "{{" if found[1] is None else filled[found[1]], text)
