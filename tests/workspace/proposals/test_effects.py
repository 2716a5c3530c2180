"""What a tool's name and its server's hints say it does."""

from __future__ import annotations

import pytest

from remit.domain.release import ArgumentRole, Effect
from remit.workspace.proposals.effects import guessed
from remit.workspace.proposals.roles import guessed_roles


@pytest.mark.parametrize(
    ("name", "hints", "effect"),
    [
        ("get_invoice", {}, Effect.READ),
        ("getInvoice", {}, Effect.READ),
        ("list_deleted_users", {}, Effect.READ),
        ("create-payment", {}, Effect.WRITE),
        ("pay_invoice", {}, Effect.PAY),
        ("refund", {}, Effect.PAY),
        ("sendEmail", {}, Effect.SEND),
        ("user_delete", {}, Effect.DELETE),
        ("execute_query", {}, Effect.ADMIN),
        ("HTTPGet", {}, Effect.READ),
        ("weather", {"readOnlyHint": True}, Effect.READ),
        ("weather", {"destructiveHint": False}, Effect.WRITE),
        ("weather", {}, Effect.DELETE),
        ("weather", "no hints", Effect.DELETE),
    ],
)
def test_the_first_verb_counts_then_the_hints(name, hints, effect):
    assert guessed(name, hints).effect is effect


@pytest.mark.parametrize(
    ("name", "hints", "effect"),
    [
        ("delete_all", {"readOnlyHint": True}, Effect.DELETE),
        ("pay", {"readOnlyHint": True, "destructiveHint": False}, Effect.PAY),
        ("get_rid_of", {"destructiveHint": True}, Effect.DELETE),
        ("read_and_mark", {"readOnlyHint": False}, Effect.WRITE),
        ("write_file", {"destructiveHint": True}, Effect.DELETE),
    ],
)
def test_a_hint_never_makes_a_tool_more_harmless_than_its_verb(name, hints, effect):
    assert guessed(name, hints).effect is effect


def test_why_is_said():
    assert guessed("pay_invoice", {}).why == "its name says `pay`"
    assert "nothing says what it does" in guessed("weather", {}).why


def test_roles_come_from_the_last_word_of_a_name_and_fit_the_type():
    properties = {
        "to": {"type": "string"},
        "source_account": {"type": "string"},
        "account_name": {"type": "string"},
        "amount_aed": {"type": "integer"},
        "total": {"type": "string"},
        "api_key": {"type": "string"},
        "password": {"type": "string", "default": "x"},
        "body": {"type": "string"},
        "due_date": {"type": "string"},
        "invoiceId": {"type": "string"},
        "color": {"type": "string"},
        "fee": {"type": "number"},
    }
    assert guessed_roles({"properties": properties}) == {
        "to": ArgumentRole.DESTINATION,
        "source_account": ArgumentRole.DESTINATION,
        "account_name": ArgumentRole.OBJECT,
        "api_key": ArgumentRole.SECRET,
        "body": ArgumentRole.PAYLOAD,
        "due_date": ArgumentRole.WHEN,
        "invoiceId": ArgumentRole.OBJECT,
        "fee": ArgumentRole.AMOUNT,
    }
