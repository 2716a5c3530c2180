"""Signed notes with Ed25519: C2SP signed-note (https://c2sp.org/signed-note)."""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

ED25519 = 0x01
MAX_SIGNATURES = 100
MAX_NOTE_BYTES = 1_000_000
SEED_BYTES = 32


class BadNote(ValueError):
    """A note, or a key, is not in the form the specification gives."""


class ForgedNote(ValueError):
    """A signature names a key that is known, and is not that key's."""


class UnknownSigner(ValueError):
    """No signature is by a key that is known."""


@dataclass(frozen=True, slots=True)
class Verifier:
    """A public key with a name, written `name+hash+key` (section "Ed25519 signatures")."""

    name: str
    public: bytes

    def __post_init__(self) -> None:
        """Raise BadNote for what can not be a key."""
        if not self.name or "+" in self.name or any(c.isspace() or ord(c) < 32 for c in self.name):
            raise BadNote(f"{self.name!r} can not be the name of a key: no blanks, no +")
        if len(self.public) != SEED_BYTES:
            raise BadNote(f"an Ed25519 key has {SEED_BYTES} bytes, not {len(self.public)}")

    @property
    def id(self) -> bytes:
        """The first four bytes of SHA-256 over name, newline, signature type and key."""
        return hashlib.sha256(self.name.encode() + b"\n" + bytes([ED25519]) + self.public).digest()[:4]

    def __str__(self) -> str:
        return f"{self.name}+{self.id.hex()}+{base64.b64encode(bytes([ED25519]) + self.public).decode()}"

    @classmethod
    def of(cls, text: str) -> Verifier:
        """Read `name+hash+key`. Raises BadNote, also where the hash is not the key's."""
        parts = text.strip().split("+", 2)  # base64 may hold a +, a name may not
        if len(parts) != 3:
            raise BadNote(f"{text.strip()!r} is no key: write name+hash+key, as `remit audit key show` prints it")
        raw = _decoded(parts[2])
        if raw[:1] != bytes([ED25519]):
            raise BadNote(f"the key {parts[0]} is not an Ed25519 key")
        key = cls(parts[0], raw[1:])
        if key.id.hex() != parts[1]:
            raise BadNote(f"the key {parts[0]} does not belong to its hash {parts[1]}: it was mistyped or changed")
        return key


@dataclass(frozen=True, slots=True)
class Signer:
    """A private key with a name. Its repr shows no secret."""

    name: str
    seed: bytes = field(repr=False)

    @property
    def verifier(self) -> Verifier:
        """The public half."""
        return Verifier(self.name, self._private().public_key().public_bytes_raw())

    def sign(self, text: str) -> str:
        """Return the signature line for a text."""
        signature = self.verifier.id + self._private().sign(text.encode())
        return f"\u2014 {self.name} {base64.b64encode(signature).decode()}\n"

    def _private(self) -> Ed25519PrivateKey:
        return Ed25519PrivateKey.from_private_bytes(self.seed)


@dataclass(frozen=True, slots=True)
class Signature:
    """One signature line."""

    name: str
    key_id: bytes
    signature: bytes

    @property
    def signer(self) -> str:
        """Who signed, as far as the line says: `name+hash`."""
        return f"{self.name}+{self.key_id.hex()}"


@dataclass(frozen=True, slots=True)
class Note:
    """A text and the lines under it. Nothing of it is to be believed before `signers` has looked."""

    text: str
    signatures: tuple[Signature, ...]

    @classmethod
    def of(cls, raw: bytes) -> Note:
        """Read a note (section "Format"). Raises BadNote."""
        if len(raw) > MAX_NOTE_BYTES:
            raise BadNote(f"a note of {len(raw)} bytes is longer than {MAX_NOTE_BYTES}")
        try:
            whole = raw.decode()
        except UnicodeDecodeError:
            raise BadNote("the note is not UTF-8") from None
        if any(ord(c) < 32 and c != "\n" for c in whole):
            raise BadNote("the note holds control characters")
        text, blank, lines = whole.rpartition("\n\n")
        if not blank or not lines.endswith("\n"):
            raise BadNote("the note has no signature lines after a blank line")
        signatures = tuple(_signature(line) for line in lines.removesuffix("\n").split("\n"))
        if len(signatures) > MAX_SIGNATURES:
            raise BadNote(f"the note has {len(signatures)} signatures, more than {MAX_SIGNATURES}")
        return cls(text + "\n", signatures)

    def signers(self, known: Iterable[Verifier]) -> tuple[Verifier, ...]:
        """Return the known keys that signed.

        Raises ForgedNote where a signature that names a known key is not its, UnknownSigner where none is known.
        """
        keys = {(key.name, key.id): key for key in known}
        found = []
        for line in self.signatures:
            key = keys.get((line.name, line.key_id))
            if key is None:
                continue
            try:
                Ed25519PublicKey.from_public_bytes(key.public).verify(line.signature, self.text.encode())
            except InvalidSignature:
                raise ForgedNote(f"the signature that names {line.signer} is not by that key") from None
            found.append(key)
        if not found:
            raise UnknownSigner(f"signed by {', '.join(s.signer for s in self.signatures)}, and by no key you gave")
        return tuple(dict.fromkeys(found))

    def others(self, known: Iterable[Verifier]) -> tuple[str, ...]:
        """Return who else signed: keys not known, such as witnesses. Their signatures are not checked."""
        keys = {(key.name, key.id) for key in known}
        return tuple(line.signer for line in self.signatures if (line.name, line.key_id) not in keys)


def signed(text: str, signers: Sequence[Signer]) -> str:
    """Return the note of a text, with one line for each signer. Raises BadNote for what is no text of a note."""
    if not text.endswith("\n") or any(ord(c) < 32 and c != "\n" for c in text):
        raise BadNote("a note's text ends with a newline and holds no control characters")
    return text + "\n" + "".join(signer.sign(text) for signer in signers)


def _signature(line: str) -> Signature:
    parts = line.split(" ")
    if len(parts) != 3 or parts[0] != "\u2014" or not parts[1]:
        raise BadNote(f"{line[:80]!r} is no signature line")
    raw = _decoded(parts[2])
    if len(raw) < 5:
        raise BadNote(f"the signature of {parts[1]} is cut short")
    return Signature(parts[1], raw[:4], raw[4:])


def _decoded(text: str) -> bytes:
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise BadNote(f"{text[:80]!r} is not base64") from None
    if base64.b64encode(raw).decode() != text:
        raise BadNote(f"{text[:80]!r} is not the one way to write this in base64")
    return raw
