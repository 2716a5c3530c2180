"""The examination of a ledger: every record hashed into the tree again and held against what was signed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from .difference import Found, differences
from .entry import entry_of
from .evidence import Evidence, Head
from .fault import Fault, Kind, named
from .lines import BadRecord, Line, line_of
from .note import Verifier
from .tiles import WIDTH, Edge, Tile, packed, tiles
from .tree import EMPTY_ROOT, HASH_BYTES, folded, leaf_hash
from .trust import Trust, Trusted, earlier, newest, witnessed

LABEL = "key "


@dataclass(frozen=True, slots=True)
class Report:
    """What an examination came to: no faults means that nothing was changed."""

    head: Head
    checkpoint: Trusted | None
    records: int
    faults: tuple[Fault, ...]

    @property
    def is_whole(self) -> bool:
        """Whether nothing is wrong."""
        return not self.faults


def examine(evidence: Evidence, keys: Sequence[Verifier], witnesses: Sequence[tuple[str, bytes]] = ()) -> Report:
    """Examine evidence with the keys somebody trusts and copies of checkpoints kept elsewhere. Raises Unreadable."""
    head = evidence.head()
    trust, faults = Trust.of(keys, evidence)
    last, unproven = newest(trust, evidence)
    before, forged = earlier(trust, evidence)
    copies, strange = witnessed(trust, witnesses)
    found = [*faults, *unproven, *forged, *strange, *_of_head(head, last)]
    walk = _Walk(evidence, head, last, [*before, *copies])
    found += walk.run()
    found += _of_sizes(last, before, copies)
    found += [Fault(Kind.ALARM, text) for text in (head.alarm, *evidence.remarks()) if text]
    return Report(head, last, walk.count, tuple(named(dict.fromkeys(found))))


def _of_head(head: Head, last: Trusted | None) -> Iterator[Fault]:
    if last is None:
        return
    origin = last.checkpoint.origin
    if origin != head.origin:
        yield Fault(Kind.FORGED, f"the checkpoint is of {origin}, the records are said to be of {head.origin}")
    elif head.workspace not in origin.split("/"):
        yield Fault(Kind.FORGED, f"the checkpoint is of {origin}, the records are of workspace {head.workspace}")


def _of_sizes(last: Trusted | None, before: Sequence[Trusted], copies: Sequence[Trusted]) -> Iterator[Fault]:
    """Yield what a longer checkpoint shows: the ledger was cut back to an earlier one."""
    if last is None:
        return
    for one in (*before, *copies):
        if one.checkpoint.origin != last.checkpoint.origin:
            yield Fault(Kind.FORGED, f"{one.name}: it is of another ledger, {one.checkpoint.origin}")
        elif one.checkpoint.size > last.checkpoint.size:
            yield Fault(
                Kind.CUT,
                f"{one.name} was signed over {one.checkpoint.size:,} records, the newest checkpoint here over"
                f" {last.checkpoint.size:,}: the end was cut off",
            )


@dataclass(slots=True)
class _Walk:
    """One walk over the records, with the tree growing beside it. Memory does not grow with the records."""

    evidence: Evidence
    head: Head
    last: Trusted | None
    marks: Sequence[Trusted]
    count: int = 0
    _edge: Edge = field(default_factory=Edge)
    _bundle: list[bytes] = field(default_factory=list)
    _late: list[tuple[int, int]] = field(default_factory=list)  # place and number of what is not sealed, or not there
    _made: dict[str, list[object]] = field(default_factory=dict)
    _odd: list[Fault] = field(default_factory=list)

    @property
    def size(self) -> int:
        """How many records are sealed."""
        return 0 if self.last is None else self.last.checkpoint.size

    def run(self) -> Iterator[Fault]:
        """Yield what is wrong."""
        roots: dict[int, bytes] = {0: EMPTY_ROOT}
        wanted = {self.size, *(mark.checkpoint.size for mark in self.marks)}
        tile_faults: list[Fault] = []
        for body in self.evidence.records():
            tile_faults += self._take(body)
            if self.count in wanted:
                roots[self.count] = self._edge.root()
        if self.count < self.size:
            yield Fault(Kind.CUT, f"{self.size:,} records were sealed and {self.count:,} are there")
        if self.last is None or roots.get(self.size) == self.last.checkpoint.root:
            yield from tile_faults
            yield from self._odd
            unsealed = [no for place, no in self._late if place > self.size]
        else:
            yield from self._explained(tile_faults)
            unsealed = [no for _, no in self._late if no > self.size]  # places have shifted: numbers tell
        yield from self._of_marks(roots)
        yield from _of_unsealed(unsealed, self.size, self.head.records)
        if self.head.records < self.count:
            text = f"{self.head.records:,} records are counted and {self.count:,} are there: the count was moved back"
            yield Fault(Kind.HEAD_MOVED, text)
        yield from _of_releases(self.evidence, self._made)

    def _take(self, body: bytes) -> Iterator[Fault]:
        """Take one record; yield what is wrong with the tiles it completes."""
        self.count += 1
        line = self._read(body)
        no = -1 if line is None else line.no
        if max(no, self.count) > self.size:
            self._late.append((self.count, no))
        entry = entry_of(body, self.count)
        self._bundle.append(entry)
        for tile, hashes in list(self._edge.append([leaf_hash(entry)])):
            if self.count <= self.size:
                yield from self._of_tile(tile, hashes)
        if self.count == self.size:
            for tile, hashes in self._edge.partial():
                yield from self._of_tile(tile, hashes)
        if self.count % WIDTH == 0 or self.count == self.size:
            index, width = (self.count - 1) // WIDTH, len(self._bundle)
            if self.count <= self.size:
                yield from self._of_tile(Tile(-1, index, width), packed(self._bundle))
            if self.count % WIDTH == 0:
                self._bundle.clear()

    def _read(self, body: bytes) -> Line | None:
        try:
            line = line_of(body)
        except BadRecord as error:
            self._odd.append(Fault(Kind.CHANGED, f"record {self.count}: {error}"))
            return None
        if line.workspace != self.head.workspace:
            self._odd.append(Fault(Kind.INSERTED, f"record {self.count} is of workspace {line.workspace}"))
        if self.count <= self.size and line.no != self.count:
            self._odd.append(Fault(Kind.CHANGED, f"record {self.count} gives itself number {line.no}"))
        if line.content.get("kind") == "release_made":
            self._made[str(line.content.get("release"))] = line.content.get("files", [])
        return line

    def _of_tile(self, tile: Tile, expected: bytes) -> Iterator[Fault]:
        found = self.evidence.file(tile.path)
        if found is None:
            yield Fault(Kind.TILE_MISSING, f"{tile.path} is not there")
        elif found != expected:
            yield Fault(Kind.TILE_CHANGED, f"{tile.path} is not what the records give")

    def _of_marks(self, roots: dict[int, bytes]) -> Iterator[Fault]:
        for mark in self.marks:
            size, root = mark.checkpoint.size, mark.checkpoint.root
            if size > self.count:
                yield Fault(Kind.CUT, f"{mark.name} was signed over {size:,} records, and {self.count:,} are there")
            elif roots.get(size) != root:
                yield Fault(Kind.REWRITTEN, f"the first {size:,} records are not those under {mark.name}")

    def _explained(self, tile_faults: list[Fault]) -> Iterator[Fault]:
        """Say which records do not give the signed root; by the sealed hashes, where those do give it."""
        sealed = _sealed_hashes(self.evidence, self.size)
        if self.last is None or sealed is None or folded(sealed) != self.last.checkpoint.root:
            yield Fault(Kind.REWRITTEN, f"the first {self.size:,} records do not give the root that was signed")
            yield from tile_faults
            yield from self._odd
            return
        leaves = [sealed[at : at + HASH_BYTES] for at in range(0, len(sealed), HASH_BYTES)]
        faults = list(differences(leaves, _found(self.evidence, self.size)))
        yield from faults
        if not faults:
            yield from self._odd


def _of_unsealed(numbers: Sequence[int], size: int, counted: int) -> Iterator[Fault]:
    """Yield what the numbers and the count say of records that no checkpoint covers yet; -1 is one that has none."""
    seen: set[int] = set()
    highest = size
    for no in numbers:
        if no in seen:
            yield Fault(Kind.INSERTED, f"record {no}, not sealed yet, is there a second time")
        elif 0 <= no <= size:
            yield Fault(Kind.INSERTED, f"record {no}, which is sealed, stands behind those that are")
        elif 0 <= no < highest:
            yield Fault(Kind.REORDERED, f"record {no}, not sealed yet, stands behind record {highest}")
        highest = max(highest, no)
        seen.add(no)
    if -1 in seen:
        return  # a number that is missing may be the unreadable one's
    before = size
    for no in sorted({*seen, max(counted, highest) + 1}):
        if before + 1 < no:
            which = f"record {no - 1} is" if before + 2 == no else f"records {before + 1} to {no - 1} are"
            yield Fault(Kind.REMOVED, f"{which} not there, and not sealed yet")
        before = max(before, no)


def _sealed_hashes(evidence: Evidence, size: int) -> bytes | None:
    """Return the leaf hashes of the tiles at level 0; None where one is missing or of another width."""
    hashes = b""
    for tile in tiles(size):
        found = evidence.file(tile.path)
        if found is None or len(found) != tile.width * HASH_BYTES:
            return None
        hashes += found
    return hashes


def _found(evidence: Evidence, size: int) -> Iterator[Found]:
    """Yield the records that say they are among the sealed, or stand there and say nothing."""
    for position, body in enumerate(evidence.records(), 1):
        try:
            line = line_of(body)
            no, label = line.no, f"{LABEL}{line.key}"
        except BadRecord:
            no, label = -1, f"line {position}"
        if no <= size or (no < 0 and position <= size):
            yield Found(leaf_hash(entry_of(body, no if no > 0 else position)), no, label)


def _of_releases(evidence: Evidence, made: dict[str, list[object]]) -> Iterator[Fault]:
    """Yield releases whose files are not those on record, or whose id does not follow from them."""
    for release in evidence.releases():
        id, files = str(release.get("id")), release.get("files")
        if not isinstance(files, dict):
            yield Fault(Kind.RELEASE_CHANGED, f"release {id} names no files")
            continue
        pairs = [[path, files[path]] for path in sorted(files)]
        if made.get(id) != pairs or _release_id(pairs) != id:
            yield Fault(Kind.RELEASE_CHANGED, f"the files of release {id} are not those on record")


def _release_id(pairs: list[list[Any]]) -> str:
    raw = json.dumps(pairs, separators=(",", ":"), ensure_ascii=False).encode()
    return f"rel_{hashlib.sha256(raw).hexdigest()[:32]}"
