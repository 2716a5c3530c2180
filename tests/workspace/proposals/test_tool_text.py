"""One field of a Tool in a file: all else stays as a person has written it."""

from __future__ import annotations

import pytest

from remit.workspace.proposals.tool_text import NotFound, pinned, replaced

PIN = "sha256:" + "a" * 64

WRITTEN = """\
# Ours.
kind: Tool
name:   erp.pay   # the one that pays
effect: pay
input: {type: object,   properties: {}}
---
{kind: Tool, name: erp.get, effect: read, input: {type: object}}
---
kind: Tool
effect: read
pin: "sha256:old"   # by Layla
input:
  type: object
name: erp.list
"""


def test_a_pin_is_added_below_the_name():
    changed = pinned(WRITTEN, "erp.pay", PIN)
    added = f"name:   erp.pay   # the one that pays\npin: {PIN}\n"
    assert changed == WRITTEN.replace("name:   erp.pay   # the one that pays\n", added)


def test_a_pin_is_added_to_a_document_on_one_line():
    changed = pinned(WRITTEN, "erp.get", PIN)
    assert f"{{kind: Tool, name: erp.get, effect: read, input: {{type: object}}, pin: {PIN}}}\n" in changed
    assert changed.replace(f", pin: {PIN}", "") == WRITTEN


def test_a_pin_is_replaced_where_it_stands():
    assert pinned(WRITTEN, "erp.list", PIN) == WRITTEN.replace('"sha256:old"', PIN)


def test_a_tool_that_is_not_there_is_not_found():
    with pytest.raises(NotFound):
        pinned(WRITTEN, "erp.none", PIN)
    with pytest.raises(NotFound):
        pinned("{", "erp.none", PIN)


def test_a_field_is_replaced_only_where_it_is_as_it_was_proposed():
    old, new = {"type": "object"}, {"type": "object", "required": ["a"]}
    changed = replaced(WRITTEN, "erp.list", "input", old, new)
    assert changed == WRITTEN.replace("input:\n  type: object\n", "input:\n  type: object\n  required:\n    - a\n")
    assert (
        replaced(WRITTEN.replace("type: object\nname", "type: object # x\nname"), "erp.list", "input", old, new) is None
    )
    assert replaced(WRITTEN, "erp.pay", "input", old, new) is None
    assert replaced(WRITTEN, "erp.list", "description", "a", "b") is None
