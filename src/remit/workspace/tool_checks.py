"""What a tool says of its arguments must be about arguments it has."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import jmespath
from jmespath.exceptions import JMESPathError
from jmespath.functions import Functions

from remit.domain.release import ArgumentRole, Derived, Tool
from remit.workspace.argument_names import (
    argument_names,
    functions_in,
    part_at,
    read_by,
    types_of,
    unknown_step,
)
from remit.workspace.draft import Draft, below
from remit.workspace.report import Report, Source, meant

_NUMBERS = frozenset({"integer", "number"})
_SAID_OF_A_VALUE = ("default", "const", "enum", "examples")


def check_tools(draft: Draft) -> None:
    """Report roles, derived fields and exceptions that name arguments their tool does not have."""
    for written in draft.tools:
        _check_roles(written.value, written.source, draft.report)
        for derived in written.value.derived:
            _check_derived(derived, written.value, written.source, draft.report)
        for index, path in enumerate(written.value.not_governable):
            steps = path.replace("[]", "").split(".")
            check_argument(written.value, steps, f"not_governable[{index}]", written.source, draft.report)


def check_argument(tool: Tool, steps: list[str], path: str, source: Source, report: Report) -> bool:
    """Report an argument that `tool` does not have, named by the field at `path`. Tells whether it has it."""
    unknown = unknown_step(tool.input_schema, steps)
    if unknown is None:
        return True
    name, known = unknown
    report.add(source, path, f"`{tool.name}` has no argument `{'.'.join(steps)}`", meant(name, known, _known(known)))
    return False


def _known(names: Iterable[str]) -> str:
    listed = ", ".join(f"`{name}`" for name in names)
    return f"It has {listed}" if listed else "It has no arguments"


def _check_roles(tool: Tool, source: Source, report: Report) -> None:
    for name, role in tool.roles.items():
        path = below("roles", name)
        if not check_argument(tool, [name], path, source, report):
            continue
        part = part_at(tool.input_schema, [name])
        types = types_of(part)
        if role is ArgumentRole.AMOUNT and types and not types & _NUMBERS:
            message = f"`{name}` is called an amount but is not a number"
            report.add(source, path, message, "Give it the type `integer` or `number`, or another role")
        if role is ArgumentRole.SECRET:
            _check_secret(name, part or {}, source, report)


def _check_secret(name: str, part: Mapping[str, object], source: Source, report: Report) -> None:
    for key in _SAID_OF_A_VALUE:
        if key in part:
            message = f"`{name}` is secret, but the schema shows a value of it"
            report.add(source, below("input", "properties", name, key), message, "Remove it, and change the secret")


def _check_derived(derived: Derived, tool: Tool, source: Source, report: Report) -> None:
    path = below("derived", derived.name)
    names = argument_names(tool.input_schema)
    if names is not None and derived.name in names:
        message = f"`{derived.name}` is also an argument, which would hide the derived field"
        report.add(source, path, message, "Choose another name")
    path = below(path, "jmespath")
    try:
        expression: Mapping[str, object] = jmespath.compile(derived.jmespath).parsed
        called, read = tuple(functions_in(expression)), tuple(read_by(expression))
    except JMESPathError as error:
        said = str(error).splitlines()[0].rstrip(".:")
        report.add(source, path, f"not a JMESPath expression: {said}", "Correct it; see https://jmespath.org")
        return
    except RecursionError:
        report.add(source, path, "the expression is nested too deeply", "Simplify it")
        return
    for name in dict.fromkeys(called):
        if name not in Functions.FUNCTION_TABLE:
            remedy = meant(name, Functions.FUNCTION_TABLE, "See the functions at https://jmespath.org")
            report.add(source, path, f"JMESPath has no function `{name}`", remedy)
    for name in dict.fromkeys(read):
        check_argument(tool, [name], path, source, report)
