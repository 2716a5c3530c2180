"""Where a value came from, and that a tool which echoes what it was given launders nothing."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from remit.control import origins as module
from remit.control.origins import MAX_VALUES, Earlier, Origin, OriginKind, origins
from remit.domain.ids import ActionId

IBAN = "SA0380000000608010167519"


def earlier(no: int, arguments: Any, result: Any) -> Earlier:
    return Earlier(ActionId(f"act_{no}"), f"tool.{no}", orjson.dumps(arguments), orjson.dumps(result))


def kinds(arguments: dict[str, Any], task: str, *before: Earlier) -> dict[str, str]:
    return {found.path: f"{found.kind.value}{found.action[3:]}" for found in origins(arguments, task, before)}


def test_a_value_that_stands_verbatim_in_a_result_came_from_there() -> None:
    invoice = earlier(1, {"id": "7"}, {"supplier": {"iban": IBAN}, "total": 4500, "lines": [{"sku": "A-1"}]})
    found = origins({"to": IBAN, "amount": 4500, "lines": [{"sku": "A-1"}], "note": "urgent"}, "", [invoice])
    assert found == (
        Origin("to", OriginKind.RESULT, "act_1", "tool.1"),
        Origin("amount", OriginKind.RESULT, "act_1", "tool.1"),
        Origin("lines[0].sku", OriginKind.RESULT, "act_1", "tool.1"),
        Origin("note", OriginKind.AGENT),
    )


def test_the_first_result_that_held_it_counts() -> None:
    assert kinds({"to": IBAN}, "", earlier(1, {}, "none"), earlier(2, {}, IBAN), earlier(3, {}, IBAN)) == {
        "to": "result_2"
    }


def test_what_the_agent_used_before_any_result_held_it_is_the_agents_own() -> None:
    echo = earlier(1, {"text": f"please note {IBAN}"}, {"saved": f"please note {IBAN}"})
    assert kinds({"to": IBAN}, "", echo, earlier(2, {}, {"iban": IBAN})) == {"to": "agent"}
    assert kinds({"to": IBAN}, "", earlier(1, {}, {"iban": IBAN}), echo) == {"to": "result_1"}


def test_the_task_text_comes_before_all() -> None:
    assert kinds({"to": IBAN, "amount": 500}, f"Pay 500 AED to {IBAN}.", earlier(1, {}, [IBAN, 500])) == {
        "to": "task",
        "amount": "task",
    }


@pytest.mark.parametrize(
    ("value", "result", "found"),
    [
        ("SA03", IBAN, "result_1"),
        ("SA0", IBAN, "agent"),
        ("SA0", ["SA0"], "result_1"),
        (500, "500 AED, 5000 fils", "result_1"),
        (50, "500 AED, 5000 fils", "agent"),
        (500, 500.0, "result_1"),
        (12.5, "the price is 12.5 each", "result_1"),
        (1, True, "agent"),
        (True, True, "agent"),
        (None, None, "agent"),
        ("None", None, "agent"),
    ],
    ids=str,
)
def test_what_counts_as_verbatim(value: Any, result: Any, found: str) -> None:
    assert kinds({"x": value}, "", earlier(1, {}, result)) == {"x": found}


def test_a_result_that_is_no_json_is_a_text() -> None:
    before = Earlier(ActionId("act_1"), "tool.1", b"", f"<p>{IBAN}</p>\xff".encode("latin-1"))
    assert kinds({"to": IBAN}, "", before) == {"to": "result_1"}


def test_the_work_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    deep = b"[" * 900 + orjson.dumps(IBAN) + b"]" * 900
    assert kinds({"to": IBAN}, "", Earlier(ActionId("act_1"), "t", b"", deep)) == {"to": "result_1"}
    assert len(origins({"all": list(range(MAX_VALUES + 5))}, "", [])) == MAX_VALUES
    monkeypatch.setattr(module, "MAX_BYTES", 100)
    assert kinds({"to": IBAN}, "", earlier(1, {}, "x" * 101), earlier(2, {}, IBAN)) == {"to": "agent"}


@given(st.dictionaries(st.text(max_size=5), st.recursive(st.none() | st.integers() | st.text(), st.lists)), st.text())
def test_every_value_has_one_origin(arguments: dict[str, Any], task: str) -> None:
    found = origins(arguments, task, [])
    assert all(origin.kind is not OriginKind.RESULT for origin in found)
    assert len({origin.path for origin in found}) <= len(found) <= MAX_VALUES
