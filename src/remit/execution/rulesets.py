"""Releases made ready to decide, kept while they are used."""

from __future__ import annotations

import threading
from collections import OrderedDict

import orjson

from remit.domain.ids import ReleaseId, WorkspaceName
from remit.domain.record import policies_differed_key
from remit.kernel.ruleset import Ruleset
from remit.policy.comparison import first_difference
from remit.policy.compiled.shelf import Shelf
from remit.storage.port import Reads
from remit.workspace.reading import read

MAX_READY = 32
"""How many releases are kept ready; runs in progress rarely span more."""


class ReleaseUnusable(Exception):
    """A release is not there, or can not be read by this version: nothing is admitted under it."""


class Rulesets:
    """Loads a release once and shares it between threads."""

    def __init__(self, store: Reads) -> None:
        self._store = store
        self._shelf = Shelf()
        self._lock = threading.Lock()
        self._ready: OrderedDict[tuple[WorkspaceName, ReleaseId], Ruleset] = OrderedDict()  # guarded by _lock

    def of(self, workspace: WorkspaceName, release: ReleaseId) -> Ruleset:
        """Return the rules of a release. Raises ReleaseUnusable."""
        key = (workspace, release)
        with self._lock:
            rules = self._ready.get(key)
            if rules is None:
                rules = self._ready[key] = self._load(workspace, release)
                if len(self._ready) > MAX_READY:
                    self._ready.popitem(last=False)
            self._ready.move_to_end(key)
            return rules

    def alarm(self, workspace: WorkspaceName, release: ReleaseId) -> str:
        """Return why a release must be decided by the official implementation; empty where nothing is on record."""
        body = self._store.record(workspace, policies_differed_key(release))
        return "" if body is None else str(orjson.loads(body)["why"])

    @property
    def ready(self) -> tuple[Ruleset, ...]:
        """The rules that are kept ready at the moment."""
        with self._lock:
            return tuple(self._ready.values())

    def _load(self, workspace: WorkspaceName, release: ReleaseId) -> Ruleset:
        found = self._store.release(workspace, release)
        if found is None:
            raise ReleaseUnusable(f"release {release} is not in workspace {workspace}")
        reading = read(found.files, workspace)
        if reading.configuration is None:
            first = next(iter(reading.problems), "it holds no configuration")
            raise ReleaseUnusable(f"release {release} can not be read by this version of Remit: {first}")
        rules = Ruleset(release, reading.configuration, self._shelf)
        why = self.alarm(workspace, release) or first_difference(rules.authorizer, reading.configuration, release)
        if why:
            rules.authorizer.distrust(why)
        return rules
