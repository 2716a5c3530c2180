"""The ledger of an open database: as something to verify, to prove records by, and to write out for others."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from remit.control.sealing import disagreement
from remit.domain.canonical import sha256_hex
from remit.domain.clock import Instant
from remit.domain.ids import WorkspaceName
from remit.ledger.checkpoint import Checkpoint
from remit.ledger.entry import entry_of
from remit.ledger.evidence import CHECKPOINT, CHECKPOINTS, KEYS, ROTATIONS, Head
from remit.ledger.note import Note
from remit.ledger.proof import Consistency, Proof
from remit.ledger.tiles import WIDTH, BadTile, Tile, complete_from, packed
from remit.ledger.tree import HASH_BYTES, consistency_proof, inclusion_proof
from remit.storage.port import Store
from remit.storage.seals import Seals, StoredRecord, number_of

PAGE = 1_000


class NotSealed(Exception):
    """What was asked for is not in the ledger, or not sealed yet. The message says which."""


@dataclass(frozen=True, slots=True)
class Lag:
    """How far sealing is behind: records, the age of the oldest of them, and whether it has stopped."""

    records: int
    micros: int
    alarm: bool


class LiveEvidence:
    """A workspace's ledger as it is at one instant: what is written later is left out."""

    def __init__(self, store: Store, seals: Seals, workspace: WorkspaceName) -> None:
        """Take the checkpoint first, the records after it: they can only be more."""
        self._store = store
        self._seals = seals
        self._workspace = workspace
        self._ledger = seals.ledger(workspace)
        newest = seals.newest(workspace)
        self._newest = None if newest is None else newest.note
        self._keys = seals.keys(workspace)
        self._head = seals.head(workspace)
        self._remarks: tuple[str, ...] = ()

    @cached_property
    def size(self) -> int:
        """How many records are sealed."""
        return 0 if self._newest is None else Checkpoint.of(Note.of(self._newest.encode()).text).size

    @cached_property
    def _notes(self) -> dict[str, str]:
        """The checkpoints that were kept, by size; one that was made since this instant is left out."""
        kept = (stored for stored in self._seals.checkpoints(self._workspace) if stored.kept)
        return {str(stored.size): stored.note for stored in kept if stored.size <= self.size}

    def head(self) -> Head:
        """Return what the database says of itself."""
        ledger = self._ledger
        origin, alarm = ("", "") if ledger is None else (ledger.origin, ledger.alarm)
        return Head(self._workspace, origin, self._head.counted, alarm)

    def records(self) -> Iterator[bytes]:
        """Yield the records; what the rows' other columns say against them is in `remarks` afterwards."""
        wrong: list[str] = []
        for place, row in enumerate(self._rows(), 1):
            remark = disagreement(row, place)
            if remark and number_of(row.body) == place:  # another number is for the verifier to judge
                wrong.append(remark)
            yield row.body
        self._remarks = tuple(wrong)

    def remarks(self) -> tuple[str, ...]:
        """Return in which rows the columns do not say what the record does."""
        return self._remarks

    def releases(self) -> Iterator[dict[str, Any]]:
        """Yield every release with the digests of its files."""
        for listed in self._store.releases(self._workspace):
            release = self._store.release(self._workspace, listed.id)
            if release is not None:
                files = {path: sha256_hex(content) for path, content in sorted(release.files.items())}
                author, message = release.author, release.message
                yield {"id": release.id, "at": release.created_at, "by": author, "message": message, "files": files}

    def file(self, path: str) -> bytes | None:
        """Return what a bundle has under this path."""
        folder, _, name = path.partition("/")
        text: str | None
        if path == CHECKPOINT:
            text = self._newest
        elif folder == CHECKPOINTS:
            text = self._notes.get(name)
        elif folder == ROTATIONS:
            position = int(name) if name.isdigit() else 0
            text = self._keys[position].rotation if 0 < position < len(self._keys) else None
        elif path == KEYS:
            text = "".join(f"{key.key}\n" for key in self._keys) or None
        else:
            return self._tile(path)
        return None if text is None else text.encode()

    def names(self, folder: str) -> tuple[str, ...]:
        """Return the names of the checkpoints or rotations."""
        if folder == ROTATIONS:
            return tuple(str(position) for position in range(1, len(self._keys)))
        return tuple(self._notes) if folder == CHECKPOINTS else ()

    def hashes(self, tile: Tile) -> bytes:
        """Return a tile's hashes. Raises BadTile where it is not there, or not so wide."""
        found = self._seals.tile(self._workspace, tile.level, tile.index) or b""
        if len(found) < tile.width * HASH_BYTES:
            raise BadTile(f"{tile.path} is not there")
        return found[: tile.width * HASH_BYTES]

    def _tile(self, path: str) -> bytes | None:
        try:
            tile = Tile.at(path)
            return self.hashes(tile) if tile.level >= 0 else self._bundle(tile)
        except BadTile:
            return None

    def _bundle(self, tile: Tile) -> bytes:
        """Return a bundle of entries, which is not stored: it is the records'. Raises BadTile as `hashes` does."""
        first = tile.index * WIDTH
        if first + tile.width > self.size:
            raise BadTile(f"{tile.path} is not there")
        after = 0 if first == 0 else self._row_of(first)
        rows = self._seals.sealable(self._workspace, after, tile.width)
        return packed(entry_of(row.body, no) for no, row in enumerate(rows, first + 1))

    def _row_of(self, no: int) -> int:
        """Return the row of record number `no`; rows ascend with numbers and are never fewer."""
        low, high = no, self._head.last_seq
        while low < high:
            middle = (low + high) // 2
            rows = self._seals.sealable(self._workspace, middle - 1, 1)
            if not rows:
                high = middle - 1
            elif number_of(rows[0].body) < no:
                low = rows[0].seq + 1
            else:
                high = middle
        rows = self._seals.sealable(self._workspace, low - 1, 1)
        return rows[0].seq if rows else low

    def _rows(self) -> Iterator[StoredRecord]:
        after = 0
        while after < self._head.last_seq:
            rows = self._seals.sealable(self._workspace, after, PAGE)
            for row in rows:
                if row.seq > self._head.last_seq:
                    return
                yield row
            if not rows:
                return
            after = rows[-1].seq

    def lag(self, now: Instant) -> Lag:
        """Return how far sealing is behind."""
        ledger = self._ledger
        if ledger is None:
            return Lag(self._head.counted, 0, alarm=False)
        rows = self._seals.sealable(self._workspace, ledger.last_seq, 1)
        age = max(0, now - rows[0].at) if rows else 0
        return Lag(max(0, self._head.counted - ledger.size), age, bool(ledger.alarm))

    # -- proofs

    def inclusion(self, key: str) -> Proof:
        """Prove that a record is sealed. Raises NotSealed, BadTile."""
        body = self._store.record(self._workspace, key)
        if body is None:
            raise NotSealed(f"there is no record {key!r} in workspace {self._workspace}")
        return self._proof(body, f"record {key!r}")

    def inclusion_of(self, no: int) -> Proof:
        """Prove that record number `no` is sealed. Raises NotSealed, BadTile."""
        rows = self._seals.sealable(self._workspace, self._row_of(no) - 1, 1) if 0 < no <= self.size else ()
        if not rows or number_of(rows[0].body) != no:
            raise NotSealed(f"there is no record number {no} among the {self.size} that are sealed")
        return self._proof(rows[0].body, f"record {no}")

    def _proof(self, body: bytes, name: str) -> Proof:
        no, size = number_of(body), self.size
        if not 0 < no <= size or self._newest is None:
            raise NotSealed(f"{name} has number {no}, and {size} are sealed: it will be within a second or so")
        path = inclusion_proof(complete_from(self.hashes, size), no - 1, size)
        return Proof(no, body.decode(), path, self._newest)

    def consistency(self, old: int, size: int | None = None) -> Consistency:
        """Prove that the ledger of `size` records, by default all, begins with that of `old`.

        A size of which no checkpoint was kept is proven without one. Raises NotSealed, BadTile.
        """
        size = self.size if size is None else size
        if not 0 <= old <= size <= self.size:
            raise NotSealed(f"{old} to {size} is not within the {self.size} records that are sealed")
        path = consistency_proof(complete_from(self.hashes, size), old, size)
        note = self._newest if size == self.size else self._notes.get(str(size))
        return Consistency(old, size, path, note or "")
