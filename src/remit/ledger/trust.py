"""Which checkpoints are to be believed: from the keys somebody trusts, and the notes in which a key named the next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from .checkpoint import Checkpoint, Rotation
from .evidence import CHECKPOINT, CHECKPOINTS, ROTATIONS, Evidence
from .fault import Fault, Kind
from .note import BadNote, ForgedNote, Note, UnknownSigner, Verifier


@dataclass(frozen=True, slots=True)
class Trusted:
    """A checkpoint that a trusted key signed, and who else did."""

    name: str
    checkpoint: Checkpoint
    signers: tuple[Verifier, ...]
    others: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Key:
    """A trusted key, and the size from which on another one signs instead."""

    verifier: Verifier
    until: int | None = None


@dataclass(frozen=True, slots=True)
class Trust:
    """The keys that count, each with how far."""

    keys: tuple[Key, ...]

    @classmethod
    def of(cls, given: Sequence[Verifier], evidence: Evidence) -> tuple[Trust, tuple[Fault, ...]]:
        """Return the given keys and those that follow from them by the evidence's rotations."""
        trust, faults = cls(tuple(Key(key) for key in given)), []
        for name in evidence.names(ROTATIONS):
            raw = evidence.file(f"{ROTATIONS}/{name}") or b""
            try:
                trust = trust._after(Note.of(raw))
            except (BadNote, ForgedNote) as error:
                faults.append(Fault(Kind.FORGED, f"{ROTATIONS}/{name}: {error}"))
            except UnknownSigner:
                continue  # from before the keys that were given: nothing follows from it
        return trust, tuple(faults)

    def _after(self, note: Note) -> Trust:
        """Take over what a rotation says. Raises BadNote, ForgedNote, UnknownSigner."""
        rotation = Rotation.of(note.text)
        signers = note.signers({*self.verifiers, rotation.key})
        before = [key for key in self.keys if key.verifier in signers and key.verifier != rotation.key]
        if rotation.key in self.verifiers and not before:
            raise UnknownSigner("the key before is not among the given")
        if not before or rotation.key not in signers or rotation.key.name != rotation.origin:
            raise UnknownSigner("the key before did not sign")
        kept = [key if key not in before else replace(key, until=rotation.size) for key in self.keys]
        kept = [key for key in kept if key.verifier != rotation.key]
        return Trust((*kept, Key(rotation.key)))

    @property
    def verifiers(self) -> tuple[Verifier, ...]:
        """Every key, also those that sign no more."""
        return tuple(key.verifier for key in self.keys)

    def opened(self, name: str, raw: bytes) -> Trusted:
        """Read a checkpoint. Raises BadNote, ForgedNote, UnknownSigner."""
        note = Note.of(raw)
        signers = note.signers(self.verifiers)
        checkpoint = Checkpoint.of(note.text)
        if any(signer.name != checkpoint.origin for signer in signers):
            raise ForgedNote(f"it is of {checkpoint.origin}, and signed by the key of {signers[0].name}")
        if not any(self._signs_at(signer, checkpoint.size) for signer in signers):
            raise ForgedNote(f"it is signed with a key that was replaced before there were {checkpoint.size} records")
        return Trusted(name, checkpoint, signers, note.others(signers))

    def _signs_at(self, signer: Verifier, size: int) -> bool:
        return any(key.verifier == signer and (key.until is None or size <= key.until) for key in self.keys)


def newest(trust: Trust, evidence: Evidence) -> tuple[Trusted | None, tuple[Fault, ...]]:
    """Return the checkpoint the evidence ends with, or what is wrong with it."""
    raw = evidence.file(CHECKPOINT)
    if raw is None:
        return None, (Fault(Kind.NO_CHECKPOINT, "nothing is sealed yet, or the checkpoint was taken away"),)
    return _opened(trust, CHECKPOINT, raw)


def earlier(trust: Trust, evidence: Evidence) -> tuple[tuple[Trusted, ...], tuple[Fault, ...]]:
    """Return the earlier checkpoints that a trusted key signed; those by keys nobody gave prove nothing here."""
    found, faults = [], []
    for name in evidence.names(CHECKPOINTS):
        path = f"{CHECKPOINTS}/{name}"
        checkpoint, wrong = _opened(trust, path, evidence.file(path) or b"")
        found += [] if checkpoint is None else [checkpoint]
        faults += [fault for fault in wrong if fault.kind is not Kind.WRONG_KEY]
    return tuple(found), tuple(faults)


def witnessed(trust: Trust, copies: Sequence[tuple[str, bytes]]) -> tuple[tuple[Trusted, ...], tuple[Fault, ...]]:
    """Return the copies of checkpoints that were kept elsewhere."""
    opened = [_opened(trust, name, raw) for name, raw in copies]
    return tuple(one for one, _ in opened if one is not None), tuple(fault for _, wrong in opened for fault in wrong)


def _opened(trust: Trust, name: str, raw: bytes) -> tuple[Trusted | None, tuple[Fault, ...]]:
    try:
        return trust.opened(name, raw), ()
    except (BadNote, ForgedNote) as error:
        return None, (Fault(Kind.FORGED, f"{name}: {error}"),)
    except UnknownSigner as error:
        return None, (Fault(Kind.WRONG_KEY, f"{name}: {error}"),)
