"""Kind Prompt: the front matter of a prompt file. What stands below it is read by workspace/prompt_file.py."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from remit.domain.ids import ModelName, PromptName
from remit.domain.prompt_template import Prompt, Variable, VariableType, fits
from remit.workspace.form import Choice, Matching, Name, Text, Whole, YesNo
from remit.workspace.kinds.settings import MODEL
from remit.workspace.node import Node
from remit.workspace.record import Field, MapOf, OneOf, Record, Values
from remit.workspace.report import At

Given = str | int | bool


@dataclass(frozen=True, slots=True)
class _Value:
    """A text, a whole number, or true or false."""

    def read(self, node: Node, at: At) -> Given | None:
        if isinstance(node.value, str | int | bool):
            return node.value
        said = "has no value" if node.value is None else f"must be text, a whole number, true or false, not {node.word}"
        at.wrong(node, said, "Write for example `formal`, `3` or `true`")
        return None

    def schema(self) -> dict[str, object]:
        return {"type": ["string", "integer", "boolean"], "examples": ["formal"]}


_TYPE = Field[VariableType]("type", Choice(VariableType), "what it takes", VariableType.STRING)
_ABOUT = Field[str]("description", Text("The customer's own words."), "what it is, for whoever fills it in", "")
_REQUIRED = Field[bool | None](
    "required", YesNo(), "whether the prompt is refused without it; it is, unless there is a default"
)
_DEFAULT = Field[Given | None]("default", _Value(), "what stands in its place where it is left out; else nothing")
_LONGEST = Field[int]("longest", Whole(1, 1_000_000), "most characters of a string", 20_000)


def _variable(values: Values, at: At) -> Variable | None:
    default, required, type = values[_DEFAULT], values[_REQUIRED], values[_TYPE]  # noqa: A001 - the word of the front matter
    fine = True
    if default is not None and required:
        at.key("required").wrong(values.place_of(_REQUIRED), "it has a default, so it is not required", "Remove one")
        fine = False
    if default is not None and not fits(default, type):
        remedy = "Write a default of its type, or change the type"
        at.key("default").wrong(values.place_of(_DEFAULT), f"the default is no {type.value}", remedy)
        fine = False
    if isinstance(default, str) and len(default) > values[_LONGEST]:
        said = f"the default is longer than {values[_LONGEST]:,} characters"
        at.key("default").wrong(values.place_of(_DEFAULT), said, "Shorten it")
        fine = False
    if _LONGEST in values and type is not VariableType.STRING:
        at.key("longest").wrong(values.place_of(_LONGEST), "only a string has a length", "Remove it")
        fine = False
    if not fine:
        return None
    return Variable(type, values[_ABOUT], default is None if required is None else required, default, values[_LONGEST])


VARIABLE = Record("a variable", (_TYPE, _ABOUT, _REQUIRED, _DEFAULT, _LONGEST), _variable)


@dataclass(frozen=True, slots=True)
class _TypeAlone:
    """A variable in one word: its type."""

    def read(self, node: Node, at: At) -> Variable | None:
        type = Choice(VariableType).read(node, at)  # noqa: A001 - the word of the front matter
        return None if type is None else Variable(type)

    def schema(self) -> dict[str, object]:
        return Choice(VariableType).schema()


_IDENTIFIER = Matching(str, r"[A-Za-z_][A-Za-z0-9_]{0,63}", "a variable's name", "customer_name")
_NAME = Field[PromptName]("name", Name(PromptName, "order-status"), "what agents ask for it by", required=True)
_DESCRIPTION = Field[str]("description", Text("Answers where an order is."), "what it is for, in a sentence", "")
_VARIABLES = Field[Mapping[str, Variable]](
    "variables",
    MapOf(OneOf(_TypeAlone(), VARIABLE), _IDENTIFIER),
    "what is filled in where the text says `{{NAME}}`: a type, or more",
    {},
)
_MODEL = Field[ModelName | None]("model", MODEL, "which model it was written for; asked where the request names none")
_MOST = Field[int | None](
    "max_output_tokens", Whole(1, 10_000_000), "most tokens of the answer, where the request does not say"
)


def _prompt(values: Values, _: At) -> Prompt:
    return Prompt(
        name=values[_NAME],
        messages=(),
        description=values[_DESCRIPTION],
        variables=values[_VARIABLES],
        model=values[_MODEL],
        max_output_tokens=values[_MOST],
    )


PROMPT = Record("a Prompt", (_NAME, _DESCRIPTION, _VARIABLES, _MODEL, _MOST), _prompt)
