"""What a worker writes down while it carries a run out. Nothing depends on it being written at once: the ledger knows.

Rows are written in batches. Whoever takes the run over carries out again what was not written, and meets what the
ledger holds of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import orjson

from remit.domain.clock import Clock
from remit.domain.workflow_progress import ENDED, Progress, StepState
from remit.storage.journal import NO_BOUND, Journal, Standing, StoredStep, WorkflowRun
from remit.storage.port import SealedPayload
from remit.storage.sealed import DataKey

STEP = "step/"
"""Before the path: the part under which the output of a step is sealed."""
OUTPUTS = "outputs"
"""The part under which the outputs of a run are sealed."""
EVENT = "event"
"""The part under which the data of an event is sealed."""

Taken = tuple[list[StoredStep], dict[str, str], int]
"""What is to be saved: steps, used events, and what the whole run has spent."""


class OverBudget(Exception):
    """A step would spend more than it may. The message names which step's bound it is, and by how much."""


def opened(key: DataKey, owner: str, part: str, sealed: bytes) -> Any:
    """Return what is sealed in a row of the journal. Raises PayloadLost."""
    return orjson.loads(key.open(SealedPayload(owner, part, key.id, sealed)))


def sealed(key: DataKey, owner: str, part: str, value: Any) -> bytes:
    """Return a value as a row of the journal has it."""
    return key.seal(owner, part, orjson.dumps(value)).sealed


class Notebook:
    """The rows of one run, as its worker knows them. Owned by one event loop."""

    def __init__(
        self,
        journal: Journal,
        run: WorkflowRun,
        key: DataKey,
        stored: Sequence[StoredStep],
        bounds: Mapping[str, int],
        clock: Clock,
    ) -> None:
        """Begin. `bounds` says how many micro-USD steps may spend, by their id."""
        self._journal = journal
        self._run = run
        self._key = key
        self._bounds = bounds
        self._clock = clock
        self.rows: dict[str, Progress] = {each.progress.path: self._opened(each) for each in stored}
        self._changed: set[str] = set()
        self._used: dict[str, str] = {}
        self._set_aside: dict[str, int] = {}
        self._last = max((row.number for row in self.rows.values()), default=0)

    def write(self, row: Progress) -> Progress:
        """Note how far a step has come; whoever ends gets the next number. What has begun stays begun."""
        before = self.rows.get(row.path, row)
        if row.state in ENDED and not row.number:
            self._last += 1
            row = replace(row, number=self._last, due_at=None, waits_for="", ended_at=self._clock.now())
        if row.began_at is None:
            row = replace(row, began_at=before.began_at or self._clock.now())
        self.rows[row.path] = row
        self._changed.add(row.path)
        return row

    def use(self, event: str, path: str) -> None:
        """Note that a step has used an event up."""
        self._used[event] = path

    def is_used(self, event: str) -> bool:
        """Whether a step of this turn has used an event."""
        return event in self._used

    @property
    def is_clean(self) -> bool:
        """Whether all is written."""
        return not self._changed and not self._used

    def take(self) -> Taken:
        """Return what has changed since, to be saved; call `save` with it."""
        steps = [self._sealed(self.rows[path]) for path in sorted(self._changed)]
        self._changed.clear()
        used, self._used = self._used, {}
        return steps, used, self.spent

    def save(self, taken: Taken) -> Standing:
        """Write it. Blocks. Raises LostRun and StoreError: then this worker's turn is over."""
        return self._journal.save(self._run, *taken)

    # -- what steps may spend

    @property
    def spent(self) -> int:
        """What the whole run has spent so far."""
        return sum(row.spent for row in self.rows.values())

    def set_aside(self, path: str, micros: int) -> None:
        """Count what a step is about to spend at most. Raises OverBudget where one around it may not."""
        if self._run.budget != NO_BOUND:
            self._check("the run", "", self._run.budget, micros)
        parts = path.split("/")
        for count in range(1, len(parts) + 1):
            bound = self._bounds.get(parts[count - 1])
            if bound is not None:
                self._check(f"step {parts[count - 1]}", "/".join(parts[:count]), bound, micros)
        self._set_aside[path] = micros

    def let_go(self, path: str) -> None:
        """Count no longer what was set aside: what it came to stands in the row."""
        self._set_aside.pop(path, None)

    def left(self, path: str) -> int:
        """Return what a step may still spend, by all bounds around it; NO_BOUND where there is none."""
        found = [] if self._run.budget == NO_BOUND else [self._run.budget - self._counted("")]
        parts = path.split("/")
        for count in range(1, len(parts) + 1):
            bound = self._bounds.get(parts[count - 1])
            if bound is not None:
                found.append(bound - self._counted("/".join(parts[:count])))
        return max(0, min(found)) if found else NO_BOUND

    def _check(self, what: str, prefix: str, bound: int, micros: int) -> None:
        counted = self._counted(prefix)
        if counted + micros > bound:
            left = max(0, bound - counted)
            raise OverBudget(f"{what} may spend {bound:,} micro-USD and has {left:,} left; this takes {micros:,}")

    def _counted(self, prefix: str) -> int:
        spent = sum(row.spent for row in self.rows.values() if _is_within(row.path, prefix))
        return spent + sum(micros for path, micros in self._set_aside.items() if _is_within(path, prefix))

    # -- sealing

    def _opened(self, step: StoredStep) -> Progress:
        if not step.output:
            return step.progress
        return replace(step.progress, output=opened(self._key, self._run.run, STEP + step.progress.path, step.output))

    def _sealed(self, row: Progress) -> StoredStep:
        if row.output is None:
            return StoredStep(row)
        return StoredStep(replace(row, output=None), sealed(self._key, self._run.run, STEP + row.path, row.output))


def shared(rows: Iterable[Progress], key: DataKey, run: str) -> list[StoredStep]:
    """Return finished steps of one run as steps that another begins with."""
    return [
        StoredStep(
            replace(row, output=None),
            b"" if row.output is None else sealed(key, run, STEP + row.path, row.output),
        )
        for row in rows
        if row.state is not StepState.UNKNOWN
    ]


def _is_within(path: str, prefix: str) -> bool:
    return not prefix or path == prefix or path.startswith(prefix + "/")
