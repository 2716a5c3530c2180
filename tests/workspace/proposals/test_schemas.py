"""A server's schema as one of which all is enforced, in a file that a workspace takes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remit.domain.ids import ServerName
from remit.domain.upstream import Via
from remit.workspace.proposals.proposal import proposed
from remit.workspace.proposals.schemas import NotImportable, adapted
from remit.workspace.reading import read

ERP = ServerName("erp")


def test_a_schema_of_today_stays_as_it_is():
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "properties": {"n": {"type": "integer", "minimum": 1, "description": "How many."}},
        "required": ["n"],
        "additionalProperties": False,
    }
    assert adapted(schema) == ({key: value for key, value in schema.items() if key != "$schema"}, ())


def test_older_words_are_put_into_those_of_today():
    schema = {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "type": "object",
        "definitions": {"A": {"type": "string"}},
        "properties": {
            "a": {"$ref": "#/definitions/A"},
            "pair": {"items": [{"type": "integer"}, {"type": "string"}], "additionalItems": False},
            "more": {"type": "number", "minimum": 3, "exclusiveMinimum": True},
        },
        "dependencies": {"a": ["pair"]},
    }
    found, notes = adapted(schema)
    assert notes == ()
    assert found == {
        "type": "object",
        "$defs": {"A": {"type": "string"}},
        "properties": {
            "a": {"$ref": "#/$defs/A"},
            "pair": {"prefixItems": [{"type": "integer"}, {"type": "string"}], "items": False},
            "more": {"type": "number", "exclusiveMinimum": 3},
        },
        "dependentRequired": {"a": ["pair"]},
    }


def test_what_no_validator_enforces_is_kept_under_a_name_that_promises_nothing():
    schema = {
        "properties": {
            "f": {"type": "string", "format": "uint32", "contentEncoding": "base64", "nullable": True},
            "p": {"type": "string", "pattern": "(", "maximum": 2**60},
            "r": {"$ref": "https://evil.example/schema"},
        },
        "required": ["f", "gone"],
    }
    found, notes = adapted(schema)
    assert found["properties"] == {
        "f": {"type": "string", "x-format": "uint32", "x-contentEncoding": "base64", "x-nullable": True},
        "p": {"type": "string", "x-pattern": "(", "x-maximum": str(2**60)},
        "r": {},
        "gone": {},
    }
    assert "properties.r.$ref: refers to what is elsewhere, which is not fetched: anything is let in here" in notes
    assert "input: requires `gone` without saying what it is" in notes
    assert len(notes) == 7


@pytest.mark.parametrize(
    ("schema", "why"),
    [
        ({"type": "array"}, "is not of an object"),
        ({"properties": {"a\u202eb": {}}}, "hidden character"),
    ],
)
def test_what_can_not_stand_in_a_file_is_refused(schema, why):
    with pytest.raises(NotImportable, match=why):
        adapted(schema)


def test_a_schema_that_is_too_deep_is_refused():
    schema: dict = {"type": "object"}
    for _ in range(40):
        schema = {"type": "object", "properties": {"a": schema}}
    with pytest.raises(NotImportable, match="nested more than"):
        adapted(schema)


def test_a_proposal_is_taken_by_a_workspace_and_says_what_no_policy_can_read():
    content = {
        "description": "Pays a supplier.\nReally.\u202e Hidden",
        "inputSchema": {"properties": {"amount": {"type": "number"}, "to": {"type": "string"}}, "required": ["to"]},
    }
    found = proposed(ERP, Via.TOOL, "pay supplier!", content, ())
    assert found.name == "erp.pay-supplier"
    assert found.document["upstream"] == "pay supplier!"
    assert found.document["not_governable"] == ["amount"]
    assert found.document["roles"] == {"amount": "amount", "to": "destination"}
    text = found.text("sha256:" + "0" * 64)
    assert "[U+202E]" in text
    assert "\u202e" not in text
    reading = read({"tools/erp.yaml": text.encode()}, "company")
    assert [str(problem) for problem in reading.problems] == []
    assert reading.configuration is not None
    tool = reading.configuration.tools[found.name]
    assert (tool.upstream, tool.pin, tool.effect) == ("pay supplier!", "sha256:" + "0" * 64, "pay")


def test_two_names_that_become_one_are_kept_apart():
    first = proposed(ERP, Via.TOOL, "a b", {}, ())
    second = proposed(ERP, Via.TOOL, "a-b", {}, (first.name,))
    assert (first.name, second.name) == ("erp.a-b", "erp.a-b-2")
    assert second.document["upstream"] == "a-b"


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=6),
    lambda below: (
        st.lists(below, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                "type properties required items enum const $ref format pattern default anyOf not if minimum nullable"
                " description additionalProperties definitions $defs dependencies x-a title maxLength".split()
            )
            | st.text(max_size=4),
            below,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(_JSON, st.text(max_size=20), st.text(max_size=20))
def test_whatever_a_server_says_is_taken_by_a_workspace_or_refused(schema, name, description):
    try:
        found = proposed(ERP, Via.TOOL, name or "a", {"inputSchema": schema, "description": description}, ())
    except NotImportable:
        return
    reading = read({"tools/erp.yaml": found.text("").encode()}, "company")
    assert [str(problem) for problem in reading.problems] == []
