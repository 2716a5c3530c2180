"""The Cedar schema of a workspace, generated from its tools: an attribute no tool has does not exist."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import orjson

from remit.domain.ids import ToolName
from remit.domain.release import Configuration, DerivedType, Effect, Tool
from remit.policy.call import MODEL_INPUT, call_record
from remit.policy.shapes import (
    EntityOf,
    Member,
    NotTypable,
    Record,
    Shape,
    Text,
    Truth,
    Whole,
    cedar_type,
    member_of,
)

INVOKE = "invoke"
"""The action group that every effect group is in: calling any tool."""

MODEL_CALL = "model.call"
"""The action of calling a model."""

RESERVED_ACTIONS = frozenset({INVOKE, MODEL_CALL} | {effect.value for effect in Effect})
"""Names a tool can not have, since actions of the platform have them."""

ALL_FIELDS = "*"
"""Stands for the arguments that a tool's schema lets in without listing them under `properties`."""

PARENT_TYPES = {
    "Agent": ("Role", "Team"),
    "Role": (),
    "Team": (),
    "User": ("Group",),
    "Group": (),
    "Tool": ("ToolServer",),
    "ToolServer": (),
    "Model": (),
}
"""Every entity type, and the types its entities may be `in`."""

ATTRIBUTES: Mapping[str, Record] = {
    "Agent": Record({"owner": Member(EntityOf("User")), "status": Member(Text()), "purpose": Member(Text())}),
    "Tool": Record(
        {"effect": Member(Text()), "reversible": Member(Truth()), "idempotent": Member(Truth())},
    ),
}
"""The attributes of entities, by type; types that are not here have none."""

_DERIVED_SHAPES: Mapping[DerivedType, Shape] = {
    DerivedType.INTEGER: Whole(),
    DerivedType.BOOLEAN: Truth(),
    DerivedType.STRING: Text(),
}


@dataclass(frozen=True, slots=True)
class Untypable:
    """An argument that policies can not read. `why` completes the sentence "... because it"."""

    field: str
    why: str


def declared(tool: Tool) -> Mapping[str, object]:
    """Return the tool's arguments and their JSON schemas; empty where it declares none."""
    properties = tool.input_schema.get("properties")
    return properties if isinstance(properties, Mapping) else {}


def arguments(tool: Tool) -> Record:
    """Return the arguments that policies can read."""
    return Record(_typed(tool)[0])


def untypable(tool: Tool) -> tuple[Untypable, ...]:
    """Return the arguments that can not be typed, in the order the schema has them."""
    return _typed(tool)[1]


def governable(tool: Tool) -> Record:
    """Return what `context.input` is for this tool: its typable arguments and its derived fields."""
    derived = {field.name: Member(_DERIVED_SHAPES[field.type], required=not field.optional) for field in tool.derived}
    return Record({**_typed(tool)[0], **derived})


def _typed(tool: Tool) -> tuple[dict[str, Member], tuple[Untypable, ...]]:
    required = tool.input_schema.get("required", ())
    members: dict[str, Member] = {}
    refused: list[Untypable] = []
    if _admits_others(tool.input_schema, declared(tool).keys()):
        refused.append(Untypable(ALL_FIELDS, "may be an argument that is not listed under `properties`"))
    for name, schema in declared(tool).items():
        try:
            needed = isinstance(required, Sequence) and name in required
            members[name] = member_of(name, schema, required=needed)
        except NotTypable as why:
            refused.append(Untypable(name, str(why)))
    return members, tuple(refused)


def _admits_others(schema: object, listed: Collection[str]) -> bool:
    """Tell whether arguments besides those listed may come in by this schema or one applied to the same object.

    What a subschema evaluates counts as described (JSON Schema 2020-12, core, section 11.3), so that closing the whole
    does not keep it out. A reference is taken to admit anything.
    """
    if not isinstance(schema, Mapping):
        return False
    own = schema.get("properties")
    if isinstance(own, Mapping) and not set(own) <= set(listed):
        return True
    if any(schema.get(word, False) is not False for word in _OPEN) or any(word in schema for word in _ELSEWHERE):
        return True
    dependent = schema.get("dependentSchemas")
    parts = [schema.get(word) for word in _CONDITIONS]
    parts += dependent.values() if isinstance(dependent, Mapping) else []
    for word in _COMPOSED:
        found = schema.get(word)
        parts += found if isinstance(found, list) else []
    return any(_admits_others(part, listed) for part in parts)


_OPEN = ("patternProperties", "additionalProperties", "unevaluatedProperties")
_ELSEWHERE = ("$ref", "$dynamicRef")
_CONDITIONS = ("if", "then", "else")
_COMPOSED = ("allOf", "anyOf", "oneOf")


@dataclass(frozen=True, slots=True)
class Environment:
    """What a policy can meet when one action is asked for.

    Attributes:
        groups: the action groups this action is in, directly or not.
        tool: the name of the tool, which is also the name of the action; None for a model call.
    """

    action: str
    groups: frozenset[str]
    resource_type: str
    context: Record
    tool: ToolName | None = None

    @property
    def input(self) -> Record:
        """The shape of `context.input`."""
        return self._member("input")

    @property
    def call(self) -> Record:
        """The shape of `context.call`."""
        return self._member("call")

    def _member(self, name: str) -> Record:
        shape = self.context.members[name].shape
        assert isinstance(shape, Record)
        return shape


def environments(configuration: Configuration) -> dict[str, Environment]:
    """Return every action there is, by name. A tool with a reserved name has none: validation reports it."""
    call = call_record(fact.name for fact in configuration.settings.temporal)
    found = {
        str(tool.name): Environment(
            action=tool.name,
            groups=frozenset({tool.effect.value, INVOKE}),
            resource_type="Tool",
            context=_context(governable(tool), call),
            tool=tool.name,
        )
        for tool in configuration.tools.values()
        if tool.name not in RESERVED_ACTIONS
    }
    found[MODEL_CALL] = Environment(MODEL_CALL, frozenset(), "Model", _context(MODEL_INPUT, call))
    return found


def _context(members: Record, call: Record) -> Record:
    return Record({"input": Member(members), "call": Member(call)})


def cedar_schema(configuration: Configuration) -> dict[str, object]:
    """Return the workspace's schema in Cedar's JSON schema format."""
    actions: dict[str, object] = {
        environment.action: _action(environment, configuration) for environment in environments(configuration).values()
    }
    actions |= {effect.value: {"memberOf": [{"id": INVOKE}]} for effect in Effect}
    actions[INVOKE] = {}
    return {"": {"entityTypes": _entity_types(), "actions": actions}}


def cedar_schema_json(configuration: Configuration) -> str:
    """Return the workspace's schema as JSON text."""
    return orjson.dumps(cedar_schema(configuration)).decode()


def _action(environment: Environment, configuration: Configuration) -> dict[str, object]:
    applies_to = {
        "principalTypes": ["Agent"],
        "resourceTypes": [environment.resource_type],
        "context": cedar_type(environment.context),
    }
    if environment.tool is None:
        return {"appliesTo": applies_to}
    effect = configuration.tools[environment.tool].effect
    return {"memberOf": [{"id": effect.value}], "appliesTo": applies_to}


def _entity_types() -> dict[str, object]:
    return {
        name: {"memberOfTypes": list(parents)} | ({"shape": cedar_type(ATTRIBUTES[name])} if name in ATTRIBUTES else {})
        for name, parents in PARENT_TYPES.items()
    }
