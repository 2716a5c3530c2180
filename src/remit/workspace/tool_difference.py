"""What changes about a tool: its effect, its arguments, what policies can read of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from remit.domain.canonical import canonical
from remit.domain.money import micros_to_usd
from remit.domain.release import ArgumentRole, Derived, Title, Tool
from remit.workspace.wording import differing_fields, same, shown

_LONGEST = 60


def tool_summary(tool: Tool) -> Iterator[str]:
    """Say what a new tool is."""
    said = f": {tool.description}" if tool.description else ""
    yield f"tool {tool.name} is new on {tool.server}, with the effect {tool.effect.value}{said}"


def tool_changes(before: Tool, after: Tool) -> Iterator[str]:
    """Say what changes about a tool."""
    name = after.name
    for changed in differing_fields(before, after):
        old, new = getattr(before, changed), getattr(after, changed)
        match changed:
            case "effect":
                yield f"the effect of {name} is now {new.value} instead of {old.value}"
            case "input_schema":
                yield from _schema_changes(name, old, new)
            case "roles":
                yield from _roles_changes(name, old, new)
            case "derived":
                yield from _derived_changes(name, old, new)
            case "reversible" | "idempotent" | "pollable":
                yield f"{name} is now said to be {'' if new else 'not '}{changed}"
            case "cost_per_call":
                yield f"a call of {name} now costs {micros_to_usd(new)} instead of {micros_to_usd(old)}"
            case "output_labels":
                yield f"what {name} returns is now labelled {shown(new)} instead of {shown(old)}"
            case "not_governable":
                yield f"arguments of {name} that no policy can read are now {shown(new)} instead of {shown(old)}"
            case "title":
                yield from _title_changes(name, old, new)
            case _:
                yield f"{name}: {changed} changed from {shown(old)} to {shown(new)}"


def _schema_changes(name: str, before: Mapping[str, object], after: Mapping[str, object]) -> Iterator[str]:
    said = [
        *_arguments_changes(name, before, after),
        *_required_changes(name, before, after),
        *_rest_changes(name, before, after),
    ]
    yield from said or [f"the input schema of {name} lists the same in another form"]


def _arguments_changes(name: str, before: Mapping[str, object], after: Mapping[str, object]) -> Iterator[str]:
    old, new = _properties(before), _properties(after)
    for argument in new:
        if argument not in old:
            yield f"{name} takes a new argument {argument}{' (required)' if argument in _required(after) else ''}"
        elif not same(old[argument], new[argument]):
            yield f"the schema of {name}'s argument {argument} changed{_was(old[argument], new[argument])}"
    yield from (f"{name} no longer takes the argument {argument}" for argument in old if argument not in new)


def _required_changes(name: str, before: Mapping[str, object], after: Mapping[str, object]) -> Iterator[str]:
    """Say what becomes required or optional, but not of arguments that come or go: that is said already."""
    said = _properties(before).keys() ^ _properties(after).keys()
    for argument in sorted((set(_required(before)) ^ set(_required(after))) - said):
        verb = "now requires" if argument in _required(after) else "no longer requires"
        yield f"{name} {verb} the argument {argument}"


def _rest_changes(name: str, before: Mapping[str, object], after: Mapping[str, object]) -> Iterator[str]:
    for key in sorted((before.keys() | after.keys()) - {"properties", "required"}):
        if not same(before.get(key), after.get(key)) or (key in before) != (key in after):
            yield f"the input schema of {name} changed in {key}{_was(before.get(key), after.get(key))}"


def _properties(schema: Mapping[str, object]) -> Mapping[str, object]:
    found = schema.get("properties")
    return found if isinstance(found, Mapping) else {}


def _required(schema: Mapping[str, object]) -> Sequence[str]:
    found = schema.get("required")
    return [str(name) for name in found] if isinstance(found, list | tuple) else []


def _was(before: object, after: object) -> str:
    """Return old and new where both are short enough to be read in a line."""
    old, new = (canonical(each).decode() if each is not None else "nothing" for each in (before, after))
    if len(old) <= _LONGEST and len(new) <= _LONGEST:
        return f" from {old} to {new}"
    lines = [f"\n  - {old}", f"\n  + {new}"]
    return ":" + "".join(lines)


def _roles_changes(name: str, before: Mapping[str, ArgumentRole], after: Mapping[str, ArgumentRole]) -> Iterator[str]:
    for argument in sorted(before.keys() | after.keys()):
        old, new = before.get(argument), after.get(argument)
        if old != new:
            yield f"the argument {argument} of {name} is now {_role(new)} instead of {_role(old)}"
    if dict(before) == dict(after):
        yield f"the roles of {name} are listed in another order"


def _role(role: ArgumentRole | None) -> str:
    return f"its {role.value}" if role else "without a role"


def _derived_changes(name: str, before: Sequence[Derived], after: Sequence[Derived]) -> Iterator[str]:
    old = {each.name: each for each in before}
    new = {each.name: each for each in after}
    for key, derived in new.items():
        if key not in old:
            yield f"policies can now read {key} of {name}: {derived.jmespath} ({derived.type.value})"
            continue
        for changed in differing_fields(old[key], derived):
            was, now = shown(getattr(old[key], changed)), shown(getattr(derived, changed))
            yield f"the derived field {key} of {name}: {changed} changed from {was} to {now}"
    yield from (f"policies can no longer read {key} of {name}" for key in old if key not in new)
    if old == new:
        yield f"the derived fields of {name} are listed in another order"


def _title_changes(name: str, before: Title | None, after: Title | None) -> Iterator[str]:
    for language, word in (("en", "English"), ("ar", "Arabic")):
        old, new = ("" if title is None else getattr(title, language) for title in (before, after))
        if old != new:
            was, now = (f'"{text}"' if text else "the one Remit makes" for text in (old, new))
            yield f"the {word} title that approvers of {name} read is now {now} instead of {was}"
