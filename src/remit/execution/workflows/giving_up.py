"""Runs that no worker can carry on: what they did is undone once, and where that can not be either, it is told."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from remit.domain.clock import Clock
from remit.domain.ids import WorkspaceName
from remit.domain.workflow_progress import Progress, StepState, WorkflowState
from remit.execution.served import ServedDoor
from remit.execution.workflows.programs import Programs
from remit.execution.workflows.sharing import undoable
from remit.execution.workflows.walking import UNDO
from remit.storage.journal import NOT_UNDONE, TO_UNDO, Ending, Journal, WorkflowRun

_log = logging.getLogger("remit.workflows")


class GivingUp:
    """Gives runs up. Owned by one event loop."""

    def __init__(
        self, journal: Journal, programs: Programs, doors: Callable[[WorkspaceName], ServedDoor], clock: Clock
    ) -> None:
        self._journal = journal
        self._programs = programs
        self._doors = doors
        self._clock = clock

    async def poisoned(self, row: WorkflowRun, words: str) -> None:
        """Have what a run did undone; where it is its end that fails, end it as it stands."""
        if row.cancel or row.state is WorkflowState.COMPENSATING:
            await self.ended(row, words)
        else:
            await asyncio.to_thread(self._journal.give_up, row, words, self._clock.now())

    async def ended(self, row: WorkflowRun, words: str) -> None:
        """End a run without anything more, and name what it leaves behind."""
        if row.cancel != TO_UNDO:  # that one had ended long ago
            try:
                door = self._doors(row.workspace)
                run = await door.run_of(row.run)
                if run is not None:
                    await door.end_once(run, WorkflowState.FAILED.value)
            except Exception as error:  # noqa: BLE001 - it is given up since nothing works with it
                _log.error("run %s could not be ended on record: %s", row.run, type(error).__name__)
        rows = {each.progress.path: each.progress for each in await asyncio.to_thread(self._journal.steps, row.run)}
        left = await asyncio.to_thread(self._left, row, rows)
        told = f"{words}{NOT_UNDONE}{', '.join(left)}" if left else words
        spent = sum(each.spent for each in rows.values())
        how = Ending(WorkflowState.FAILED, told[:2_000], row.outputs, spent)
        await asyncio.to_thread(self._journal.end, row, how, self._clock.now())

    def _left(self, row: WorkflowRun, rows: dict[str, Progress]) -> list[str]:
        """Return the steps that were done, or may have been, and were not undone."""
        try:
            ids = undoable(self._programs.of(row.workspace, row.release, row.workflow).workflow)
        except Exception as error:  # noqa: BLE001 - then every effect is named, and nothing is passed over
            _log.error("workflow %s of run %s can not be read: %s", row.workflow, row.run, type(error).__name__)
            ids = frozenset(path.rpartition("/")[2] for path, each in rows.items() if each.action)
        return sorted(
            path
            for path, each in rows.items()
            if not path.startswith(UNDO)
            and (each.state is StepState.UNKNOWN or _is_done(path, each, ids))
            and not (UNDO + path in rows and rows[UNDO + path].state is StepState.DONE)
        )


def _is_done(path: str, row: Progress, ids: frozenset[str]) -> bool:
    return row.state is StepState.DONE and not row.belongs_to and path.rpartition("/")[2] in ids
