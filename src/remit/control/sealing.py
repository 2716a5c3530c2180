"""Seal committed records: append them to the workspace's Merkle tree and sign how far it goes.

Not on the admission path. Everything is read and hashed before the write; the write is one short transaction that
succeeds only where the ledger still is as it was read. So a crash at any point leaves the ledger as it was before or
after a seal, and of two sealers one does nothing.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Protocol

import orjson

from remit.control.signing import SigningKeys
from remit.control.transaction import changing
from remit.domain.clock import MICROS_PER_SECOND, Clock, Instant
from remit.domain.ids import Ids, OwnerId, WorkspaceName
from remit.domain.record import RecordKind, leaf_hash
from remit.ledger.checkpoint import Checkpoint, Rotation
from remit.ledger.entry import leaf_of
from remit.ledger.note import BadNote, ForgedNote, Note, Signer, UnknownSigner, Verifier, signed
from remit.ledger.tiles import HEIGHT, WIDTH, BadTile, Edge
from remit.ledger.tree import EMPTY_ROOT
from remit.storage.port import Store, StoreError, Wanted
from remit.storage.sealed import KeyWrapper, PayloadLost
from remit.storage.seals import LedgerKey, Seal, SealedUpTo, Seals, StoredCheckpoint, StoredRecord

BATCH = 1_000
"""Most records in one seal."""
INTERVAL_S = 1.0
"""How long a record waits for its seal, at most, while a sealer runs."""
LEASE_S = 5
"""A sealer that has not sealed for this long may be relieved by another."""
KEPT_EVERY_S = 3_600
"""One checkpoint in this time is kept for good; so is the one of a new key. The newest is always there."""
MAX_ATTEMPTS = 10
"""How often a change of keys is tried where records are sealed at the same time."""


class LedgerBroken(Exception):
    """The records, or what is sealed of them, are not whole, and nothing is sealed over it. The message says what."""


class SealingRefused(Exception):
    """What was asked of the ledger can not be done now. The message says why."""


class Came(StrEnum):
    """What came of an attempt to seal."""

    SEALED = "sealed"
    NOTHING_NEW = "nothing_new"
    NOT_LEADER = "not_leader"


@dataclass(frozen=True, slots=True)
class Sealing:
    """What came of it, how many records are sealed now, and how many of them are new."""

    came: Came
    size: int
    new: int = 0


@dataclass(frozen=True, slots=True)
class _Standing:
    """A ledger as it stands: how far it is, what was signed last, and its keys."""

    ledger: SealedUpTo
    newest: StoredCheckpoint | None
    keys: tuple[Verifier, ...]

    def checkpoint(self) -> Checkpoint:
        """Return what the present key signed last. Raises BadNote, ForgedNote, UnknownSigner."""
        if self.newest is None:
            return Checkpoint(self.ledger.origin, 0, EMPTY_ROOT)
        note = Note.of(self.newest.note.encode())
        note.signers(self.keys[-1:])
        return Checkpoint.of(note.text)


class Sealer:
    """Seals the workspaces of one database. Used by one thread at a time."""

    def __init__(
        self,
        store: Store,
        seals: Seals,
        wrapper: KeyWrapper,
        clock: Clock,
        ids: Ids,
        owner: OwnerId,
        lease_s: int = LEASE_S,
    ) -> None:
        """Take a lease of 0 to seal once in between and leave whoever does so for good their place."""
        self._store = store
        self._seals = seals
        self._keys = SigningKeys(seals, wrapper)
        self._clock = clock
        self._ids = ids
        self._owner = owner
        self._lease_s = lease_s
        self._signed: dict[WorkspaceName, Checkpoint] = {}  # the last of this process: it never signs a shorter one

    def seal(self, workspace: WorkspaceName, *, relieve: bool = False) -> Sealing:
        """Seal up to BATCH records; `relieve` whoever else is sealing.

        Raises LedgerBroken, and the alarm, where records are missing, doubled or changed; StoreError.
        """
        now = self._clock.now()
        standing = self._standing(workspace, now)
        ledger = standing.ledger
        if not relieve and ledger.lease_owner not in ("", self._owner) and ledger.lease_until > now:
            return Sealing(Came.NOT_LEADER, ledger.size)
        try:
            edge, signer = self._edge(standing), self._signer(ledger)
            records = self._whole_records(ledger)
        except LedgerBroken as error:
            if self._standing(workspace, now) != standing:  # read while somebody else sealed: not broken, only mixed
                return Sealing(Came.NOT_LEADER, ledger.size)
            self._seals.set_alarm(workspace, str(error), now)
            raise
        if not records:
            if ledger.alarm:
                self._seals.set_alarm(workspace, "", now)
            return Sealing(Came.NOTHING_NEW, ledger.size)
        return self._append(ledger, edge, records, signer, now)

    def seal_all(self, workspace: WorkspaceName, *, relieve: bool = False) -> Sealing:
        """Seal everything there is by now, batch after batch. Raises as `seal` does."""
        goal = self._seals.head(workspace).last_no
        new = 0
        while True:
            sealing = self.seal(workspace, relieve=relieve)
            new += sealing.new
            if sealing.came is not Came.SEALED or sealing.size >= goal:
                return replace(sealing, new=new, came=Came.SEALED if new else sealing.came)

    def rotate(self, workspace: WorkspaceName, by: str, reason: str) -> Verifier:
        """Sign with a new key from now on; the old one signs that it is so, and one last checkpoint beside the new.

        Raises SealingRefused where records are sealed elsewhere all the time, LedgerBroken, StoreError.
        """
        for _ in range(MAX_ATTEMPTS):
            now = self._clock.now()
            standing = self._standing(workspace, now)
            origin, position = standing.ledger.origin, len(standing.keys)
            key, signer = self._keys.fresh(workspace, origin, position, now)
            # On record first: a key that nobody put on record never signs.
            content: dict[str, object] = {"by": by, "reason": reason, "key_after": key.key, "position": position}
            with changing(self._store, Wanted(workspace=workspace), now) as change:
                change.record(self._ids.new("chg"), RecordKind.LEDGER_KEY_CHANGED, content)
            self.seal_all(workspace, relieve=True)
            if self._follow(workspace, key, signer, now):
                return signer.verifier
        raise SealingRefused(f"the ledger of {workspace} moved on {MAX_ATTEMPTS} times: try again when it is quieter")

    def _follow(self, workspace: WorkspaceName, key: LedgerKey, signer: Signer, now: Instant) -> bool:
        standing = self._standing(workspace, now)
        ledger = standing.ledger
        both = (self._signer(ledger), signer)
        rotation = Rotation(ledger.origin, ledger.size, signer.verifier)
        text = Checkpoint(ledger.origin, ledger.size, self._edge(standing).root()).text
        checkpoint = StoredCheckpoint(ledger.size, now, signed(text, both), kept=True)
        # Another lease than before, so that nobody who has read the old key can still write with it.
        taken = replace(ledger, lease_owner=self._owner, lease_until=Instant(ledger.lease_until + 1))
        seal = Seal(ledger, taken, (), checkpoint)
        return self._seals.rotate(seal, replace(key, rotation=signed(rotation.text, both)))

    def _standing(self, workspace: WorkspaceName, now: Instant) -> _Standing:
        ledger = self._seals.ledger(workspace) or self._keys.begin(workspace, now)
        return _Standing(ledger, self._seals.newest(workspace), self._keys.verifiers(workspace))

    def _signer(self, ledger: SealedUpTo) -> Signer:
        try:
            return self._keys.signer(ledger)
        except (PayloadLost, IndexError) as error:
            raise LedgerBroken(f"the signing key of {ledger.workspace} can not be opened: {error}") from error

    def _edge(self, standing: _Standing) -> Edge:
        """Take up the tree where it was left, but only if it is the one that was signed last."""
        ledger = standing.ledger
        levels = range(-(-ledger.size.bit_length() // HEIGHT))
        try:
            edge = Edge(ledger.size, [self._partial(ledger, level) for level in levels])
            found = standing.checkpoint()
        except (BadTile, BadNote, ForgedNote, UnknownSigner) as error:
            raise LedgerBroken(f"what is sealed of {ledger.workspace} is not whole: {error}") from error
        if found != Checkpoint(ledger.origin, ledger.size, edge.root()):
            raise LedgerBroken(
                f"the tiles of {ledger.size} records do not give the root that was signed last, of {found.size}"
            )
        last = self._signed.get(ledger.workspace)
        if last is not None and (last.size > found.size or (last.size == found.size and last.root != found.root)):
            raise LedgerBroken(f"{last.size} records were sealed, and now it is said to be {found.size}")
        return edge

    def _partial(self, ledger: SealedUpTo, level: int) -> bytes:
        count = ledger.size >> HEIGHT * level
        return (self._seals.tile(ledger.workspace, level, count // WIDTH) or b"") if count % WIDTH else b""

    def _whole_records(self, ledger: SealedUpTo) -> Sequence[StoredRecord]:
        """Return what is to be sealed next. Raises LedgerBroken where anything of it is missing or does not fit."""
        head = self._seals.head(ledger.workspace)
        records = self._seals.sealable(ledger.workspace, ledger.last_seq, BATCH)
        for no, record in enumerate(records, ledger.size + 1):
            wrong = disagreement(record, no)
            if wrong:
                raise LedgerBroken(wrong)
        if head.counted > head.last_no:
            raise LedgerBroken(f"{head.counted} records are counted, and the last there is has number {head.last_no}")
        if head.counted < head.last_no:
            raise LedgerBroken(f"there are {head.last_no} records, and the count was moved back to {head.counted}")
        if head.last_no < ledger.size or (head.last_no > ledger.size and not records):
            raise LedgerBroken(f"{ledger.size} records were sealed, and there are {head.last_no}, none after the last")
        return records

    def _append(
        self, ledger: SealedUpTo, edge: Edge, records: Sequence[StoredRecord], signer: Signer, now: Instant
    ) -> Sealing:
        leaves = (leaf_of(record.body, no) for no, record in enumerate(records, ledger.size + 1))
        tiles = [(tile.level, tile.index, hashes) for tile, hashes in edge.append(leaves)]
        tiles += [(tile.level, tile.index, hashes) for tile, hashes in edge.partial()]
        checkpoint = Checkpoint(ledger.origin, edge.size, edge.root())
        after = replace(ledger, size=edge.size, last_seq=records[-1].seq, **self._lease(now))
        is_kept = now - self._seals.kept_at(ledger.workspace) >= KEPT_EVERY_S * MICROS_PER_SECOND
        stored = StoredCheckpoint(edge.size, now, signed(checkpoint.text, [signer]), is_kept)
        if not self._seals.seal(Seal(ledger, after, tiles, stored)):
            return Sealing(Came.NOT_LEADER, ledger.size)
        self._signed[ledger.workspace] = checkpoint
        return Sealing(Came.SEALED, edge.size, len(records))

    def _lease(self, now: Instant) -> dict[str, Any]:
        return {"lease_owner": self._owner, "lease_until": Instant(now + self._lease_s * MICROS_PER_SECOND)}


def disagreement(record: StoredRecord, no: int) -> str:
    """Say what is wrong with a record's row in the place of number `no`; the empty string where nothing is."""
    try:
        said = orjson.loads(record.body)
        found = said["no"]
        repeated = (said["key"], said["kind"], said["run"], said["at"])
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return f"row {record.seq}, in the place of record {no}, holds no record"
    if found != no:
        what = "is missing" if isinstance(found, int) and found > no else "is there twice, or not in its place"
        return f"record {no if what == 'is missing' else found} {what}: number {found} stands in its place"
    if repeated != (record.key, record.kind, record.run, record.at):
        return f"record {no}: key, kind, run or time of the row are not those of the record"
    if record.leaf != leaf_hash(record.body):
        return f"record {no} was changed after it was written: its hash differs"
    return ""


class SealsWorkspaces(Protocol):
    """What seals everything there is of a workspace; `Sealer` does."""

    def seal_all(self, workspace: WorkspaceName) -> Sealing: ...


class SealingThread:
    """Seals every workspace once a second until it is closed. Failures are told, and tried again."""

    def __init__(
        self, sealer: SealsWorkspaces, workspaces: Callable[[], Sequence[WorkspaceName]], tell: Callable[[str], None]
    ) -> None:
        self._sealer = sealer
        self._workspaces = workspaces
        self._tell = tell
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="remit-sealer", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def close(self) -> None:
        """Seal what there is once more, and end."""
        self._closing.set()
        self._thread.join()

    def _run(self) -> None:
        while True:
            closing = self._closing.wait(INTERVAL_S)
            try:
                for workspace in self._workspaces():
                    self._seal(workspace)
            except StoreError as error:
                self._tell(str(error))
            if closing:
                return

    def _seal(self, workspace: WorkspaceName) -> None:
        try:
            self._sealer.seal_all(workspace)
        except LedgerBroken as error:
            self._tell(f"the ledger of {workspace} is not sealed any further: {error}")
