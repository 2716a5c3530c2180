"""Releases made ready to decide, kept while they are used."""

from __future__ import annotations

import threading
from collections import OrderedDict
from concurrent.futures import Future
from dataclasses import dataclass, field

import orjson

from remit.domain.ids import ReleaseId, WorkspaceName
from remit.domain.record import policies_differed_key
from remit.kernel.ruleset import Ruleset
from remit.policy.comparison import first_difference
from remit.policy.compiled.shelf import Shelf
from remit.storage.port import Reads
from remit.workspace.reading import read

MAX_READY = 32
"""How many releases are kept ready beside those that channels point at; runs in progress rarely span more."""
MAX_LOOKED_AT = 32
"""How many are kept ready that no channel points at and no agent works under, only people looked at: as many as are
kept for agents, since every overview looks at all that an approval waits under."""
MAX_LOADING = 2
"""How many of those are made ready at a time."""
PATIENCE_S = 2.0
"""How long a person waits for one of them to begin, or for the one that somebody else has begun."""

Key = tuple[WorkspaceName, ReleaseId]


class ReleaseUnusable(Exception):
    """A release is not there, or can not be read by this version: nothing is admitted under it."""


class TooManyLoading(Exception):
    """A person asked for a release that is not active while others are made ready. It can be asked for again soon."""


@dataclass(slots=True)
class _Kept:
    """What is ready and what is on its way, with the lock that guards all of it; nothing slow is done under that."""

    ready: OrderedDict[Key, Ruleset] = field(default_factory=OrderedDict)
    looked_at: OrderedDict[Key, Ruleset] = field(default_factory=OrderedDict)
    loading: dict[Key, Future[Ruleset]] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)
    turns: threading.BoundedSemaphore = field(default_factory=lambda: threading.BoundedSemaphore(MAX_LOADING))
    shelf: Shelf = field(default_factory=Shelf)


class Rulesets:
    """Loads a release once and shares it between threads. While one is loaded, all others can be asked for."""

    def __init__(self, store: Reads, kept: _Kept | None = None) -> None:
        self._store = store
        self._kept = kept or _Kept()
        self._is_for_people = kept is not None

    def for_people(self) -> Rulesets:
        """Return the same for people who look: what no channel points at waits its turn and puts nothing out.

        Its `of` also raises TooManyLoading.
        """
        return Rulesets(self._store, self._kept)

    def of(self, workspace: WorkspaceName, release: ReleaseId) -> Ruleset:
        """Return the rules of a release. Raises ReleaseUnusable."""
        key, kept = (workspace, release), self._kept
        with kept.lock:
            rules = self._found(key)
            begun = kept.loading.get(key)
        if rules is not None:
            return rules
        if not self._is_for_people or key in self._store.active_releases():
            return self._once(key, decides=True)
        if begun is not None:
            return self._awaited(key, begun, decides=False)
        if not kept.turns.acquire(timeout=PATIENCE_S):
            raise TooManyLoading(f"{MAX_LOADING} releases that are not active are being made ready: {release} waits")
        try:
            return self._once(key, decides=False)
        finally:
            kept.turns.release()

    def is_ready(self, workspace: WorkspaceName, release: ReleaseId) -> bool:
        """Whether `of` would return at once."""
        with self._kept.lock:
            return self._found((workspace, release)) is not None

    def alarm(self, workspace: WorkspaceName, release: ReleaseId) -> str:
        """Return why a release must be decided by the official implementation; empty where nothing is on record."""
        body = self._store.record(workspace, policies_differed_key(release))
        return "" if body is None else str(orjson.loads(body)["why"])

    @property
    def ready(self) -> tuple[Ruleset, ...]:
        """The rules that are kept ready at the moment."""
        with self._kept.lock:
            return (*self._kept.ready.values(), *self._kept.looked_at.values())

    def _found(self, key: Key) -> Ruleset | None:
        """Return what is ready; under the lock. What agents work under stays for longer than what is looked at."""
        kept = self._kept
        rules = kept.ready.get(key)
        if rules is None:
            rules = kept.looked_at.get(key)
            if rules is not None:
                self._keep(key, rules, decides=not self._is_for_people)
        elif not self._is_for_people:
            kept.ready.move_to_end(key)
        return rules

    def _keep(self, key: Key, rules: Ruleset, *, decides: bool) -> None:
        kept = self._kept
        kept.looked_at.pop(key, None)
        if decides:
            kept.ready[key] = rules
        elif key not in kept.ready:
            kept.looked_at[key] = rules
            if len(kept.looked_at) > MAX_LOOKED_AT:
                kept.looked_at.popitem(last=False)

    def _once(self, key: Key, *, decides: bool) -> Ruleset:
        """Load a release, or wait for whoever does so already. One that fails leaves nothing behind."""
        kept = self._kept
        with kept.lock:
            rules = self._found(key)
            if rules is not None:
                return rules
            begun, mine = kept.loading.get(key), Future[Ruleset]()
            if begun is None:
                kept.loading[key] = mine
        if begun is not None:
            return self._awaited(key, begun, decides=decides)
        try:
            rules = self._load(*key)
            put_out = self._too_many()
        except BaseException as error:
            with kept.lock:
                del kept.loading[key]
            mine.set_exception(error)
            raise
        with kept.lock:
            del kept.loading[key]
            for old in put_out:
                kept.ready.pop(old, None)
            self._keep(key, rules, decides=decides)
        mine.set_result(rules)
        return rules

    def _awaited(self, key: Key, begun: Future[Ruleset], *, decides: bool) -> Ruleset:
        try:
            rules = begun.result(None if decides else PATIENCE_S)
        except TimeoutError:
            raise TooManyLoading(f"release {key[1]} is being made ready") from None
        with self._kept.lock:
            self._keep(key, rules, decides=decides)
        return rules

    def _too_many(self) -> list[Key]:
        """Return what is put out for one more: of those that no channel points at, the ones used least lately."""
        with self._kept.lock:
            ready = list(self._kept.ready)
        if len(ready) < MAX_READY:
            return []
        active = self._store.active_releases()
        idle = [key for key in ready if key not in active]
        return idle[: max(0, len(idle) - MAX_READY + 1)]

    def _load(self, workspace: WorkspaceName, release: ReleaseId) -> Ruleset:
        found = self._store.release(workspace, release)
        if found is None:
            raise ReleaseUnusable(f"release {release} is not in workspace {workspace}")
        reading = read(found.files, workspace)
        if reading.configuration is None:
            first = next(iter(reading.problems), "it holds no configuration")
            raise ReleaseUnusable(f"release {release} can not be read by this version of Remit: {first}")
        rules = Ruleset(release, reading.configuration, self._kept.shelf)
        why = self.alarm(workspace, release) or first_difference(rules.authorizer, reading.configuration, release)
        if why:
            rules.authorizer.distrust(why)
        return rules
