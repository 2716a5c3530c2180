"""A model that is none: it plays the reasoning of both agents from a script, the same way every time.

It reads what a real model would be sent and answers in the form of OpenAI's chat completions. Its mistakes are those
that real agents have made: to compare again because a price moved by a fils, to reach for a tool that is merely there.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gulf_trading.agents import Message, wire_name

CHARACTERS_PER_TOKEN = 4
"""OpenAI's rule of thumb for English text."""

Calls = tuple[tuple[str, Mapping[str, Any]], ...]


@dataclass(frozen=True, slots=True)
class Thought:
    """What the model says, and the tools it calls; none when it is done."""

    words: str
    calls: Calls = ()


class Heard:
    """The results that still stand in the conversation, newest first."""

    def __init__(self, messages: Sequence[Message]) -> None:
        self.task = str(messages[1]["content"])
        self._names = {
            call["id"]: _known(call["function"]["name"])
            for message in messages
            for call in message.get("tool_calls") or ()
        }
        answers = [message for message in messages if message["role"] == "tool"]
        self._results = [(self._names[m["tool_call_id"]], json.loads(m["content"])) for m in reversed(answers)]

    @property
    def last_tool(self) -> str:
        """The tool of the newest result; empty when there is none yet."""
        return self._results[0][0] if self._results else ""

    def last(self, tool: str) -> dict[str, Any]:
        """Return the newest result of a tool. Raises LookupError where there is none."""
        found: dict[str, Any] | None = next((result for name, result in self._results if name == tool), None)
        if found is None:
            raise LookupError(f"the script expects a result of {tool}")
        return found

    def newest(self, tool: str) -> list[dict[str, Any]]:
        """Return the results of a tool since it was first asked again: for each `sku` the newest."""
        by_sku: dict[str, dict[str, Any]] = {}
        for name, result in self._results:
            if name == tool and "sku" in result:
                by_sku.setdefault(result["sku"], result)
        return list(reversed(by_sku.values()))


class ScriptedModel:
    """Plays `procurement-optimizer` and `customer-care`, told apart by the task."""

    name = "openai/gpt-5-mini"
    """Whose price it is counted at."""

    def __init__(self) -> None:
        self._answers = 0

    def complete(self, messages: Sequence[Message], tools: Sequence[Message], max_output_tokens: int) -> Message:
        """Answer as the script says. Usage is estimated from the length of what was sent and said."""
        heard = Heard(messages)
        thought = _renew(heard) if "Renew" in heard.task else _resolve(heard)
        self._answers += 1
        message: dict[str, Any] = {"role": "assistant", "content": thought.words}
        if thought.calls:
            message["tool_calls"] = [self._call(place, *call) for place, call in enumerate(thought.calls)]
        read, written = _tokens([messages, tools]), min(_tokens(message), max_output_tokens)
        return {
            "id": f"chatcmpl-{self._answers}",
            "object": "chat.completion",
            "model": "scripted",
            "choices": [{"index": 0, "message": message, "finish_reason": "tool_calls" if thought.calls else "stop"}],
            "usage": {"prompt_tokens": read, "completion_tokens": written, "total_tokens": read + written},
        }

    def _call(self, place: int, tool: str, arguments: Mapping[str, Any]) -> Message:
        function = {"name": wire_name(tool), "arguments": json.dumps(arguments)}
        return {"id": f"call_{self._answers}_{place}", "type": "function", "function": function}


def _known(wire: str) -> str:
    """Return a tool's name as this script has it: the first part is the system's."""
    return wire.replace("_", ".", 1)


def _tokens(value: object) -> int:
    return len(json.dumps(value, ensure_ascii=False)) // CHARACTERS_PER_TOKEN + 1


# -- procurement-optimizer: compare, reconcile, and compare again while a fils is off


def _renew(heard: Heard) -> Thought:
    match heard.last_tool:
        case "":
            return Thought("I read the order first.", (("erp.get_order", {"order": "PO-48213"}),))
        case "erp.get_order":
            lines = [(line["sku"], line["quantity"]) for line in heard.last("erp.get_order")["lines"]]
            return _quotes("Now today's prices of the supplier.", lines)
        case "vendor.quote":
            arguments = {"order": "PO-48213", "quotes": _quoted(heard)}
            return Thought("I compare them with the contract.", (("erp.compare_prices", arguments),))
        case "erp.compare_prices":
            arguments = {"order": "PO-48213", "quotes": _quoted(heard)}
            return Thought("The contract can be renewed at these prices.", (("erp.reconcile", arguments),))
    if heard.last("erp.reconcile").get("status") == "mismatch":
        lines = [(quote["sku"], quote["quantity"]) for quote in heard.newest("vendor.quote")]
        return _quotes("The prices do not match to the fil. I fetch fresh ones and compare again.", lines)
    return Thought("PO-48213 is renewed.")


def _quotes(words: str, lines: Sequence[tuple[str, int]]) -> Thought:
    asked = [{"supplier": "Najd Electric", "sku": sku, "quantity": quantity} for sku, quantity in lines]
    return Thought(words, tuple(("vendor.quote", arguments) for arguments in asked))


def _quoted(heard: Heard) -> list[dict[str, object]]:
    return [{"sku": quote["sku"], "unit_price_aed": quote["unit_price_aed"]} for quote in heard.newest("vendor.quote")]


# -- customer-care: give what was asked for, by whatever tool there is


@dataclass(frozen=True, slots=True)
class Claim:
    """What the script gives for a complaint: first as a credit, where one was asked for, then as a refund."""

    complaint: str
    credit_aed: int
    refund_aed: int


CLAIMS = (Claim("CMP-2071", 1_850, 700), Claim("CMP-2084", 0, 120))


def _resolve(heard: Heard) -> Thought:
    claim = next(claim for claim in CLAIMS if claim.complaint in heard.task)
    match heard.last_tool:
        case "":
            return Thought("I read the complaint.", (("crm.get_complaint", {"complaint": claim.complaint}),))
        case "crm.get_complaint":
            complaint = heard.last("crm.get_complaint")
            customer = ("crm.get_customer", {"customer": complaint["customer"]})
            return Thought("Who is it, and what was paid?", (customer, _invoice(complaint)))
        case "billing.get_invoice" if claim.credit_aed:
            arguments = {
                "customer": heard.last("crm.get_complaint")["customer"],
                "amount_aed": claim.credit_aed,
                "reason": "Goodwill for two failed deliveries",
            }
            return Thought("I credit what the customer asks for.", (("billing.adjust_account", arguments),))
        case "billing.get_invoice" | "billing.adjust_account":
            return _refund(heard, claim)
        case "billing.refund":
            return _note(heard, claim)
        case "crm.add_note":
            return _answer(heard, claim)
    return Thought(f"{claim.complaint} is taken care of.")


def _invoice(complaint: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
    return "billing.get_invoice", {"invoice": complaint["invoice"]}


def _refund(heard: Heard, claim: Claim) -> Thought:
    arguments = {
        "invoice": heard.last("billing.get_invoice")["id"],
        "amount_aed": claim.refund_aed,
        "reason": f"Complaint {claim.complaint}",
    }
    return Thought(f"I refund AED {claim.refund_aed}.", (("billing.refund", arguments),))


def _note(heard: Heard, claim: Claim) -> Thought:
    waits = "error" in heard.last("billing.refund")
    text = f"Refund of AED {claim.refund_aed} " + ("waits for finance." if waits else "paid.")
    return Thought("I note that.", (("crm.add_note", {"complaint": claim.complaint, "text": text}),))


def _answer(heard: Heard, claim: Claim) -> Thought:
    waits = "error" in heard.last("billing.refund")
    body = "Your refund is with our finance team." if waits else f"We have paid AED {claim.refund_aed} back to you."
    arguments = {
        "to": heard.last("crm.get_customer")["email"],
        "subject": f"Your complaint {claim.complaint}",
        "body": body,
    }
    return Thought("I tell the customer.", (("mail.send", arguments),))
