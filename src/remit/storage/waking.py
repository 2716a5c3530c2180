"""What lets a run of a workflow go on, in the transaction in which it comes about: nobody has to look for it later."""

from __future__ import annotations

from collections.abc import Iterator

from remit.domain.facts import ApprovalState
from remit.domain.workflow_progress import OVER
from remit.storage.liveness import RunEnded, RunWoken
from remit.storage.port import Writes

_NO_NEWS = (ApprovalState.PENDING, ApprovalState.USED)
"""Nobody has answered, or the run itself has acted on the answer."""

Statement = tuple[str, list[tuple[object, ...]]]

_OVER = ", ".join(sorted(f"'{state.value}'" for state in OVER))
_SET = f"update workflow_runs set ready_at = 0, wakes = wakes + 1 where state not in ({_OVER})"
_WAKE = f"{_SET} and run in (?, (select parent from runs where id = ?))"  # a step waits for an agent's run below it
_WAKE_STOPPED = f"{_SET} and workspace = ? and run in (select run from workflow_steps where waits_for = 'stop')"


def statements(writes: Writes) -> Iterator[Statement]:
    """Wake the runs whose approvals were answered, that were ended, whose outcomes became known, or that stops held."""
    runs = {approval.run for approval in writes.approvals.values() if approval.state not in _NO_NEWS}
    runs |= {each.run for each in writes.liveness if isinstance(each, RunEnded | RunWoken)}
    if runs:
        yield _WAKE, [(run, run) for run in sorted(runs)]
    workspaces = {scope.partition("/")[0] for scope in writes.stops}
    if workspaces:
        yield _WAKE_STOPPED, [(workspace,) for workspace in sorted(workspaces)]
