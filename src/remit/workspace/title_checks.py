"""The placeholders of a tool's title must name something that a call has."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from remit.domain.release import ArgumentRole, Tool
from remit.domain.title import is_balanced, is_path, placeholders, role_of, with_role
from remit.workspace.argument_names import argument_names, part_of, types_of
from remit.workspace.draft import Draft, below
from remit.workspace.report import Report, Source, listed, meant


def check_titles(draft: Draft) -> None:
    """Report titles that could not be filled in."""
    for written in draft.tools:
        tool = written.value
        if tool.title is None:
            continue
        for language in ("en", "ar"):
            template = getattr(tool.title, language)
            if template:
                _check(tool, template, below("title", language), written.source, draft.report)


def _check(tool: Tool, template: str, path: str, source: Source, report: Report) -> None:
    if "\n" in template:
        report.add(source, path, "the title has more than one line", "Write it on one line")
    if not is_balanced(template):
        report.add(source, path, "a brace stands alone", "Braces are for placeholders only, as `{amount}`")
    for name in dict.fromkeys(placeholders(template)):
        _check_placeholder(tool, name, path, source, report)


def _check_placeholder(tool: Tool, name: str, path: str, source: Source, report: Report) -> None:
    if not is_path(name):
        remedy = "Write the name of an argument, a derived field or a role, as `{amount}` or `{card.last4}`"
        report.add(source, path, f"`{{{name[:80]}}}` is no placeholder", remedy)
        return
    taken = with_role(tool, name)
    is_argument = _is_argument(tool.input_schema, name.split("."))
    if not is_argument and name not in {derived.name for derived in tool.derived}:
        if not taken:
            message = f"`{{{name}}}` is no argument, derived field or role of `{tool.name}`"
            known = sorted(set(_known(tool)))
            has = f"It has {listed(known, 'and')}" if known else "It has none: leave the placeholder out"
            report.add(source, path, message, meant(name, known, has))
        if len(taken) > 1:
            message = f"`{{{name}}}` could be {listed(taken)}: each is called the {name}"
            report.add(source, path, message, "Write the one that is meant")
            return
    argument = name if is_argument or not taken else taken[0]
    if role_of(tool, argument) is ArgumentRole.SECRET:
        remedy = "Leave it out: the title will say (hidden)"
        report.add(source, path, f"`{{{name}}}` is secret", remedy, warning=True)


def _known(tool: Tool) -> Iterator[str]:
    yield from argument_names(tool.input_schema) or ()
    yield from (derived.name for derived in tool.derived)
    yield from (role.value for role in tool.roles.values())


def _is_argument(schema: Mapping[str, object], steps: list[str]) -> bool:
    """Tell whether a schema has something at a path; also where it does not say."""
    name, *rest = steps
    if name.isdecimal() and "array" in types_of(schema):
        part = schema.get("items")
        part = part if isinstance(part, Mapping) else None
    else:
        names = argument_names(schema)
        if names is None:
            return True
        if name not in names:
            return False
        part = part_of(schema, name)
    if not rest or part is None:
        return True
    return bool(types_of(part) & {"object", "array"} or not types_of(part)) and _is_argument(part, rest)
