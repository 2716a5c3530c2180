"""What can be wrong with a ledger, by name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

MOST_NAMED = 20
"""Faults of one kind that are named; the rest are counted."""


class Kind(StrEnum):
    """The ways in which a ledger is not what it was."""

    CHANGED = "changed"
    REMOVED = "removed"
    INSERTED = "inserted"
    REORDERED = "reordered"
    CUT = "cut"
    FORGED = "forged"
    WRONG_KEY = "wrong_key"
    NO_CHECKPOINT = "no_checkpoint"
    REWRITTEN = "rewritten"
    TILE_MISSING = "tile_missing"
    TILE_CHANGED = "tile_changed"
    HEAD_MOVED = "head_moved"
    RELEASE_CHANGED = "release_changed"
    ALARM = "alarm"


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong, in words that name where."""

    kind: Kind
    text: str

    def __str__(self) -> str:
        return f"{self.kind.value:15} {self.text}"


def named(faults: Iterable[Fault]) -> Iterator[Fault]:
    """Yield faults, of each kind at most MOST_NAMED and then how many more there are."""
    counts: dict[Kind, int] = {}
    for fault in faults:
        counts[fault.kind] = counts.get(fault.kind, 0) + 1
        if counts[fault.kind] <= MOST_NAMED:
            yield fault
    for kind, count in counts.items():
        if count > MOST_NAMED:
            yield Fault(kind, f"and {count - MOST_NAMED:,} more")
