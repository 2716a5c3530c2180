"""An argument that nobody described is refused, at every depth and however the schema is put together."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema_rs import Draft202012Validator

from remit.kernel.schema import closed

LINE = {"type": "object", "properties": {"sku": {"type": "string"}}}
CARD = {"type": "object", "required": ["card"], "properties": {"card": {"type": "string"}}}
CASH = {"type": "object", "required": ["cash"], "properties": {"cash": {"type": "integer"}}}


def fits(schema: dict[str, Any], value: object) -> bool:
    return Draft202012Validator(closed(schema)).is_valid(value)


def of(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties}


REFUSED = {
    "at the root": (of(a={"type": "string"}), {"a": "1"}, {"a": "1", "b": 2}),
    "in an object": (of(line=LINE), {"line": {"sku": "A"}}, {"line": {"sku": "A", "price": 0}}),
    "three deep": (of(a=of(b=LINE)), {"a": {"b": {"sku": "A"}}}, {"a": {"b": {"price": 0}}}),
    "in a list": (of(l={"type": "array", "items": LINE}), {"l": [{"sku": "A"}]}, {"l": [{"sku": "A", "x": 1}]}),
    "in a place of a list": (of(l={"prefixItems": [LINE]}), {"l": [{"sku": "A"}]}, {"l": [{"x": 1}]}),
    "behind the places of a list": (
        of(l={"prefixItems": [{}], "unevaluatedItems": LINE}),
        {"l": [1, {"sku": "A"}]},
        {"l": [1, {"x": 1}]},
    ),
    "in a choice": (of(pay={"anyOf": [CARD, CASH]}), {"pay": {"card": "1"}}, {"pay": {"card": "1", "iban": "2"}}),
    "in exactly one of": (of(pay={"oneOf": [CARD, CASH]}), {"pay": {"cash": 1}}, {"pay": {"cash": 1, "iban": "2"}}),
    "where it may be null": (
        of(line={"anyOf": [LINE, {"type": "null"}]}),
        {"line": None},
        {"line": {"price": 0}},
    ),
    "where the type is a list": (of(line={"type": ["object", "null"]}), {"line": {}}, {"line": {"price": 0}}),
    "in a sum of parts": (
        {"allOf": [of(a={}), of(b={})]},
        {"a": 1, "b": 2},
        {"a": 1, "b": 2, "c": 3},
    ),
    "below a part": (
        {"type": "object", "allOf": [of(line=LINE)]},
        {"line": {"sku": "A"}},
        {"line": {"sku": "A", "price": 0}},
    ),
    "behind a reference": (
        {**of(line={"$ref": "#/$defs/line"}), "$defs": {"line": LINE}},
        {"line": {"sku": "A"}},
        {"line": {"sku": "A", "price": 0}},
    ),
    "in what refers to itself": (
        {**of(tree={"$ref": "#/$defs/node"}), "$defs": {"node": of(next={"$ref": "#/$defs/node"})}},
        {"tree": {"next": {"next": {}}}},
        {"tree": {"next": {"next": {"x": 1}}}},
    ),
    "in a reference with more beside it": (
        {**of(line={"$ref": "#/$defs/line", "properties": {"n": {}}}), "$defs": {"line": LINE}},
        {"line": {"sku": "A", "n": 1}},
        {"line": {"sku": "A", "n": 1, "price": 0}},
    ),
    "after a condition": (
        {**of(kind={}), "if": {"properties": {"kind": {"const": "x"}}}, "then": of(x={}), "else": of(y={})},
        {"kind": "x", "x": 1},
        {"kind": "x", "x": 1, "z": 1},
    ),
    "where another key brings more": (
        {**of(a={}), "dependentSchemas": {"a": of(b=LINE)}},
        {"a": 1, "b": {"sku": "A"}},
        {"a": 1, "b": {"sku": "A", "x": 1}},
    ),
    "beside a pattern": (
        {**of(a={}), "patternProperties": {"^x-": {"type": "string"}}},
        {"a": 1, "x-note": "1"},
        {"a": 1, "y-note": "1"},
    ),
    "below a pattern": (
        {"type": "object", "patternProperties": {"^l": LINE}},
        {"l1": {"sku": "A"}},
        {"l1": {"price": 0}},
    ),
    "in the values of a map": (
        {"type": "object", "additionalProperties": LINE},
        {"any": {"sku": "A"}},
        {"any": {"price": 0}},
    ),
}


@pytest.mark.parametrize("where", REFUSED)
def test_an_unknown_key_is_refused(where: str) -> None:
    schema, good, bad = REFUSED[where]
    assert Draft202012Validator(schema).is_valid(bad), "the schema alone would let it pass"
    assert fits(schema, good)
    assert not fits(schema, bad)


OPEN = {
    "the author opens the object": ({**of(a={}), "additionalProperties": True}, {"b": 1}),
    "a part opens it": ({"type": "object", "allOf": [{"additionalProperties": {"type": "integer"}}]}, {"b": 1}),
    "the author speaks of what is left": ({**of(a={}), "unevaluatedProperties": {"type": "integer"}}, {"b": 1}),
    "nothing is said at all": (of(anything={}), {"anything": {"b": 1}}),
}


@pytest.mark.parametrize("case", OPEN)
def test_what_the_author_opens_stays_open(case: str) -> None:
    schema, value = OPEN[case]
    assert fits(schema, value)


def test_a_question_is_not_changed() -> None:
    schema = {**of(a=of(k={}, m={})), "not": of(a={"required": ["m"], "properties": {"m": {}}}), "required": ["a"]}
    assert closed(schema)["not"] == schema["not"]
    assert not fits(schema, {"a": {"k": 1, "m": 1}}), "closed, the question would be answered no"


def test_the_schema_handed_in_is_not_changed() -> None:
    schema = REFUSED["behind a reference"][0]
    before = json.dumps(schema)
    closed(schema)
    assert json.dumps(schema) == before


names = st.sampled_from("abcd")
leaves = st.sampled_from([{"type": "integer"}, {"type": "string"}])
schemas = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.dictionaries(names, inner, max_size=3).map(lambda found: of(**found)),
        inner.map(lambda found: {"type": "array", "items": found}),
        inner.map(lambda found: {"anyOf": [found, {"type": "null"}]}),
        inner.map(lambda found: {"allOf": [found]}),
    ),
    max_leaves=8,
)


def example(schema: dict[str, Any], unknown: bool) -> Any:
    """Write a value that fits, with a key that nobody described in every object where `unknown`."""
    if "properties" in schema:
        value = {name: example(part, unknown) for name, part in schema["properties"].items()}
        return {**value, "zzz": 1} if unknown else value
    if "items" in schema:
        return [example(schema["items"], unknown)]
    for key in ("anyOf", "allOf"):
        if key in schema:
            return example(schema[key][0], unknown)
    return {"integer": 7, "string": "seven"}[schema["type"]]


@given(schemas)
def test_any_schema_takes_what_it_describes_and_nothing_else(inner: dict[str, Any]) -> None:
    schema = of(value=inner)
    assert fits(schema, example(schema, unknown=False))
    assert not fits(schema, example(schema, unknown=True))
    has_inner_object = "properties" in json.dumps(inner)
    if has_inner_object:
        assert not fits(schema, {"value": example(inner, unknown=True)})


@given(schemas)
def test_closing_twice_is_closing_once(schema: dict[str, Any]) -> None:
    assert closed(closed(schema)) == closed(schema)
