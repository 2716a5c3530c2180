"""What is signed: how long a ledger is and what its root is (C2SP tlog-checkpoint), and which key comes after which.

A change of keys is a note of its own. It may not be a checkpoint with two signatures alone: signature lines do not
cover each other, so that anybody could put a line of their own under an old checkpoint.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass

from .note import BadNote, Verifier
from .tree import HASH_BYTES

_ROTATION = "remit ledger key rotation v1"


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A tree: whose, of how many records, with which root."""

    origin: str
    size: int
    root: bytes

    @property
    def text(self) -> str:
        """The text of its note (section "Note text")."""
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"

    @classmethod
    def of(cls, text: str) -> Checkpoint:
        """Read the text of a note. Extension lines are passed over. Raises BadNote."""
        lines = text.split("\n")
        if len(lines) < 4 or not all(lines[:-1]) or lines[-1]:
            raise BadNote("a checkpoint has an origin, a size and a root, one a line")
        try:
            root = base64.b64decode(lines[2], validate=True)
        except (binascii.Error, ValueError):
            raise BadNote("the root of the checkpoint is not base64") from None
        checkpoint = cls(lines[0], _whole(lines[1]), root)
        if len(root) != HASH_BYTES or not text.startswith(checkpoint.text):
            raise BadNote("the checkpoint is not in its one form")
        return checkpoint


@dataclass(frozen=True, slots=True)
class Rotation:
    """From the checkpoint of `size` on, `key` signs. The note of it is signed by the key before and by `key`."""

    origin: str
    size: int
    key: Verifier

    @property
    def text(self) -> str:
        """The text of its note; its first line is not an origin, so that it is never taken for a checkpoint."""
        return f"{_ROTATION}\n{self.origin}\n{self.size}\n{self.key}\n"

    @classmethod
    def of(cls, text: str) -> Rotation:
        """Read the text of a note. Raises BadNote."""
        lines = text.split("\n")
        if len(lines) != 5 or lines[0] != _ROTATION or lines[4]:
            raise BadNote("the note does not say which key comes next")
        return cls(lines[1], _whole(lines[2]), Verifier.of(lines[3]))


def _whole(text: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 20 or text != str(int(text)):
        raise BadNote(f"{text[:40]!r} is not a size")
    return int(text)
