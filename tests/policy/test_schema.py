"""What of a tool's arguments policies can read, and that the official implementation takes the schema made of it."""

from typing import Any

import orjson
import pytest
from cedarpy import Schema

from remit.domain.release import Derived, DerivedType, Effect
from remit.policy.call import CALL_FIELDS
from remit.policy.schema import cedar_schema_json, governable, untypable
from remit.policy.shapes import Many, Member, Record, Text, Truth, Whole
from tests.policy.samples import tool, workspace


def member(schema: object, *, required: bool = True) -> Member | None:
    made = tool(
        "t.x",
        schema={"type": "object", "properties": {"field": schema}, "required": ["field"] if required else []},
    )
    return governable(made).members.get("field")


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        ({"type": "integer"}, Member(Whole())),
        ({"type": "integer", "minimum": 1, "exclusiveMaximum": 10}, Member(Whole(1, 9))),
        ({"type": "integer", "exclusiveMinimum": 0.5, "maximum": 2.5}, Member(Whole(1, 2))),
        ({"enum": [3, 1, 2]}, Member(Whole(1, 3))),
        ({"type": "string"}, Member(Text())),
        ({"enum": ["a", "b"]}, Member(Text(frozenset("ab")))),
        ({"type": "string", "enum": ["a", "b"]}, Member(Text(frozenset("ab")))),
        ({"const": "a"}, Member(Text(frozenset("a")))),
        ({"type": "boolean"}, Member(Truth())),
        ({"type": ["string", "null"]}, Member(Text(), required=False)),
        ({"enum": ["a", None]}, Member(Text(frozenset("a")), required=False)),
        ({"anyOf": [{"type": "integer"}, {"type": "null"}]}, Member(Whole(), required=False)),
        ({"type": "array", "items": {"type": "string"}}, Member(Many(Text()))),
        (
            {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]},
            Member(Record({"a": Member(Whole())})),
        ),
    ],
)
def test_a_schema_that_says_enough_has_a_type(schema: object, expected: Member) -> None:
    assert member(schema) == expected


def test_an_argument_that_is_not_required_is_optional() -> None:
    assert member({"type": "integer"}, required=False) == Member(Whole(), required=False)


@pytest.mark.parametrize(
    ("schema", "why"),
    [
        (True, "may be any value"),
        ({}, "may be any value"),
        ({"type": "number"}, "is a number that may have a fraction, which Cedar can not hold"),
        ({"type": ["integer", "string"]}, "mixes integer and string"),
        ({"enum": ["a", 1]}, "mixes integer and string"),
        ({"$ref": "#/$defs/money"}, "uses $ref"),
        ({"type": "string", "oneOf": [{}]}, "uses oneOf"),
        ({"anyOf": [{"type": "integer"}, {"type": "string"}]}, "uses anyOf"),
        ({"type": "array"}, "is an array of any values"),
        (
            {"type": "array", "items": {"type": "number"}},
            "is an array, each item of which is a number that may have a fraction, which Cedar can not hold",
        ),
        ({"type": "array", "items": {"type": ["string", "null"]}}, "is an array whose items may be null"),
        ({"type": "object"}, "is an object that declares no properties"),
        (
            {"type": "object", "properties": {}, "additionalProperties": {"type": "string"}},
            "is an object that allows properties it does not declare",
        ),
        ({"type": "object", "properties": {"a": {"type": "string"}, "b": {}}}, "has a part b that may be any value"),
        (
            {"type": "object", "properties": {"__entity": {"type": "string"}}},
            "has a part __entity that has the name __entity, which Cedar keeps for itself",
        ),
    ],
)
def test_a_schema_that_says_too_little_has_none_and_says_why(schema: object, why: str) -> None:
    assert member(schema) is None
    made = tool("t.x", schema={"type": "object", "properties": {"field": schema}})
    assert [(each.field, each.why) for each in untypable(made)] == [("field", why)]


def test_a_schema_that_refers_elsewhere_as_a_whole_is_not_governable() -> None:
    assert [each.field for each in untypable(tool("t.x", schema={"$ref": "#/$defs/all"}))] == ["*"]


A = {"a": {"type": "string"}}
B = {"properties": {"b": {"type": "string"}}}
OPENINGS: list[dict[str, Any]] = [
    {"patternProperties": {"^x": {"type": "string"}}},
    {"additionalProperties": True},
    {"additionalProperties": {"type": "string"}},
    {"unevaluatedProperties": True},
    {"unevaluatedProperties": {}},
    {"$ref": "#/$defs/all"},
    {"$dynamicRef": "#all"},
    *({word: [B]} for word in ("allOf", "anyOf", "oneOf")),
    *({word: B} for word in ("if", "then", "else")),
    {"dependentSchemas": {"a": B}},
    {"allOf": [{"anyOf": [{"required": ["a"]}, {"additionalProperties": True}]}]},
    {"oneOf": [{"properties": A}, {"then": {"$ref": "#/$defs/all"}}]},
]
CLOSED: list[dict[str, object]] = [
    {},
    {"additionalProperties": False},
    {"unevaluatedProperties": False},
    {"anyOf": [{"required": ["a"]}, {"properties": {"a": {"const": "x"}}}, True]},
    {"if": {"properties": A}, "then": {"required": ["a"]}, "else": {"maxProperties": 0}},
    {"dependentSchemas": {"a": {"properties": {"a": {"minLength": 2}}}}},
    {"not": B, "propertyNames": {"maxLength": 9}, "dependentRequired": {"a": ["a"]}},
]


@pytest.mark.parametrize("opening", OPENINGS, ids=str)
@pytest.mark.parametrize("base", [{"type": "object", "properties": A}, {"type": "object"}], ids=["beside", "without"])
def test_what_lets_in_arguments_that_are_not_listed_is_not_governable(
    base: dict[str, object], opening: dict[str, object]
) -> None:
    assert [each.field for each in untypable(tool("t.x", schema={**base, **opening}))] == ["*"]


@pytest.mark.parametrize("closed", CLOSED, ids=str)
def test_what_lets_in_listed_arguments_only_is_governable(closed: dict[str, object]) -> None:
    made = tool("t.x", schema={"type": "object", "properties": A, **closed})
    assert (untypable(made), list(governable(made).members)) == ((), ["a"])


def test_derived_fields_stand_beside_the_arguments() -> None:
    derived = [Derived("count", DerivedType.INTEGER, "length(tags)", optional=True)]
    assert governable(tool("t.x", derived=derived)).members["count"] == Member(Whole(), required=False)


def test_the_official_implementation_takes_the_schema() -> None:
    odd = tool('odd "name"\\', schema={"type": "object", "properties": {"a.b": {"type": "string"}}})
    text = cedar_schema_json(workspace(tools=[tool("erp.pay", Effect.PAY), odd]))
    assert 'action "erp.pay" in [Action::"pay"]' in str(Schema.from_json_str(text))
    action = orjson.loads(text)[""]["actions"]["erp.pay"]
    context = action["appliesTo"]["context"]["attributes"]
    assert context["input"]["attributes"]["amount"] == {"type": "Long", "required": True}
    assert context["call"]["attributes"].keys() == {field.name for field in CALL_FIELDS}
