"""A workflow written in Python is the document that YAML would be: read, checked and drawn alike."""

from __future__ import annotations

import json
from typing import Any

import pytest

import remit
from remit.sdk.authoring import NotWriting
from remit.sdk.references import Reference
from remit.workspace.reading import read
from tests.worlds import files

PRICE = {"type": "object", "required": ["price"], "properties": {"price": {"type": "integer"}}}
CHANGES = {
    "tools/market.yaml": json.dumps(
        {
            "kind": "Tool",
            "name": "market.quote",
            "effect": "read",
            "input": {
                "type": "object",
                "required": ["sku"],
                "properties": {"sku": {"type": "string"}, "n": {"type": "integer"}},
            },
            "output": {"schema": PRICE},
        }
    ),
    "agents/buyer.yaml": json.dumps(
        {
            "kind": "Agent",
            "name": "buyer",
            "owner": "user:omar",
            "purpose": "Buys.",
            "remit": {"tools": ["market.quote", "erp.pay", "erp.get"], "models": ["local/tiny-1"]},
        }
    ),
}


@remit.step(tool="market.quote", retry={"attempts": 3, "wait": "2s"}, timeout="30s")
def quote(sku: str, n: int = 1) -> None:
    """Ask for a price."""
    raise AssertionError("the body of a step is not run")


@remit.step(tool="erp.pay", compensate={"tool": "erp.get", "arguments": {"id": "x${output.receipt}"}})
def pay(amount: int) -> None: ...


@remit.workflow(agent="buyer", inputs={"sku": {"type": "string"}, "most": {"type": "integer"}}, timeout="2h")
def renew_contract(inputs: Any) -> Any:
    """Renew a contract at the better price.

    Nothing of this is in the description.
    """
    found = remit.parallel("quotes", left=lambda: quote(inputs.sku), right=lambda: quote(inputs.sku, n=2, id="second"))
    remit.branch(
        "dear",
        (found.left.price > inputs.most, lambda: remit.wait("calm", seconds=60)),
        (None, lambda: remit.wait("heard", event="market.open", timeout="1h")),
    )
    remit.approval(
        "agreed",
        group="finance",
        title="Pay {price}",
        when=(found.left.price > 500) & ~(inputs.most == 7),
        price=found.left.price,
    )
    remit.each("all", remit.expression("[1, 2]"), lambda item: quote(inputs.sku, item, id="again"), concurrency=2)
    remit.loop("rounds", remit.expression("index < 2"), 3, lambda: quote(f"a $${{literal for {inputs.sku}", id="third"))
    remit.ask("letter", "local/tiny-1", messages=[{"role": "user", "content": "hello"}], max_output_tokens=9)
    paid = pay(found.left.price + 1)
    return {"paid": paid, "note": [inputs.sku, True, None]}


def test_the_document_is_what_yaml_would_be() -> None:
    made = renew_contract.document
    assert (made["name"], made["description"]) == ("renew-contract", "Renew a contract at the better price.")
    assert made["inputs"]["required"] == ["sku", "most"]
    assert [step["id"] for step in made["steps"]] == ["quotes", "dear", "agreed", "all", "rounds", "letter", "pay"]
    assert made["steps"][0]["parallel"]["right"] == [
        {
            "id": "second",
            "tool": "market.quote",
            "arguments": {"sku": "${inputs.sku}", "n": 2},
            "retry": {"attempts": 3, "wait": "2s"},
            "timeout": "30s",
        }
    ]
    assert made["steps"][1]["branch"][0]["when"] == "steps.quotes.left.price > inputs.most"
    assert made["steps"][2]["when"] == "(steps.quotes.left.price > 500) && (!(inputs.most == 7))"
    assert made["steps"][6]["arguments"] == {"amount": "${steps.quotes.left.price + 1}"}
    assert made["outputs"] == {"paid": "${steps.pay}", "note": ["${inputs.sku}", True, None]}


def test_a_workspace_with_it_is_read_and_has_no_mistakes() -> None:
    found = read(files({**CHANGES, "workflows/renew.yaml": json.dumps(renew_contract.document)}), "tiny")
    assert [str(each) for each in found.errors] == []
    assert found.configuration is not None
    assert list(found.configuration.workflows) == ["renew-contract"]


def test_a_reference_that_leads_nowhere_is_found_as_in_yaml() -> None:
    @remit.workflow(agent="buyer", inputs={"sku": {"type": "string"}})
    def wrong(inputs: Any) -> None:
        quote(inputs.skew)

    found = read(files({**CHANGES, "workflows/wrong.yaml": json.dumps(wrong.document)}), "tiny")
    assert ["there is no `skew` in inputs; there is sku" in each.message for each in found.errors] == [True]


def test_what_python_would_do_at_once_is_told_to_be_no_use() -> None:
    with pytest.raises(NotWriting, match="the step quote was called outside"):
        quote("x")
    for misuse in (
        lambda inputs: quote("x" if inputs.sku == "y" else "z"),
        lambda inputs: [each for each in inputs.sku],  # noqa: C416 - the point is that it is tried
        lambda inputs: quote(object()),
        lambda inputs: quote(nothing=1),
    ):
        with pytest.raises(TypeError):
            remit.workflow(agent="buyer", inputs={"sku": {"type": "string"}}, name="x")(misuse)


def test_a_workflow_is_a_step_of_another() -> None:
    @remit.workflow(agent="buyer")
    def outer(_: Any) -> None:
        renew_contract("inner", sku="A", most=5)

    assert outer.document["steps"] == [
        {"id": "inner", "workflow": {"name": "renew-contract", "inputs": {"sku": "A", "most": 5}}}
    ]


def test_what_is_written_as_it_is_keeps_its_meaning_within_more() -> None:
    either = remit.expression("a || b")
    assert (either & Reference("c")).text == "(a || b) && c"
    assert (~either).text == "!(a || b)"
    assert ((2 - Reference("x")) * 3 == either).text == "((2 - x) * 3) == (a || b)"
