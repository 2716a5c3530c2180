"""Slices that were asked for lately, made ready."""

from __future__ import annotations

import threading
from collections.abc import Hashable
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


class SliceCache(Generic[Key, Value]):
    """At most `limit` values, the oldest dropped first. Safe to use from many threads.

    Two threads may make the same slice at once: slices are values, so either will do.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._kept: dict[Key, Value] = {}
        self._lock = threading.Lock()

    def get(self, key: Key) -> Value | None:
        """Return the value of `key`, or None where it is not kept."""
        return self._kept.get(key)

    def keep(self, key: Key, value: Value) -> Value:
        """Keep a value and return it."""
        with self._lock:
            while len(self._kept) >= self._limit:
                del self._kept[next(iter(self._kept))]
            self._kept[key] = value
        return value

    def __len__(self) -> int:
        return len(self._kept)
