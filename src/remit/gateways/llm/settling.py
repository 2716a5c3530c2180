"""What a call came to: its outcome, its cost by what was seen, and what is kept of the answer.

Where an endpoint does not say what was used, the cost is bounded from above: what was read by what was reserved for it,
what was written by its bytes; by all that was reserved where a model may have written what nobody was shown. It is
never taken for nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import orjson

from remit.domain.action import Cost, Outcome, OutcomeStatus
from remit.domain.ids import ActionId
from remit.domain.money import Micros
from remit.domain.prompt_size import MESSAGE_TOKENS
from remit.execution import metering
from remit.gateways.llm.face import Seen, ToolCall
from remit.gateways.llm.masking import NOTHING, answer_masked
from remit.gateways.llm.size import Size
from remit.kernel.ruleset import Ruleset
from remit.screens import mask_json

NOT_DONE = Cost(Micros(0), 0, 1)
"""An endpoint answered with an error, for which it bills nothing."""


@dataclass(frozen=True, slots=True)
class Settlement:
    """How a call is settled: by `usage`, else at the cost of the outcome, else as reserved."""

    outcome: Outcome
    usage: metering.Usage | None = None


def settlement(
    action: ActionId, seen: Seen, size: Size, rules: Ruleset, target: str, *, hides: bool, error: str = ""
) -> Settlement:
    """Return how a call is settled of which an answer was seen, or a part of one."""
    status = OutcomeStatus.ERROR if error else OutcomeStatus.OK
    told = _told(seen)
    if told is not None and seen.is_whole:
        return Settlement(Outcome(action, status, error=error), told)
    read = size.read if told is None else min(told.input_tokens, size.read)
    written = size.written
    if not hides:
        marks = MESSAGE_TOKENS * (1 + len(seen.calls))
        written = min(written, seen.written + marks)
    provider, _, name = target.partition("/")
    cost = metering.worst_case(rules.configuration, provider, name, metering.Usage(read, written))
    return Settlement(Outcome(action, status, cost, error=error))


def _told(seen: Seen) -> metering.Usage | None:
    if not seen.usage:
        return None
    try:
        return metering.usage_of({"usage": seen.usage})
    except metering.NoUsage:
        return None


def result_of(seen: Seen, told: dict[str, Any]) -> bytes:
    """Return what is kept of an answer, sealed: its words, the tools it proposes, what was used."""
    kept = {
        **told,
        "answer": answer_masked("".join(seen.text)),
        "proposed": [_proposed(call) for call in seen.calls.values()],
        "finish": seen.finish,
        "usage": seen.usage,
    }
    return orjson.dumps(kept, option=orjson.OPT_SORT_KEYS)


def _proposed(call: ToolCall) -> dict[str, Any]:
    """Return a tool that the model asks for. Arguments that are no JSON stay the text they are."""
    text = "".join(call.arguments)
    try:
        arguments = orjson.loads(text) if text else {}
    except orjson.JSONDecodeError:
        return {"tool": call.name, "arguments": answer_masked(text)}
    arguments = mask_json(arguments, NOTHING).value
    return {"tool": call.name, "arguments": arguments}
