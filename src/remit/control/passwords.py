"""Passwords: argon2id, with the parameters of RFC 9106 for machines with little memory to spare."""

from __future__ import annotations

import threading

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from argon2.profiles import RFC_9106_LOW_MEMORY

SHORTEST = 12
LONGEST = 256
AT_ONCE = 2
"""How many hashes are computed at a time: each takes 64 MiB."""


class PasswordUnfit(ValueError):
    """A password that can not be taken. The message says why, and never repeats it."""


class Passwords:
    """Makes and checks password hashes."""

    def __init__(self, hasher: PasswordHasher | None = None) -> None:
        self._hasher = hasher or PasswordHasher.from_parameters(RFC_9106_LOW_MEMORY)
        self._room = threading.BoundedSemaphore(AT_ONCE)
        self._lock = threading.Lock()
        self._nobody = ""  # a hash that no password has; guarded by _lock

    def hash(self, password: str) -> str:
        """Return the hash of a new password. Raises PasswordUnfit."""
        if len(password) < SHORTEST:
            raise PasswordUnfit(f"a password has at least {SHORTEST} characters")
        if len(password) > LONGEST:
            raise PasswordUnfit(f"a password has at most {LONGEST} characters")
        if len(set(password)) < SHORTEST // 2:
            raise PasswordUnfit("a password does not repeat a few characters")
        try:
            with self._room:
                return self._hasher.hash(password)
        except UnicodeEncodeError:
            raise PasswordUnfit("a password is text that can be written as UTF-8") from None

    def is_right(self, stored: str, password: str) -> bool:
        """Tell whether a password is that of a stored hash.

        Takes as long for somebody who has none, or who does not exist: pass an empty hash.
        """
        with self._room:
            try:
                self._hasher.verify(stored or self._of_nobody(), password[: LONGEST + 1])
            except (VerificationError, InvalidHashError, UnicodeEncodeError):
                return False
        return bool(stored)

    def _of_nobody(self) -> str:
        with self._lock:
            self._nobody = self._nobody or self._hasher.hash("\x00" * SHORTEST)
            return self._nobody
