"""Compiled policies by the hash of their text: a release that changes one policy compiles one."""

from __future__ import annotations

import hashlib
import threading
from dataclasses import dataclass

from remit.policy.compiled.expressions import Evaluate, NotCompiled, condition
from remit.policy.statements import Policy

MAX_COMPILED = 50_000
"""Policies kept compiled, over all releases of a process: a few kilobytes each."""


@dataclass(frozen=True, slots=True)
class Compiled:
    """A policy's condition as a function, None where it has none. `refused` says why it could not be compiled."""

    holds: Evaluate | None
    refused: str = ""


class Shelf:
    """Compiles a policy when it is first asked for, and keeps it. Safe to share between threads and releases."""

    def __init__(self, limit: int = MAX_COMPILED) -> None:
        self._limit = limit
        self._kept: dict[bytes, Compiled] = {}
        self._lock = threading.Lock()

    def of(self, policy: Policy) -> Compiled:
        """Return a policy compiled, or why it is not."""
        digest = hashlib.sha256(policy.statement.text.encode()).digest()
        found = self._kept.get(digest)
        if found is None:
            found = _compiled(policy)
            with self._lock:
                while len(self._kept) >= self._limit:
                    del self._kept[next(iter(self._kept))]
                self._kept[digest] = found
        return found

    def __len__(self) -> int:
        return len(self._kept)


def _compiled(policy: Policy) -> Compiled:
    try:
        return Compiled(condition(policy.tree.clauses))
    except NotCompiled as why:
        return Compiled(None, str(why))
