"""Mistakes in tools that policies would suffer from: fields that can not be typed, and derived fields."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from remit.domain.problem import Problem
from remit.domain.release import Configuration, Derived, Tool
from remit.domain.text import hidden_character
from remit.policy.derived import BadExpression, compiled, read_fields
from remit.policy.schema import ALL_FIELDS, RESERVED_ACTIONS, declared, untypable
from remit.policy.subjects import Locator
from remit.policy.suggestions import instead


def tool_problems(configuration: Configuration, locator: Locator) -> Iterator[Problem]:
    """Yield what is wrong with each tool."""
    for tool in configuration.tools.values():
        for field, message, remedy in (*_name(tool), *_fields(tool), *_derived(tool)):
            file, line, column = locator.where("tool", tool.name, field)
            yield Problem(file, line, column, field, message, remedy)


_Found = Iterator[tuple[str, str, str]]


def _name(tool: Tool) -> _Found:
    if tool.name in RESERVED_ACTIONS:
        yield "name", f"`{tool.name}` names an action of the platform", "Choose another name"


def _fields(tool: Tool) -> _Found:
    refused = {field.field: field.why for field in untypable(tool)}
    for name, why in refused.items():
        if name == ALL_FIELDS and name not in tool.not_governable:
            message = "the schema lets in arguments that are not listed under `properties`, which no policy can read"
            yield "input", message, "List every argument under `properties`, or add `*` to `not_governable`"
        elif name not in tool.not_governable:
            yield (
                f"input.properties.{name}",
                f"policies can not read `{name}`, because it {why}",
                f"Give it one type, or add `{name}` to `not_governable`",
            )
    for number, name in enumerate(tool.not_governable):
        field = f"not_governable[{number}]"
        if name in refused:
            continue
        if name in declared(tool):
            yield field, f"policies can read `{name}`", "Take it out of this list"
        else:
            remedy = instead(name, declared(tool), "arguments")
            yield field, f"the tool has no argument `{name}`", remedy


def _derived(tool: Tool) -> _Found:
    counts = Counter(field.name for field in tool.derived)
    for field in tool.derived:
        place = f"derived.{field.name}"
        if field.name in declared(tool):
            yield place, f"`{field.name}` is an argument too, so an agent could fill it in", "Rename one of them"
        if counts[field.name] > 1:
            yield place, f"`{field.name}` is derived twice", "Remove one of them"
        if hidden := hidden_character(field.name):
            yield place, f"the name contains {hidden}, which nobody can see", "Remove it"
        yield from _expression(tool, field)


def _expression(tool: Tool, field: Derived) -> _Found:
    place = f"derived.{field.name}.jmespath"
    try:
        expression = compiled(field.jmespath)
    except BadExpression as error:
        yield place, f"the expression {error}", "Correct the expression"
        return
    if "properties" not in tool.input_schema:
        return
    for name in sorted(read_fields(expression) - declared(tool).keys()):
        yield (
            place,
            f"the expression reads `{name}`, which is no argument of the tool",
            instead(name, declared(tool), "arguments"),
        )
