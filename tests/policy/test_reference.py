"""docs/reference/policies.md says what the code says."""

from pathlib import Path

import pytest

from remit.policy.annotations import MEANINGS
from remit.policy.call import CALL_FIELDS, MODEL_INPUT, CallField
from remit.policy.schema import ATTRIBUTES, PARENT_TYPES
from remit.policy.shapes import EntityOf, Shape, Text, Truth, Whole

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "policies.md"
NAMES = {Whole: "Long", Text: "String", Truth: "Bool"}


def rows() -> list[str]:
    return PAGE.read_text("utf-8").splitlines()


def cedar_name(shape: Shape) -> str:
    return shape.type if isinstance(shape, EntityOf) else NAMES[type(shape)]


@pytest.mark.parametrize("field", CALL_FIELDS, ids=lambda field: field.name)
def test_every_attribute_of_a_call_is_documented(field: CallField) -> None:
    optional = "" if field.required else ", optional"
    assert f"| `{field.name}` | {cedar_name(field.shape)}{optional} | {field.meaning} |" in rows()


@pytest.mark.parametrize("name", MODEL_INPUT.members)
def test_every_attribute_of_a_model_call_is_documented(name: str) -> None:
    kind = cedar_name(MODEL_INPUT.members[name].shape)
    assert any(row.startswith(f"| `{name}` | {kind} |") for row in rows())


@pytest.mark.parametrize("name", MEANINGS)
def test_every_annotation_is_documented(name: str) -> None:
    assert f"| `@{name}` | {MEANINGS[name]} |" in rows()


@pytest.mark.parametrize("name", PARENT_TYPES)
def test_every_entity_type_is_documented_with_its_attributes(name: str) -> None:
    (row,) = (row for row in rows() if row.startswith(f"| `{name}` | "))
    attributes = ATTRIBUTES[name].members if name in ATTRIBUTES else {}
    for word in (*PARENT_TYPES[name], *attributes):
        assert f"`{word}`" in row
