"""Prompts, as the active release has them, and what one says once its variables are filled in."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import Field

from remit.api.access import allow, people
from remit.api.policies import rules_of
from remit.api.refusals import Listed
from remit.api.route import Route
from remit.api.shapes import Asker, Body, Json, Shown, missing
from remit.api.use_cases import UseCases
from remit.asgi.answers import Refusal
from remit.domain.identity import Caller
from remit.domain.ids import PromptName
from remit.domain.prompt_template import Message, Prompt, RenderedTooLong, UnfitVariables, Variable, render


class VariableShown(Shown):
    """What is filled in. `default` stands where it is left out; `longest` counts characters of a string."""

    name: str
    type: str
    description: str
    required: bool
    default: str | int | bool | None
    longest: int


class MessageShown(Shown):
    """One message, with placeholders in it unless it is rendered."""

    role: str
    content: str


class PromptShown(Shown):
    """A prompt. `version` is the digest of all that decides what is asked."""

    name: str
    version: str
    description: str
    model: str | None
    max_output_tokens: int | None
    variables: list[VariableShown]
    messages: list[MessageShown]


class PromptsShown(Shown):
    """The prompts of the active release."""

    release: str
    prompts: list[PromptShown]


class Values(Body):
    """What is filled in, by name."""

    variables: Json = Field(default_factory=dict, max_length=1_000)


class RenderedShown(Shown):
    """What a model would be asked."""

    release: str
    name: str
    version: str
    model: str | None
    max_output_tokens: int | None
    messages: list[MessageShown]


class PromptRoutes:
    """Prompts."""

    def __init__(self, use: UseCases) -> None:
        self._use = use

    def routes(self) -> Iterator[Route]:
        """Name the routes."""
        yield Route("GET", "/prompts", self.prompts, PromptsShown)
        yield Route("GET", "/prompts/{prompt}", self.prompt, PromptShown)
        yield Route("POST", "/prompts/{prompt}/render", self.render, RenderedShown, large=True)

    @allow(people())
    def prompts(self, caller: Asker) -> PromptsShown:
        """List the prompts of the active release."""
        rules = rules_of(self._use, caller)
        every = rules.configuration.prompts.values()
        return PromptsShown(release=rules.release, prompts=[_shown(each) for each in every])

    @allow(people())
    def prompt(self, prompt: str, caller: Asker) -> PromptShown:
        """Return one prompt."""
        return _shown(self._found(prompt, caller)[1])

    @allow(people())
    def render(self, prompt: str, values: Values, caller: Asker) -> RenderedShown:
        """Fill values into a prompt. No model is asked and nothing is kept; a mistake in the values is 422."""
        release, found = self._found(prompt, caller)
        try:
            messages = render(found, values.variables)
        except UnfitVariables as error:
            raise _refused(error) from None
        except RenderedTooLong as error:
            raise Refusal(422, "prompt.too_long", str(error), "Shorten the values", field="variables") from None
        return RenderedShown(
            release=release,
            name=found.name,
            version=found.version,
            model=found.model,
            max_output_tokens=found.max_output_tokens,
            messages=_messages(messages),
        )

    def _found(self, prompt: str, caller: Caller) -> tuple[str, Prompt]:
        rules = rules_of(self._use, caller)
        found = rules.configuration.prompts.get(PromptName(prompt))
        if found is None:
            raise missing("prompt", prompt)
        return rules.release, found


def _refused(error: UnfitVariables) -> Listed:
    first = error.problems[0]
    remedy = "GET /api/v1/prompts/{prompt} says what it takes; `problems` lists every mistake"
    refusal = Refusal(422, first.fault.value, first.words, remedy, field=f"variables.{first.variable}")
    told = [
        {"code": each.fault.value, "field": f"variables.{each.variable}", "message": each.words}
        for each in error.problems
    ]
    return Listed(refusal, told)


def _messages(messages: tuple[Message, ...]) -> list[MessageShown]:
    return [MessageShown(role=each.speaker.value, content=each.text) for each in messages]


def _shown(prompt: Prompt) -> PromptShown:
    return PromptShown(
        name=prompt.name,
        version=prompt.version,
        description=prompt.description,
        model=prompt.model,
        max_output_tokens=prompt.max_output_tokens,
        variables=[_variable(name, each) for name, each in prompt.variables.items()],
        messages=_messages(prompt.messages),
    )


def _variable(name: str, variable: Variable) -> VariableShown:
    return VariableShown(
        name=name,
        type=variable.type.value,
        description=variable.description,
        required=variable.required,
        default=variable.default,
        longest=variable.longest,
    )
