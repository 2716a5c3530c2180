"""Payloads under lock and key: AES-256-GCM, a key a run or data subject, wrapped under one master key."""

from __future__ import annotations

import hmac
import os
import secrets
import stat
from pathlib import Path
from typing import Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from remit.domain.clock import Instant
from remit.domain.ids import KeyId
from remit.storage.port import SealedPayload, StoreError, WrappedKey

KEY_BYTES = 32
NONCE_BYTES = 12


class PayloadLost(Exception):
    """A payload can not be read: its key was destroyed, or it was changed after it was sealed."""


class WrongMasterKey(PayloadLost):
    """A payload key was wrapped under another master key: nothing is lost where that one is found."""


class KeyWrapper(Protocol):
    """Wraps payload keys under a master key. A key management service fits behind this."""

    def wrap(self, key: bytes, name: str) -> bytes: ...

    def unwrap(self, wrapped: bytes, name: str) -> bytes: ...


class DataKey:
    """An unwrapped payload key. Its repr shows no secret."""

    __slots__ = ("_cipher", "_secret", "id")

    def __init__(self, id: KeyId, secret: bytes) -> None:
        self.id = id
        self._secret = secret
        self._cipher = AESGCM(secret)

    def seal(self, owner: str, part: str, content: bytes) -> SealedPayload:
        """Encrypt, bound to its place: a payload moved to another owner or part can not be opened."""
        nonce = os.urandom(NONCE_BYTES)
        return SealedPayload(owner, part, self.id, nonce + self._cipher.encrypt(nonce, content, _place(owner, part)))

    def open(self, payload: SealedPayload) -> bytes:
        """Decrypt. Raises PayloadLost where the payload was changed or belongs elsewhere."""
        nonce, sealed = payload.sealed[:NONCE_BYTES], payload.sealed[NONCE_BYTES:]
        try:
            return self._cipher.decrypt(nonce, sealed, _place(payload.owner, payload.part))
        except (InvalidTag, ValueError):  # ValueError: cut short to less than a nonce
            raise PayloadLost(f"the {payload.part} of {payload.owner} was changed after it was sealed") from None

    def salt(self, purpose: str) -> bytes:
        """Derive a salt for digests (HMAC-SHA-256 as a key derivation function, NIST SP 800-108).

        Gone when the key is.
        """
        return hmac.digest(self._secret, b"salt\x00" + purpose.encode(), "sha256")


def _place(owner: str, part: str) -> bytes:
    return f"{owner}\x00{part}".encode()


class KeyFile:
    """The master key in a file only its owner may read, made when first needed."""

    def __init__(self, path: Path) -> None:
        """Read or make the key. Raises StoreError where others can read the file or it holds no key."""
        self._cipher = AESGCM(_read_or_make(path))

    def wrap(self, key: bytes, name: str) -> bytes:
        """Encrypt a payload key under the master key, bound to its name."""
        nonce = os.urandom(NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, key, name.encode())

    def unwrap(self, wrapped: bytes, name: str) -> bytes:
        """Decrypt a payload key. Raises WrongMasterKey where it was wrapped under another."""
        try:
            return self._cipher.decrypt(wrapped[:NONCE_BYTES], wrapped[NONCE_BYTES:], name.encode())
        except (InvalidTag, ValueError):
            raise WrongMasterKey(f"the key {name} was wrapped under another master key") from None


def _read_or_make(path: Path) -> bytes:
    try:
        # Written whole under another name first, then linked: a process that starts at the same time never
        # reads half a key.
        made = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
        if not path.exists():
            handle = os.open(made, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(handle, "wb") as file:
                file.write(secrets.token_hex(KEY_BYTES).encode() + b"\n")
                file.flush()
                os.fsync(file.fileno())
            try:
                os.link(made, path)
            except FileExistsError:
                pass
            finally:
                made.unlink()
        mode = stat.S_IMODE(path.stat().st_mode)
        text = path.read_text("ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise StoreError(f"{path}: the key file can not be read or made: {error}") from None
    if mode & 0o077:
        raise StoreError(f"{path}: others may read the key file (mode {mode:04o}): run chmod 600 on it")
    if len(text) != 2 * KEY_BYTES or any(digit not in "0123456789abcdef" for digit in text):
        raise StoreError(f"{path}: the key file does not hold 64 hexadecimal digits: restore it from a copy")
    return bytes.fromhex(text)


class Keyring:
    """Makes and opens payload keys."""

    def __init__(self, wrapper: KeyWrapper) -> None:
        self._wrapper = wrapper

    def make(self, id: KeyId, now: Instant) -> WrappedKey:
        """Return a fresh key, wrapped and ready to be stored."""
        return WrappedKey(id, self._wrapper.wrap(secrets.token_bytes(KEY_BYTES), id), now)

    def unwrap(self, wrapped: WrappedKey) -> DataKey:
        """Return a stored key, ready to use."""
        return DataKey(wrapped.id, self._wrapper.unwrap(wrapped.wrapped, wrapped.id))
