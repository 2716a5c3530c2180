"""Slices that were asked for lately, parsed."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


class SliceCache(Generic[Key, Value]):
    """At most `limit` values, the oldest dropped first. Safe to use from many threads.

    Two threads may make the same slice at once: slices are values, so either will do.
    """

    def __init__(self, limit: int, make: Callable[[Key], Value]) -> None:
        self._limit = limit
        self._make = make
        self._kept: dict[Key, Value] = {}
        self._lock = threading.Lock()

    def get(self, key: Key) -> Value:
        """Return the value of `key`, made now if it is not kept; an exception of making it keeps nothing."""
        found = self._kept.get(key)
        if found is None:
            found = self._make(key)
            with self._lock:
                while len(self._kept) >= self._limit:
                    del self._kept[next(iter(self._kept))]
                self._kept[key] = found
        return found

    def __len__(self) -> int:
        return len(self._kept)
