"""Proofs in files of their own: that one record is in a ledger, and that a ledger goes on from where it was."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass

from .checkpoint import Checkpoint
from .entry import leaf_of
from .note import BadNote, ForgedNote, Note, UnknownSigner, Verifier
from .tree import extends, includes

FORMAT = 1


class NotProven(ValueError):
    """The proof shows nothing. The message says why."""


@dataclass(frozen=True, slots=True)
class Proof:
    """Record number `no` (from 1) with its path, and the note of the checkpoint it leads to."""

    no: int
    record: str
    path: tuple[bytes, ...]
    checkpoint: str

    def as_json(self) -> dict[str, object]:
        """Return the form that is written: hashes in base64, from the leaf upwards; the record as text."""
        return {
            "format": FORMAT,
            "no": self.no,
            "record": self.record,
            "path": [base64.b64encode(part).decode() for part in self.path],
            "checkpoint": self.checkpoint,
        }

    @classmethod
    def of(cls, raw: bytes) -> Proof:
        """Read the form that is written. Raises BadNote."""
        data, path = _read(raw)
        proof = cls(data.get("no"), data.get("record"), path, data.get("checkpoint"))  # type: ignore[arg-type]
        if type(proof.no) is not int or not _are_texts(proof.record, proof.checkpoint):
            raise BadNote(_NEITHER)
        return proof

    def check(self, keys: Sequence[Verifier]) -> Checkpoint:
        """Return the checkpoint the record is under. Raises NotProven, BadNote."""
        checkpoint = _signed(self.checkpoint, keys)
        leaf = leaf_of(self.record.encode(), self.no)
        if not includes(leaf, self.no - 1, checkpoint.size, self.path, checkpoint.root):
            raise NotProven(f"the record is not number {self.no} of the {checkpoint.size} that were signed")
        return checkpoint


@dataclass(frozen=True, slots=True)
class Consistency:
    """That the ledger of `size` records begins with the one of `old`.

    `checkpoint` is the note over `size` records, or empty where none was kept of that size: then the roots are compared
    by whoever has both.
    """

    old: int
    size: int
    path: tuple[bytes, ...]
    checkpoint: str

    def as_json(self) -> dict[str, object]:
        """Return the form that is written: hashes in base64, in the order of RFC 9162, section 2.1.4.1."""
        return {
            "format": FORMAT,
            "old": self.old,
            "size": self.size,
            "path": [base64.b64encode(part).decode() for part in self.path],
            "checkpoint": self.checkpoint,
        }

    @classmethod
    def of(cls, raw: bytes) -> Consistency:
        """Read the form that is written. Raises BadNote."""
        data, path = _read(raw)
        found = cls(data.get("old"), data.get("size"), path, data.get("checkpoint"))  # type: ignore[arg-type]
        if type(found.old) is not int or type(found.size) is not int or not _are_texts(found.checkpoint):
            raise BadNote(_NEITHER)
        return found

    def check(self, keys: Sequence[Verifier], before: bytes) -> Checkpoint:
        """Return the checkpoint that goes on from the one somebody kept, `before`. Raises NotProven, BadNote."""
        kept = _signed(before.decode("utf-8", "replace"), keys)
        checkpoint = _signed(self.checkpoint, keys)
        if (kept.size, checkpoint.size) != (self.old, self.size) or kept.origin != checkpoint.origin:
            raise NotProven(
                f"the proof is from {self.old} to {self.size} records, the checkpoints are of {kept.size} in"
                f" {kept.origin} and of {checkpoint.size} in {checkpoint.origin}"
            )
        if not extends(self.old, self.size, kept.root, checkpoint.root, self.path):
            raise NotProven(f"the {self.size} records do not begin with the {self.old} that were signed before")
        return checkpoint


_NEITHER = "the file is neither a proof nor a folder of a ledger"


def _read(raw: bytes) -> tuple[dict[str, object], tuple[bytes, ...]]:
    """Return a proof's members and its path. Raises BadNote."""
    try:
        data = json.loads(raw)
        path = tuple(base64.b64decode(part, validate=True) for part in data["path"])
    except (ValueError, KeyError, TypeError):
        raise BadNote(_NEITHER) from None
    if data.get("format") != FORMAT:
        raise BadNote(f"the proof is not of format {FORMAT}")
    return data, path


def _are_texts(*values: object) -> bool:
    return all(isinstance(value, str) for value in values)


def _signed(text: str, keys: Sequence[Verifier]) -> Checkpoint:
    """Return a checkpoint that one of the keys signed. Raises NotProven, BadNote."""
    note = Note.of(text.encode())
    try:
        signers = note.signers(keys)
    except (ForgedNote, UnknownSigner) as error:
        raise NotProven(f"{error}") from None
    checkpoint = Checkpoint.of(note.text)
    if any(signer.name != checkpoint.origin for signer in signers):
        raise NotProven(f"the checkpoint is of {checkpoint.origin}, and signed by the key of another ledger")
    return checkpoint


def proven(raw: bytes, keys: Sequence[Verifier], witnesses: Sequence[tuple[str, bytes]] = ()) -> str:
    """Say what a proof shows; one of consistency needs the checkpoint somebody kept. Raises NotProven, BadNote."""
    if not keys:
        raise BadNote("a proof needs the key you trust: give it with --key")
    if "old" not in _read(raw)[0]:
        proof = Proof.of(raw)
        checkpoint = proof.check(keys)
        return f"OK: the record is number {proof.no:,} of {checkpoint.size:,} in {checkpoint.origin}"
    if len(witnesses) != 1:
        raise BadNote("a proof of consistency needs the checkpoint you kept: give just that with --witness")
    consistency = Consistency.of(raw)
    checkpoint = consistency.check(keys, witnesses[0][1])
    return f"OK: {checkpoint.origin} of {consistency.size:,} records begins with the {consistency.old:,} signed before"
