"""Which records are not those that were sealed: found by comparing their hashes with the sealed ones."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from .fault import Fault, Kind


@dataclass(frozen=True, slots=True)
class Found:
    """A record as it is now: its leaf hash, the number it gives itself (-1 for none), and what to call it."""

    leaf: bytes
    no: int
    label: str


def differences(sealed: Sequence[bytes], found: Iterable[Found]) -> Iterator[Fault]:
    """Name what was changed, removed, inserted or moved; `sealed` are the leaf hashes under the signed root."""
    place = {leaf: index for index, leaf in enumerate(sealed)}
    lines = list(found)
    missing = place.keys() - {line.leaf for line in lines}
    lost = {place[leaf] for leaf in missing}
    seen: set[bytes] = set()
    before = furthest = -1  # the places of the record before, and of the one sealed last so far
    for line in lines:
        index = place.get(line.leaf)
        if line.leaf in seen:
            yield Fault(Kind.INSERTED, f"{line.label} is there a second time, behind record {before + 1}")
        elif index is None:
            # It takes the place of a lost one: of the one whose number it gives itself, or that should follow here.
            index = next((at for at in (line.no - 1, before + 1) if at in lost), None)
            if index is None:
                yield Fault(Kind.INSERTED, f"{line.label}, behind record {before + 1}, was never sealed")
            else:
                lost.discard(index)
                yield Fault(Kind.CHANGED, f"record {index + 1} ({line.label}) is not what was sealed")
        elif index < furthest:
            yield Fault(Kind.REORDERED, f"record {index + 1} ({line.label}) stands behind record {before + 1}")
        seen.add(line.leaf)
        if index is not None:
            before, furthest = index, max(furthest, index)
    for index in sorted(lost):
        yield Fault(Kind.REMOVED, f"record {index + 1} was sealed and is not there any more")
