"""Temporal facts: counts and sums within a window, kept as buckets in the scopes' rows. Pure.

A window is kept in 60 buckets. What is read goes back to the beginning of the oldest bucket that the window touches, so
a fact may count up to a sixtieth of its window too much, and never too little.
"""

from __future__ import annotations

from collections.abc import Iterator

from remit.domain.action import ActionKind
from remit.domain.clock import MICROS_PER_SECOND, Instant
from remit.domain.facts import Bucketed, Facts, Scope, ScopeKind
from remit.domain.temporal import Temporal, TemporalLevel
from remit.kernel.prepared import Prepared
from remit.policy.shapes import I64_MAX

BUCKETS = 60


def width_us(fact: Temporal) -> int:
    """Return how long a bucket of a fact is."""
    return max(1, -(-fact.window_s // BUCKETS)) * MICROS_PER_SECOND


def read(call: Prepared, facts: Facts) -> dict[str, int]:
    """Return every temporal fact of a release as it is before this action, by its key."""
    return {
        fact.key: _total(_row(facts, fact), _place(fact, call), fact, facts.now)
        for fact in call.rules.configuration.settings.temporal
    }


def count(call: Prepared, facts: Facts, *, admitted: bool) -> None:
    """Count an action in the facts that it belongs to. One that was not admitted counts only where that is asked."""
    if call.action.kind is not ActionKind.TOOL:
        return
    for fact in call.rules.configuration.settings.temporal:
        row = _row(facts, fact)
        concerns = not fact.tools or call.action.target in fact.tools
        if row is not None and concerns and (admitted or fact.denied):
            _add(row, _place(fact, call), fact, facts.now, _amount(fact, call))


def _row(facts: Facts, fact: Temporal) -> Scope | None:
    return facts.workspace if fact.per is TemporalLevel.TOOL else facts.of(ScopeKind(fact.per.value))


def _place(fact: Temporal, call: Prepared) -> str:
    """Return the name a fact's buckets have in their row; facts of a tool are beside each other in the workspace's."""
    return f"{fact.key}/{call.action.target}" if fact.per is TemporalLevel.TOOL else fact.key


def _amount(fact: Temporal, call: Prepared) -> int:
    """Return what an action adds: one, or its field. What is negative or absent adds nothing."""
    if not fact.sum:
        return 1
    values = None if call.input is None else call.input.values
    value = (values or {}).get(fact.sum)
    return value if type(value) is int and value > 0 else 0


def _oldest(fact: Temporal, now: Instant) -> int:
    return (now - fact.window_s * MICROS_PER_SECOND) // width_us(fact)


def _total(row: Scope | None, place: str, fact: Temporal, now: Instant) -> int:
    found = None if row is None else row.temporal.get(place)
    if found is None:
        return 0
    oldest = _oldest(fact, now)
    return min(I64_MAX, sum(amount for number, amount in found.buckets if number >= oldest))


def _add(row: Scope, place: str, fact: Temporal, now: Instant, amount: int) -> None:
    number, oldest = now // width_us(fact), _oldest(fact, now)
    found = row.temporal.get(place)
    buckets = [] if found is None else [bucket for bucket in found.buckets if bucket[0] >= oldest]
    if buckets and buckets[-1][0] >= number:  # time does not run back: what seems earlier counts in the last
        last, before = buckets.pop()
        number, amount = last, before + amount
    buckets.append((number, min(I64_MAX, amount)))
    row.temporal = {**dict(_alive(row, now)), place: Bucketed(fact.window_s, width_us(fact), tuple(buckets))}


def _alive(row: Scope, now: Instant) -> Iterator[tuple[str, Bucketed]]:
    """Yield what still counts: a fact that no release declares any more is forgotten once its window is over."""
    for place, kept in row.temporal.items():
        if (kept.buckets[-1][0] + 1) * kept.width_us > now - kept.window_s * MICROS_PER_SECOND:
            yield place, kept
