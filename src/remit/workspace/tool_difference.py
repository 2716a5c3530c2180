"""What changes about a tool: its effect, its arguments, what policies can read of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from remit.domain.canonical import canonical
from remit.domain.money import micros_to_usd
from remit.domain.release import ArgumentRole, Derived, Title, Tool
from remit.domain.said import Said
from remit.workspace.wording import changed_from, differing_fields, said, same, shown

_LONGEST = 60


def tool_summary(tool: Tool) -> Iterator[Said]:
    """Say what a new tool is."""
    code = "tool.new_described" if tool.description else "tool.new"
    yield said(code, name=tool.name, server=tool.server, effect=tool.effect.value, description=tool.description)


def tool_changes(before: Tool, after: Tool) -> Iterator[Said]:
    """Say what changes about a tool."""
    name = after.name
    for changed in differing_fields(before, after):
        old, new = getattr(before, changed), getattr(after, changed)
        match changed:
            case "effect":
                yield said("tool.effect", name=name, new=new.value, old=old.value)
            case "input_schema":
                yield from _schema_changes(name, old, new)
            case "roles":
                yield from _roles_changes(name, old, new)
            case "derived":
                yield from _derived_changes(name, old, new)
            case "reversible" | "idempotent" | "pollable":
                yield said("tool.is" if new else "tool.is_not", name=name, what=changed)
            case "cost_per_call":
                yield said("tool.cost", name=name, new=micros_to_usd(new), old=micros_to_usd(old))
            case "output_labels":
                yield said("tool.labels", name=name, new=shown(new), old=shown(old))
            case "not_governable":
                yield said("tool.not_governable", name=name, new=shown(new), old=shown(old))
            case "title":
                yield from _title_changes(name, old, new)
            case _:
                yield changed_from(name, changed, shown(old), shown(new))


def _schema_changes(name: str, before: Mapping[str, object], after: Mapping[str, object]) -> Iterator[Said]:
    found = [
        *_arguments_changes(name, before, after),
        *_required_changes(name, before, after),
        *_rest_changes(name, before, after),
    ]
    yield from found or [said("tool.same_schema", name=name)]


def _arguments_changes(name: str, before: Mapping[str, object], after: Mapping[str, object]) -> Iterator[Said]:
    old, new = _properties(before), _properties(after)
    for argument in new:
        if argument not in old:
            code = "tool.takes_required" if argument in _required(after) else "tool.takes"
            yield said(code, name=name, argument=argument)
        elif not same(old[argument], new[argument]):
            yield said("tool.argument", name=name, argument=argument, was=_was(old[argument], new[argument]))
    yield from (said("tool.takes_no_more", name=name, argument=argument) for argument in old if argument not in new)


def _required_changes(name: str, before: Mapping[str, object], after: Mapping[str, object]) -> Iterator[Said]:
    """Say what becomes required or optional, but not of arguments that come or go: that is said already."""
    known = _properties(before).keys() ^ _properties(after).keys()
    for argument in sorted((set(_required(before)) ^ set(_required(after))) - known):
        code = "tool.requires" if argument in _required(after) else "tool.requires_no_more"
        yield said(code, name=name, argument=argument)


def _rest_changes(name: str, before: Mapping[str, object], after: Mapping[str, object]) -> Iterator[Said]:
    for key in sorted((before.keys() | after.keys()) - {"properties", "required"}):
        if not same(before.get(key), after.get(key)) or (key in before) != (key in after):
            yield said("tool.schema", name=name, key=key, was=_was(before.get(key), after.get(key)))


def _properties(schema: Mapping[str, object]) -> Mapping[str, object]:
    found = schema.get("properties")
    return found if isinstance(found, Mapping) else {}


def _required(schema: Mapping[str, object]) -> Sequence[str]:
    found = schema.get("required")
    return [str(name) for name in found] if isinstance(found, list | tuple) else []


def _was(before: object, after: object) -> Said:
    """Return old and new in one line where both are short enough for that."""
    texts = [canonical(each).decode() if each is not None else "" for each in (before, after)]
    old, new = (text or said("nothing") for text in texts)
    return said("was.short" if max(map(len, texts)) <= _LONGEST else "was.long", old=old, new=new)


def _roles_changes(name: str, before: Mapping[str, ArgumentRole], after: Mapping[str, ArgumentRole]) -> Iterator[Said]:
    for argument in sorted(before.keys() | after.keys()):
        old, new = before.get(argument), after.get(argument)
        if old != new:
            yield said("tool.role", name=name, argument=argument, new=_role(new), old=_role(old))
    if dict(before) == dict(after):
        yield said("tool.roles_listed", name=name)


def _role(role: ArgumentRole | None) -> Said:
    return said("role.its", role=role.value) if role else said("role.none")


def _derived_changes(name: str, before: Sequence[Derived], after: Sequence[Derived]) -> Iterator[Said]:
    old = {each.name: each for each in before}
    new = {each.name: each for each in after}
    for key, derived in new.items():
        if key not in old:
            yield said("derived.added", name=name, field=key, jmespath=derived.jmespath, type=derived.type.value)
            continue
        for changed in differing_fields(old[key], derived):
            was, now = shown(getattr(old[key], changed)), shown(getattr(derived, changed))
            yield changed_from(said("thing.derived", name=name, field=key), changed, was, now)
    yield from (said("derived.removed", name=name, field=key) for key in old if key not in new)
    if old == new:
        yield said("derived.listed", name=name)


def _title_changes(name: str, before: Title | None, after: Title | None) -> Iterator[Said]:
    for language in ("en", "ar"):
        old, new = ("" if title is None else getattr(title, language) for title in (before, after))
        if old != new:
            was, now = (said("title.quoted", text=each) if each else said("title.ours") for each in (old, new))
            yield said(f"title.{language}", name=name, new=now, old=was)
