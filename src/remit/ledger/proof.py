"""That one record is in a ledger, in a file of its own: the record, its path to the root, and the signed root."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass

from .checkpoint import Checkpoint
from .entry import leaf_of
from .note import BadNote, ForgedNote, Note, UnknownSigner, Verifier
from .tree import includes

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
        try:
            data = json.loads(raw)
            path = tuple(base64.b64decode(part, validate=True) for part in data["path"])
            proof = cls(data["no"], data["record"], path, data["checkpoint"])
        except (ValueError, KeyError, TypeError):
            raise BadNote("the file is neither a proof nor a folder of a ledger") from None
        if type(proof.no) is not int or data.get("format") != FORMAT:
            raise BadNote(f"the proof is not of format {FORMAT}")
        return proof

    def check(self, keys: Sequence[Verifier]) -> Checkpoint:
        """Return the checkpoint the record is under. Raises NotProven, BadNote."""
        note = Note.of(self.checkpoint.encode())
        try:
            signers = note.signers(keys)
        except (ForgedNote, UnknownSigner) as error:
            raise NotProven(f"{error}") from None
        checkpoint = Checkpoint.of(note.text)
        if any(signer.name != checkpoint.origin for signer in signers):
            raise NotProven(f"the checkpoint is of {checkpoint.origin}, and signed by the key of another ledger")
        leaf = leaf_of(self.record.encode(), self.no)
        if not includes(leaf, self.no - 1, checkpoint.size, self.path, checkpoint.root):
            raise NotProven(f"the record is not number {self.no} of the {checkpoint.size} that were signed")
        return checkpoint


def proven(raw: bytes, keys: Sequence[Verifier]) -> str:
    """Say what a proof shows. Raises NotProven, BadNote."""
    if not keys:
        raise BadNote("a proof needs the key you trust: give it with --key")
    proof = Proof.of(raw)
    checkpoint = proof.check(keys)
    return f"OK: the record is number {proof.no:,} of {checkpoint.size:,} in {checkpoint.origin}"
