"""The roles a tool gives to its arguments must be of arguments it has."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from remit.domain.release import ArgumentRole, Tool
from remit.workspace.argument_names import argument_names, part_of, types_of
from remit.workspace.draft import Draft, below
from remit.workspace.report import Report, Source, meant

_NUMBERS = frozenset({"integer", "number"})
_SAID_OF_A_VALUE = ("default", "const", "enum", "examples")


def check_roles(draft: Draft) -> None:
    """Report roles of arguments that their tool does not have, or that their schema contradicts."""
    for written in draft.tools:
        _check_roles(written.value, written.source, draft.report)


def _has_argument(tool: Tool, name: str, path: str, source: Source, report: Report) -> bool:
    """Tell whether `tool` takes the argument that the field at `path` names; report where it does not."""
    known = argument_names(tool.input_schema)
    if known is None or name in known:
        return True
    report.add(source, path, f"`{tool.name}` has no argument `{name}`", meant(name, known, _known(known)))
    return False


def _known(names: Iterable[str]) -> str:
    listed = ", ".join(f"`{name}`" for name in names)
    return f"It has {listed}" if listed else "It has no arguments"


def _check_roles(tool: Tool, source: Source, report: Report) -> None:
    for name, role in tool.roles.items():
        path = below("roles", name)
        if not _has_argument(tool, name, path, source, report):
            continue
        part = part_of(tool.input_schema, name)
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
