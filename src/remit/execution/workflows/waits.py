"""What steps wait for, and whether it has come about: each is a question to the database, none is waited for here."""

from __future__ import annotations

from collections.abc import Iterable

from remit.domain.facts import ApprovalState
from remit.domain.ids import ActionId, ApprovalId, RunId
from remit.domain.workflow_progress import Progress, StepState
from remit.execution.workflows.turn import Turn

AT_ONCE = 500
"""How much is asked for with one question."""


class Waits:
    """The waits of one run in one turn."""

    def __init__(self, turn: Turn) -> None:
        self._turn = turn
        self._looked_at_stops = False

    async def over(self) -> frozenset[str]:
        """Return the paths of steps that wait for something that has come about."""
        waiting = [
            row
            for row in self._turn.notebook.rows.values()
            if row.waits_for and row.state in (StepState.WAITING, StepState.UNKNOWN)
        ]
        if not waiting:
            return frozenset()
        found: frozenset[str] = await self._turn.thread(self._over, waiting)
        return found

    def _over(self, waiting: list[Progress]) -> frozenset[str]:
        by_kind: dict[str, list[tuple[str, Progress]]] = {}
        for row in waiting:
            kind, _, what = row.waits_for.partition(":")
            by_kind.setdefault(kind, []).append((what, row))
        found: list[str] = []
        found += self._told(by_kind.get("event", []))
        found += self._answered(by_kind.get("approval", []))
        found += self._ended(by_kind.get("run", []))
        found += self._reconciled(by_kind.get("action", []))
        if "stop" in by_kind and not self._looked_at_stops:
            self._looked_at_stops = True  # once a turn: whoever is still stopped waits for the next
            found += [row.path for _, row in by_kind["stop"]]
        return frozenset(found)

    def _told(self, waiting: Iterable[tuple[str, Progress]]) -> list[str]:
        names = {event.name for event in self._turn.events if not self._turn.notebook.is_used(event.id)}
        return [row.path for name, row in waiting if name in names]

    def _answered(self, waiting: list[tuple[str, Progress]]) -> list[str]:
        found = []
        for id, row in waiting:
            approval = self._turn.door.approval(ApprovalId(id))
            if approval is None or approval.state is not ApprovalState.PENDING:
                found.append(row.path)
        return found

    def _ended(self, waiting: list[tuple[str, Progress]]) -> list[str]:
        if not waiting:
            return []
        children = self._turn.journal.runs_of([RunId(id) for id, _ in waiting[:AT_ONCE]])
        return [row.path for id, row in waiting if RunId(id) in children and children[RunId(id)].is_over]

    def _reconciled(self, waiting: list[tuple[str, Progress]]) -> list[str]:
        found = []
        for start in range(0, len(waiting), AT_ONCE):
            part = waiting[start : start + AT_ONCE]
            keys = [f"{ActionId(id)}/reconciled" for id, _ in part]
            known = self._turn.store.records_at(self._turn.run.workspace, keys)
            found += [row.path for id, row in part if f"{id}/reconciled" in known]
        return found
