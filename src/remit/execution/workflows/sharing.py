"""Whose a step is that several runs share: that run alone undoes it.

It is the run that did it. Where that one has not succeeded, what still stands of it is taken over by the first run that
goes on from there, so that it is not left to nobody.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from remit.domain.ids import RunId
from remit.domain.workflow import Workflow
from remit.domain.workflow_progress import Progress, StepState
from remit.execution.workflows.walking import UNDO
from remit.storage.journal import Journal


class Owners:
    """Whose steps are, as far as the journal is read for it. Made anew for each question; blocks."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._rows: dict[str, Mapping[str, Progress]] = {}

    def of(self, run: RunId, path: str) -> tuple[RunId, Progress | None]:
        """Return whose a step of a run is by now, and how far that run has undone it."""
        seen: set[RunId] = set()
        while True:
            seen.add(run)
            rows = self._of(run)
            further = RunId(rows[path].belongs_to) if path in rows else run
            if not further or further in seen:
                return run, rows.get(UNDO + path)
            run = further

    def _of(self, run: RunId) -> Mapping[str, Progress]:
        if run not in self._rows:
            self._rows[run] = {each.progress.path: each.progress for each in self._journal.steps(run)}
        return self._rows[run]


def undoable(workflow: Workflow) -> frozenset[str]:
    """Return the ids of the steps that say what undoes them."""
    return frozenset(step.id for step in workflow.each_step() if step.compensate is not None)


def of_others(workflow: Workflow, rows: Mapping[str, Progress]) -> Iterator[Progress]:
    """Yield the steps that could be undone and are another run's to undo."""
    ids = undoable(workflow)
    for path, row in sorted(rows.items()):
        if row.belongs_to and row.state is StepState.DONE and path.rpartition("/")[2] in ids:
            yield row
